"""What a check says: a verdict, what was found, and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """`SKIP` is of a check that could not be made because one that it builds on failed."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"

    @property
    def lets_go_on(self) -> bool:
        """May a check that builds on this one be made?"""
        return self in (Verdict.OK, Verdict.WARN)


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's answer, each text on one line; `mend` is '' where there is nothing to do."""

    verdict: Verdict
    found: str
    mend: str = ""


def ok(found: str) -> Finding:
    return Finding(Verdict.OK, found)


def warn(found: str, mend: str) -> Finding:
    return Finding(Verdict.WARN, found, mend)


def fail(found: str, mend: str) -> Finding:
    return Finding(Verdict.FAIL, found, mend)
