"""Accounts for every order sent by earlier processes before a run sends anything."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from time import monotonic

from ama_tui.domain.errors import MalformedError, RpcError
from ama_tui.domain.event import Action
from ama_tui.domain.money import format_amount, format_price, margin6
from ama_tui.domain.order import RestingOrder, decode_tag
from ama_tui.domain.plan import Place
from ama_tui.domain.reading import Settlement
from ama_tui.domain.recovery import AccountedOrder, ReconciliationReport
from ama_tui.engine.action_log import new_intent_id, now_ms
from ama_tui.engine.pending_orders import OrderMemory, PendingPlacement
from ama_tui.engine.reconciliation import report as accounts
from ama_tui.engine.reconciliation.known_orders import KnownOrder, look_back_from, without_an_end
from ama_tui.engine.reconciliation.report import Account, Conclusion
from ama_tui.engine.reconciliation.rules import REORG_BLOCKS
from ama_tui.engine.reconciliation.takes import recover_takes, track_missing_takes
from ama_tui.engine.run_context import RunContext
from ama_tui.engine.sent_request import PendingStage
from ama_tui.engine.wallet_book import WalletBook
from ama_tui.store.journal.replay import NEVER_RESTS, RESTS, JournalReplay, PlacedIntent
from ama_tui.strategies.budget import margin_bps
from ama_tui.venue.settlement_reader import MAX_LOG_BLOCKS

SHOWN = 20
"""The most orders that are listed individually."""
HISTORY_READS = 3
"""An order counts as hidden if this many reads of the book's events agree: one may have left an event out."""
BETWEEN_READS_S = 0.5


async def recover(context: RunContext, journal: JournalReplay) -> ReconciliationReport:
    """Account for the fleet's orders, show and journal the result, and track unresolved orders as pending.

    Call it after a read of the fleet. The orders of a wallet that could not be read stay unresolved until it can be
    read. Raises VenueError.
    """
    block = context.read.block if context.read is not None else 0
    orders = {book.address: book.orders for book in context.fleet if book.read is not None}
    account = accounts.sort_placements(orders, journal, now_ms=now_ms())
    account.unread = frozenset(book.address for book in context.fleet if book.read is None)
    account.unresolved += accounts.possibly_live(account.unread, journal, now_ms=now_ms())
    conclusion = accounts.conclude(account, journal, await _settlement(context, account, block), block)
    hidden = await _hidden(context, journal, conclusion.held, block)
    result = accounts.build_report(account, conclusion, block)
    _store(context, account, conclusion, block)
    _hold(context, hidden, journal, block)
    await recover_takes(context, journal)
    context.recovery = result
    context.counters.add(late=result.late)
    _report(context, result)
    return result


def track_missing(books: Iterable[WalletBook], journal: JournalReplay) -> None:
    """Track the pending orders of wallets that are not part of this run: the fleet must not trade with them."""
    by_address = {book.address: book for book in books}
    for placed in journal.placed.values():
        book = by_address.get(placed.wallet)
        if book is not None and placed.status not in RESTS and accounts.is_unresolved(placed, now_ms()):
            book.pending.add(_as_pending(placed))
    track_missing_takes(by_address.values(), journal)


async def _settlement(context: RunContext, account: Account, block: int) -> Settlement:
    """Receipts of unresolved placements, and the book's events since the oldest absent order was first seen.

    Events may name the transaction of a move that got no response: its receipt is then read too.
    """
    chain, market = context.connections.chain, context.market.address
    hashes = [placed.tx_hash for placed in account.unresolved if placed.tx_hash is not None]
    start, traders = block + 1, sorted({placed.wallet for placed in account.absent})
    if traders:
        start = max(1, account.from_block, block - MAX_LOG_BLOCKS + 1)
    settlement = await chain.settlement(market, start, block, hashes, traders)
    learned = account.learn_hashes(settlement.modifies or ())
    if not learned:
        return settlement
    return replace(settlement, receipts={**settlement.receipts, **await chain.receipts(market, learned)})


async def _hidden(
    context: RunContext, journal: JournalReplay, missing: Iterable[PlacedIntent], block: int
) -> list[KnownOrder]:
    """Orders that came to rest and that no event ended, although the read of their wallet does not show them.

    The book's events say so, or the journal: `missing` orders rested when it was written. Without orders whose end the
    journal knows. A node without events is no witness.
    """
    wallets = [book.address for book in context.fleet if book.read is not None]
    known = [
        KnownOrder(placed.wallet, placed.order_id, placed.side, placed.price6, placed.amount18, placed.block)
        for placed in missing
        # a younger one may have been undone by a reorg
        if placed.order_id is not None and journal.newest_block - placed.block >= REORG_BLOCKS
    ]
    shown = {(order.trader, order.order_id) for book in context.fleet for order in book.orders}
    ended = {key for key, placed in journal.orders.items() if placed.status in NEVER_RESTS}
    start = look_back_from(journal, wallets)
    hidden: list[KnownOrder] = []
    for reads in range(HISTORY_READS):
        if reads:
            await asyncio.sleep(BETWEEN_READS_S)
        try:
            history = await context.connections.chain.order_history(
                context.market.address, wallets, start, block, wants_trades=bool(known)
            )
        except (RpcError, MalformedError):
            return []
        found = without_an_end(history, shown | ended, known)
        agreed = {(order.wallet, order.order_id) for order in hidden}
        hidden = [order for order in found if not reads or (order.wallet, order.order_id) in agreed]
        if not hidden:
            break
    return hidden


def _hold(context: RunContext, hidden: Iterable[KnownOrder], journal: JournalReplay, block: int) -> None:
    """Keep the level and the margin of hidden orders until a read shows them or an event explains their end."""
    names = []
    for known in hidden:
        book, tag = context.fleet.books[known.wallet], decode_tag(known.amount18)
        price6 = known.price6 or 0
        held6 = margin6(known.amount18, price6, margin_bps(known.side, context.terms.margin_req_bps, book.orders))
        book.account.holds_unseen(held6)
        names.append(f"{book.wallet.nickname} order {known.order_id}")
        placed = journal.placed.get((known.wallet, known.amount18))
        if tag is None or (placed is not None and placed.status not in NEVER_RESTS):
            continue  # it has no level of ours, or is pending already
        place = Place(known.wallet, known.side, tag.level, price6, known.amount18, held6, tag.sequence)
        pending = PendingPlacement(
            f"order {known.order_id}", place, float("-inf"), stage=PendingStage.UNKNOWN, is_earlier=True
        )
        order = replace(known.as_resting(), margin6=held6, level=tag.level, placed18=known.amount18)
        pending.rested_as(order)
        book.pending.add(pending)
    if names:
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        context.action_log.note(
            f"block {block:,}: the node does not show orders that came to rest and that no event ended: "
            f"{', '.join(names[:SHOWN])}{more}",
            is_error=True,
        )


def _store(context: RunContext, account: Account, conclusion: Conclusion, block: int) -> None:
    """Store the account in the wallet books, and its results in the journal."""
    books = context.fleet.books
    for order, placed in account.resting:
        book = books[order.trader]
        memory = OrderMemory(placed.level, placed.amount18, block, placed.intent_id)
        book.pending.remember(order.order_id, memory)
        if placed.order_id != order.order_id or placed.status not in RESTS:
            status = "late" if placed.status in NEVER_RESTS else "resting"
            _journal(context, book, placed, status, order.order_id, block)
    for book in context.fleet:
        book.annotate(block)
    _journal_taken_over(context, account.orphans, block)
    held = {placed.intent_id for placed in conclusion.held}
    for placed, status in conclusion.ended:
        book, pending = books[placed.wallet], _as_pending(placed)
        if placed.intent_id in held:
            book.pending.add(pending)
        else:
            book.pending.lapse(pending)
            _journal(context, book, placed, status, placed.order_id, block)
    for placed in sorted(account.lapsed, key=lambda placed: placed.ts):
        books[placed.wallet].pending.lapse(_as_pending(placed))
    for placed in conclusion.unresolved:
        books[placed.wallet].pending.add(_as_pending(placed))
    for book in context.fleet:
        book.pending.count_replaced(book.orders)


def _journal_taken_over(context: RunContext, orphans: Iterable[RestingOrder], block: int) -> None:
    """Journal the level of each order that is known only from its tag: a partial fill erases the tag."""
    for orphan in orphans:
        book, tag = context.fleet.books[orphan.trader], decode_tag(orphan.amount18)
        order = next(order for order in book.orders if order.order_id == orphan.order_id)
        if order.level is not None and tag is not None:
            intent_id = new_intent_id()
            book.pending.remember(order.order_id, OrderMemory(order.level, order.amount18, block, intent_id))
            place = Place(
                order.trader, order.side, order.level, order.price6, order.amount18, order.margin6, tag.sequence
            )
            context.action_log.taken_over(book.wallet, intent_id, place, order.order_id, block)


def _journal(
    context: RunContext, book: WalletBook, placed: PlacedIntent, status: str, order_id: int | None, block: int
) -> None:
    """Journal the result of an earlier process's placement."""
    text = f"written off, but now resting as order {order_id}" if status == "late" else None
    context.action_log.placement(
        book.wallet,
        placed.intent_id,
        _as_place(placed),
        status,
        text,
        tx_hash=placed.tx_hash,
        order_id=order_id,
        block=block,
        moves=placed.moves,
    )


def _report(context: RunContext, result: ReconciliationReport) -> None:
    """Journal one line with counts and ids, and show a line for each order that was not adopted."""
    if not result.text:
        return
    ids = {name: [_id(order) for order in orders] for name, orders in result.parts if orders}
    context.action_log.note(
        f"orders sent earlier: {result.text}",
        params={"recovery": result.counts, "late": result.late, "block": result.block, "orders": ids},
    )
    lines = [(name, order) for name, orders in result.parts[1:] for order in orders]
    for name, order in lines[:SHOWN]:
        wallet = context.fleet.books[order.wallet].wallet
        context.action_log.show(Action.NOTE, f"{_described(context, order)}  {name}", wallet)
    if len(lines) > SHOWN:
        context.action_log.show(Action.NOTE, f"and {len(lines) - SHOWN} more (listed in the journal)")


def _id(order: AccountedOrder) -> str:
    """`0xabc…:17`, or the level of a placement that never rested."""
    name = f"{order.side.value} L{order.level}" if order.order_id is None else str(order.order_id)
    return f"{order.wallet}:{name}"


def _described(context: RunContext, order: AccountedOrder) -> str:
    price = "?" if order.price6 is None else format_price(order.price6, context.market.tick6)
    level = "" if order.level is None else f" L{order.level}"
    name = "" if order.order_id is None else f" order {order.order_id}"
    return f"{order.side.value:4} {format_amount(order.amount18)} @ {price}{level}{name}"


def _as_pending(placed: PlacedIntent) -> PendingPlacement:
    """An earlier process's placement, pending since it was sent, or a missing order if it rested."""
    sent_at = monotonic() - max(0, now_ms() - placed.ts) / 1000
    pending = PendingPlacement(
        placed.intent_id,
        _as_place(placed),
        sent_at,
        stage=PendingStage.UNKNOWN,
        is_earlier=True,
        moves=0 if placed.status in RESTS else placed.moves,
    )
    if placed.status in RESTS:
        pending.rested_as(_as_resting(placed))
    elif placed.tx_hash is not None:
        pending.accepted(placed.tx_hash, monotonic())
    return pending


def _as_place(placed: PlacedIntent) -> Place:
    """The placement as planned. Needs a journal line with price and sequence."""
    return Place(
        wallet=placed.wallet,
        side=placed.side,
        level=placed.level,
        price6=placed.price6 or 0,
        amount18=placed.amount18,
        margin6=placed.margin6,
        sequence=-1 if placed.sequence is None else placed.sequence,
    )


def _as_resting(placed: PlacedIntent) -> RestingOrder:
    """The order as last journalled while resting."""
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
