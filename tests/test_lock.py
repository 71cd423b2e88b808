"""The lock file has what pyproject.toml requires, with hashes, and no trace of the machine it was made on."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCK = (ROOT / "requirements.lock").read_text()

PLATFORMS = [
    {"python_version": version, "python_full_version": f"{version}.1", "sys_platform": system, "platform_machine": cpu}
    for version in ("3.11", "3.12", "3.13")
    for system, cpu in (("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"))
]


def asked_for(extra: str = "") -> Iterator[Requirement]:
    """The project's own requirements, or those of an extra and of the extras in it."""
    texts = PROJECT["project"]["optional-dependencies"][extra] if extra else PROJECT["project"]["dependencies"]
    for one in map(Requirement, texts):
        if one.name == PROJECT["project"]["name"]:
            for other in sorted(one.extras):  # a set's order differs between processes
                yield from asked_for(other)
        else:
            yield one


def locked() -> Iterator[tuple[Requirement, int]]:
    """Every pinned package with its number of hashes."""
    for entry in LOCK.replace("\\\n", " ").splitlines():
        if not entry.startswith("#"):
            pin, *hashes = re.split(r"\s+--hash=sha256:", entry)
            yield Requirement(pin), len(hashes)


def applies(requirement: Requirement, platform: dict[str, str]) -> bool:
    return requirement.marker is None or requirement.marker.evaluate(platform)


def everything() -> list[Requirement]:
    found = [*asked_for()]
    for extra in PROJECT["project"]["optional-dependencies"]:
        found += asked_for(extra)
    groups = PROJECT["dependency-groups"].values()
    return found + [Requirement(text) for texts in (*groups, PROJECT["build-system"]["requires"]) for text in texts]


@pytest.mark.parametrize("requirement", everything(), ids=str)
def test_every_requirement_is_bounded_below_and_above(requirement: Requirement) -> None:
    operators = {one.operator for one in requirement.specifier}
    assert operators == {"=="} or (operators & {">=", ">"} and operators & {"<", "<=", "~="}), str(requirement)


@pytest.mark.parametrize("platform", PLATFORMS, ids=lambda one: "-".join([*one.values()][1:]))
def test_every_requirement_is_locked_within_its_bounds(platform: dict[str, str]) -> None:
    pins = {canonicalize_name(pin.name): pin for pin, _ in locked() if applies(pin, platform)}
    for wanted in [*asked_for(), *asked_for("dev")]:
        if not applies(wanted, platform):
            continue
        pin = pins.get(canonicalize_name(wanted.name))
        assert pin is not None, f"{wanted} is not locked: make lock"
        (exactly,) = pin.specifier
        assert exactly.operator == "=="
        assert wanted.specifier.contains(exactly.version, prereleases=True), f"{pin} is not {wanted}: make lock"


def test_build_requirements_are_locked_too() -> None:
    names = {canonicalize_name(pin.name) for pin, _ in locked()}
    assert {Requirement(text).name for text in PROJECT["build-system"]["requires"]} <= names


def test_every_pin_has_a_hash() -> None:
    assert [str(pin) for pin, hashes in locked() if hashes == 0] == []


def test_lock_file_does_not_say_where_or_by_whom_it_was_made() -> None:
    assert re.findall(r"--(?:extra-)?index-url|--find-links|https?:|file:|@ |^\s*-[ei]", LOCK, re.MULTILINE) == []
