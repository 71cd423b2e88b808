"""Builds the immutable snapshots that the engine publishes."""

from __future__ import annotations

from dataclasses import replace
from time import time
from typing import Protocol

from ama_tui.domain.event import EngineSnapshot, EngineState, KillProgress, SessionState, Totals, WalletRow
from ama_tui.domain.order import Side
from ama_tui.domain.pnl import Pnl
from ama_tui.domain.reading import WalletRead
from ama_tui.engine.run.lifecycle import way_out
from ama_tui.engine.run.outages import Outages
from ama_tui.engine.run.packing import PackingStatus, packing_status
from ama_tui.engine.run_context import RunContext
from ama_tui.engine.wallet_book import WalletBook


class RunView(Protocol):
    """The parts of a run that a snapshot shows, apart from its context."""

    context: RunContext
    state: EngineState
    reason: str
    packed: bool
    missing: tuple[WalletBook, ...]
    kill_progress: KillProgress
    cancel_on_stop: bool
    outages: Outages


def run_snapshot(run: RunView) -> EngineSnapshot:
    """A snapshot of a run."""
    return snapshot_of(
        run.context,
        run.state,
        run.reason if run.state.is_final else run.outages.chain.text or run.reason,
        packed=run.packed,
        missing=tuple(book.note for book in run.missing),
        kill=run.kill_progress,
        cancels_on_stop=run.cancel_on_stop,
        way_out=way_out(run.state, can_recover=run.outages.can_recover),
    )


def snapshot_of(
    context: RunContext,
    state: EngineState,
    reason: str = "",
    *,
    packed: bool = False,
    missing: tuple[str, ...] = (),
    kill: KillProgress | None = None,
    cancels_on_stop: bool = False,
    way_out: str = "",
) -> EngineSnapshot:
    """A snapshot from the context, also during preparation."""
    read = context.shown or context.read
    view = None if read is None else read.view
    return EngineSnapshot(
        state=state,
        reason=reason,
        market=context.market,
        run_id=context.action_log.run_id,
        started_at_ms=context.started_at_ms,
        block=0 if read is None else read.block,
        read_at_ms=context.read_at_ms if context.shown is None else context.shown_at_ms,
        best_bid6=None if view is None else view.best_bid6,
        best_ask6=None if view is None else view.best_ask6,
        mark6=context.mark6 if context.mark6 is not None or view is None else view.vault_mark6,
        last_trade6=None if view is None else view.last_trade6,
        anchor_x2=context.plan.anchor_x2,
        book=EngineSnapshot(state).book if view is None else view.book,
        wallets=_rows(context, state),
        totals=totals_of(context),
        cycle_ms=context.cycle_ms,
        rpc_ms=context.connections.chain.stats.last_ms,
        api_ms=context.order_ms or context.connections.api.stats.last_ms,
        next_cycle_at_ms=context.next_cycle_at_ms,
        packed=packed,
        parameters=context.parameters,
        budget=context.rate_limiter.budget,
        rate_limits=context.rate_limits.waits(),
        kill=kill or KillProgress(),
        order_lifetime_s=context.counters.order_lifetime_s,
        pnl=context.pnl.total,
        pnl_problem=context.pnl.problem,
        fill_quality=context.markouts.quality,
        fills_unknown_from=context.trades_block + 1 if context.fills_problem else 0,
        news=context.news,
        errors_by_kind=tuple(context.counters.errors_by_kind.most_common()),
        errors_last_minute=context.counters.errors_last_minute(),
        missing_wallets=missing,
        recovery=context.recovery.text,
        journal_path=str(context.action_log.journal.path),
        cancels_on_stop=cancels_on_stop,
        way_out=way_out,
    )


def totals_of(context: RunContext) -> Totals:
    """The run's totals, including the connections' request counts."""
    connections = context.connections
    return replace(
        context.counters.totals,
        rpc_requests=connections.chain.stats.requests,
        api_requests=connections.api.stats.requests,
    )


def _rows(context: RunContext, state: EngineState) -> tuple[WalletRow, ...]:
    """The wallets' rows: the same objects as before where nothing changed."""
    block_time = int(time()) if context.read is None else context.read.block_time
    rows, general = context.rows, (state, context.parameters, context.relayer_root)
    shown: list[WalletRow] = []
    for address, book in context.fleet.books.items():
        if context.shown is not None or book.pending.placements or book.takes:
            shown.append(_new_row(context, book, state, block_time))
            continue
        session = book.session
        made_from = (
            *(general, book.read, book.read_error, book.budget, book.skips, book.note, book.last_action_at),
            *(book.is_paused, book.venue_refusal, session.loss, session.id, session.expiry, session.record),
            *(session.note, session.record is not None and session.record.expiry <= block_time),
            context.pnl.wallets.get(address),
        )
        known = rows.get(address)
        if known is None or known[0] != made_from:
            known = rows[address] = (made_from, _new_row(context, book, state, block_time))
        shown.append(known[1])
    return tuple(shown)


def _new_row(context: RunContext, book: WalletBook, state: EngineState, block_time: int) -> WalletRow:
    targets = context.strategy.targets_of(book.wallet.role)
    was_read = book.read is not None and not book.read_error
    progress = packing_status(book, targets, was_read=was_read)
    read = _shown_read(context, book)
    orders = () if read is None else read.orders
    unknown = book.pending.unknown + book.takes.unknown
    bids = [order.side for order in orders].count(Side.BUY)
    return WalletRow(
        address=book.address,
        nickname=book.wallet.nickname,
        index=book.wallet.index,
        role=book.wallet.role,
        bids=bids,
        asks=len(orders) - bids,
        target_bids=targets.bids,
        target_asks=targets.asks,
        available6=None if read is None else read.available6,
        cap6=None if book.budget is None else book.budget.cap6,
        reserved6=None if read is None else read.reserved6,
        pending=len(book.pending) + len(book.takes) - unknown,
        unknown=unknown,
        position18=0 if read is None else read.position18,
        pnl=context.pnl.wallets.get(book.address) or Pnl(),
        session=_session_state(context, book, block_time),
        session_expiry=book.session.expiry,
        session_used_percent=None if book.session.record is None else book.session.record.used_percent,
        last_action_at=book.last_action_at,
        note=_note(book, progress, state),
        is_packed=progress.is_packed and state not in (EngineState.KILLING, EngineState.FAULTED),
        is_paused=book.is_paused,
        session_id=book.session.id or "",
        orders=orders,
        pending_orders=tuple(pending.as_pending_order for pending in book.pending),
    )


def _shown_read(context: RunContext, book: WalletBook) -> WalletRead | None:
    """The read of a wallet to show: during a kill the one that is made for that, else the last good one."""
    shown = None if context.shown is None else context.shown.wallets[book.address]
    return shown if shown is not None and shown.was_read else book.read


def _note(book: WalletBook, progress: PackingStatus, state: EngineState) -> str:
    """The preparation's progress, then why the wallet is below its target, or the progress of a renewal.

    After the run nothing is in progress.
    """
    if state is EngineState.PREPARING:
        return book.note
    if state is EngineState.KILLING:
        return "cancelling"
    is_finished = state.is_final and not progress.is_packed and not book.read_error
    return "" if is_finished else progress.reason or ("" if state.is_final else book.session.note)


def _session_state(context: RunContext, book: WalletBook, block_time: int) -> SessionState:
    if book.session.is_lost:
        return SessionState.UNUSABLE
    if book.session.id is None:
        return SessionState.CREATING if book.note else SessionState.NONE
    status = book.session.status(block_time, book.address, context.relayer_root)
    return SessionState.VALID if status.problem is None else SessionState.UNUSABLE
