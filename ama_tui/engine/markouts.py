"""Measures the fills of makers: against the mid before, and against the mid some time after."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from ama_tui.domain.fill_quality import HORIZONS_S, Edge, FillQuality
from ama_tui.domain.market import BookView
from ama_tui.domain.order import Side
from ama_tui.domain.reading import Trade

OLDEST_MID_S = 10.0
"""A mid that was read longer before a fill says nothing about it."""
LATEST_S = 5.0
"""A markout that no read came for in time is left out."""
MOST_OPEN = 20_000
"""Fills whose markouts are due later; the oldest are left out beyond that."""


class _Fill(NamedTuple):
    at: float
    side: Side
    price6: int
    amount18: int


@dataclass(slots=True)
class Markouts:
    """Times are on the monotonic clock, those of the reads that showed a fill."""

    quality: FillQuality = field(default_factory=FillQuality)
    _mid_x2: int | None = None
    _mid_at: float = 0.0
    _open: tuple[deque[_Fill], ...] = field(
        init=False, default_factory=lambda: tuple(deque(maxlen=MOST_OPEN) for _ in HORIZONS_S)
    )
    """The fills whose markouts are not due yet, for each horizon."""

    def note(self, trades: Iterable[Trade], is_maker: Callable[[str], bool], view: BookView, now: float) -> None:
        """Note the trades that a read showed for the first time, and measure what is due by its prices.

        Only the fills of makers count, and none that two of them made with each other.
        """
        captured, has_mid = self.quality.captured, self._mid_x2 is not None and now - self._mid_at <= OLDEST_MID_S
        for trade in trades:
            buys, sells = is_maker(trade.buyer), is_maker(trade.seller)
            if buys == sells:
                continue
            fill = _Fill(now, Side.BUY if buys else Side.SELL, trade.price6, trade.amount18)
            if has_mid and self._mid_x2 is not None:
                captured = captured.after(*fill[1:], self._mid_x2)
            for due in self._open:
                due.append(fill)
        self._mid_x2, self._mid_at = _mid_x2(view), now
        self.quality = replace(self.quality, captured=captured, markouts=self._measured(now))

    def _measured(self, now: float) -> tuple[Edge, ...]:
        markouts = list(self.quality.markouts)
        for number, (horizon_s, due) in enumerate(zip(HORIZONS_S, self._open, strict=True)):
            while due and now - due[0].at >= horizon_s:
                fill = due.popleft()
                if self._mid_x2 is not None and now - fill.at <= horizon_s + LATEST_S:
                    markouts[number] = markouts[number].after(*fill[1:], self._mid_x2)
        return tuple(markouts)


def _mid_x2(view: BookView) -> int | None:
    return None if view.best_bid6 is None or view.best_ask6 is None else view.best_bid6 + view.best_ask6
