"""The book with the fleet's own orders marked in it: what the ladder and the depth profile draw."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ama_tui.domain.event import EngineSnapshot, WalletRow
from ama_tui.domain.market import BookLevel
from ama_tui.domain.order import Side


@dataclass(frozen=True, slots=True)
class Level:
    """One price of the book. `size18` is all that rests there, None where only our own orders are known.

    `ours18` rests there for the fleet, `in_flight18` was sent by it and is not on the chain yet.
    """

    side: Side
    price6: int
    size18: int | None
    ours18: int = 0
    in_flight18: int = 0

    @property
    def resting18(self) -> int:
        """What is known to rest there; never less than our own part."""
        return max(self.size18 or 0, self.ours18)


@dataclass(frozen=True, slots=True)
class Levels:
    """Both sides, best first. The best price that our own orders in flight would make is a level too."""

    bids: tuple[Level, ...] = ()
    asks: tuple[Level, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not self.bids and not self.asks


@dataclass(slots=True)
class _Own:
    """The fleet's amounts by price, on one side."""

    resting: dict[int, int] = field(default_factory=dict)
    in_flight: dict[int, int] = field(default_factory=dict)


def levels_of(snapshot: EngineSnapshot) -> Levels:
    """Every price at which anything rests or is on its way: those that were read, and our own beyond them."""
    bids, asks = _own(snapshot.wallets)
    return Levels(
        _side(Side.BUY, snapshot.book.bids, snapshot.best_bid6, bids),
        _side(Side.SELL, snapshot.book.asks, snapshot.best_ask6, asks),
    )


def _own(wallets: Iterable[WalletRow]) -> tuple[_Own, _Own]:
    bids, asks = _Own(), _Own()
    for row in wallets:
        for order in row.orders:
            resting = (bids if order.side is Side.BUY else asks).resting
            resting[order.price6] = resting.get(order.price6, 0) + order.amount18
        for sent in row.working:
            in_flight = (bids if sent.side is Side.BUY else asks).in_flight
            in_flight[sent.price6] = in_flight.get(sent.price6, 0) + sent.amount18
    return bids, asks


def _side(side: Side, read: Iterable[BookLevel], best6: int | None, own: _Own) -> tuple[Level, ...]:
    sizes: dict[int, int | None] = {level.price6: level.amount18 for level in read}
    for price6 in (best6, *own.resting, *own.in_flight):
        if price6 is not None:
            sizes.setdefault(price6, None)
    return tuple(
        Level(side, price6, sizes[price6], own.resting.get(price6, 0), own.in_flight.get(price6, 0))
        for price6 in sorted(sizes, reverse=side is Side.BUY)
    )
