"""Checks of the installation."""

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

FIX = "reinstall in its own environment with `make install`"


async def installation(_context: DoctorContext) -> CheckResult:
    """Python and all dependencies have supported versions."""
    return await asyncio.to_thread(_installation)


def _installation() -> CheckResult:
    try:
        ours = distribution("ama-tui")
    except PackageNotFoundError:
        return warn("ama-tui is not installed, so the versions it needs are unknown", FIX)
    problems = version_problems(ours.requires or [], version)
    wanted = ours.metadata["Requires-Python"] or ""
    if not SpecifierSet(wanted).contains(platform.python_version(), prereleases=True):
        problems.insert(0, f"Python {platform.python_version()} is not {wanted}")
    if problems:
        return fail("; ".join(problems), FIX)
    return ok(f"ama-tui {ours.version}, Python {platform.python_version()}, dependencies OK")


def version_problems(requires: Sequence[str], version_of: Callable[[str], str]) -> list[str]:
    """List requirements (as in package metadata) that are missing or have the wrong version.

    `version_of` raises PackageNotFoundError.
    """
    problems: list[str] = []
    for text in requires:
        wanted = Requirement(text)
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        try:
            installed = version_of(wanted.name)
        except PackageNotFoundError:
            problems.append(f"{wanted.name} is missing")
            continue
        if not wanted.specifier.contains(installed, prereleases=True):
            problems.append(f"{wanted.name} {installed} is not {wanted.specifier}")
    return problems


async def demo(_context: DoctorContext) -> CheckResult:
    """Whether the local test venue is installed. No run on a real venue needs it."""
    if is_demo_installed():
        return ok("the local test venue is installed")
    return CheckResult(
        CheckStatus.SKIP, "the local test venue is not installed; a real venue does not need it", INSTALL
    )
