"""Progress of a headless run on stderr: bars on a terminal, else plain lines."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self, TextIO

from ama_tui.domain.event import Action, EngineSnapshot, EngineState, SessionState
from ama_tui.engine.publisher import Publisher

INTERVAL_S = 0.5


class Progress:
    """Shows the publisher's latest state from its own thread, from `begin` to `close`."""

    def __init__(self, publisher: Publisher, stream: TextIO) -> None:
        self._publisher = publisher
        self._stream = stream
        self._cursor = 0
        self._done = threading.Event()
        self._is_quiet = False
        self._held: EngineSnapshot | None = None
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Start showing progress."""
        watch = self._show_bars if self._stream.isatty() else self._show_lines
        self._thread = threading.Thread(target=watch, name="progress", daemon=True)
        self._thread.start()

    def hold(self) -> None:
        """Show the state as it is now until the end: the summary is of the same read."""
        self._held = self._publisher.latest

    def close(self, *, quietly: bool = False) -> None:
        """Show the final state (quietly: only remaining log lines) and stop. Can be called twice."""
        self._is_quiet = quietly
        self._done.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(quietly=error is not None)  # the error is printed elsewhere

    def _show_lines(self) -> None:
        last = ""
        while True:
            is_last = self._done.wait(INTERVAL_S)
            for text in self._new_events():
                print(text, file=self._stream, flush=True)
            line = describe(self._latest)
            if line and line != last and not self._is_quiet:
                print(line, file=self._stream, flush=True)
                last = line
            if is_last:
                return

    def _show_bars(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bars

        columns = (
            TextColumn("{task.description:10}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}", markup=False),
        )
        with Bars(*columns, console=Console(file=self._stream)) as bars:
            sessions = bars.add_task("sessions", total=None, note="")
            orders = bars.add_task("orders", total=None, note="")
            is_last = False
            while not is_last:
                is_last = self._done.wait(INTERVAL_S / 2)
                snapshot = self._latest
                for text in self._new_events():
                    bars.console.print(text, markup=False, highlight=False)
                ready, wallets = sessions_ready(snapshot), len(snapshot.wallets) or None
                bars.update(sessions, completed=ready, total=wallets)
                bars.update(
                    orders,
                    completed=snapshot.resting,
                    total=snapshot.target_orders or None,
                    note=_state(snapshot),
                )

    @property
    def _latest(self) -> EngineSnapshot:
        return self._held or self._publisher.latest

    def _new_events(self) -> list[str]:
        """New errors and run notes. Everything else is only in the journal."""
        self._cursor, events = self._publisher.log_since(self._cursor)
        shown = (event for event in events if event.is_error or event.action is Action.NOTE)
        return [f"{event.nickname}  {event.text}".strip() for event in shown]


def sessions_ready(snapshot: EngineSnapshot) -> int:
    """Number of wallets with a valid session."""
    return sum(1 for row in snapshot.wallets if row.session is SessionState.VALID)


def describe(snapshot: EngineSnapshot) -> str:
    """Describe the run in one line; '' before its wallets are known."""
    if not snapshot.wallets:
        return ""
    if snapshot.state is EngineState.PREPARING or not snapshot.run_id:
        return f"{_state(snapshot)}: sessions {sessions_ready(snapshot)}/{len(snapshot.wallets)}"
    return (
        f"{_state(snapshot)}: resting {snapshot.resting}/{snapshot.target_orders}, "
        f"pending {snapshot.pending}, unknown {snapshot.unknown}, block {snapshot.block}"
    )


def _state(snapshot: EngineSnapshot) -> str:
    state = snapshot.state.value.lower()
    notes = [wait.text(wait.asked_s) for wait in snapshot.rate_limits]
    if snapshot.reason:
        notes.insert(0, snapshot.reason)
    if snapshot.state is EngineState.NO_NEW:
        notes.append(snapshot.way_out)
    return f"{state} ({'; '.join(notes)})" if notes else state
