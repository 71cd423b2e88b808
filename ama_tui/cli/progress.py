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
        self._cursors: dict[Publisher, int] = {}
        self._done = threading.Event()
        self._is_quiet = False
        self._held: tuple[EngineSnapshot, ...] = ()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Start showing progress."""
        watch = self._show_bars if self._stream.isatty() else self._show_lines
        self._thread = threading.Thread(target=watch, name="progress", daemon=True)
        self._thread.start()

    def hold(self) -> None:
        """Show the state as it is now until the end: the summary is of the same read."""
        self._held = tuple(publisher.latest for publisher in self._publisher.all)

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
        last: dict[str, str] = {}
        while True:
            is_last = self._done.wait(INTERVAL_S)
            for text in self._new_events():
                print(text, file=self._stream, flush=True)
            for name, snapshot in self._named():
                line = describe(snapshot)
                if line and line != last.get(name) and not self._is_quiet:
                    print(f"{name}{line}", file=self._stream, flush=True)
                    last[name] = line
            if is_last:
                return

    def _show_bars(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bars

        columns = (
            TextColumn("{task.description:10}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}", markup=False),
        )
        with Bars(*columns, console=Console(file=self._stream)) as bars:
            tasks: dict[str, tuple[TaskID, TaskID]] = {}
            is_last = False
            while not is_last:
                is_last = self._done.wait(INTERVAL_S / 2)
                for text in self._new_events():
                    bars.console.print(text, markup=False, highlight=False)
                for name, snapshot in self._named():
                    if name not in tasks:
                        kinds = (name.replace(": ", f" {kind}") or kind for kind in ("sessions", "orders"))
                        first, second = (bars.add_task(kind, total=None, note="") for kind in kinds)
                        tasks[name] = first, second
                    sessions, orders = tasks[name]
                    ready, wallets = sessions_ready(snapshot), len(snapshot.wallets) or None
                    bars.update(sessions, completed=ready, total=wallets)
                    bars.update(
                        orders,
                        completed=snapshot.resting,
                        total=snapshot.target_orders or None,
                        note=_state(snapshot),
                    )

    def _named(self) -> list[tuple[str, EngineSnapshot]]:
        """The latest state of each market, with `ETH-USD: ` before it in a run on several."""
        latest = self._held or tuple(publisher.latest for publisher in self._publisher.all)
        if len(latest) == 1:
            return [("", latest[0])]
        return [(_name(snapshot), snapshot) for snapshot in latest if snapshot.market is not None]

    def _new_events(self) -> list[str]:
        """New errors and run notes. Everything else is only in the journal."""
        lines = []
        for publisher in self._publisher.all:
            self._cursors[publisher], events = publisher.log_since(self._cursors.get(publisher, 0))
            name = _name(publisher.latest) if self._publisher.beside else ""
            shown = (event for event in events if event.is_error or event.action is Action.NOTE)
            lines += [f"{name}{f'{event.nickname}  {event.text}'.strip()}" for event in shown]
        return lines


def _name(snapshot: EngineSnapshot) -> str:
    return "" if snapshot.market is None else f"{snapshot.market.symbol}: "


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
