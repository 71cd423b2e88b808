"""`python -m tests.ui.record`: run the real engine on a real venue and keep what it published, for the snapshots.

It takes about three minutes. Afterwards every snapshot shows other prices and times, so update them all:
`python -m pytest tests/ui/test_snapshots.py --snapshot-update`, and look at what changed.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from ama_tui.cli.arguments import Arguments
from ama_tui.cli.wiring import open_host, wallets_source
from ama_tui.config.run_options import RunOptions
from ama_tui.domain.event import EngineSnapshot, EngineState, LogEvent, SessionState
from ama_tui.domain.market import Book, Market, Quote
from ama_tui.domain.parameters import Parameters
from ama_tui.engine.engine_api import EngineApi, KillReport, StartRequest
from ama_tui.engine.host import EngineHost
from ama_tui.localnet.options import VenueOptions
from ama_tui.localnet.process import VenueProcess
from tests.ui.recording import FILE, Moment, Recording, fleet_in_one_row, save

T = TypeVar("T")

VENUE = VenueOptions(wallets=10, block_time=1.0, seed=1)
PATIENCE = 120.0
WARM_UP = 10.0
"""Seconds that the traders have the book to themselves."""
COURSE, STEP = 45, 2.0
"""How many points of the run are kept, this many seconds apart."""
EVENTS = 60
"""This many of the latest events are kept."""


def main() -> int:
    """Record a run, store it, and print its size."""
    with TemporaryDirectory(prefix="ama-record-") as name:
        os.chdir(name)
        with _engine() as engine:
            problems = engine.ask(_problems)
        directory = Path(name)
        with VenueProcess.spawn(VENUE, directory, directory / "venue.log"), _engine() as engine:
            recording = _record(engine, problems)
        os.chdir(FILE.parent.parent)
    save(recording)
    print(f"{FILE.name}  {FILE.stat().st_size / 1000:.0f} kB, {len(recording.events)} events")
    return 0


class _Engine:
    """The real engine on its own thread, asked from this one."""

    def __init__(self, host: EngineHost) -> None:
        self._host = host

    @property
    def latest(self) -> EngineSnapshot:
        return self._host.publisher.latest

    @property
    def moment(self) -> Moment:
        return Moment(round(time.time(), 1), self.latest)

    def ask(self, action: Callable[[EngineApi], Awaitable[T]]) -> T:
        return self._host.call(action).result(PATIENCE)

    def until(self, is_so: Callable[[EngineSnapshot], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not is_so(self.latest):
            if time.monotonic() > deadline:
                raise TimeoutError("the run did not get that far")
            time.sleep(0.1)

    def prepared(self, request: StartRequest) -> Moment:
        """Start a run; returns the moment when about half of its wallets had sessions."""
        started = self._host.call(lambda engine: engine.start(request))
        best = self.moment
        while not started.done():
            best = max(best, self.moment, key=lambda moment: _half_ready(moment.snapshot))
            time.sleep(0.02)
        started.result()
        return best

    def kill(self) -> KillReport:
        return self._host.kill_now().result(PATIENCE)

    def events(self) -> tuple[LogEvent, ...]:
        return self._host.publisher.log_since(0)[1]


@contextmanager
def _engine() -> Iterator[_Engine]:
    """The engine of `ama-tui` in the working directory."""
    host = open_host(Arguments(run=RunOptions(wallets=VENUE.wallets)), wallets_source(Arguments()))
    host.start()
    try:
        yield _Engine(host)
    finally:
        host.close(PATIENCE)


async def _problems(engine: EngineApi) -> tuple[str, ...]:
    await engine.open()
    return tuple(engine.problem_lines)


def _without_orders(moment: Moment) -> Moment:
    """The part of a moment that the parameter screen of a paused run needs."""
    rows = tuple(replace(row, orders=()) for row in moment.snapshot.wallets)
    return replace(moment, snapshot=replace(moment.snapshot, wallets=rows, book=Book()))


def _half_ready(snapshot: EngineSnapshot) -> tuple[bool, int]:
    """How good a picture of the preparation this is: some sessions being created, others ready."""
    states = [row.session for row in snapshot.wallets]
    creating, valid = states.count(SessionState.CREATING), states.count(SessionState.VALID)
    return creating > 0, min(creating, valid)


async def _quote(market: Market, engine: EngineApi) -> Quote:
    return await engine.quote(market)


def _record(engine: _Engine, problems: tuple[str, ...]) -> Recording:
    """The whole path: list, plan, sessions, a packed fleet, pause, stop, resume, kill."""
    label = engine.ask(_label)
    time.sleep(WARM_UP)
    opened = time.time()
    markets = engine.ask(lambda engine: engine.markets())
    quotes = {market.address: engine.ask(partial(_quote, market)) for market in markets}
    fresh = StartRequest(markets[0], Parameters(), resume=False, wallets=VENUE.wallets)
    resumed = replace(fresh, resume=True)
    fresh_plan = engine.ask(lambda engine: engine.preview(fresh))
    preparing = engine.prepared(fresh)
    course = []
    for _ in range(COURSE):
        time.sleep(STEP)
        course.append(Moment(round(time.time(), 1), fleet_in_one_row(engine.latest)))
    engine.until(lambda snapshot: snapshot.packed and snapshot.totals.fills > 0)
    live, events = engine.moment, engine.events()
    engine.ask(lambda engine: engine.pause())
    engine.until(lambda snapshot: snapshot.state is EngineState.PAUSED and snapshot.block > live.snapshot.block)
    paused = _without_orders(engine.moment)
    paused_plan = engine.ask(lambda engine: engine.preview(resumed))
    engine.ask(lambda engine: engine.stop())
    stored_at = time.time()
    stored = engine.ask(lambda engine: engine.stored_run(markets[0]))
    if stored is None:
        raise RuntimeError("nothing was stored of the run")
    resumed_plan = engine.ask(lambda engine: engine.preview(resumed))
    engine.prepared(resumed)
    engine.until(lambda snapshot: snapshot.state is EngineState.RUNNING and snapshot.packed)
    report = engine.kill()
    return Recording(
        problems=problems, environment_label=label, opened=round(opened, 1), markets=markets, quotes=quotes,
        fresh_plan=fresh_plan, preparing=preparing, course=tuple(course), live=live, events=events[-EVENTS:],
        paused=paused, paused_plan=paused_plan, stored=stored, stored_at=round(stored_at, 1),
        resumed_plan=resumed_plan, killed=engine.moment, report=report,
    )  # fmt: skip


async def _label(engine: EngineApi) -> str:
    await engine.open()
    return engine.environment_label


if __name__ == "__main__":
    sys.exit(main())
