"""What a check says: a verdict, what was found, and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class CheckStatus(Enum):
    """`SKIP` is of a check that could not be made because one that it builds on failed."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"

    @property
    def lets_go_on(self) -> bool:
        """May a check that builds on this one be made?"""
        return self in (CheckStatus.OK, CheckStatus.WARN)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check's answer, each text on one line; `mend` is '' where there is nothing to do."""

    verdict: CheckStatus
    found: str
    mend: str = ""


def ok(found: str) -> CheckResult:
    return CheckResult(CheckStatus.OK, found)


def warn(found: str, mend: str) -> CheckResult:
    return CheckResult(CheckStatus.WARN, found, mend)


def fail(found: str, mend: str) -> CheckResult:
    return CheckResult(CheckStatus.FAIL, found, mend)
