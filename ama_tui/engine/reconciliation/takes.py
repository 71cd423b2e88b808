"""How the chain settles takes: a receipt or a trade says what became of each. Pure, but for the start-up part."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from time import monotonic

from ama_tui.domain.money import notional6
from ama_tui.domain.order import Side
from ama_tui.domain.plan import Take
from ama_tui.domain.reading import Receipt, Trade
from ama_tui.engine.action_log import now_ms
from ama_tui.engine.reconciliation.rules import (
    BLOCKS_BETWEEN_ABSENCES,
    REORG_BLOCKS,
    Resolution,
    is_agreed,
    is_behind,
    is_overdue,
)
from ama_tui.engine.run_context import RunContext
from ama_tui.engine.sent_request import PendingStage
from ama_tui.engine.takes import PendingTake
from ama_tui.engine.wallet_book import WalletBook
from ama_tui.store.journal.replay import JournalReplay, TakenIntent
from ama_tui.venue.settlement_reader import MAX_LOG_BLOCKS


@dataclass(frozen=True, slots=True)
class SettledTake:
    """A take that is EXECUTED, REVERTED or VOID. `traded6` is what it traded (USDC, 6 decimals)."""

    pending: PendingTake
    resolution: Resolution
    traded6: int = 0


def learn_hashes(book: WalletBook, trades: Iterable[Trade], known: Collection[str], now: float) -> list[str]:
    """Give a take that has had no response the transaction in which its wallet traded on its side; returns these.

    A taker has no resting orders, and a fleet has one take in flight; without any, one that was written off may
    have come late. `known` are the transactions of other requests.
    """
    learned: list[str] = []
    for pending in tuple(book.takes) or book.takes.written_off:
        if pending.tx_hash is not None:
            continue
        for trade in trades:
            is_its_own = _taker(trade, pending.take.side) == book.address and trade.block > pending.decided_in
            if is_its_own and trade.tx_hash not in known and trade.tx_hash not in learned:
                pending.noticed(trade.tx_hash, now, trade.block)
                learned.append(trade.tx_hash)
                break
    return learned


def settled_takes(
    book: WalletBook,
    receipts: Mapping[str, Receipt | None],
    block: int,
    now: float,
    settle_after: float,
    *,
    has_trades: bool,
) -> list[SettledTake]:
    """The takes on whose end this read of `block` and an earlier one agree. Records this read's verdict on each.

    A receipt counts once it is `REORG_BLOCKS` deep. Without one a take is VOID `settle_after` seconds after it was sent
    (or its hash was returned), if two reads two blocks apart say so and the trades up to the read are known
    (`has_trades`). A take that is being sent is not settled before its response has come, or failed to.
    """
    settled = []
    for pending in book.takes:
        if pending.stage is PendingStage.SENDING:
            continue  # its response comes first
        receipt = receipts.get(pending.tx_hash or "")
        resolution, blocks, traded6 = None, REORG_BLOCKS, 0
        if receipt is not None and receipt.block <= block:
            resolution = Resolution.EXECUTED if receipt.ok else Resolution.REVERTED
            traded6 = _traded6(receipt, book.address, pending.take.side)
        elif has_trades and receipt is None and _is_void(pending, block, now, settle_after):
            resolution, blocks = Resolution.VOID, BLOCKS_BETWEEN_ABSENCES
        if resolution is not None and is_agreed(pending, resolution, (block, now), blocks):
            settled.append(SettledTake(pending, resolution, traded6))
    return settled


def close_takes(context: RunContext, book: WalletBook, settled: Iterable[SettledTake], block: int) -> None:
    """Take settled takes out of the unsettled ones, count what they traded, and journal the result."""
    for one in settled:
        pending, resolution = one.pending, one.resolution
        text: str | None = None
        error: str | None = None
        traded6: int | None = None
        if resolution is Resolution.EXECUTED:
            book.takes.settle(pending, one.traded6)
            text, traded6 = "executed", one.traded6
        elif resolution is Resolution.REVERTED:
            book.takes.drop(pending)
            book.failed(monotonic())
            context.counters.add(rejected=1)
            text = error = "reverted on chain"
        else:
            book.takes.write_off(pending, monotonic())
            text = error = "did not reach the chain"
        context.action_log.take(
            book.wallet,
            pending,
            resolution.value,
            text,
            tx_hash=pending.tx_hash,
            error=error,
            traded6=traded6,
            block=block,
        )


async def recover_takes(context: RunContext, journal: JournalReplay) -> None:
    """Count the takes of earlier processes: what they traded within the hour, and those that are not settled.

    Raises VenueError.
    """
    books, now = context.fleet.books, monotonic()
    for taken in journal.takes.values():
        book = books.get(taken.wallet)
        if book is None:
            continue
        sent_at = now - max(0, now_ms() - taken.ts) / 1000
        if taken.is_settled:
            book.takes.note_spent(sent_at, taken.counted6)
        else:
            book.takes.begin(_as_pending(taken, sent_at), taken.ts // 1000)
    silent = [pending for book in context.fleet for pending in book.takes if pending.tx_hash is None]
    if not silent or context.read is None:
        return
    block = context.read.block
    start = max(1, min(pending.decided_in for pending in silent) + 1, block - MAX_LOG_BLOCKS + 1)
    found = await context.connections.chain.settlement(context.market.address, start, block, [])
    for book in context.fleet:
        learn_hashes(book, found.trades or (), journal.known_hashes, now)


def track_missing_takes(books: Iterable[WalletBook], journal: JournalReplay) -> None:
    """Track the unsettled takes of wallets that are not part of this run: nothing may be placed in their reach."""
    by_address = {book.address: book for book in books}
    for taken in journal.takes.values():
        book = by_address.get(taken.wallet)
        if book is not None and not taken.is_settled:
            sent_at = monotonic() - max(0, now_ms() - taken.ts) / 1000
            book.takes.begin(_as_pending(taken, sent_at), taken.ts // 1000)


def _as_pending(taken: TakenIntent, sent_at: float) -> PendingTake:
    take = Take(taken.wallet, taken.side, taken.amount18, taken.limit6)
    pending = PendingTake(
        taken.intent_id,
        take,
        taken.reach6,
        taken.notional6,
        taken.margin6,
        sent_at,
        decided_in=taken.decided_in,
        stage=PendingStage.UNKNOWN,
        is_earlier=True,
    )
    if taken.tx_hash is not None:
        pending.accepted(taken.tx_hash, monotonic())
    return pending


def _is_void(pending: PendingTake, block: int, now: float, settle_after: float) -> bool:
    """Would a take that the chain does not show in this block have been mined by now?"""
    return is_overdue(pending, now, settle_after) and not is_behind(block, pending.block)


def _taker(trade: Trade, side: Side) -> str:
    """The trader on this side."""
    return trade.buyer if side is Side.BUY else trade.seller


def _traded6(receipt: Receipt, wallet: str, side: Side) -> int:
    trades = (event for event in receipt.events if isinstance(event, Trade) and _taker(event, side) == wallet)
    return sum(notional6(trade.amount18, trade.price6) for trade in trades)
