"""What a steady cycle costs by the size of the fleet: requests, processor time, and time beside a bare client."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from statistics import median
from time import perf_counter, process_time
from unittest.mock import patch

import aiohttp

from ama_tui.config.run_options import RunOptions
from ama_tui.engine.publisher import Publisher
from ama_tui.engine.run.pace import Pace
from ama_tui.engine.run.run import Run
from ama_tui.localnet.options import VenueOptions
from tests.bench.bare_reads import SentRequest, recording, seconds_bare
from tests.bench.figures import Figure, at_most
from tests.bench.fleet import packed_desk
from tests.bench.scale import Scale

LONGEST_WATCH = 120.0
RPC_GOAL, RPC_GOAL_OF_MANY, API_GOAL = at_most(1), at_most(20), at_most(1)
RATIO_GOAL, CPU_GOAL_MS = at_most(1.3), at_most(120)
USDC6_PER_WALLET = 10**11


@dataclass(frozen=True, slots=True)
class Cost:
    """One cycle that neither sent nor awaited an order."""

    rpc: int
    api: int
    cpu_ms: float
    """Processor time of this process; the venue has its own."""
    seconds: float
    bare_seconds: float
    """What a bare client needs for the same requests right after."""


def measure(scale: Scale) -> list[Figure]:
    """Requests, ratio to a bare client and processor time of steady cycles, while the market moves."""
    figures: list[Figure] = []
    for wallets in (scale.wallets, scale.many_wallets, scale.most_wallets):
        costs = asyncio.run(_steady_costs(wallets, scale))
        rpc_goal = RPC_GOAL if wallets == scale.wallets else RPC_GOAL_OF_MANY
        ratio = sum(cost.seconds for cost in costs) / sum(cost.bare_seconds for cost in costs)
        detail = f"{2 * scale.orders_per_side * wallets} orders, {len(costs)} steady cycles"
        cpu_goal = CPU_GOAL_MS if wallets == scale.most_wallets else None
        figures += [
            Figure(
                f"RPC requests a cycle, {wallets} wallets",
                median(cost.rpc for cost in costs),
                "",
                rpc_goal,
                f"{detail}, at most {max(cost.rpc for cost in costs)}",
            ),
            Figure(f"API requests a cycle, {wallets} wallets", max(cost.api for cost in costs), "", API_GOAL),
            Figure(f"time of a cycle to bare reads, {wallets} wallets", ratio, "x", RATIO_GOAL),
            Figure(f"client CPU of a cycle, {wallets} wallets", median(cost.cpu_ms for cost in costs), "ms", cpu_goal),
        ]
    return figures


async def _steady_costs(wallets: int, scale: Scale) -> list[Cost]:
    """What steady cycles cost when each of them meets a new block."""
    seconds = scale.steady_block_time
    parameters = RunOptions(
        min_delay_ms=round(seconds * 500),
        max_delay_ms=round(seconds * 800),
        orders_per_side=scale.orders_per_side,
    )
    venue = VenueOptions(wallets=wallets, block_time=seconds, usdc6=USDC6_PER_WALLET)
    async with packed_desk(venue, Publisher(), parameters) as engine, aiohttp.ClientSession() as client:
        run = engine.run
        assert run is not None
        costs: list[Cost] = []
        with patch.object(Pace, "wait", _for_ever), recording() as sent:
            await asyncio.sleep(2 * seconds)
            async with asyncio.timeout(LONGEST_WATCH):
                while len(costs) < scale.steady_cycles:
                    await _next_block(run)
                    cost = await _cost_of_a_cycle(run, client, sent)
                    if cost is not None:
                        costs.append(cost)
        return costs


async def _for_ever(*_: object) -> None:
    """The run's own cycles stop: the benchmark makes them."""
    await asyncio.Event().wait()


async def _next_block(run: Run) -> None:
    chain = run.context.connections.chain
    block = await chain.block_number()
    while await chain.block_number() == block:  # noqa: ASYNC110 - the node tells nobody
        await asyncio.sleep(0.02)


async def _cost_of_a_cycle(run: Run, client: aiohttp.ClientSession, sent: list[SentRequest]) -> Cost | None:
    """Make a cycle, then send the same requests bare. None if orders were on their way."""
    connections = run.context.connections
    is_steady = not any(book.pending.is_open for book in run.context.fleet)
    rpc, api = connections.chain.stats.requests, connections.api.stats.requests
    sent.clear()
    began, cpu_began = perf_counter(), process_time()
    read = await run.cycle.watch()
    intents = run.cycle.decide(read)
    run.send_queues.load(intents)
    run.publish()
    seconds, cpu_seconds = perf_counter() - began, process_time() - cpu_began
    rpc, api = connections.chain.stats.requests - rpc, connections.api.stats.requests - api
    bare_seconds = await seconds_bare(client, [request for request in sent if request.ended <= began + seconds])
    if intents or not is_steady or any(book.pending for book in run.context.fleet):
        return None
    return Cost(rpc, api, cpu_seconds * 1000, seconds, bare_seconds)
