"""The history of a run for its charts, from the first cycle to the latest, in bounded memory.

All measures share one timeline of equal slots. When it is full, neighbouring slots are merged and each slot
covers twice the time: a day takes as much memory as ten minutes. A slot keeps minimum, maximum and mean, so
a short peak is still visible a day later.
"""

from __future__ import annotations

from collections import deque
from typing import Literal, NamedTuple, get_args

from ama_tui.domain.event import EngineSnapshot, EngineState
from ama_tui.ui.format import basis_points
from ama_tui.ui.series import Point, Series

CAPACITY = 600
"""Slots of the timeline: ten minutes at one slot per second."""

WINDOW_SECONDS = 60.0
"""The window of "per minute" rates."""

_KEPT_COUNTS = 64
"""One count per second of the window, and a few spare."""

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
"""The measures. Utilization is the fleet's reserved margin as a fraction (0..1) of its caps; fills are cumulative."""

MEASURES: tuple[Measure, ...] = get_args(Measure)


class _Counts(NamedTuple):
    at: float
    actions: int
    fills: int


class History:
    """The history of one run; a snapshot of another run restarts it."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        """`capacity` is the number of slots, an even number."""
        self._capacity = capacity
        self._series: dict[Measure, Series] = {}
        self._run: tuple[str, int] = ("", 0)
        self._is_over = False
        self._clear(("", 0))

    @property
    def run_id(self) -> str:
        """The run's id; '' before the first run."""
        return self._run[0]

    @property
    def began(self) -> float:
        """Time of the first snapshot (Unix seconds); 0 before it."""
        return self._began

    @property
    def ended(self) -> float:
        """Time of the latest snapshot (Unix seconds); 0 before the first."""
        return self._noted

    def note(self, snapshot: EngineSnapshot, now: float) -> bool:
        """Record a snapshot as of `now` (Unix seconds), at most one per second; False when it was not recorded.

        Nothing is recorded before a run starts, and only the first snapshot after its end.
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
        """A measure's slots, oldest first, without empty ones."""
        series, stride = self._series[measure], self._stride
        points = (series.point(slot, self._began + slot * stride) for slot in range(self._used))
        return [point for point in points if point is not None]

    def latest(self, measure: Measure) -> float | None:
        """The latest value of a measure; None when it has none."""
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
        """The slot of a moment; if the clock was set back, the latest slot."""
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
        """Actions and fills in the last minute, or since the start of a younger run."""
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
    """The measures of one snapshot; unknown ones are left out."""
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
