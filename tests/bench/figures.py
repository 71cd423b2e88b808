"""What a benchmark returns: figures with their unit and, where the project has set one, their goal."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure must be at most `limit`, or below it when `is_strict`."""

    limit: float
    is_strict: bool = False

    def is_met_by(self, value: float) -> bool:
        return value < self.limit if self.is_strict else value <= self.limit

    def __str__(self) -> str:
        return f"{'<' if self.is_strict else '≤'} {self.limit:,g}"


def at_most(limit: float) -> Goal:
    """The goal is met up to and including `limit`."""
    return Goal(limit)


def under(limit: float) -> Goal:
    """The goal is met below `limit`."""
    return Goal(limit, is_strict=True)


class Kind(Enum):
    """What a figure depends on, and so whether another run's may be held against it."""

    TIME = "time"
    """The machine: never compared."""
    CPU = "CPU"
    """The processor, little on what else runs: compared."""
    RATIO = "ratio"
    """Little but the code: both sides were measured in one run. Compared."""
    COUNT = "count"
    """The code alone: compared, and a worse one fails the run."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measurement; less is better unless it is a TIME. `detail` says in a few words what stands behind it."""

    name: str
    value: float
    unit: str = ""
    goal: Goal | None = None
    detail: str = ""
    kind: Kind = Kind.TIME

    @property
    def verdict(self) -> str:
        """'ok', 'over', or '' without a goal."""
        if self.goal is None:
            return ""
        return "ok" if self.goal.is_met_by(self.value) else "over"
