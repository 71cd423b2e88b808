"""A run's course in bounded memory: what the charts show, from the first cycle to the latest.

One timeline of equal slots serves every measure. When it is full, neighbouring slots are merged and a slot
covers twice the time, so that a day takes no more room than ten minutes. A slot keeps the least, the
greatest and the mean of what was noted in it, so that a short peak is still seen a day later.
"""

from __future__ import annotations

from array import array
from collections import deque
from typing import Literal, NamedTuple, get_args

from ama_tui.domain.event import EngineSnapshot, EngineState
from ama_tui.ui.format import basis_points

CAPACITY = 600
"""Slots of the timeline: ten minutes at one a second."""

WINDOW_SECONDS = 60.0
"""What "per minute" looks back on."""

_KEPT_COUNTS = 64
"""One count a second for the window, and a few to spare."""

Measure = Literal[
    "resting",
    "target",
    "utilization",
    "spread_ticks",
    "spread_bp",
    "actions_per_minute",
    "fills",
    "fills_per_minute",
    "errors_per_minute",
]
"""What is kept. Utilization is the fleet's reserved margin as a share (0..1) of its caps; fills are cumulative."""

MEASURES: tuple[Measure, ...] = get_args(Measure)


class Point(NamedTuple):
    """One slot of a measure. `at` is the slot's start in Unix seconds."""

    at: float
    low: float
    mean: float
    high: float


class Series:
    """One measure's slots: least, greatest, sum and number of the values noted in each. Its size is fixed."""

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
        """Merge every two neighbours; the second half is free again."""
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
        """A slot's values; None when nothing was noted in it."""
        count = self._count[slot]
        return Point(at, self._low[slot], self._total[slot] / count, self._high[slot]) if count else None


class _Counts(NamedTuple):
    at: float
    actions: int
    fills: int


class History:
    """The course of one run; a snapshot of another run begins it anew. The clock is the caller's."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        """`capacity` is the number of slots, an even number."""
        self._capacity = capacity
        self._series: dict[Measure, Series] = {}
        self._run: tuple[str, int] = ("", 0)
        self._is_over = False
        self._clear(("", 0))

    @property
    def run_id(self) -> str:
        """The run that is kept; '' before the first."""
        return self._run[0]

    @property
    def seconds_a_slot(self) -> int:
        """How much time a slot covers: 1, 2, 4 …"""
        return self._stride

    @property
    def began(self) -> float:
        """When the first note was made, Unix seconds; 0 before it."""
        return self._began

    @property
    def ended(self) -> float:
        """When the latest note was made, Unix seconds; 0 before the first."""
        return self._noted

    def note(self, snapshot: EngineSnapshot, now: float) -> bool:
        """Keep a snapshot as of `now` (Unix seconds), at most one in a second; False when it was not kept.

        Nothing is kept before a run begins, and only the first snapshot after its end.
        """
        if snapshot.state in (EngineState.READY, EngineState.PREPARING) or not snapshot.run_id:
            return False
        run = (snapshot.run_id, snapshot.started_at_ms)
        if run != self._run:
            self._clear(run)
        is_final = snapshot.state.is_final
        if (is_final and self._is_over) or (int(now) == int(self._noted) and is_final == self._is_over):
            return False
        self._is_over = is_final
        self._keep(snapshot, now)
        return True

    def points(self, measure: Measure) -> list[Point]:
        """A measure's slots, oldest first; those without a value are left out."""
        series, stride = self._series[measure], self._stride
        found = (series.point(slot, self._began + slot * stride) for slot in range(self._used))
        return [point for point in found if point is not None]

    def latest(self, measure: Measure) -> float | None:
        """The value of a measure at the latest note; None when it had none."""
        return self._latest.get(measure)

    def _clear(self, run: tuple[str, int]) -> None:
        self._run = run
        self._series = {measure: Series(self._capacity) for measure in MEASURES}
        self._latest: dict[Measure, float] = {}
        self._counts: deque[_Counts] = deque(maxlen=_KEPT_COUNTS)
        self._began = self._noted = 0.0
        self._stride = 1
        self._used = 0
        self._is_over = False

    def _keep(self, snapshot: EngineSnapshot, now: float) -> None:
        if not self._began:
            self._began = float(int(now))
        self._noted = now
        slot = self._slot(now)
        self._latest = values_of(snapshot)
        actions, fills = self._rates(snapshot, now)
        self._latest["actions_per_minute"], self._latest["fills_per_minute"] = actions, fills
        for measure, value in self._latest.items():
            self._series[measure].note(slot, value)

    def _slot(self, now: float) -> int:
        """The slot of a moment; a clock that was put back stays in the latest one."""
        wanted = int(now - self._began)
        while wanted // self._stride >= self._capacity:
            for series in self._series.values():
                series.halve()
            self._stride *= 2
            self._used = (self._used + 1) // 2
        slot = max(wanted // self._stride, self._used - 1, 0)
        self._used = slot + 1
        return slot

    def _rates(self, snapshot: EngineSnapshot, now: float) -> tuple[float, float]:
        """Actions and fills of the last minute; of the whole run while it is younger than that."""
        totals, counts = snapshot.totals, self._counts
        latest = _Counts(now, totals.sent + totals.cancelled, totals.fills)
        if not counts:
            counts.append(_Counts(min(now, snapshot.started_at_ms / 1000 or now), 0, 0))
        counts.append(latest)
        while len(counts) > 2 and counts[1].at <= now - WINDOW_SECONDS:
            counts.popleft()
        base = counts[0]
        scale = WINDOW_SECONDS / max(WINDOW_SECONDS, now - base.at)
        return (latest.actions - base.actions) * scale, (latest.fills - base.fills) * scale


def values_of(snapshot: EngineSnapshot) -> dict[Measure, float]:
    """What one snapshot says by itself; a measure that it cannot tell is left out."""
    values: dict[Measure, float] = {
        "resting": snapshot.resting,
        "target": snapshot.target_orders,
        "fills": snapshot.totals.fills,
        "errors_per_minute": snapshot.errors_last_minute,
    }
    cap6 = sum(row.cap6 or 0 for row in snapshot.wallets)
    if cap6:
        values["utilization"] = sum(row.reserved6 or 0 for row in snapshot.wallets) / cap6
    bid, ask = snapshot.best_bid6, snapshot.best_ask6
    if bid is not None and ask is not None and snapshot.market is not None:
        values["spread_ticks"] = (ask - bid) / snapshot.market.tick6
        points = basis_points(ask - bid, bid + ask)
        if points is not None:
            values["spread_bp"] = points
    return values
