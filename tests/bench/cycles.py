"""What a steady cycle costs: its time beside bare reads of the same bytes, its processor time, its requests.

The engine runs in this process, on a venue in another one that notes every request. A bare client repeats the requests
of a cycle at a later block. Both begin at the moment when the engine begins a cycle, as the first to read that block:
right after a block a venue answers more slowly, and what it has answered once it has at hand.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from time import monotonic

import aiohttp

from ama_tui.config.run_options import RunOptions
from ama_tui.domain.event import EngineSnapshot
from ama_tui.domain.reading import FleetRead
from ama_tui.engine.publisher import Publisher
from ama_tui.engine.run.cycle import Cycle
from ama_tui.localnet.options import VenueOptions
from tests.bench.figures import Figure, Kind, at_most
from tests.bench.fleet import packed_engine, until
from tests.bench.scale import Scale, SteadyFleet
from tests.bench.venue_process import ReadNote, WatchedVenue

PACKING_BLOCK_TIME = 1.0
ATTEMPTS = 4
"""Cycles to look at, for each that is needed."""
SETTLE_S = 0.05
"""After a cycle's end, before it is looked at: what it still sends goes out."""
NEVER_MS = 600_000
"""The pause between cycles that no block starts: every cycle here is started by a block."""
MOST_OTHER_BYTES = 100
"""How much longer or shorter the same answer may be at another block."""
MANY_WALLETS = 1000
RATIO_GOAL, CPU_GOAL, API_GOAL = at_most(1.3), at_most(120), at_most(1)
RPC_GOAL, RPC_GOAL_OF_MANY = at_most(1), at_most(20)
_JSON = {"content-type": "application/json"}


@dataclass(frozen=True, slots=True)
class Cost:
    """One steady cycle."""

    seconds: float
    """From its begin until its state was published."""
    cpu_ms: float
    reads: list[ReadNote]

    @property
    def api(self) -> int:
        """The number of requests to the API."""
        return sum(bool(note.path) for note in self.reads)

    @property
    def rpc(self) -> int:
        """The number of requests to the node."""
        return len(self.reads) - self.api


class CycleEnds(Publisher):
    """Notes when cycles end, on the monotonic clock and in processor time."""

    def __init__(self) -> None:
        super().__init__()
        self.ended = asyncio.Event()
        self.at = self.cpu = 0.0

    def publish(self, snapshot: EngineSnapshot) -> None:
        is_cycle = snapshot.totals.cycles > self.latest.totals.cycles
        super().publish(snapshot)
        if is_cycle:
            self.at, self.cpu = monotonic(), time.process_time()
            self.ended.set()


@dataclass(slots=True)
class CycleBegins:
    """Notes when cycles begin, and lets something else go first."""

    at: float = 0.0
    goes_first: Callable[[], Awaitable[None]] | None = None

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Watch the cycles of every engine of this process."""
        watch = Cycle.watch

        async def watching(cycle: Cycle) -> FleetRead:
            self.at = monotonic()
            if self.goes_first is not None:
                await self.goes_first()
            return await watch(cycle)

        Cycle.watch = watching  # type: ignore[method-assign,assignment]
        try:
            yield
        finally:
            Cycle.watch = watch  # type: ignore[method-assign]


def measure(scale: Scale) -> list[Figure]:
    """The medians of the times and the most requests of a steady cycle, by the size of the fleet."""
    return [figure for fleet in scale.fleets for figure in _figures(fleet, scale)]


def _figures(fleet: SteadyFleet, scale: Scale) -> list[Figure]:
    costs, bare_seconds = asyncio.run(_steady_costs(fleet, scale))
    size = f"{fleet.wallets:,} wallets"
    ours, bare = median(one.seconds for one in costs), median(bare_seconds)
    orders = 2 * scale.orders_per_side * fleet.wallets
    detail = f"{ours * 1000:.1f} ms, bare {bare * 1000:.1f} ms; {orders:,} orders, {len(costs)} cycles"
    cpu_goal = CPU_GOAL if fleet.wallets == MANY_WALLETS else None
    rpc_goal = RPC_GOAL if fleet.wallets < 100 else RPC_GOAL_OF_MANY
    most = f"at most {max(one.rpc for one in costs)}"
    return [
        Figure(f"steady cycle, {size}, to bare reads", ours / bare, "×", RATIO_GOAL, detail, Kind.RATIO),
        Figure(f"steady cycle, {size}, client CPU", median(one.cpu_ms for one in costs), "ms", cpu_goal, kind=Kind.CPU),
        Figure(f"RPC requests a cycle, {size}", median(one.rpc for one in costs), "", rpc_goal, most, Kind.COUNT),
        Figure(f"API requests a cycle, {size}", max(one.api for one in costs), "", API_GOAL, kind=Kind.COUNT),
    ]


async def _steady_costs(fleet: SteadyFleet, scale: Scale) -> tuple[list[Cost], list[float]]:
    """Cycles, and how long a bare client took for the requests of each, in seconds."""
    begins, ends = CycleBegins(), CycleEnds()
    parameters = RunOptions(
        min_delay_ms=NEVER_MS, max_delay_ms=NEVER_MS, orders_per_side=scale.orders_per_side, wallets=fleet.wallets
    )
    options = VenueOptions(wallets=fleet.wallets, block_time=min(PACKING_BLOCK_TIME, fleet.block_time), traders=False)
    async with packed_engine(options, ends, parameters) as venue, aiohttp.ClientSession() as http:
        await until(lambda: ends.latest.pending == 0, 10)
        await venue.set_block_time(fleet.block_time)
        bench = _Bench(begins, ends, venue, http, longest_wait=10 * fleet.block_time)
        costs: list[Cost] = []
        bare: list[float] = []
        with begins.watched():
            for _ in range(ATTEMPTS * scale.steady_cycles):
                cost = await bench.cycle()
                seconds = None if cost is None else await bench.bare(cost.reads)
                if cost is not None and seconds is not None:
                    costs.append(cost)
                    bare.append(seconds)
                if len(costs) > scale.steady_cycles:
                    break
                await bench.skip(len(costs) % 2)  # a venue may have some answers ready at every other block
    if len(costs) < 2:
        raise RuntimeError(f"hardly any of {ATTEMPTS * scale.steady_cycles} cycles was steady and could be compared")
    return costs[1:], bare[1:]  # the first one may have found caches cold


@dataclass(frozen=True, slots=True)
class _Bench:
    """An engine's cycles on a watched venue, and a bare client beside it."""

    begins: CycleBegins
    ends: CycleEnds
    venue: WatchedVenue
    http: aiohttp.ClientSession
    longest_wait: float

    async def cycle(self) -> Cost | None:
        """The next cycle's cost. None if it was not alone in its block, or if anything was sent."""
        await self.venue.notes()
        cpu = time.process_time()
        await self.skip(1)
        at, cpu = self.ends.at, self.ends.cpu - cpu
        await asyncio.sleep(SETTLE_S)
        notes = await self.venue.notes()
        of_cycle = (note for note in notes.reads if note.is_of_a_cycle and note.began < at)
        reads = sorted(of_cycle, key=lambda note: note.began)
        if notes.posts or not reads or self.ends.at != at or len(notes.blocks) != 1:
            return None
        return Cost(at - self.begins.at, cpu * 1000, reads)

    async def bare(self, reads: list[ReadNote]) -> float | None:
        """The seconds that the same requests take when the next cycle would begin; None if the answers differ much."""
        seconds, same = 0.0, False

        async def repeat() -> None:
            nonlocal seconds, same
            self.begins.goes_first = None
            began = monotonic()
            same = await self._repeated(reads)
            seconds = monotonic() - began

        self.begins.goes_first = repeat
        await self.skip(1)
        return seconds if same else None

    async def skip(self, cycles: int) -> None:
        """Wait until as many cycles have ended."""
        for _ in range(cycles):
            self.ends.ended.clear()
            async with asyncio.timeout(self.longest_wait):
                await self.ends.ended.wait()

    async def _repeated(self, reads: list[ReadNote]) -> bool:
        """Send the reads again, side by side where they were. Returns whether the answers are about as long.

        They name another block, and an answer of the API tells its own age.
        """
        same = [one for group in side_by_side(reads) for one in await asyncio.gather(*map(self._read, group))]
        return all(same)

    async def _read(self, note: ReadNote) -> bool:
        if note.path:
            request = self.http.get(self.venue.app_url + note.path)
        else:
            request = self.http.post(self.venue.rpc_url, data=note.body.encode(), headers=_JSON)
        async with request as response:
            size = len(await response.read())
        return abs(size - note.size) <= MOST_OTHER_BYTES


def side_by_side(reads: Iterable[ReadNote]) -> list[list[ReadNote]]:
    """Reads in the order in which they came, in groups: each group began when the one before was answered."""
    groups: list[list[ReadNote]] = []
    for note in reads:
        if groups and note.began < max(one.ended for one in groups[-1]):
            groups[-1].append(note)
        else:
            groups.append([note])
    return groups
