"""How the dashboard ended, and the line printed after the terminal is restored."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ama_tui.domain.event import EngineSnapshot
    from ama_tui.domain.market import Market
    from ama_tui.engine.engine_api import KillReport


class ExitMessage(NamedTuple):
    """How the dashboard ended."""

    exit_code: int
    last_line: str = ""
    """Printed after the terminal is restored; '' for none."""
    is_forced: bool = False
    """The operator did not wait for the engine: end the process without joining its threads."""
    failure: Exception | None = None
    """The internal error that ended the dashboard; the command reports it."""


def exit_line(
    event: str, market: Market, snapshot: EngineSnapshot, report: KillReport | None, *, venue_ends: bool = False
) -> str:
    """What stays open: '118 orders stay on the book on ETH-USD', or the result of the kill.

    `event` is what happened ('stopped'). `venue_ends` is True for the demo, whose venue ends with it.
    """
    from ama_tui.ui.format import count, plain

    symbol = plain(market.symbol)
    # The demo's journal is deleted with its venue, so check that the file still exists.
    path = snapshot.journal_path
    log = f"; log: {plain(path)}" if path and Path(path).exists() else ""
    if report is not None and not report.is_proven:
        command = f"ama-tui cancel-all --market {plain(market.address)}"
        return f"ama-tui: kill not proven on {symbol}: {plain(report.text)}; try again: {command}{log}"
    if report is not None:
        return f"ama-tui: killed on {symbol}: {plain(report.text)}{log}"
    if not snapshot.wallets or not snapshot.run_id:
        return f"ama-tui: {event} before anything was sent on {symbol}"
    open_now = snapshot.resting
    if venue_ends:
        return f"ama-tui: {event}; {count(open_now, 'order')} on {symbol} discarded with the demo venue"
    resting = f"{count(open_now, 'order')} still resting on {symbol}"
    pending = [
        f"{number} {name}" for number, name in ((snapshot.pending, "pending"), (snapshot.unknown, "unknown")) if number
    ]
    return f"ama-tui: {event}; {', '.join([resting, *pending])}{log}"
