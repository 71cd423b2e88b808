"""The JSON object at the end of a headless run."""

from __future__ import annotations

from collections.abc import Sequence

from ama_tui.domain.fill_quality import HORIZONS_S, Edge
from ama_tui.domain.money import AMOUNT_UNIT, USDC_UNIT
from ama_tui.domain.order import Side
from ama_tui.domain.wallet import Role
from ama_tui.engine.run.packing import packing_status
from ama_tui.engine.run.run import Run
from ama_tui.engine.run.snapshot_builder import snapshot_of, totals_of


def summary_of(run: Run, *, seconds_sessions: float) -> dict[str, object]:
    """The run in numbers, as of its last read of the chain. Seconds are rounded to milliseconds.

    `short` lists the wallets below their target with the reason. `seconds_to_packed` counts from the first order sent:
    0 if none was sent, None if the fleet is not packed. `rate_limits` counts refused requests and seconds by host.
    `pnl` and its parts are of all processes of the run, in USDC, by the mark price and before fees; None while the mark
    or some fills are unknown. `pnl_problem` says why they may be off. `captured_bps` and the markouts are averages over
    the fills of makers in this process, by notional; None before the first.
    """
    context = run.context
    totals, target_orders = totals_of(context), 0
    short: dict[str, str] = {}
    for book in context.fleet:
        targets = context.strategy.targets_of(book.wallet.role)
        target_orders += targets.orders
        progress = packing_status(book, targets, was_read=not book.read_error)
        if progress.reason:
            short[book.wallet.nickname] = progress.reason
    seconds: float | None = None
    if run.packed_at:
        seconds = round(max(0.0, run.packed_at - context.first_send_at), 3) if context.first_send_at else 0.0
    unknown = sum(book.pending.unknown + book.takes.unknown for book in context.fleet)
    return {
        "strategy": context.strategy.name,
        "market": context.market.symbol,
        "orderBook": context.market.address,
        "chainId": context.market.chain_id,
        "runId": context.action_log.run_id,
        "state": run.state.value,
        "block": context.read.block if context.read is not None else 0,
        "wallets": len(context.fleet),
        "takers": sum(book.wallet.role is Role.TAKER for book in context.fleet),
        "target_orders": target_orders,
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
        **_results(run),
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


def _results(run: Run) -> dict[str, object]:
    """What the run's trades have earned, in USDC; the position in units of the base asset."""
    snapshot = snapshot_of(run.context, run.state)
    pnl, mark6 = snapshot.pnl, snapshot.known_mark6
    return {
        "pnl": None if mark6 is None else pnl.result6(mark6) / USDC_UNIT,
        "pnl_realised": None if mark6 is None else pnl.realised6 / USDC_UNIT,
        "pnl_open": None if mark6 is None else pnl.open6(mark6) / USDC_UNIT,
        "pnl_problem": snapshot.pnl_problem or None,
        "position": pnl.position18 / AMOUNT_UNIT,
        "volume": pnl.notional24 / AMOUNT_UNIT / USDC_UNIT,
        "captured_bps": _rounded(snapshot.fill_quality.captured),
        **{
            f"markout_{seconds}s_bps": _rounded(edge)
            for seconds, edge in zip(HORIZONS_S, snapshot.fill_quality.markouts, strict=True)
        },
    }


def _rounded(edge: Edge) -> float | None:
    return None if edge.bps is None else round(edge.bps, 3)


_OF_THE_CONNECTIONS = ("rpc_requests", "api_requests", "rate_limits")
"""Counted for all markets together."""
_THE_MOST = ("seconds_sessions", "max_utilization", "wallets", "block")
"""Figures of the same thing in every market."""
_OF_ONE_MARKET = ("chainId", "position", "captured_bps", *(f"markout_{seconds}s_bps" for seconds in HORIZONS_S))
"""Figures that mean nothing when they are added up."""


def summary_of_all(runs: Sequence[Run], *, seconds_sessions: float) -> dict[str, object]:
    """The run in numbers: its only market's, or `markets` with one object each, and `totals` of everything that can be
    added up.
    """
    summaries = [summary_of(run, seconds_sessions=seconds_sessions) for run in runs]
    if len(summaries) == 1:
        return summaries[0]
    totals: dict[str, object] = {"packed": all(summary["packed"] for summary in summaries)}
    for key, value in summaries[0].items():
        values = [summary[key] for summary in summaries]
        numbers = [one for one in values if isinstance(one, int | float) and not isinstance(one, bool)]
        if key in _OF_THE_CONNECTIONS:
            totals[key] = value
        elif key == "seconds_to_packed":
            totals[key] = max(numbers) if len(numbers) == len(values) else None
        elif len(numbers) == len(values) and key not in _OF_ONE_MARKET:
            totals[key] = max(numbers) if key in _THE_MOST else sum(numbers)
    markets = [
        {key: value for key, value in summary.items() if key not in _OF_THE_CONNECTIONS} | {"reason": run.reason}
        for run, summary in zip(runs, summaries, strict=True)
    ]
    return {"markets": markets, "totals": totals}
