"""The journal against the chain at start-up: what became of every order that earlier processes sent. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ama_tui.domain.order import RestingOrder, Side
from ama_tui.domain.reading import OrderRested, Receipt, Settlement
from ama_tui.domain.recovery import AccountedOrder, ReconciliationReport
from ama_tui.engine.reconciliation.rules import REORG_BLOCKS
from ama_tui.store.journal.replay import JournalReplay, PlacedIntent

LOOK_BACK_MS = 600_000
"""A placement older than this has come to rest, or never will."""
NEVER_RESTS = frozenset({"rejected", "withdrawn", "executed", "reverted", "void", "filled", "cancelled", "gone"})
"""Statuses after which a placement is neither on its way nor on the book."""
RESTS = frozenset({"resting", "late"})


@dataclass(slots=True)
class Account:
    """The journal's placements sorted by what the chain's open orders say of them alone.

    `resting` are orders with the placements that they are, `orphans` those without one; `absent` rested once
    and do not any more; `unsettled` may be on their way; `lapsed` came to nothing.
    """

    resting: list[tuple[RestingOrder, PlacedIntent]] = field(default_factory=list)
    orphans: list[RestingOrder] = field(default_factory=list)
    absent: list[PlacedIntent] = field(default_factory=list)
    unsettled: list[PlacedIntent] = field(default_factory=list)
    lapsed: list[PlacedIntent] = field(default_factory=list)

    @property
    def from_block(self) -> int:
        """The first block whose events can tell of what is absent."""
        return min((placed.block for placed in self.absent), default=0)


@dataclass(slots=True)
class Conclusion:
    """An account with the end of each absent order and of each unsettled placement that has one."""

    ended: list[tuple[PlacedIntent, str]] = field(default_factory=list)
    """With the status that the journal is given."""
    held: list[PlacedIntent] = field(default_factory=list)
    """Of those gone, the ones that hold their level until a second read agrees."""
    elsewhere: list[PlacedIntent] = field(default_factory=list)
    unsettled: list[PlacedIntent] = field(default_factory=list)


def account(orders: Mapping[str, Sequence[RestingOrder]], journal: JournalReplay, *, now_ms: int) -> Account:
    """Sort the placements of the wallets whose orders were read; `now_ms` is Unix milliseconds."""
    found = Account()
    matched: set[tuple[str, int]] = set()
    unmatched: list[RestingOrder] = []
    for wallet, resting in orders.items():
        for order in resting:
            placed = _placement_of(order, journal)
            if placed is None:
                unmatched.append(order)
            else:
                found.resting.append((order, placed))
                matched.add((wallet, placed.amount18))
    for order in unmatched:
        open_ones = (
            placed
            for key, placed in journal.placed.items()
            if key not in matched and placed.status not in NEVER_RESTS and _is_whole(placed)
        )
        placed = _only_one_there(order, open_ones)
        if placed is None:
            found.orphans.append(order)
        else:
            found.resting.append((order, placed))
            matched.add((order.trader, placed.amount18))
    for key, placed in journal.placed.items():
        if placed.wallet not in orders or key in matched or not _is_whole(placed):
            continue
        if placed.status in RESTS and placed.order_id is not None:
            found.absent.append(placed)
        elif is_unsettled(placed, now_ms):
            found.unsettled.append(placed)
        elif placed.status not in ("rejected", "withdrawn"):
            found.lapsed.append(placed)
    return found


def possible(wallets: Iterable[str], journal: JournalReplay, *, now_ms: int) -> list[PlacedIntent]:
    """All that may rest or be on its way of wallets whose orders could not be read."""
    wanted = frozenset(wallets)
    return [
        placed
        for placed in journal.placed.values()
        if placed.wallet in wanted and (is_unsettled(placed, now_ms) or (_is_whole(placed) and placed.status in RESTS))
    ]


def is_unsettled(placed: PlacedIntent, now_ms: int) -> bool:
    """May a placement that is not on the book still be on its way?"""
    return _is_whole(placed) and placed.status not in NEVER_RESTS and placed.ts > now_ms - LOOK_BACK_MS


def _is_whole(placed: PlacedIntent) -> bool:
    """Does the journal say enough of it? The original tool's lines do not."""
    return bool(placed.intent_id) and placed.price6 is not None and placed.sequence is not None


def conclude(found: Account, journal: JournalReplay, settlement: Settlement, block: int) -> Conclusion:
    """What the book's events and the receipts say of what does not rest. Moves orphans that a receipt names."""
    done = Conclusion()
    cancels = {event.order_id for event in settlement.cancels or ()}
    used18: dict[tuple[str, Side, int | None], int] = {}
    # A level is placed anew only once what it held has ended, though the line that said so may be lost.
    latest = {(one.wallet, one.side, one.level): one.intent_id for one in journal.placed.values()}
    for placed in found.absent:
        key = placed.wallet, placed.side, placed.price6
        traded18 = sum(
            trade.amount18
            for trade in settlement.trades or ()
            if trade.price6 == placed.price6
            and trade.block >= placed.block
            and placed.wallet == (trade.buyer if placed.side.is_buy else trade.seller)
        )
        if placed.order_id in cancels:
            done.ended.append((placed, "cancelled"))
            if (placed.wallet, placed.order_id) not in journal.cancels:
                done.elsewhere.append(placed)
        elif traded18 - used18.get(key, 0) >= placed.amount18:
            used18[key] = used18.get(key, 0) + placed.amount18
            done.ended.append((placed, "filled"))
        else:
            done.ended.append((placed, "gone"))
            if latest[placed.wallet, placed.side, placed.level] == placed.intent_id:
                done.held.append(placed)
    for placed in found.unsettled:
        receipt = settlement.receipts.get(placed.tx_hash or "")
        order = _rested(receipt, found.orphans)
        if order is not None:
            found.orphans.remove(order)
            found.resting.append((order, placed))
        elif receipt is not None and block - receipt.block >= REORG_BLOCKS:
            done.ended.append((placed, "executed" if receipt.ok else "reverted"))
        else:
            done.unsettled.append(placed)
    return done


def reconciliation(found: Account, done: Conclusion, block: int) -> ReconciliationReport:
    """The account as a value to be shown, journalled and counted."""
    cancelled = [placed for placed, status in done.ended if status == "cancelled"]
    return ReconciliationReport(
        block=block,
        adopted=tuple(_order(order, placed.level) for order, placed in found.resting),
        filled_away=_placements(placed for placed, status in done.ended if status in ("filled", "executed")),
        cancelled_elsewhere=_placements(done.elsewhere),
        cancelled=_placements(placed for placed in cancelled if placed not in done.elsewhere),
        gone=_placements(placed for placed, status in done.ended if status == "gone"),
        orphans=tuple(_order(order, order.level) for order in found.orphans),
        unknown=_placements(done.unsettled),
        late=sum(1 for _, placed in found.resting if placed.status in NEVER_RESTS),
    )


def _placement_of(order: RestingOrder, journal: JournalReplay) -> PlacedIntent | None:
    """By its id, which the journal has once it was seen to rest, else by its amount, which carries its tag."""
    wallet = order.trader
    for placed in (journal.orders.get((wallet, order.order_id)), journal.placed.get((wallet, order.amount18))):
        if placed is not None and _could_be(order, placed):
            return placed
    return None


def _only_one_there(order: RestingOrder, candidates: Iterable[PlacedIntent]) -> PlacedIntent | None:
    """By its price: a fill may have worn its tag, and an undone block have given it another id."""
    there = [placed for placed in candidates if placed.wallet == order.trader and _could_be(order, placed)]
    return there[0] if len(there) == 1 else None


def _could_be(order: RestingOrder, placed: PlacedIntent) -> bool:
    """Side, price and size agree; ids and tags alone may be another chain's, or an accident."""
    return placed.side is order.side and placed.price6 in (None, order.price6) and order.amount18 <= placed.amount18


def _rested(receipt: Receipt | None, orders: Iterable[RestingOrder]) -> RestingOrder | None:
    """Of these orders, the one that came to rest in a transaction."""
    if receipt is None or not receipt.ok:
        return None
    ids = {event.order_id for event in receipt.events if isinstance(event, OrderRested)}
    return next((order for order in orders if order.order_id in ids), None)


def _order(order: RestingOrder, level: int | None) -> AccountedOrder:
    return AccountedOrder(order.trader, order.side, level, order.order_id, order.price6, order.amount18)


def _placements(placements: Iterable[PlacedIntent]) -> tuple[AccountedOrder, ...]:
    return tuple(
        AccountedOrder(one.wallet, one.side, one.level, one.order_id, one.price6, one.amount18) for one in placements
    )
