"""Weeks of simulated time in minutes: the engine and its state directory as ever, its clocks and its venue simulated.

Sessions last a day, so each wallet renews its own every day; orders are filled all the time. The samples are in
`simulated.jsonl` of the run's directory; their seconds are simulated ones.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psutil

from ama_tui.config.paths import StatePaths
from ama_tui.config.run import RunConfig
from ama_tui.domain.parameters import Parameters
from ama_tui.domain.wallet import FleetWallet
from ama_tui.engine.connections import Connections
from ama_tui.engine.freeze import Freeze
from ama_tui.engine.publisher import Publisher
from ama_tui.engine.run.common import Common
from ama_tui.engine.run.run import Run
from ama_tui.engine.run.startup import RunRequest, Startup
from ama_tui.engine.run.stop_condition import StopCondition
from ama_tui.store.journal.group_sync import GroupSync
from ama_tui.store.journal.quick_lines import LineCounter
from ama_tui.store.journal.reader import Scan
from ama_tui.store.journal.writer import Journal
from ama_tui.store.state_store import StateStore
from tests.engine.process import engine_on
from tests.engine.samples import MARKET
from tests.engine.virtual_time import VirtualLoop, run_virtually
from tests.soak.samples import Sample
from tests.soak.simulated_venue import DAY_S, LongVenue, long_venue
from tests.soak.verdicts import MEMORY_RISE, Verdict, of_engine, of_process, rises

NAME = "simulated"
CALM_LIMIT_S = 3600.0
PAUSE_MS = (60_000, 180_000)
"""Between two cycles without news."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How long and how large, how often orders are taken, things fail and samples are made."""

    days: float = 30.0
    wallets: int = 10
    per_side: int = 3
    session_hours: float = 24.0
    round_s: float = 240.0
    fail_every_s: float = DAY_S
    every_s: float = 7200.0
    segment_bytes: int = 8 * 1024 * 1024
    seed: int = 1


def soak(scale: Scale, directory: Path) -> list[Verdict]:
    """Live through all of it, and judge what was sampled."""
    directory.mkdir(parents=True, exist_ok=True)
    with _small_files(scale.segment_bytes), _journal_on_the_loop():
        life = run_virtually(lambda clock: _live(clock, scale, directory))
    return [
        *of_process(NAME, life.samples),
        rises(f"{NAME}: blocks of memory, thousands", life.samples, lambda one: one.blocks / 1000, MEMORY_RISE),
        *of_engine(NAME, life.samples),
        _renewals(scale, life.samples[-1].renewals),
        Verdict(f"{NAME}: packed once it is calm", life.run.packed, life.run.reason),
        _journal(life.journal),
    ]


@dataclass(slots=True, repr=False)  # asyncio would write out the whole run with its result
class Life:
    """A run, and what was sampled of it."""

    run: Run
    clock: Callable[[], float]
    journal: Path
    samples: list[Sample] = field(default_factory=list)
    _process: psutil.Process = field(default_factory=psutil.Process)
    _cpu_before: float = field(default_factory=time.process_time)
    _cycles_before: int = 0

    async def sample_every(self, seconds: float, kept_in: Path) -> None:
        began = self.clock()
        while True:
            await asyncio.sleep(seconds)
            self.samples.append(self._sample(self.clock() - began))
            with kept_in.open("a") as lines:
                lines.write(json.dumps(asdict(self.samples[-1])) + "\n")
            self._cpu_before = time.process_time()

    def _sample(self, seconds: float) -> Sample:
        cpu = time.process_time() - self._cpu_before
        gc.collect()
        counters, totals = self.run.context.counters, self.run.context.counters.totals
        cycles, self._cycles_before = totals.cycles - self._cycles_before, totals.cycles
        return Sample(
            seconds=seconds,
            rss=self._process.memory_info().rss,
            blocks=sys.getallocatedblocks(),
            fds=self._process.num_fds(),
            threads=threading.active_count(),
            tasks=len(asyncio.all_tasks()),
            cpu=cpu,
            cycles=cycles,
            news=self.run.context.news,
            fills=totals.fills,
            crossed=totals.crossed,
            errors=dict(counters.errors_by_kind),
            renewals=totals.sessions_renewed,
            journal_files=len(_journal_files(self.journal)),
        )


async def _live(clock: Callable[[], float], scale: Scale, directory: Path) -> Life:
    """Prepare, run for all the days, calm down and pack, stop."""
    request = _request(scale, directory)
    settle_after = request.config.settle_after_s
    venue = long_venue(clock, scale.seed, settle_after, round_s=scale.round_s, fail_every_s=scale.fail_every_s)
    with engine_on(clock):
        blocks = asyncio.create_task(venue.produce_blocks())
        store = await asyncio.to_thread(StateStore.open, request.paths, fresh=True)
        connections = _connections(venue)
        startup = Startup(
            request, connections, Publisher(), Freeze().of(request.market.address), store, Common(connections)
        )
        await startup.check()
        run = await startup.prepare()
        life = Life(run, clock, request.paths.journal)
        ending = StopCondition(at=clock() + scale.days * DAY_S + CALM_LIMIT_S)
        sampling = asyncio.create_task(life.sample_every(scale.every_s, directory / f"{NAME}.jsonl"))
        others = {blocks, sampling, asyncio.create_task(venue.trade())}
        cycling = asyncio.create_task(run.cycle_on(ending))
        await _first_of({cycling, *others}, scale.days * DAY_S)
        sampling.cancel()
        venue.is_calm = ending.when_packed = True
        await cycling
        blocks.cancel()
        await run.stop()
        await asyncio.to_thread(store.close)
    return life


async def _first_of(tasks: set[asyncio.Task[None]], timeout: float) -> None:
    """Wait; a task that ends before its time has failed, and its error is raised."""
    ended, _ = await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    for task in ended:
        task.result()


def _request(scale: Scale, directory: Path) -> RunRequest:
    parameters = Parameters.of(orders_per_side=scale.per_side, min_delay_ms=PAUSE_MS[0], max_delay_ms=PAUSE_MS[1])
    wallets = tuple(FleetWallet(index, f"User{index}", f"0x{index + 1:040x}") for index in range(scale.wallets))
    return RunRequest(
        MARKET,
        RunConfig(parameters=parameters, wallets=scale.wallets, session_hours=scale.session_hours),
        wallets,
        StatePaths(directory / "state", MARKET.chain_id, MARKET.address),
        directory / "runtime",
        resume=False,
    )


def _connections(venue: LongVenue) -> Connections:
    one: Any = venue
    return Connections(one, one, one, MARKET.chain_id, "0x" + "5e" * 20, str(MARKET.chain_id), push=one.push)


@contextmanager
def _journal_on_the_loop() -> Iterator[None]:
    """While a line is synced on the journal's thread, simulated time stands still."""
    wait_durable = GroupSync.wait_durable

    async def wait(sync: GroupSync, position: int) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        with loop.elsewhere():
            await wait_durable(sync, position)

    with patch.object(GroupSync, "wait_durable", wait):
        yield


@contextmanager
def _small_files(segment_bytes: int) -> Iterator[None]:
    """Journals opened meanwhile have files of this size."""
    with patch.object(Journal, "open", partial(Journal.open, segment_bytes=segment_bytes)):
        yield


def _journal_files(journal: Path) -> list[Path]:
    return list(journal.parent.glob("actions*.jsonl"))


def _renewals(scale: Scale, renewals: int) -> Verdict:
    """Each wallet's session is renewed before it expires, and not much more often."""
    due = int(24 * scale.days / scale.session_hours - 1) * scale.wallets
    is_due = due <= renewals <= 1.5 * due + 2 * scale.wallets
    return Verdict(f"{NAME}: renewals", is_due, f"{renewals}, at least {due} due")


def _journal(journal: Path) -> Verdict:
    """Is the journal whole, and has it been numbered?"""
    scan, files = Scan(journal, keep_going=True, counter=LineCounter()).finish(), len(_journal_files(journal))
    is_whole = not scan.faults and scan.truncated_at is None
    seen = f"{files} files, {scan.lines:,} lines, {len(scan.faults)} faults"
    return Verdict(f"{NAME}: journal", is_whole and files > 1, seen)
