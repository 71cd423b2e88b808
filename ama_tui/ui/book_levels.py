"""The order book with the fleet's own orders, as ladder and depth profile draw it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ama_tui.domain.event import EngineSnapshot, WalletRow
from ama_tui.domain.market import Book, BookLevel
from ama_tui.domain.order import RestingOrder, Side
from ama_tui.domain.plan import PendingOrder


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


Amounts = dict[int, int]
"""Amounts by price."""

Orders = tuple[tuple[RestingOrder, ...], tuple[PendingOrder, ...]]
"""A wallet's resting and pending orders."""


@dataclass(slots=True)
class FleetOrders:
    """The fleet's amounts at each price. Only the wallets whose orders changed are counted again."""

    bids: Amounts = field(default_factory=dict)
    asks: Amounts = field(default_factory=dict)
    pending_bids: Amounts = field(default_factory=dict)
    pending_asks: Amounts = field(default_factory=dict)
    _counted: dict[str, Orders] = field(default_factory=dict)
    """What is counted, by wallet."""

    def follow(self, rows: Iterable[WalletRow]) -> bool:
        """Count the orders of these rows, instead of those before. False if they are the same."""
        before = self._counted
        self._counted = now = {row.address: (row.orders, row.pending_orders) for row in rows}
        changed = [address for address, orders in now.items() if orders != before.get(address)]
        gone = before.keys() - now.keys()
        if 2 * (len(changed) + len(gone)) > len(now):
            self._count_all()
            return True
        for address in (*changed, *gone):
            self._add(before.get(address, ((), ())), -1)
            self._add(now.get(address, ((), ())), 1)
        return bool(changed or gone)

    def _count_all(self) -> None:
        for amounts in (self.bids, self.asks, self.pending_bids, self.pending_asks):
            amounts.clear()
        for orders in self._counted.values():
            self._add(orders, 1)

    def _add(self, orders: Orders, sign: int) -> None:
        _add(orders[0], sign, self.bids, self.asks)
        _add(orders[1], sign, self.pending_bids, self.pending_asks)


def _add(orders: Iterable[RestingOrder | PendingOrder], sign: int, bids: Amounts, asks: Amounts) -> None:
    buy = Side.BUY
    for order in orders:
        amounts, price6 = bids if order.side is buy else asks, order.price6
        amount18 = amounts.get(price6, 0) + sign * order.amount18
        if amount18:
            amounts[price6] = amount18
        else:
            amounts.pop(price6, None)


@dataclass(slots=True)
class _Latest:
    """The levels of the latest snapshot, and what they were made from."""

    snapshot: EngineSnapshot | None = None
    fleet: FleetOrders = field(default_factory=FleetOrders)
    levels: PriceLevels = field(default_factory=PriceLevels)


_latest = _Latest()


def levels_of(snapshot: EngineSnapshot) -> PriceLevels:
    """Every price with resting or pending orders: those read from the book, and the fleet's own beyond them.

    The result is kept for all panels that show the same snapshot, and is the very same object while nothing on the
    book changes. For the screen's thread only.
    """
    global _latest
    before = _latest.snapshot
    if snapshot is before:
        return _latest.levels
    if before is None or before.run_id != snapshot.run_id:
        _latest = _Latest()
    fleet = _latest.fleet
    has_changed = fleet.follow(snapshot.wallets)
    if has_changed or before is None or _book(snapshot) != _book(before):
        bid6, ask6, book = _book(snapshot)
        _latest.levels = PriceLevels(
            _side(Side.BUY, book.bids, bid6, fleet.bids, fleet.pending_bids),
            _side(Side.SELL, book.asks, ask6, fleet.asks, fleet.pending_asks),
        )
    _latest.snapshot = snapshot
    return _latest.levels


def _book(snapshot: EngineSnapshot) -> tuple[int | None, int | None, Book]:
    return snapshot.best_bid6, snapshot.best_ask6, snapshot.book


def _side(
    side: Side, read: Iterable[BookLevel], best6: int | None, resting: Amounts, pending: Amounts
) -> tuple[PriceLevel, ...]:
    sizes: dict[int, int | None] = {level.price6: level.amount18 for level in read}
    for price6 in (*resting, *pending) if best6 is None else (best6, *resting, *pending):
        sizes.setdefault(price6, None)
    return tuple(
        PriceLevel(side, price6, sizes[price6], resting.get(price6, 0), pending.get(price6, 0))
        for price6 in sorted(sizes, reverse=side is Side.BUY)
    )
