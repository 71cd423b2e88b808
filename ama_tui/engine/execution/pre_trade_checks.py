"""Checks right before a send: no crossing, no self-trade, no cap exceeded, no stale read.

Every placement and move of every strategy passes through `placement_refusal`.
"""

from __future__ import annotations

from ama_tui.domain.order import Side
from ama_tui.domain.plan import Modify, Place
from ama_tui.domain.reading import FleetRead
from ama_tui.domain.wallet import Role
from ama_tui.engine.reconciliation.rules import REORG_BLOCKS
from ama_tui.engine.wallet_book import Fleet, WalletBook

STALE_AFTER_S = 10.0
"""No placement is sent on a read older than this."""
JOURNAL_S = 2.0
"""A placement starts only on a read this much younger than that: writing its intent takes time."""
SELF_TRADE = "would self-trade"
"""Two wallets of a fleet must never trade with each other."""


def best_opposite(place: Place | Modify, read: FleetRead, fleet: Fleet, now: float) -> int | None:
    """The best opposite price that `place` must not reach: the book's or the fleet's own.

    Pending orders are not on the book yet, and resting orders may be newer than the book's best prices if the node
    could not read both at the same block.
    """
    opposite = place.side.opposite
    on_chain = read.view.best_ask6 if opposite is Side.SELL else read.view.best_bid6
    prices = [price for price in (on_chain, fleet.best_own(opposite, now)) if price is not None]
    if not prices:
        return None
    return min(prices) if opposite is Side.SELL else max(prices)


def placement_refusal(
    place: Place | Modify,
    book: WalletBook,
    read: FleetRead,
    fleet: Fleet,
    *,
    now: float,
    read_age: float,
    oldest: float = STALE_AFTER_S,
) -> str | None:
    """Why a placement or a move may not be sent now, or None if it may. `now` is on the monotonic clock, the `oldest`
    age of a read in seconds.
    """
    if read_age > oldest:
        return f"the last read of the chain is {read_age:.0f} s old"
    if book.idle_reason is not None:
        return book.idle_text
    if book.wallet.role is not Role.MAKER:
        return "a taker places no orders"
    added6 = place.margin6
    if isinstance(place, Modify):
        refusal = _move_refusal(place, book, read.block)
        if refusal is not None:
            return refusal
        order = book.resting_order(place.order_id)
        added6 = max(0, added6 - (order.margin6 if order is not None and order.is_margin else 0))
    elif book.is_level_taken(place.side, place.level):
        return "level already filled"
    if _reaches(place, fleet.best_own(place.side.opposite, now, without=book.address)):
        return SELF_TRADE
    if _reaches(place, best_opposite(place, read, fleet, now)):
        return "would cross the spread"
    if book.exceeds_cap(added6):
        return "would exceed the wallet limit"
    return book.session_shortage(place, read.block_time + read_age)


def _move_refusal(modify: Modify, book: WalletBook, block: int) -> str | None:
    """Why an order may not be moved: it must rest at its level, with nothing else pending about it.

    An undone block gives ids to other orders, and a move that meets another order could make it cross. So an order is
    moved only once its block cannot be undone any more.
    """
    order = book.resting_order(modify.order_id)
    if order is None:
        return f"order {modify.order_id} is not on the book any more"
    if (order.side, order.level) != (modify.side, modify.level):
        return f"order {modify.order_id} is at another level"
    if not book.pending.has_rested_since(modify.order_id, block - REORG_BLOCKS):
        return f"order {modify.order_id} is too new to be moved"
    if modify.order_id in book.pending.cancels:
        return f"order {modify.order_id} is being cancelled"
    if book.pending.holds(modify.side, modify.level):
        return f"order {modify.order_id} is being moved"
    return None


def _reaches(place: Place | Modify, opposite6: int | None) -> bool:
    """Would the order trade with an opposite order at this price?"""
    if opposite6 is None:
        return False
    return place.price6 >= opposite6 if place.side.is_buy else place.price6 <= opposite6
