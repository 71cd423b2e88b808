"""A chart's data in bounded memory: values collected in time slots."""

from __future__ import annotations

from array import array
from typing import NamedTuple


class Point(NamedTuple):
    """The values of one time slot."""

    at: float
    """The slot's start in Unix seconds."""
    low: float
    mean: float
    high: float


class Series:
    """A fixed number of time slots with the minimum, maximum, sum and number of the values in each."""

    __slots__ = ("_count", "_high", "_low", "_total")

    def __init__(self, capacity: int) -> None:
        self._low = array("d", bytes(8 * capacity))
        self._high = array("d", bytes(8 * capacity))
        self._total = array("d", bytes(8 * capacity))
        self._count = array("L", [0]) * capacity

    def note(self, slot: int, value: float) -> None:
        """Add a value to a slot."""
        if self._count[slot] == 0:
            self._low[slot] = self._high[slot] = self._total[slot] = value
        else:
            self._low[slot] = min(self._low[slot], value)
            self._high[slot] = max(self._high[slot], value)
            self._total[slot] += value
        self._count[slot] += 1

    def halve(self) -> None:
        """Merge pairs of neighbours; the second half becomes free."""
        half = len(self._count) // 2
        for slot in range(half):
            left, right = 2 * slot, 2 * slot + 1
            if self._count[right] == 0:
                source = left
            elif self._count[left] == 0:
                source = right
            else:
                self._low[right] = min(self._low[left], self._low[right])
                self._high[right] = max(self._high[left], self._high[right])
                self._total[right] += self._total[left]
                self._count[right] += self._count[left]
                source = right
            self._low[slot], self._high[slot] = self._low[source], self._high[source]
            self._total[slot], self._count[slot] = self._total[source], self._count[source]
        for slot in range(half, len(self._count)):
            self._count[slot] = 0

    def point(self, slot: int, at: float) -> Point | None:
        """A slot's values; None when it has none."""
        count = self._count[slot]
        return Point(at, self._low[slot], self._total[slot] / count, self._high[slot]) if count else None
