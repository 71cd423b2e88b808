"""How the dashboard ended, and the line printed after the terminal is restored."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ama_tui.domain.event import EngineSnapshot
    from ama_tui.domain.market import Market
    from ama_tui.ui.kills import CancelCommand, Kills


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
    event: str,
    market: Market,
    snapshot: EngineSnapshot,
    kills: Kills,
    command: CancelCommand,
    *,
    venue_ends: bool = False,
) -> str:
    """What stays open: '118 orders still resting on ETH-USD', or the result of the kills.

    `event` is what happened ('stopped'). `venue_ends` is True for the demo, whose venue ends with it.
    """
    from ama_tui.ui.format import count, plain

    symbol = plain(market.symbol)
    # The demo's journal is deleted with its venue, so check that the file still exists.
    path = snapshot.journal_path
    log = f"; log: {plain(path)}" if path and Path(path).exists() else ""
    if kills.unproven:
        failed = "; ".join(
            f"kill not proven on {plain(one.market.symbol)}: {plain(one.text)}" for one in kills.unproven
        )
        retry = f"try again: {command.short(*(one.market for one in kills.unproven))}"
        return f"ama-tui: {failed}; {'discarded with the demo venue' if venue_ends else retry}{log}"
    if kills.report is not None:
        return f"ama-tui: killed on {symbol}: {plain(kills.report.text)}{log}"
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
