"""What `make audit` makes of pip-audit's reports: only a package that was looked up counts as clean."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.audit import CLEAN, UNKNOWN, VULNERABLE, main

GOOD: dict[str, Any] = {"name": "click", "version": "8.5.1", "vulns": []}
BAD: dict[str, Any] = {
    "name": "rich",
    "version": "14.0",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["14.1"]}, {"id": "PYSEC-2", "fix_versions": []}],
}
SKIPPED: dict[str, Any] = {"name": "textual", "skip_reason": "Dependency not found on PyPI: textual (8.2.8)"}


def program(directory: Path, says: str, complains: str = "") -> str:
    """A pip-audit that prints these texts to stdout and stderr. It always succeeds, as the real one may."""
    path = directory / "pip-audit"
    (directory / "said").write_text(says)
    (directory / "complaint").write_text(complains)
    path.write_text('#!/bin/sh\ncd "$(dirname "$0")"\ncat said\ncat complaint >&2\n')
    path.chmod(0o700)
    return str(path)


@pytest.mark.parametrize(
    ("dependencies", "code", "lines"),
    [
        ([GOOD], CLEAN, ["no known vulnerability in 1 packages"]),
        ([GOOD, BAD], VULNERABLE, ["rich 14.0: PYSEC-1, fixed in 14.1", "rich 14.0: PYSEC-2, not fixed yet"]),
        (
            [GOOD, SKIPPED],
            UNKNOWN,
            ["not audited: 1 of 2 packages could not be looked up: Dependency not found on PyPI: textual (8.2.8)"],
        ),
        ([], UNKNOWN, ["not audited: 0 of 0 packages could not be looked up"]),
    ],
    ids=["clean", "vulnerable", "skipped", "nothing"],
)
def test_report_is_clean_only_if_every_package_was_looked_up(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    dependencies: list[dict[str, Any]],
    code: int,
    lines: list[str],
) -> None:
    assert main([program(tmp_path, json.dumps({"dependencies": dependencies})), "requirements.lock"]) == code
    said = capsys.readouterr()
    assert (said.err if code else said.out).splitlines() == lines


@pytest.mark.parametrize("says", ["", "Traceback", "[]", "{}"])
def test_failing_pip_audit_is_a_failure_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], says: str
) -> None:
    assert main([program(tmp_path, says, "Traceback\n  here\nConnectionError: no pypi.org\n"), "lock"]) == UNKNOWN
    assert capsys.readouterr().err == "not audited: pip-audit failed: ConnectionError: no pypi.org\n"


def test_pip_audit_that_does_not_start_is_a_failure_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "nowhere"), "requirements.lock"]) == UNKNOWN
    assert capsys.readouterr().err.splitlines() == [
        f"not audited: {tmp_path / 'nowhere'} does not start (No such file or directory)"
    ]
