"""A check of the program's own installation."""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, distribution, version

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from ama_tui.config.demo_extra import INSTALL, is_demo_installed
from ama_tui.engine.doctor.context import DoctorContext
from ama_tui.engine.doctor.result import CheckResult, CheckStatus, fail, ok, warn

MEND = "install it anew, in an environment of its own: `make install`"


async def installation(_case: DoctorContext) -> CheckResult:
    """Python and every dependency are of a version that this release was made for."""
    return await asyncio.to_thread(_installation)


def _installation() -> CheckResult:
    try:
        ours = distribution("ama-tui")
    except PackageNotFoundError:
        return warn("ama-tui is not installed: nobody can say which versions it needs", MEND)
    problems = version_problems(ours.requires or [], version)
    wanted = ours.metadata["Requires-Python"] or ""
    if not SpecifierSet(wanted).contains(platform.python_version(), prereleases=True):
        problems.insert(0, f"Python {platform.python_version()} is not {wanted}")
    if problems:
        return fail("; ".join(problems), MEND)
    return ok(f"ama-tui {ours.version}, Python {platform.python_version()}, and all that it needs")


def version_problems(requires: Sequence[str], version_of: Callable[[str], str]) -> list[str]:
    """What is missing or of a wrong version here, of requirements as a package's metadata states them.

    `version_of` raises PackageNotFoundError.
    """
    problems: list[str] = []
    for text in requires:
        wanted = Requirement(text)
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        try:
            found = version_of(wanted.name)
        except PackageNotFoundError:
            problems.append(f"{wanted.name} is missing")
            continue
        if not wanted.specifier.contains(found, prereleases=True):
            problems.append(f"{wanted.name} {found} is not {wanted.specifier}")
    return problems


async def demo(_case: DoctorContext) -> CheckResult:
    """Whether the local test venue is installed. No run on a real venue needs it."""
    if is_demo_installed():
        return ok("the local test venue is installed")
    return CheckResult(
        CheckStatus.SKIP, "the local test venue is not installed; a real venue does not need it", INSTALL
    )
