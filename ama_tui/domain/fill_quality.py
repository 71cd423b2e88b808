"""Whether fills were worth it: what they captured of the spread, and where the price was a while later."""

from __future__ import annotations

from dataclasses import dataclass

from ama_tui.domain.money import BPS_UNIT
from ama_tui.domain.order import Side

HORIZONS_S = (5, 30, 300)
"""How long after a fill its markouts are measured."""


@dataclass(frozen=True, slots=True)
class Edge:
    """How far fills were from a price, in our favour: below it for what we bought, above it for what we sold."""

    value24: int = 0
    """Amount times distance; negative if the price was better than ours (USDC, 24 decimals)."""
    notional24: int = 0
    """Amount times price of the fills."""
    fills: int = 0

    def after(self, side: Side, price6: int, amount18: int, other_x2: int) -> Edge:
        """With one more fill, against a price of which twice is given."""
        distance_x2 = other_x2 - 2 * price6 if side.is_buy else 2 * price6 - other_x2
        return Edge(self.value24 + amount18 * distance_x2 // 2, self.notional24 + amount18 * price6, self.fills + 1)

    @property
    def bps(self) -> float | None:
        """In basis points of the notional, None before the first fill."""
        return self.value24 * BPS_UNIT / self.notional24 if self.notional24 else None


@dataclass(frozen=True, slots=True)
class FillQuality:
    """The fills of makers in this process."""

    captured: Edge = Edge()
    """Against the mid of the last read before the fill."""
    markouts: tuple[Edge, ...] = (Edge(), Edge(), Edge())
    """Against the mid after each of `HORIZONS_S`. Negative ones mean that the fills were toxic."""
