"""Notice of blocks: a stream is only a wake-up call; if it is silent, behind or gone, polling replaces it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from ama_tui.domain.errors import UnreachableError
from ama_tui.engine.outage import Outage
from ama_tui.engine.run.block_watch import LONGEST_POLL_S, SHORTEST_POLL_S, BlockWatch, Listener, News
from ama_tui.engine.run_context import RunContext
from ama_tui.venue.push import BlockHead, ContractLog, PushHandlers
from tests.engine.fakes import FakeActionLog, FakeVenue, context_of
from tests.engine.samples import ALICE, CAROL, MARKET, book
from tests.engine.virtual_time import run_virtually


@dataclass
class Chain:
    """A node with its own height that counts how often it is asked."""

    number: int = 100
    asked: int = 0
    is_down: bool = False
    hangs: bool = False

    async def block_number(self) -> int:
        self.asked += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.is_down:
            raise UnreachableError("down", "")
        return self.number


@dataclass
class Stream:
    """A stream whose messages the test sends."""

    handlers: PushHandlers | None = None

    async def listen(self, contracts: Sequence[str], handlers: PushHandlers) -> None:
        self.handlers = handlers
        await asyncio.Event().wait()


@dataclass
class World:
    chain: Chain = field(default_factory=Chain)
    stream: Stream | None = field(default_factory=Stream)
    action_log: FakeActionLog = field(default_factory=FakeActionLog)
    wakes: list[float] = field(default_factory=list)
    watch: BlockWatch = field(init=False)
    context: RunContext = field(init=False)

    def run(self, steps: Callable[[World], Awaitable[None]], monkeypatch: pytest.MonkeyPatch) -> None:
        async def main(clock: Callable[[], float]) -> None:
            monkeypatch.setattr("ama_tui.engine.run.block_watch.monotonic", clock)
            fake: Any = FakeVenue()
            context = context_of(fake, book(ALICE), clock=clock, action_log=self.action_log)
            stream: Any = self.stream
            chain: Any = self.chain
            context.connections = replace(context.connections, chain=chain, push=stream)
            outage = Outage(context.action_log, context.counters, "push lost", "push back")
            self.watch, self.context = BlockWatch(context.connections), context
            self.watch.add(Listener(context, lambda: self.wakes.append(clock()), outage))
            task = asyncio.create_task(self.watch.watch())
            await asyncio.sleep(0.01)
            await steps(self)
            task.cancel()

        run_virtually(main)

    @property
    def told(self) -> PushHandlers:
        assert self.stream is not None
        assert self.stream.handlers is not None
        return self.stream.handlers

    def head(self, number: int, mark: str = "a") -> None:
        self.chain.number = number
        self.told.head(BlockHead(number, f"0x{number}{mark}"))


def test_head_wakes_the_run_once_without_asking_the_node(monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps(world: World) -> None:
        world.told.connected()
        world.wakes.clear()
        world.chain.asked = 0
        for number in range(101, 121):
            world.head(number)
            world.head(number)
            await asyncio.sleep(1)
        assert len(world.wakes) == 20
        assert (world.watch.news, world.context.news, world.chain.asked) == (News.PUSH, "push", 0)

    World().run(steps, monkeypatch)


def test_another_block_at_the_same_height_wakes_the_run_and_needs_a_read(monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps(world: World) -> None:
        world.head(101)
        await asyncio.sleep(1)
        world.wakes.clear()
        began = asyncio.get_running_loop().time()
        assert not world.watch.needs_read(101, began)
        await asyncio.sleep(0.1)
        world.head(101, "b")
        assert len(world.wakes) == 1
        assert world.watch.needs_read(101, began)

    World().run(steps, monkeypatch)


def test_log_of_the_fleet_wakes_the_run_before_the_head_and_others_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps(world: World) -> None:
        world.head(101)
        world.wakes.clear()
        world.told.log(ContractLog(MARKET.address, 102, frozenset({CAROL}), is_removed=False))
        assert world.wakes == []
        world.told.log(ContractLog(MARKET.address, 102, frozenset({ALICE, CAROL}), is_removed=False))
        world.told.log(ContractLog(MARKET.address, 102, frozenset({ALICE}), is_removed=False))
        world.head(102)
        assert len(world.wakes) == 1
        assert not world.watch.needs_read(102, 0.0)
        world.told.log(ContractLog(MARKET.address, 102, frozenset({ALICE}), is_removed=True))
        assert world.watch.needs_read(102, 0.0)

    World().run(steps, monkeypatch)


def test_silent_stream_is_replaced_by_polling_until_it_speaks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps(world: World) -> None:
        world.told.connected()
        for number in range(101, 106):
            world.head(number)
            await asyncio.sleep(1)
        world.chain.number = 110
        await asyncio.sleep(5)
        assert (world.watch.news, world.watch.height) == (News.POLLING, 110)
        world.chain.number = 111
        await asyncio.sleep(1)
        assert world.watch.height == 111
        world.head(112)
        assert world.watch.news is News.PUSH
        assert [text.split(" after")[0] for text in world.action_log.of("NOTE")] == [
            "the node's WebSocket is behind its block number: asking for new blocks instead",
            "push back",
        ]

    World().run(steps, monkeypatch)


def test_quiet_stream_is_trusted_while_the_node_has_no_new_block_either(monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps(world: World) -> None:
        world.head(101)
        await asyncio.sleep(600)
        assert world.watch.news is News.PUSH
        assert 0 < world.chain.asked < 400

    World().run(steps, monkeypatch)


def test_silent_stream_with_a_hanging_node_does_not_count_as_push(monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps(world: World) -> None:
        world.head(101)
        world.chain.hangs = True
        await asyncio.sleep(10)
        assert world.context.news == "polling"
        assert world.action_log.of("NOTE") == ["the node's WebSocket is silent: asking for new blocks instead"]

    World().run(steps, monkeypatch)


def test_lost_stream_is_replaced_by_polling_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps(world: World) -> None:
        world.head(101)
        world.told.lost("RPC_WS_URL: the connection was lost")
        world.chain.number = 102
        await asyncio.sleep(LONGEST_POLL_S + 0.01)
        assert (world.watch.news, world.watch.height) == (News.POLLING, 102)

    World().run(steps, monkeypatch)


@pytest.mark.parametrize("interval", [0.3, 1.0, 12.0])
def test_polling_learns_the_block_time_and_asks_rarely_before_a_block_is_due(
    interval: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def steps(world: World) -> None:
        late: list[float] = []
        for _ in range(40):
            await asyncio.sleep(interval)
            world.chain.number += 1
            mined = asyncio.get_running_loop().time()
            world.wakes.clear()
            await asyncio.sleep(SHORTEST_POLL_S * 1.01)
            late.append(world.wakes[0] - mined if world.wakes else 1.0)
            await asyncio.sleep(0)
        assert max(late[10:]) <= SHORTEST_POLL_S * 1.01
        per_second = world.chain.asked / asyncio.get_running_loop().time()
        assert per_second < 20

    World(stream=None).run(steps, monkeypatch)


def test_stalled_chain_is_polled_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps(world: World) -> None:
        for _ in range(5):
            world.chain.number += 1
            await asyncio.sleep(1)
        await asyncio.sleep(10)
        world.chain.asked = 0
        await asyncio.sleep(60)
        assert 50 <= world.chain.asked <= 70

    World(stream=None).run(steps, monkeypatch)


def test_dead_node_is_polled_without_a_request_storm(monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps(world: World) -> None:
        world.chain.is_down = True
        await asyncio.sleep(60)
        assert world.chain.asked <= 70
        world.chain.is_down = False
        world.chain.number += 1
        await asyncio.sleep(3)
        assert world.watch.height == world.chain.number

    World(stream=None).run(steps, monkeypatch)


def test_one_stream_wakes_the_runs_of_all_markets_but_only_for_logs_of_their_wallets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = replace(MARKET, symbol="BTC-USD", address="0x" + "ef" * 20)

    async def steps(world: World) -> None:
        fake: Any = FakeVenue()
        second = context_of(fake, book(CAROL), clock=lambda: 0.0, action_log=world.action_log)
        second.market, wakes = other, []
        outage = Outage(second.action_log, second.counters, "push lost", "push back")
        world.watch.add(Listener(second, lambda: wakes.append(1), outage))
        world.told.connected()
        world.wakes.clear()
        wakes.clear()
        world.head(101)
        assert (len(world.wakes), len(wakes), second.news) == (1, 1, "push")
        world.told.log(ContractLog(other.address, 102, frozenset({ALICE}), is_removed=False))
        assert world.watch.height == 101, "alice has no orders of this run on the other market"
        world.told.log(ContractLog(other.address, 102, frozenset({CAROL}), is_removed=False))
        assert (world.watch.height, len(world.wakes), len(wakes)) == (102, 2, 2)

    World().run(steps, monkeypatch)
