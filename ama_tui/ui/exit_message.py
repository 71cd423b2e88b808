"""How the dashboard ended, and the line printed after the terminal is restored."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ama_tui.domain.event import EngineSnapshot
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
    snapshots: Sequence[EngineSnapshot],
    kills: Kills,
    command: CancelCommand,
    *,
    venue_ends: bool = False,
) -> str:
    """What stays open on each market: '118 orders still resting on ETH-USD', or the result of its kill.

    `event` is what happened ('stopped'). `venue_ends` is True for the demo, whose venue ends with it.
    """
    from ama_tui.ui.format import plain

    # The demo's journal is deleted with its venue, so check that the file still exists.
    paths = [snapshot.journal_path for snapshot in snapshots]
    kept = [plain(path) for path in paths if path and Path(path).exists()]
    log = f"; log: {', '.join(kept)}" if kept else ""
    if kills.unproven:
        failed = "; ".join(
            f"kill not proven on {plain(one.market.symbol)}: {plain(one.text)}" for one in kills.unproven
        )
        retry = f"try again: {command.short(*(one.market for one in kills.unproven))}"
        return f"ama-tui: {failed}; {'discarded with the demo venue' if venue_ends else retry}{log}"
    parts = [_left(snapshot, kills, venue_ends=venue_ends) for snapshot in snapshots]
    if len(parts) == 1 and not parts[0].needs_event:
        return f"ama-tui: {parts[0].text}{log}"
    if len(parts) == 1 and parts[0].is_early:
        return f"ama-tui: {event} {parts[0].text}"
    return f"ama-tui: {event}; {'; '.join(part.text for part in parts)}{log}"


class _Left(NamedTuple):
    """What a run leaves on one market."""

    text: str
    needs_event: bool = True
    """The text does not say by itself what happened."""
    is_early: bool = False
    """Nothing was sent."""


def _left(snapshot: EngineSnapshot, kills: Kills, *, venue_ends: bool) -> _Left:
    from ama_tui.ui.format import count, plain

    symbol = "" if snapshot.market is None else plain(snapshot.market.symbol)
    killed = None if snapshot.market is None else kills.reports.get(snapshot.market.address)
    if killed is not None:
        return _Left(f"killed on {symbol}: {plain(killed[1].text)}", needs_event=False)
    if not snapshot.wallets or not snapshot.run_id:
        return _Left(f"before anything was sent on {symbol}", is_early=True)
    if venue_ends:
        return _Left(f"{count(snapshot.resting, 'order')} on {symbol} discarded with the demo venue")
    pending = [
        f"{number} {name}" for number, name in ((snapshot.pending, "pending"), (snapshot.unknown, "unknown")) if number
    ]
    return _Left(", ".join([f"{count(snapshot.resting, 'order')} still resting on {symbol}", *pending]))
