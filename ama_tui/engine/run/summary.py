"""The JSON object at the end of a headless run."""

from __future__ import annotations

from ama_tui.domain.order import Side
from ama_tui.domain.wallet import Role
from ama_tui.engine.run.packing import packing_status
from ama_tui.engine.run.run import Run
from ama_tui.engine.run.snapshot_builder import totals_of


def summary_of(run: Run, *, seconds_sessions: float) -> dict[str, object]:
    """The run in numbers, as of its last read of the chain. Seconds are rounded to milliseconds.

    `short` lists the wallets below their target with the reason. `seconds_to_packed` counts from the first order sent:
    0 if none was sent, None if the fleet is not packed. `rate_limits` counts refused requests and seconds by host.
    """
    context = run.context
    totals, target = totals_of(context), context.parameters.orders_per_side
    short: dict[str, str] = {}
    for book in context.fleet:
        was_read = not book.read_error
        progress = packing_status(book, target, was_read=was_read)
        if progress.reason:
            short[book.wallet.nickname] = progress.reason
    seconds: float | None = None
    if run.packed_at:
        seconds = round(max(0.0, run.packed_at - context.first_send_at), 3) if context.first_send_at else 0.0
    unknown = sum(book.pending.unknown + book.takes.unknown for book in context.fleet)
    return {
        "market": context.market.symbol,
        "orderBook": context.market.address,
        "chainId": context.market.chain_id,
        "runId": context.action_log.run_id,
        "state": run.state.value,
        "block": context.read.block if context.read is not None else 0,
        "wallets": len(context.fleet),
        "takers": sum(book.wallet.role is Role.TAKER for book in context.fleet),
        "target_orders": 2 * target * sum(book.wallet.role is Role.MAKER for book in context.fleet),
        "resting_bids": sum(book.resting(Side.BUY) for book in context.fleet),
        "resting_asks": sum(book.resting(Side.SELL) for book in context.fleet),
        "packed": run.packed,
        "short": short,
        "seconds_to_packed": seconds,
        "seconds_sessions": round(seconds_sessions, 3),
        "sessions_created": totals.sessions_created,
        "sessions_renewed": totals.sessions_renewed,
        "cycles": totals.cycles,
        "rpc_requests": totals.rpc_requests,
        "api_requests": totals.api_requests,
        "trades_sent": totals.sent,
        "rejected": totals.rejected,
        "unknown": unknown,
        "pending": sum(len(book.pending) + len(book.takes) for book in context.fleet) - unknown,
        "late": totals.late,
        "recovery": context.recovery.counts,
        "crossed": totals.crossed,
        "overtaken": totals.overtaken,
        "self_trades": totals.self_trades,
        "taker_trades": totals.taker_trades,
        "modifies": totals.modifies,
        "kept": totals.kept,
        "fills": totals.fills,
        "fills_unknown_from_block": context.trades_block + 1 if context.fills_problem else None,
        "max_utilization": round(totals.max_utilization, 6),
        "errors": totals.errors,
        "read_mismatches": totals.read_mismatches,
        "errors_by_kind": dict(context.counters.errors_by_kind.most_common()),
        "rate_limits": context.rate_limits.totals(),
    }
