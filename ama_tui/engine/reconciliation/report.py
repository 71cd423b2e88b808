"""Compares the journal with the chain at start-up: what happened to every order sent by earlier processes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ama_tui.domain.order import RestingOrder, Side
from ama_tui.domain.reading import OrderModified, OrderRested, Receipt, Settlement, Trade
from ama_tui.domain.recovery import AccountedOrder, ReconciliationReport
from ama_tui.engine.reconciliation.rules import REORG_BLOCKS
from ama_tui.store.journal.replay import NEVER_RESTS, RESTS, JournalReplay, PlacedIntent

MAY_BE_PENDING_MS = 600_000
"""A placement older than this rests by now, or never will."""


def resting_ids(journal: JournalReplay) -> dict[str, list[int]]:
    """Ids of the orders that rest according to the journal, by wallet."""
    found: dict[str, list[int]] = {}
    for placed in journal.placed.values():
        if placed.status in RESTS and placed.order_id is not None:
            found.setdefault(placed.wallet, []).append(placed.order_id)
    return found


@dataclass(slots=True)
class Account:
    """The journal's placements, sorted by what the chain's open orders alone say about them."""

    resting: list[tuple[RestingOrder, PlacedIntent]] = field(default_factory=list)
    """Open orders with their placements."""

    orphans: list[RestingOrder] = field(default_factory=list)
    """Open orders without a placement."""

    absent: list[PlacedIntent] = field(default_factory=list)
    """Placements that rested once and are not open any more."""

    unresolved: list[PlacedIntent] = field(default_factory=list)
    """Placements that may still be pending."""

    unread: frozenset[str] = frozenset()
    """Wallets that could not be read: their open orders are not known."""

    lapsed: list[PlacedIntent] = field(default_factory=list)
    """Placements that are over."""

    @property
    def from_block(self) -> int:
        """The first block whose events may explain the absent orders."""
        return min((placed.block for placed in self.absent), default=0)

    def learn_hashes(self, modifies: Iterable[OrderModified]) -> list[str]:
        """Give unresolved moves without a transaction the one that moved their order; returns these hashes."""
        events = {(event.trader, event.old_order_id): event.tx_hash for event in modifies if event.tx_hash}
        learned: list[str] = []
        for position, placed in enumerate(self.unresolved):
            tx_hash = events.get((placed.wallet, placed.moves))
            if placed.tx_hash is None and tx_hash is not None:
                self.unresolved[position] = replace(placed, tx_hash=tx_hash)
                learned.append(tx_hash)
        return learned


@dataclass(slots=True)
class Conclusion:
    """An account plus the result of each absent order, and of each unresolved placement that has one."""

    ended: list[tuple[PlacedIntent, str]] = field(default_factory=list)
    """With the status to journal."""
    held: list[PlacedIntent] = field(default_factory=list)
    """Orders that are gone but keep their level until a second read agrees."""
    elsewhere: list[PlacedIntent] = field(default_factory=list)
    unresolved: list[PlacedIntent] = field(default_factory=list)


def sort_placements(orders: Mapping[str, Sequence[RestingOrder]], journal: JournalReplay, *, now_ms: int) -> Account:
    """Sort the placements of the wallets that were read. `now_ms` is in Unix milliseconds."""
    result = Account()
    matched: set[tuple[str, int]] = set()
    unmatched: list[RestingOrder] = []
    for wallet, resting in orders.items():
        for order in resting:
            placed = _placement_of(order, journal)
            if placed is None:
                unmatched.append(order)
            else:
                result.resting.append((order, placed))
                matched.add((wallet, placed.amount18))
    open_by_wallet: dict[str, list[tuple[tuple[str, int], PlacedIntent]]] = {}
    for key, placed in journal.placed.items() if unmatched else ():
        if placed.status not in NEVER_RESTS and _is_whole(placed):
            open_by_wallet.setdefault(placed.wallet, []).append((key, placed))
    for order in unmatched:
        placed = _only_match(
            order, (placed for key, placed in open_by_wallet.get(order.trader, ()) if key not in matched)
        )
        if placed is None:
            result.orphans.append(order)
        else:
            result.resting.append((order, placed))
            matched.add((order.trader, placed.amount18))
    for key, placed in journal.placed.items():
        if placed.wallet not in orders or key in matched or not _is_whole(placed):
            continue
        if placed.status in RESTS and placed.order_id is not None:
            result.absent.append(placed)
        elif is_unresolved(placed, now_ms):
            result.unresolved.append(placed)
        elif placed.status not in ("rejected", "withdrawn"):
            result.lapsed.append(placed)
    return result


def possibly_live(wallets: Iterable[str], journal: JournalReplay, *, now_ms: int) -> list[PlacedIntent]:
    """All placements that may be pending or resting, of wallets that could not be read."""
    wanted = frozenset(wallets)
    return [
        placed
        for placed in journal.placed.values()
        if placed.wallet in wanted and (is_unresolved(placed, now_ms) or (_is_whole(placed) and placed.status in RESTS))
    ]


def is_unresolved(placed: PlacedIntent, now_ms: int) -> bool:
    """May a placement that is not on the book still be pending?"""
    return _is_whole(placed) and placed.status not in NEVER_RESTS and placed.ts > now_ms - MAY_BE_PENDING_MS


def _is_whole(placed: PlacedIntent) -> bool:
    """Has the journal enough detail? The original tool's lines do not."""
    return bool(placed.intent_id) and placed.price6 is not None and placed.sequence is not None


def conclude(account: Account, journal: JournalReplay, settlement: Settlement, block: int) -> Conclusion:
    """Resolve the absent orders and the unresolved placements from events and receipts. Takes matched orphans out."""
    result = Conclusion()
    cancels = {event.order_id for event in settlement.cancels or ()}
    moved = {(event.trader, event.old_order_id) for event in settlement.modifies or ()}
    moved |= {(placed.wallet, placed.moves) for _, placed in account.resting}
    trades = _trades_by_order(settlement.trades or ())
    used18: dict[tuple[str, Side, int | None], int] = {}
    # A level is only used again after its order has ended, even if the line that says so is lost.
    latest = {(placed.wallet, placed.side, placed.level): placed.intent_id for placed in journal.placed.values()}
    for placed in account.absent:
        key = placed.wallet, placed.side, placed.price6
        traded18 = sum(trade.amount18 for trade in trades.get(key, ()) if trade.block >= placed.block)
        if (placed.wallet, placed.order_id) in moved:
            result.ended.append((placed, "moved"))
        elif placed.order_id in cancels:
            result.ended.append((placed, "cancelled"))
            if (placed.wallet, placed.order_id) not in journal.cancels:
                result.elsewhere.append(placed)
        elif traded18 - used18.get(key, 0) >= placed.amount18:
            used18[key] = used18.get(key, 0) + placed.amount18
            result.ended.append((placed, "filled"))
        else:
            result.ended.append((placed, "gone"))
            if latest[placed.wallet, placed.side, placed.level] == placed.intent_id:
                result.held.append(placed)
    orphans = {order.order_id: order for order in account.orphans}
    for placed in account.unresolved:
        receipt = settlement.receipts.get(placed.tx_hash or "")
        order = _rested(receipt, orphans)
        if order is not None:
            del orphans[order.order_id]
            account.resting.append((order, placed))
        elif placed.wallet in account.unread and receipt is not None and _came_to_rest(receipt, placed):
            result.unresolved.append(placed)
        elif receipt is not None and block - receipt.block >= REORG_BLOCKS:
            result.ended.append((placed, "executed" if receipt.ok else "reverted"))
        else:
            result.unresolved.append(placed)
    account.orphans = list(orphans.values())
    return result


def _trades_by_order(trades: Iterable[Trade]) -> dict[tuple[str, Side, int | None], list[Trade]]:
    """The trades by wallet, side and price: the orders that they may have filled."""
    found: dict[tuple[str, Side, int | None], list[Trade]] = {}
    for trade in trades:
        for wallet, side in ((trade.buyer, Side.BUY), (trade.seller, Side.SELL)):
            found.setdefault((wallet, side, trade.price6), []).append(trade)
    return found


def build_report(account: Account, conclusion: Conclusion, block: int) -> ReconciliationReport:
    """The account as a report, to be shown, journalled and counted."""
    cancelled = [placed for placed, status in conclusion.ended if status == "cancelled"]
    elsewhere = {placed.intent_id for placed in conclusion.elsewhere}
    return ReconciliationReport(
        block=block,
        adopted=tuple(_order(order, placed.level) for order, placed in account.resting),
        filled_away=_placements(placed for placed, status in conclusion.ended if status in ("filled", "executed")),
        cancelled_elsewhere=_placements(conclusion.elsewhere),
        cancelled=_placements(placed for placed in cancelled if placed.intent_id not in elsewhere),
        gone=_placements(placed for placed, status in conclusion.ended if status == "gone"),
        orphans=tuple(_order(order, order.level) for order in account.orphans),
        unknown=_placements(conclusion.unresolved),
        late=sum(1 for _, placed in account.resting if placed.status in NEVER_RESTS),
    )


def _placement_of(order: RestingOrder, journal: JournalReplay) -> PlacedIntent | None:
    """By id, which the journal has if the order was seen resting, or by amount, which contains the tag."""
    wallet = order.trader
    for placed in (journal.orders.get((wallet, order.order_id)), journal.placed.get((wallet, order.amount18))):
        if placed is not None and _could_be(order, placed):
            return placed
    return None


def _only_match(order: RestingOrder, candidates: Iterable[PlacedIntent]) -> PlacedIntent | None:
    """By price, of its wallet's placements: a fill may have changed the tag, and a reorg the id."""
    matches = [placed for placed in candidates if _could_be(order, placed)]
    return matches[0] if len(matches) == 1 else None


def _could_be(order: RestingOrder, placed: PlacedIntent) -> bool:
    """Do side, price and size agree? An equal id or tag alone may be a coincidence or from another chain."""
    return placed.side is order.side and placed.price6 in (None, order.price6) and order.amount18 <= placed.amount18


def _rested(receipt: Receipt | None, orders: Mapping[int, RestingOrder]) -> RestingOrder | None:
    """The order that a transaction put on the book, if it is among these (by id)."""
    if receipt is None or not receipt.ok:
        return None
    ids = (event.order_id for event in receipt.events if isinstance(event, OrderRested))
    return next((orders[order_id] for order_id in ids if order_id in orders), None)


def _came_to_rest(receipt: Receipt, placed: PlacedIntent) -> bool:
    """Does the receipt say that it rested? Then only a read of its wallet shows what became of it."""
    return receipt.ok and any(
        isinstance(event, OrderRested) and event.trader == placed.wallet for event in receipt.events
    )


def _order(order: RestingOrder, level: int | None) -> AccountedOrder:
    return AccountedOrder(order.trader, order.side, level, order.order_id, order.price6, order.amount18)


def _placements(placements: Iterable[PlacedIntent]) -> tuple[AccountedOrder, ...]:
    return tuple(
        AccountedOrder(placed.wallet, placed.side, placed.level, placed.order_id, placed.price6, placed.amount18)
        for placed in placements
    )
