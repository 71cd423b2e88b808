"""What a steady cycle costs: its time beside bare reads of the same bytes, its processor time, its requests.

The engine runs in this process, on a venue in another one that notes every request. When a cycle is over, the requests
that it made are sent again by a bare client before the next block comes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median
from time import monotonic

import aiohttp

from ama_tui.config.run_options import RunOptions
from ama_tui.domain.event import EngineSnapshot
from ama_tui.engine.publisher import Publisher
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
MANY_WALLETS = 1000
RATIO_GOAL, CPU_GOAL, API_GOAL = at_most(1.3), at_most(120), at_most(1)
RPC_GOAL, RPC_GOAL_OF_MANY = at_most(1), at_most(20)
_JSON = {"content-type": "application/json"}


@dataclass(frozen=True, slots=True)
class Cost:
    """One steady cycle."""

    seconds: float
    """From its first request until its state was published."""
    bare_seconds: float
    """The same requests, sent again."""
    cpu_ms: float
    rpc: int
    api: int


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


def measure(scale: Scale) -> list[Figure]:
    """The medians of the times and the most requests of a steady cycle, by the size of the fleet."""
    return [figure for fleet in scale.fleets for figure in _figures(fleet, scale)]


def _figures(fleet: SteadyFleet, scale: Scale) -> list[Figure]:
    costs = asyncio.run(_steady_costs(fleet, scale))
    size = f"{fleet.wallets:,} wallets"
    ours, bare = median(one.seconds for one in costs), median(one.bare_seconds for one in costs)
    ratio = median(one.seconds / one.bare_seconds for one in costs)
    orders = 2 * scale.orders_per_side * fleet.wallets
    detail = f"{ours * 1000:.0f} ms, bare {bare * 1000:.0f} ms; {orders:,} orders, {len(costs)} cycles"
    cpu_goal = CPU_GOAL if fleet.wallets == MANY_WALLETS else None
    rpc_goal = RPC_GOAL if fleet.wallets < 100 else RPC_GOAL_OF_MANY
    most = f"at most {max(one.rpc for one in costs)}"
    return [
        Figure(f"steady cycle, {size}, to bare reads", ratio, "×", RATIO_GOAL, detail, Kind.RATIO),
        Figure(f"steady cycle, {size}, client CPU", median(one.cpu_ms for one in costs), "ms", cpu_goal, kind=Kind.CPU),
        Figure(f"RPC requests a cycle, {size}", median(one.rpc for one in costs), "", rpc_goal, most, Kind.COUNT),
        Figure(f"API requests a cycle, {size}", max(one.api for one in costs), "", API_GOAL, kind=Kind.COUNT),
    ]


async def _steady_costs(fleet: SteadyFleet, scale: Scale) -> list[Cost]:
    ends = CycleEnds()
    parameters = RunOptions(
        min_delay_ms=NEVER_MS, max_delay_ms=NEVER_MS, orders_per_side=scale.orders_per_side, wallets=fleet.wallets
    )
    options = VenueOptions(wallets=fleet.wallets, block_time=min(PACKING_BLOCK_TIME, fleet.block_time), traders=False)
    async with packed_engine(options, ends, parameters) as venue, aiohttp.ClientSession() as http:
        await until(lambda: ends.latest.pending == 0, 10)
        await venue.set_block_time(fleet.block_time)
        costs: list[Cost] = []
        for _ in range(ATTEMPTS * scale.steady_cycles):
            cost = await _steady_cost(ends, venue, http, longest_wait=10 * fleet.block_time)
            costs += [cost] if cost is not None else []
            if len(costs) > scale.steady_cycles:
                break
    if len(costs) < 2:
        raise RuntimeError(f"hardly any of {ATTEMPTS * scale.steady_cycles} cycles was steady and could be compared")
    return costs[1:]  # the first one may have found caches cold


async def _steady_cost(
    ends: CycleEnds, venue: WatchedVenue, http: aiohttp.ClientSession, longest_wait: float
) -> Cost | None:
    """The next cycle's cost. None if it was not alone in its block, or a block came while its reads were repeated."""
    await venue.notes()
    ends.ended.clear()
    cpu = time.process_time()
    async with asyncio.timeout(longest_wait):
        await ends.ended.wait()
    at, cpu = ends.at, ends.cpu - cpu
    await asyncio.sleep(SETTLE_S)
    notes = await venue.notes()
    of_cycle = (note for note in notes.reads if note.is_of_a_cycle and note.began < at)
    reads = sorted(of_cycle, key=lambda note: note.began)
    if notes.posts or not reads or ends.at != at or len(notes.blocks) != 1:
        return None
    bare_seconds, is_same = await _repeated(reads, venue, http)
    if not is_same or (await venue.notes()).blocks:
        return None
    api = sum(bool(note.path) for note in reads)
    return Cost(at - reads[0].began, bare_seconds, cpu * 1000, len(reads) - api, api)


async def _repeated(reads: list[ReadNote], venue: WatchedVenue, http: aiohttp.ClientSession) -> tuple[float, bool]:
    """Send the reads again, side by side where they were. Returns the seconds, and whether the answers are as long.

    An answer of the API tells its own age, so its size may differ.
    """

    async def read(note: ReadNote) -> bool:
        if note.path:
            async with http.get(venue.app_url + note.path) as response:
                await response.read()
                return True
        async with http.post(venue.rpc_url, data=note.body.encode(), headers=_JSON) as response:
            return len(await response.read()) == note.size

    began = monotonic()
    same = [one for group in side_by_side(reads) for one in await asyncio.gather(*map(read, group))]
    return monotonic() - began, all(same)


def side_by_side(reads: Iterable[ReadNote]) -> list[list[ReadNote]]:
    """Reads in the order in which they came, in groups: each group began when the one before was answered."""
    groups: list[list[ReadNote]] = []
    for note in reads:
        if groups and note.began < max(one.ended for one in groups[-1]):
            groups[-1].append(note)
        else:
            groups.append([note])
    return groups
