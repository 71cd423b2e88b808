"""The result of a check: its status, what it read, and how to fix a problem."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class CheckStatus(Enum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"
    """It depends on a check that failed."""

    @property
    def allows_dependents(self) -> bool:
        """Whether checks that depend on this one may run."""
        return self in (CheckStatus.OK, CheckStatus.WARN)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check. Each text is a single line."""

    status: CheckStatus
    text: str
    fix: str = ""
    """How to fix it. Empty if there is nothing to do."""


def ok(text: str) -> CheckResult:
    return CheckResult(CheckStatus.OK, text)


def warn(text: str, fix: str) -> CheckResult:
    return CheckResult(CheckStatus.WARN, text, fix)


def fail(text: str, fix: str) -> CheckResult:
    return CheckResult(CheckStatus.FAIL, text, fix)
