"""How the dashboard ended, and the last line that is printed once the terminal is restored."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ama_tui.domain.event import EngineSnapshot
    from ama_tui.domain.market import Market
    from ama_tui.engine.engine_api import KillReport


class ExitMessage(NamedTuple):
    """The exit code and the last line ('' for none). `at_once`: the engine was not waited for.

    `failure` is what ended the dashboard against its will, for the command to tell of.
    """

    exit_code: int
    last_line: str = ""
    at_once: bool = False
    failure: Exception | None = None


def last_words(
    verb: str, market: Market, snapshot: EngineSnapshot, report: KillReport | None, *, venue_ends: bool = False
) -> str:
    """What stays open: '118 orders stay resting on ETH-USD', or the proof that nothing does.

    `venue_ends` is True for the demo, whose venue ends with it.
    """
    from ama_tui.ui.format import count, plain

    symbol = plain(market.symbol)
    # The demo's journal goes with its venue; only one that is still there is named.
    path = snapshot.journal_path
    log = f"; log: {plain(path)}" if path and Path(path).exists() else ""
    if report is not None:
        return f"ama-tui: killed on {symbol}: {plain(report.text)}{log}"
    if not snapshot.wallets or not snapshot.run_id:
        return f"ama-tui: {verb} before anything was sent on {symbol}"
    open_now = snapshot.resting
    if venue_ends:
        return f"ama-tui: {verb}; {count(open_now, 'order')} on {symbol} ended with the demo's venue"
    rests = f"{count(open_now, 'order')} {'stays' if open_now == 1 else 'stay'} resting on {symbol}"
    pending = [
        f"{number} {name}"
        for number, name in ((snapshot.pending, "in flight"), (snapshot.unknown, "unknown"))
        if number
    ]
    return f"ama-tui: {verb}; {', '.join([rests, *pending])}{log}"
