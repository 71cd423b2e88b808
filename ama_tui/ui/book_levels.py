"""The book with the fleet's own orders marked in it: what the ladder and the depth profile draw."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ama_tui.domain.event import EngineSnapshot
from ama_tui.domain.market import BookLevel
from ama_tui.domain.order import Side


@dataclass(frozen=True, slots=True)
class PriceLevel:
    """One price of the book. `size18` is all that rests there, None where only our own orders are known.

    `ours18` rests there for the fleet, `pending18` was sent by it and is not on the chain yet.
    """

    side: Side
    price6: int
    size18: int | None
    ours18: int = 0
    pending18: int = 0

    @property
    def resting18(self) -> int:
        """What is known to rest there; never less than our own part."""
        return max(self.size18 or 0, self.ours18)


@dataclass(frozen=True, slots=True)
class PriceLevels:
    """Both sides, best first. The best price that our own orders in flight would make is a level too."""

    bids: tuple[PriceLevel, ...] = ()
    asks: tuple[PriceLevel, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not self.bids and not self.asks


_Amounts = dict[int, int]
"""Amounts by price."""

_latest: tuple[EngineSnapshot, PriceLevels] | None = None


def levels_of(snapshot: EngineSnapshot) -> PriceLevels:
    """Every price at which anything rests or is on its way: those that were read, and our own beyond them.

    The latest answer is kept, so that all panels that show a snapshot share it. For the screen's thread only.
    """
    global _latest
    if _latest is None or _latest[0] is not snapshot:
        _latest = (snapshot, _levels(snapshot))
    return _latest[1]


def _levels(snapshot: EngineSnapshot) -> PriceLevels:
    buy, book = Side.BUY, snapshot.book
    bids: _Amounts = {}
    asks: _Amounts = {}
    sent_bids: _Amounts = {}
    sent_asks: _Amounts = {}
    for row in snapshot.wallets:
        for order in row.orders:
            resting, price6 = bids if order.side is buy else asks, order.price6
            resting[price6] = resting.get(price6, 0) + order.amount18
        for one in row.pending_orders:
            sent, price6 = sent_bids if one.side is buy else sent_asks, one.price6
            sent[price6] = sent.get(price6, 0) + one.amount18
    return PriceLevels(
        _side(Side.BUY, book.bids, snapshot.best_bid6, bids, sent_bids),
        _side(Side.SELL, book.asks, snapshot.best_ask6, asks, sent_asks),
    )


def _side(
    side: Side, read: Iterable[BookLevel], best6: int | None, resting: _Amounts, sent: _Amounts
) -> tuple[PriceLevel, ...]:
    sizes: dict[int, int | None] = {level.price6: level.amount18 for level in read}
    for price6 in (*resting, *sent) if best6 is None else (best6, *resting, *sent):
        sizes.setdefault(price6, None)
    return tuple(
        PriceLevel(side, price6, sizes[price6], resting.get(price6, 0), sent.get(price6, 0))
        for price6 in sorted(sizes, reverse=side is Side.BUY)
    )
