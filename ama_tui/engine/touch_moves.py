"""How far the best prices of a book give way from one block to the next."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from ama_tui.domain.market import Book
from ama_tui.domain.order import Side

WINDOW_S = 300.0
"""Older steps are forgotten."""
FEWEST_BLOCKS = 10
"""A book that was seen in fewer blocks is not known."""


@dataclass(slots=True)
class TouchMoves:
    """The steps by which the best bid fell and the best ask rose. Times are on the monotonic clock."""

    blocks: int = 0
    """How many blocks were seen."""
    _block: int = -1
    _best6: dict[Side, int] = field(default_factory=dict)
    _steps: dict[Side, deque[tuple[float, int]]] = field(default_factory=lambda: {side: deque() for side in Side})
    """Steps of the window that no later one exceeds, so that the first is the largest."""

    def note(self, block: int, book: Book, now: float) -> None:
        """Note the best prices that a read of this block shows."""
        if block == self._block:
            return
        self._block, self.blocks = block, self.blocks + 1
        for side, levels in ((Side.BUY, book.bids), (Side.SELL, book.asks)):
            if not levels:
                continue
            best6 = levels[0].price6
            before6 = self._best6.get(side, best6)
            self._add(self._steps[side], before6 - best6 if side.is_buy else best6 - before6, now)
            self._best6[side] = best6

    def largest6(self, side: Side, now: float) -> int | None:
        """The largest step (6 decimals) of the last minutes on a side of the book; None if too few blocks were seen."""
        if self.blocks < FEWEST_BLOCKS:
            return None
        steps = self._steps[side]
        while steps and now - steps[0][0] > WINDOW_S:
            steps.popleft()
        return steps[0][1] if steps else 0

    @staticmethod
    def _add(steps: deque[tuple[float, int]], step6: int, now: float) -> None:
        if step6 <= 0:
            return
        while steps and steps[-1][1] <= step6:
            steps.pop()
        steps.append((now, step6))
