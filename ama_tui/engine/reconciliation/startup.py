"""Start-up is recovery: every order that earlier processes sent is accounted for before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable
from time import monotonic

from ama_tui.domain.event import Action
from ama_tui.domain.money import format_amount, format_price
from ama_tui.domain.order import RestingOrder
from ama_tui.domain.plan import Place
from ama_tui.domain.reading import Settlement
from ama_tui.domain.recovery import AccountedOrder, ReconciliationReport
from ama_tui.engine.action_log import now_ms
from ama_tui.engine.pending_orders import OrderMemory, PendingPlacement, PendingStage
from ama_tui.engine.reconciliation import report as accounts
from ama_tui.engine.reconciliation.report import Account, Conclusion
from ama_tui.engine.run_context import RunContext
from ama_tui.engine.wallet_book import WalletBook
from ama_tui.store.journal.replay import JournalReplay, PlacedIntent
from ama_tui.venue.settlement_reader import MAX_LOG_BLOCKS

SHOWN = 20
"""At most this many orders are named one by one."""


async def recover(context: RunContext, journal: JournalReplay) -> ReconciliationReport:
    """Account for the fleet's orders, show and journal it, and put in flight what is not settled. Raises VenueError.

    To be called after a read of the fleet. Of a wallet that could not be read, all is unknown until it can.
    """
    block = context.read.block if context.read is not None else 0
    orders = {book.address: book.orders for book in context.fleet if book.read is not None}
    found = accounts.account(orders, journal, now_ms=now_ms())
    unread = {book.address for book in context.fleet} - orders.keys()
    found.unsettled += accounts.possible(unread, journal, now_ms=now_ms())
    done = accounts.conclude(found, journal, await _settlement(context, found, block), block)
    result = accounts.reconciliation(found, done, block)
    _take_up(context, found, done, block)
    context.recovery = result
    context.counters.add(late=result.late)
    _tell(context, result)
    return result


def take_up_missing(books: Iterable[WalletBook], journal: JournalReplay) -> None:
    """Put in flight what wallets that this run does not have may have on its way: nothing may trade with it."""
    by_address = {book.address: book for book in books}
    for placed in journal.placed.values():
        book = by_address.get(placed.wallet)
        if book is not None and placed.status not in accounts.RESTS and accounts.is_unsettled(placed, now_ms()):
            book.pending.add(_sent(placed))


async def _settlement(context: RunContext, found: Account, block: int) -> Settlement:
    """Receipts of what is not settled, and the book's events since the oldest absent order came to rest."""
    hashes = [placed.tx_hash for placed in found.unsettled if placed.tx_hash is not None]
    start, traders = block + 1, sorted({placed.wallet for placed in found.absent})
    if traders:
        start = max(1, found.from_block, block - MAX_LOG_BLOCKS + 1)
    return await context.connections.chain.settlement(context.market.address, start, block, hashes, traders)


def _take_up(context: RunContext, found: Account, done: Conclusion, block: int) -> None:
    """Carry the account into the wallets' books, and the ends that it found into the journal."""
    books = context.fleet.books
    for order, placed in found.resting:
        book = books[order.trader]
        memory = OrderMemory(placed.level, placed.amount18, block, placed.intent_id)
        book.pending.remember(order.order_id, memory)
        if placed.order_id != order.order_id or placed.status not in accounts.RESTS:
            status = "late" if placed.status in accounts.NEVER_RESTS else "resting"
            _journal(context, book, placed, status, order.order_id, block)
    for book in context.fleet:
        book.annotate(block)
    for placed, status in done.ended:
        book, pending = books[placed.wallet], _sent(placed)
        if placed in done.held:
            book.pending.add(pending)
        else:
            book.pending.lapse(pending)
            _journal(context, book, placed, status, placed.order_id, block)
    for placed in sorted(found.lapsed, key=lambda one: one.ts):
        books[placed.wallet].pending.lapse(_sent(placed))
    for placed in done.unsettled:
        books[placed.wallet].pending.add(_sent(placed))


def _journal(
    context: RunContext, book: WalletBook, placed: PlacedIntent, status: str, order_id: int | None, block: int
) -> None:
    """One line for what a placement of an earlier process has come to."""
    text = f"given up before, rests after all as order {order_id}" if status == "late" else None
    context.action_log.placement(
        book.wallet,
        placed.intent_id,
        _place(placed),
        status,
        text,
        tx_hash=placed.tx_hash,
        order_id=order_id,
        block=block,
    )


def _tell(context: RunContext, result: ReconciliationReport) -> None:
    """One line with the counts and the ids to the journal, and a line to the screen for each order not adopted."""
    if not result.text:
        return
    ids = {name: [_id(one) for one in orders] for name, orders in result.parts if orders}
    context.action_log.note(
        f"orders sent earlier: {result.text}",
        params={"recovery": result.counts, "late": result.late, "block": result.block, "orders": ids},
    )
    lines = [(name, one) for name, orders in result.parts[1:] for one in orders]
    for name, one in lines[:SHOWN]:
        wallet = context.fleet.books[one.wallet].wallet
        context.action_log.show(Action.NOTE, f"{_described(context, one)}  {name}", wallet)
    if len(lines) > SHOWN:
        context.action_log.show(Action.NOTE, f"and {len(lines) - SHOWN} more: the journal names them")


def _id(one: AccountedOrder) -> str:
    """`0xabc…:17`, or the level of one that never came to rest."""
    return f"{one.wallet}:{one.order_id}" if one.order_id is not None else f"{one.wallet}:{one.side.value} L{one.level}"


def _described(context: RunContext, one: AccountedOrder) -> str:
    price = "?" if one.price6 is None else format_price(one.price6, context.market.tick6)
    level = "" if one.level is None else f" L{one.level}"
    order = "" if one.order_id is None else f" order {one.order_id}"
    return f"{one.side.value:4} {format_amount(one.amount18)} @ {price}{level}{order}"


def _sent(placed: PlacedIntent) -> PendingPlacement:
    """A placement of an earlier process, in flight since then; or one that rested then and is out of sight."""
    sent_at = monotonic() - max(0, now_ms() - placed.ts) / 1000
    pending = PendingPlacement(placed.intent_id, _place(placed), sent_at, stage=PendingStage.UNKNOWN, is_earlier=True)
    if placed.status in accounts.RESTS:
        pending.rested_as(_last(placed))
    elif placed.tx_hash is not None:
        pending.accepted(placed.tx_hash, monotonic())
    return pending


def _place(placed: PlacedIntent) -> Place:
    """The placement as it was decided; only for those whose line says price and sequence."""
    return Place(
        wallet=placed.wallet,
        side=placed.side,
        level=placed.level,
        price6=placed.price6 or 0,
        amount18=placed.amount18,
        margin6=placed.margin6,
        sequence=-1 if placed.sequence is None else placed.sequence,
    )


def _last(placed: PlacedIntent) -> RestingOrder:
    """The order that a placement was when it was last journalled to rest."""
    return RestingOrder(
        order_id=placed.order_id or 0,
        trader=placed.wallet,
        side=placed.side,
        price6=placed.price6 or 0,
        amount18=placed.amount18,
        margin6=placed.margin6,
        placed_at=placed.ts // 1000,
        level=placed.level,
        placed18=placed.amount18,
    )
