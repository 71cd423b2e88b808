"""The last look before a send: nothing crosses, nothing passes its cap, nothing goes out on a stale read.

Every placement of every strategy comes through `placement_refusal`; there is no other way out.
"""

from __future__ import annotations

from ama_tui.domain.order import Side
from ama_tui.domain.plan import Place
from ama_tui.domain.reading import FleetRead
from ama_tui.engine.fleet import Fleet, WalletBook

STALE_AFTER_S = 10.0
"""A read of the chain older than this no longer justifies a placement."""


def best_opposite(place: Place, read: FleetRead, fleet: Fleet) -> int | None:
    """The best price that `place` must not reach: the whole book's, and the fleet's own orders'.

    Those in flight are not in the book yet. Those that rest may be younger than the book's best prices,
    where a node could not read both at one block.
    """
    opposite = place.side.opposite
    on_chain = read.view.best_ask6 if opposite is Side.SELL else read.view.best_bid6
    known = [price for price in (on_chain, fleet.best_own(opposite)) if price is not None]
    if not known:
        return None
    return min(known) if opposite is Side.SELL else max(known)


def placement_refusal(place: Place, book: WalletBook, read: FleetRead, fleet: Fleet, *, read_age: float) -> str | None:
    """Why a placement may not be sent now, in a few words, or None when it may."""
    if read_age > STALE_AFTER_S:
        return f"the last read of the chain is {read_age:.0f} s old"
    if book.idle_reason is not None:
        return book.idle_text
    taken = any(sent.place.side is place.side and sent.place.level == place.level for sent in book.sent.values())
    if taken or any(order.side is place.side and order.level == place.level for order in book.orders):
        return "its level is taken"
    opposite = best_opposite(place, read, fleet)
    if opposite is not None:
        crosses = place.price6 >= opposite if place.side.is_buy else place.price6 <= opposite
        if crosses:
            return "it would cross the spread"
    if book.budget is None or book.reserved6() + book.working_margin6() + place.margin6 > book.budget.cap6:
        return "it would pass the wallet's cap"
    return None
