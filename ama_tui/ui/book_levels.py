"""The order book with the fleet's own orders, as ladder and depth profile draw it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ama_tui.domain.event import EngineSnapshot
from ama_tui.domain.market import BookLevel
from ama_tui.domain.order import Side


@dataclass(frozen=True, slots=True)
class PriceLevel:
    """One price of the book."""

    side: Side
    price6: int
    size18: int | None
    """The total resting amount; None where only the fleet's own orders are known."""
    ours18: int = 0
    """The fleet's resting amount."""
    pending18: int = 0
    """The amount of the fleet's pending orders."""

    @property
    def resting18(self) -> int:
        """The known resting amount; at least the fleet's own."""
        return max(self.size18 or 0, self.ours18)


@dataclass(frozen=True, slots=True)
class PriceLevels:
    """Both sides, best price first. Prices of pending orders are levels too."""

    bids: tuple[PriceLevel, ...] = ()
    asks: tuple[PriceLevel, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not self.bids and not self.asks


_Amounts = dict[int, int]
"""Amounts by price."""

_latest: tuple[EngineSnapshot, PriceLevels] | None = None


def levels_of(snapshot: EngineSnapshot) -> PriceLevels:
    """Every price with resting or pending orders: those read from the book, and the fleet's own beyond them.

    The latest result is cached for all panels that show the same snapshot. For the screen's thread only.
    """
    global _latest
    if _latest is None or _latest[0] is not snapshot:
        _latest = (snapshot, _levels(snapshot))
    return _latest[1]


def _levels(snapshot: EngineSnapshot) -> PriceLevels:
    buy, book = Side.BUY, snapshot.book
    bids: _Amounts = {}
    asks: _Amounts = {}
    pending_bids: _Amounts = {}
    pending_asks: _Amounts = {}
    for row in snapshot.wallets:
        for order in row.orders:
            resting, price6 = bids if order.side is buy else asks, order.price6
            resting[price6] = resting.get(price6, 0) + order.amount18
        for sent in row.pending_orders:
            pending, price6 = pending_bids if sent.side is buy else pending_asks, sent.price6
            pending[price6] = pending.get(price6, 0) + sent.amount18
    return PriceLevels(
        _side(Side.BUY, book.bids, snapshot.best_bid6, bids, pending_bids),
        _side(Side.SELL, book.asks, snapshot.best_ask6, asks, pending_asks),
    )


def _side(
    side: Side, read: Iterable[BookLevel], best6: int | None, resting: _Amounts, pending: _Amounts
) -> tuple[PriceLevel, ...]:
    sizes: dict[int, int | None] = {level.price6: level.amount18 for level in read}
    for price6 in (*resting, *pending) if best6 is None else (best6, *resting, *pending):
        sizes.setdefault(price6, None)
    return tuple(
        PriceLevel(side, price6, sizes[price6], resting.get(price6, 0), pending.get(price6, 0))
        for price6 in sorted(sizes, reverse=side is Side.BUY)
    )
