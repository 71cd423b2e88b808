"""What a cycle reads: a part of the fleet, which never differs from all of it, and all of it on any doubt."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from ama_tui.domain.parameters import Parameters
from ama_tui.domain.plan import Place
from ama_tui.domain.reading import FleetRead
from ama_tui.engine.run.fleet_reads import ROUND_CYCLES, ROUND_S
from ama_tui.strategies.registry import strategy
from tests.engine.process import MemoryJournal, Process, engine_on
from tests.engine.simulated import SimulatedVenue
from tests.engine.virtual_time import run_virtually
from tests.sizes import size

WALLETS = tuple(f"0x{number:040x}" for number in range(1, 21))
SETTLE_AFTER = 5.0
SMALL_ROOM = 20
"""Calls in one request: for two or three of the wallets."""


class World:
    """A fleet that is packed, on a chain that it reads in parts."""

    def __init__(self, clock: Callable[[], float], seed: int) -> None:
        self.dice = random.Random(seed)
        self.venue = SimulatedVenue(clock, self.dice, SETTLE_AFTER, room=SMALL_ROOM)
        parameters = Parameters.of(orders_per_side=1)
        self.process = Process(self.venue, MemoryJournal(), WALLETS, parameters, clock, SETTLE_AFTER)

    async def cycle(self) -> FleetRead:
        await self.process.look()
        await self.process.send_queues.idle(60.0)
        assert self.process.run.read is not None
        return self.process.run.read

    async def packed(self) -> None:
        for _ in range(4):
            await self.cycle()
            self.venue.mine()
            await asyncio.sleep(1.0)
        assert len(self.venue.head.orders) == 2 * len(WALLETS)
        for _ in range(ROUND_CYCLES):
            await self.cycle()

    async def differing(self, read: FleetRead) -> list[str]:
        """The wallets whose orders are others on the chain at the read's block."""
        assert read.block == self.venue.height
        whole = await self.venue.read_fleet(wallets=[(address, None) for address in WALLETS])
        return [
            address for address in WALLETS if set(whole.wallets[address].orders) != set(read.wallets[address].orders)
        ]

    @property
    def mismatches(self) -> int:
        return self.process.run.counters.totals.read_mismatches

    def change_something(self) -> None:
        orders = list(self.venue.head.orders.values())
        for order in self.dice.sample(orders, min(len(orders), self.dice.randint(0, 4))):
            what = self.dice.random()
            if what < 0.4:
                self.venue.take(order, order.amount18)
            elif what < 0.7:
                self.venue.take(order, order.amount18 // 3)
            else:
                self.venue.cancel_elsewhere(order)


def run(seed: int, steps: Callable[[World], Awaitable[None]]) -> None:
    async def main(clock: Callable[[], float]) -> None:
        with engine_on(clock):
            world = World(clock, seed)
            await world.packed()
            await steps(world)

    run_virtually(main)


@given(st.integers(0, 2**32))
@settings(max_examples=size(30, 300))
def test_what_is_read_in_parts_equals_a_read_of_everything(seed: int) -> None:
    async def steps(world: World) -> None:
        parts = 0
        for _ in range(12):
            world.change_something()
            world.venue.mine()
            read = await world.cycle()
            assert await world.differing(read) == []
            parts += read.fresh is not None
            await asyncio.sleep(0.5)
        assert parts > 0
        assert world.mismatches == 0

    run(seed, steps)


def test_quiet_fleet_is_read_round_by_round() -> None:
    async def steps(world: World) -> None:
        seen: set[str] = set()
        for _ in range(ROUND_CYCLES):
            world.venue.mine()
            read = await world.cycle()
            assert read.fresh is not None
            assert len(read.fresh) <= 5
            seen |= read.fresh
        assert seen == set(WALLETS)

    run(1, steps)


def test_wallets_that_are_due_together_and_do_not_fit_are_read_in_the_next_cycles() -> None:
    async def steps(world: World) -> None:
        world.venue.room = 5
        last = dict.fromkeys(WALLETS, 0)
        for number in range(1, 15):
            await asyncio.sleep(ROUND_S * 0.4)
            world.venue.mine()
            read = await world.cycle()
            assert read.fresh is not None
            last |= dict.fromkeys(read.fresh, number)
            assert number - min(last.values()) <= 6

    run(1, steps)


@given(st.integers(0, 2**32))
@settings(max_examples=size(30, 300))
def test_node_that_hides_events_is_noticed_and_the_fleet_is_read_whole(seed: int) -> None:
    async def steps(world: World) -> None:
        world.venue.mute = True
        order = world.dice.choice(list(world.venue.head.orders.values()))
        world.venue.cancel_elsewhere(order)
        world.venue.mine()
        for _ in range(ROUND_CYCLES):
            read = await world.cycle()
            if world.mismatches:
                break
        assert world.mismatches == 1
        assert read.fresh is None
        assert await world.differing(read) == []

    run(seed, steps)


def test_undone_block_makes_the_next_read_whole() -> None:
    async def steps(world: World) -> None:
        world.venue.mine()
        assert (await world.cycle()).fresh is not None
        world.venue.mine()
        await world.cycle()
        world.venue.reorganise(2)
        assert (await world.cycle()).fresh is None
        assert world.mismatches == 0

    run(1, steps)


def test_placements_wait_for_a_read_of_their_wallet() -> None:
    async def steps(world: World) -> None:
        world.venue.mine()
        read = await world.cycle()
        assert read.fresh is not None
        run = world.process.run
        run.strategy = strategy("packer", Parameters.of(orders_per_side=2).as_keys())
        first = {one.wallet for one in await world.process.cycle.decide(read) if isinstance(one, Place)}
        assert first == read.fresh
        second = await world.process.cycle.decide(await world.process.cycle.watch())
        assert {one.wallet for one in second if isinstance(one, Place)} == set(WALLETS)

    run(1, steps)
