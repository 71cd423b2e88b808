"""What of a take may be sent: never more than the operator allows, and never as far as an order of the fleet. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ama_tui.domain.market import MarketTerms
from ama_tui.domain.money import AMOUNT_UNIT, BPS_UNIT, SHORT_MARGIN_BPS, margin6, notional6
from ama_tui.domain.order import Side
from ama_tui.domain.plan import Take, TakerLimits
from ama_tui.domain.reading import FleetRead
from ama_tui.domain.wallet import Role
from ama_tui.engine.execution.book_walk import UNIT18, walk
from ama_tui.engine.wallet_book import Fleet, WalletBook

TAKE_STALE_AFTER_S = 3.0
"""No take is sent on a read of the book older than this."""
SMALLEST18 = 10**13
"""A smaller amount is not worth a request."""
NOT_A_TAKER = "the wallet is not a taker"
IN_FLIGHT = "another take is not settled yet"


@dataclass(frozen=True, slots=True)
class TakeTerms:
    """What a take is checked against."""

    tick6: int
    terms: MarketTerms
    limits: TakerLimits
    give6: int | None
    """How far the best price that is taken may give way before the take arrives (6 decimals), None if not known yet."""


@dataclass(frozen=True, slots=True)
class AllowedTake:
    """A take as it may be sent: `take` has the allowed amount and limit."""

    take: Take
    reach6: int
    notional6: int
    margin6: int


@dataclass(frozen=True, slots=True)
class RefusedTake:
    """A take that may not be sent now."""

    reason: str
    is_passing: bool = False
    """The reason goes away by itself within seconds: it is not reported."""


def checked_take(
    take: Take,
    book: WalletBook,
    read: FleetRead,
    fleet: Fleet,
    terms: TakeTerms,
    *,
    now: float,
    read_age: float,
) -> AllowedTake | RefusedTake:
    """The take as far as it may be sent now, or why not. `now` is on the monotonic clock."""
    if book.wallet.role is not Role.TAKER:
        return RefusedTake(NOT_A_TAKER)
    if fleet.is_taking:
        return RefusedTake(IN_FLIGHT, is_passing=True)
    if read_age > TAKE_STALE_AFTER_S:
        return RefusedTake(f"the last read of the chain is {read_age:.0f} s old", is_passing=True)
    if book.idle_reason is not None:
        return RefusedTake(book.idle_text)
    if book.read is None or book.budget is None:
        return RefusedTake("the wallet could not be read", is_passing=True)
    levels = read.view.book.asks if take.side is Side.BUY else read.view.book.bids
    if not read.has_book or not levels:
        return RefusedTake("the book could not be read" if not read.has_book else "the book has no orders")
    best6 = levels[0].price6
    slippage6 = terms.limits.slippage_ticks * terms.tick6
    limit6 = min(take.limit6, best6 + slippage6) if take.side is Side.BUY else max(take.limit6, best6 - slippage6)
    dearest6 = max(best6, limit6)
    budget6 = max(0, terms.limits.budget6 - book.takes.used6(now))
    wanted18, reason = min(
        (take.amount18, ""),
        (terms.limits.size_max18, "the largest size"),
        (budget6 * AMOUNT_UNIT // dearest6, "the hour's budget is used up"),
        (_room18(take.side, book, terms, dearest6), "would exceed the wallet limit"),
        key=lambda limit: limit[0],
    )
    own6 = fleet.best_untakable(take.side.opposite, now)
    if own6 is not None and terms.give6 is None:
        return RefusedTake("the book has been watched for too few blocks", is_passing=True)
    whole18 = max(0, wanted18 // UNIT18 * UNIT18)
    walked = walk(levels, take.side, whole18, limit6=limit6, own6=own6, give6=terms.give6 or 0)
    if walked.amount18 < SMALLEST18:
        return RefusedTake(walked.reason or reason or "too small")
    allowed = replace(take, amount18=walked.amount18, limit6=limit6)
    value6 = notional6(walked.amount18, dearest6)
    opened18 = max(0, walked.amount18 - _closable18(take.side, book))
    needed6 = margin6(opened18, dearest6, _bps(take.side, terms))
    shortage = book.session_shortage(replace(allowed, limit6=dearest6), read.block_time + read_age)
    if shortage is not None:
        return RefusedTake(shortage)
    return AllowedTake(allowed, walked.reach6, value6, needed6)


def _room18(side: Side, book: WalletBook, terms: TakeTerms, price6: int) -> int:
    """How much the wallet may take: what closes its position, and what its cap leaves beyond that.

    The margin of its present position counts against the cap, for a wallet that only takes has no other margin in use.
    """
    assert book.budget is not None and book.read is not None  # noqa: S101, PT018 - the caller has checked it
    closable18 = _closable18(side, book)
    position6 = 0 if closable18 else margin6(abs(book.read.position18), price6, _bps(side, terms))
    room6 = max(0, book.budget.cap6 - book.held6() - position6)
    return closable18 + room6 * BPS_UNIT * AMOUNT_UNIT // (price6 * _bps(side, terms))


def _closable18(side: Side, book: WalletBook) -> int:
    """How much of an order on this side would reduce the wallet's position: that needs no margin."""
    held18 = 0 if book.read is None else book.read.position18
    return max(0, -held18 if side is Side.BUY else held18)


def _bps(side: Side, terms: TakeTerms) -> int:
    """The margin of a position in basis points of its value."""
    bps = terms.terms.margin_req_bps
    return bps if side is Side.BUY else max(bps, SHORT_MARGIN_BPS)
