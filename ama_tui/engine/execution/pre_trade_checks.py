"""The last look before a send: nothing crosses, not even our own; nothing passes its cap or goes on a stale read.

Every placement of every strategy comes through `placement_refusal`; there is no other way out.
"""

from __future__ import annotations

from ama_tui.domain.order import Side
from ama_tui.domain.plan import Place
from ama_tui.domain.reading import FleetRead
from ama_tui.engine.wallet_book import Fleet, WalletBook

STALE_AFTER_S = 10.0
"""A read of the chain older than this no longer justifies a placement."""
SELF_TRADE = "it would trade with the fleet's own order"
"""Two wallets of one fleet must never trade with each other."""


def best_opposite(place: Place, read: FleetRead, fleet: Fleet, now: float) -> int | None:
    """The best price that `place` must not reach: the whole book's, and the fleet's own orders'.

    Those in flight are not in the book yet. Those that rest may be younger than the book's best prices,
    where a node could not read both at one block.
    """
    opposite = place.side.opposite
    on_chain = read.view.best_ask6 if opposite is Side.SELL else read.view.best_bid6
    known = [price for price in (on_chain, fleet.best_own(opposite, now)) if price is not None]
    if not known:
        return None
    return min(known) if opposite is Side.SELL else max(known)


def placement_refusal(
    place: Place, book: WalletBook, read: FleetRead, fleet: Fleet, *, now: float, read_age: float
) -> str | None:
    """Why a placement may not be sent now, in a few words, or None when it may. `now` is the monotonic clock's."""
    if read_age > STALE_AFTER_S:
        return f"the last read of the chain is {read_age:.0f} s old"
    if book.idle_reason is not None:
        return book.idle_text
    if book.is_level_taken(place.side, place.level):
        return "its level is taken"
    if _reaches(place, fleet.best_own(place.side.opposite, now, without=book.address)):
        return SELF_TRADE
    if _reaches(place, best_opposite(place, read, fleet, now)):
        return "it would cross the spread"
    if book.budget is None or book.reserved6() + book.pending.margin6 + place.margin6 > book.budget.cap6:
        return "it would pass the wallet's cap"
    return book.session_shortage(place, read.block_time + read_age)


def _reaches(place: Place, opposite6: int | None) -> bool:
    """Would the order trade with one at this price on the other side?"""
    if opposite6 is None:
        return False
    return place.price6 >= opposite6 if place.side.is_buy else place.price6 <= opposite6
