"""Orders that are known to have rested, and whether the book's events explain their end."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from ama_tui.domain.order import RestingOrder, Side
from ama_tui.domain.reading import OrderCancelled, OrderHistory, Trade
from ama_tui.engine.reconciliation.rules import REORG_BLOCKS
from ama_tui.store.journal.replay import RESTS, JournalReplay


@dataclass(frozen=True, slots=True)
class KnownOrder:
    """An order that rested, according to the journal, to a read or to the book's events."""

    wallet: str
    order_id: int
    side: Side
    price6: int | None
    amount18: int
    block: int
    """A block in which it rested or before which it came to rest, 0 if unknown."""

    def as_resting(self) -> RestingOrder:
        """The order as far as it is known, to cancel it."""
        return RestingOrder(self.order_id, self.wallet, self.side, self.price6 or 0, self.amount18, 0, 0)


def unexplained(
    orders: Sequence[KnownOrder], trades: Iterable[Trade], cancels: Iterable[OrderCancelled]
) -> list[KnownOrder]:
    """Orders whose end is explained by neither a cancel nor enough trades at their price."""
    cancelled = {(event.trader, event.order_id) for event in cancels}
    traded18: dict[tuple[str, Side, int], int] = {}
    for trade in trades:
        for wallet, side in ((trade.buyer, Side.BUY), (trade.seller, Side.SELL)):
            key = wallet, side, trade.price6
            traded18[key] = traded18.get(key, 0) + trade.amount18
    left = []
    for order in orders:
        if (order.wallet, order.order_id) in cancelled:
            continue
        key = order.wallet, order.side, order.price6 or 0
        if traded18.get(key, 0) < order.amount18:
            left.append(order)
        else:
            traded18[key] -= order.amount18
    return left


def without_an_end(
    history: OrderHistory, shown: Collection[tuple[str, int]] = (), known: Iterable[KnownOrder] = ()
) -> list[KnownOrder]:
    """The orders of which the book's events name a beginning and no end.

    Also those that are `known` to have rested since these events begin. Without those that a read shows (wallet, id).
    """
    rested = {(order.wallet, order.order_id): order for order in known if order.block >= history.from_block}
    for event in history.rested:
        side = Side.BUY if event.is_buy else Side.SELL
        key = event.trader, event.order_id
        rested[key] = KnownOrder(*key, side, event.price6, event.amount18, history.from_block)
    left = [order for key, order in rested.items() if key not in shown and order.order_id not in history.ended]
    return unexplained(left, history.trades, ())


def look_back_from(journal: JournalReplay, wallets: Iterable[str]) -> int:
    """The block from which on the book's events may name orders of these wallets that the journal does not know.

    1, and so as far back as events are read, if the journal knows nothing of one of them.
    """
    known = {placed.wallet for placed in journal.placed.values()}
    if not known.issuperset(wallets):
        return 1
    resting = [placed.block for placed in journal.placed.values() if placed.status in RESTS and placed.block]
    return max(1, min((*resting, journal.newest_block)) - REORG_BLOCKS)
