"""A cycle's steps: what was read is reconciled and planned on; what was not read is never guessed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from ama_tui.domain.errors import UnreachableError
from ama_tui.domain.market import Book, BookLevel
from ama_tui.domain.order import Side
from ama_tui.domain.plan import Intent, Place, SkipReason
from ama_tui.domain.reading import FleetRead, WalletRead
from ama_tui.domain.session import HOW_TO_RENEW, Methods
from ama_tui.engine.reconciliation import live
from ama_tui.engine.run import cycle as cycle_module
from ama_tui.engine.run import live_mark
from ama_tui.engine.run.cycle import DEPTH_OF_OTHERS, MOST_DEPTH, Cycle
from ama_tui.engine.run.live_mark import PATIENCE_S
from ama_tui.engine.run_context import RunContext
from ama_tui.engine.sent_request import PendingStage
from ama_tui.engine.wallet_book import WalletBook
from tests.engine.fakes import FakeActionLog, FakeVenue, context_of, record
from tests.engine.samples import (
    ALICE,
    BOB,
    PRICE6,
    TICK6,
    book,
    fleet_read,
    order,
    pending,
    place,
    resting,
    trade,
    wallet_read,
)
from tests.engine.virtual_time import run_virtually

RICH6 = 10**10
SESSION = "0x" + "11" * 32
"""The session of the sample wallets."""


@dataclass
class World:
    """Two wallets on the fakes; `reads` is what the chain shows of them, by address."""

    venue: FakeVenue = field(default_factory=FakeVenue)
    action_log: FakeActionLog = field(default_factory=FakeActionLog)
    alice: WalletBook = field(default_factory=lambda: book(ALICE, cap6=None))
    bob: WalletBook = field(default_factory=lambda: book(BOB, cap6=None))
    reads: dict[str, WalletRead] = field(default_factory=lambda: {ALICE: wallet_read(), BOB: wallet_read()})
    block: int = 100
    run: RunContext = field(init=False)
    cycle: Cycle = field(init=False)
    clock: Callable[[], float] = field(init=False)

    def __post_init__(self) -> None:
        self.venue.on_fleet = self.fleet

    def fleet(self) -> FleetRead:
        return replace(fleet_read(block=self.block), wallets=dict(self.reads))

    def go(self, monkeypatch: pytest.MonkeyPatch, steps: Callable[[World], Awaitable[None]]) -> None:
        """Run some steps in virtual time."""

        async def main(clock: Callable[[], float]) -> None:
            for module in (cycle_module, live, live_mark):
                monkeypatch.setattr(module, "monotonic", clock)
            self.clock = clock
            self.run = context_of(self.venue, self.alice, self.bob, clock=clock, action_log=self.action_log)
            self.cycle = Cycle(self.run)
            await steps(self)

        run_virtually(main)

    async def look(self, blocks: int = 1) -> tuple[Intent, ...]:
        """One cycle, this many blocks later."""
        self.block += blocks
        return await self.cycle.decide(await self.cycle.watch())


def wallets_of(intents: tuple[Intent, ...]) -> set[str]:
    return {intent.wallet for intent in intents}


def test_every_wallet_that_was_read_gets_a_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps(world: World) -> None:
        intents = await world.look()
        assert len(intents) == 24
        assert all(isinstance(intent, Place) for intent in intents)
        assert world.alice.budget is not None
        assert world.alice.budget.cap6 == RICH6 // 5
        assert world.run.read is not None
        assert world.run.read.block == 101

    World().go(monkeypatch, steps)


def test_unreadable_wallet_is_unknown_and_never_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others continue; everything known of this wallet is kept, with its pending orders."""

    async def steps(world: World) -> None:
        await world.look()
        world.reads[ALICE] = WalletRead(False, "getUserOrders reverted")
        intents = await world.look()
        assert wallets_of(intents) == {BOB}
        assert [one.order_id for one in world.alice.orders] == [7]
        assert len(world.alice.pending) == 1
        assert world.alice.read_error == "getUserOrders reverted"
        assert [skip.reason for skip in world.alice.skips] == [SkipReason.UNREAD]
        world.reads[ALICE] = wallet_read(order(ALICE, 7))
        assert wallets_of(await world.look()) == {ALICE, BOB}
        assert world.alice.read_error == ""

    world = World(
        alice=book(ALICE, pending(place(level=2, price6=2_499_000_000), at=1000.0, stage=PendingStage.UNKNOWN))
    )
    world.reads[ALICE] = wallet_read(order(ALICE, 7))
    world.go(monkeypatch, steps)


def test_read_of_an_older_block_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps(world: World) -> None:
        world.reads[ALICE] = wallet_read(order(ALICE, 7))
        await world.look()
        world.reads[ALICE] = wallet_read()
        with pytest.raises(UnreachableError, match="went back from block 101 to 99"):
            await world.look(blocks=-2)
        assert [one.order_id for one in world.alice.orders] == [7]

    World().go(monkeypatch, steps)


def test_read_is_as_old_as_its_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow response with trades and receipts does not make the read of the orders any younger."""

    async def steps(world: World) -> None:
        began = world.clock()
        world.venue.on_settlement = lambda: asyncio.sleep(8)
        await world.look()
        assert world.clock() - world.run.read_at == world.clock() - began == 8

    World().go(monkeypatch, steps)


def test_hanging_live_mark_delays_a_cycle_by_seconds_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps(world: World) -> None:
        began = world.clock()
        assert await world.look()
        assert world.clock() - began == PATIENCE_S
        assert (world.run.mark6, world.run.mark_problem) == (None, "mark price: no response within 3 s")

    World(FakeVenue(on_live=lambda: asyncio.sleep(3600, None))).go(monkeypatch, steps)


def test_failing_live_mark_does_not_stop_the_cycle(monkeypatch: pytest.MonkeyPatch) -> None:
    async def dead() -> int | None:
        raise UnreachableError("GET /api/orderbook/live failed", "is the venue running?")

    async def steps(world: World) -> None:
        assert await world.look()
        assert world.run.mark6 is None
        assert world.run.mark_problem == "mark price: GET /api/orderbook/live failed: is the venue running?"

    World(FakeVenue(on_live=dead)).go(monkeypatch, steps)


def test_plan_sees_the_depth_of_the_api_only_while_the_api_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[int | UnreachableError] = [PRICE6, UnreachableError("GET /api/orderbook/live failed")]

    async def once() -> int | None:
        answer = answers.pop(0)
        if isinstance(answer, UnreachableError):
            raise answer
        return answer

    depth = Book(bids=(BookLevel(PRICE6, 10**18),))

    async def steps(world: World) -> None:
        await world.look()
        assert world.cycle.snapshot(world.fleet()).live_book == depth
        await asyncio.sleep(2)
        await world.look()
        assert world.cycle.snapshot(world.fleet()).live_book == Book()

    World(FakeVenue(on_live=once, live_book=depth)).go(monkeypatch, steps)


@pytest.mark.parametrize(("cached_ms", "seconds", "asked"), [(0, 0.9, 1), (0, 1.1, 2), (400, 0.5, 1), (400, 0.7, 2)])
def test_mark_is_asked_for_again_once_it_is_a_second_old_time_in_the_venue_s_cache_included(
    monkeypatch: pytest.MonkeyPatch, cached_ms: int, seconds: float, asked: int
) -> None:
    marks = iter([PRICE6, PRICE6 + TICK6])

    async def next_mark() -> int | None:
        return next(marks)

    async def steps(world: World) -> None:
        await world.look()
        await asyncio.sleep(seconds)
        await world.look()
        assert world.run.mark6 == PRICE6 + (asked - 1) * TICK6

    World(FakeVenue(on_live=next_mark, cached_ms=cached_ms)).go(monkeypatch, steps)


def test_mark_that_could_not_be_read_is_asked_for_in_the_next_cycle(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([UnreachableError("GET /api/orderbook/live failed"), None])

    async def recovering() -> int | None:
        error = next(answers)
        if error is not None:
            raise error
        return PRICE6

    async def steps(world: World) -> None:
        marks: list[tuple[int | None, str]] = []
        for _ in range(2):
            await world.look()
            marks.append((world.run.mark6, world.run.mark_problem))
        assert marks == [(None, "mark price: GET /api/orderbook/live failed"), (PRICE6, "")]

    World(FakeVenue(on_live=recovering)).go(monkeypatch, steps)


def test_order_that_came_to_rest_is_resolved_and_keeps_its_level(monkeypatch: pytest.MonkeyPatch) -> None:
    placed = place(level=2, price6=PRICE6 - 50 * TICK6)

    async def steps(world: World) -> None:
        world.reads[ALICE] = wallet_read(resting(placed, 9))
        intents = await world.look()
        assert list(world.alice.pending) == []
        levels = [
            one.level for one in intents if isinstance(one, Place) and (one.wallet, one.side) == (ALICE, Side.BUY)
        ]
        assert levels == [1, 3, 4, 5, 6]

    World(alice=book(ALICE, pending(placed, stage=PendingStage.UNKNOWN))).go(monkeypatch, steps)


def test_void_placement_is_journalled_and_its_level_planned_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps(world: World) -> None:
        await world.look()
        await asyncio.sleep(world.run.settle_after)
        await world.look()
        assert len(world.alice.pending) == 1
        intents = await world.look(blocks=2)
        assert list(world.alice.pending) == []
        assert world.action_log.of("PLACE_LIMIT") == ["buy L1  did not reach the chain"]
        assert 1 in [one.level for one in intents if isinstance(one, Place) and one.wallet == ALICE]

    World(alice=book(ALICE, pending(place(), at=1000.0, stage=PendingStage.UNKNOWN))).go(monkeypatch, steps)


def test_wallet_in_backoff_gets_no_orders_until_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps(world: World) -> None:
        world.alice.failed(world.clock())
        assert wallets_of(await world.look()) == {BOB}
        await asyncio.sleep(1.5)
        assert wallets_of(await world.look()) == {ALICE, BOB}

    World().go(monkeypatch, steps)


def test_trades_are_read_from_the_first_read_on_and_every_block_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps(world: World) -> None:
        for blocks in (1, 3, 2):
            await world.look(blocks)
        assert world.venue.asked_blocks == [(102, 101), (102, 104), (105, 106)]

    World().go(monkeypatch, steps)


def test_trades_that_could_not_be_read_are_requested_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps(world: World) -> None:
        await world.look()
        world.venue.trades = None
        await world.look()
        world.venue.trades = (trade("0x01", ALICE, "0x" + "9" * 40),)
        await world.look()
        assert world.venue.asked_blocks[1:] == [(102, 102), (102, 103)]
        assert world.run.counters.totals.fills == 1
        assert world.action_log.of("FILL") == [""]

    World().go(monkeypatch, steps)


def test_concurrent_readers_count_no_trade_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps(world: World) -> None:
        await world.look()
        world.venue.trades = (trade("0x01", ALICE, BOB),)
        world.venue.on_settlement = lambda: asyncio.sleep(1)
        world.block += 1

        async def watch() -> None:
            await world.cycle.watch()
            world.venue.trades = ()

        await asyncio.gather(watch(), watch())
        assert (world.run.counters.totals.fills, world.run.counters.totals.self_trades) == (1, 1)
        assert world.venue.asked_blocks[1:] == [(102, 102), (103, 102)]

    World().go(monkeypatch, steps)


def test_skip_reason_is_journalled_when_it_changes_not_every_cycle(monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps(world: World) -> None:
        for _ in range(3):
            await world.look()
        assert world.action_log.of("SKIP") == ["Skipped 1: no collateral: nothing available or reserved"]
        world.alice.session.lose("session revoked")
        for _ in range(3):
            await world.look()
        assert world.action_log.of("SKIP")[1:] == ["Skipped 1: no usable session: session revoked"]

    world = World()
    world.reads[ALICE] = wallet_read(available6=0)
    world.go(monkeypatch, steps)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"revoked": True}, f"session revoked: {HOW_TO_RENEW}"),
        ({"expiry": 10}, "session expired"),
        ({"methods": Methods.CANCEL}, "session does not allow the methods that the strategy uses"),
    ],
)
def test_session_that_ended_unexpectedly_stops_its_wallet_and_is_reported_once(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], problem: str
) -> None:
    async def steps(world: World) -> None:
        await world.look()
        assert world.alice.unusable is None  # one read may be wrong
        assert wallets_of(await world.look(blocks=2)) == {BOB}
        await world.look()
        assert world.alice.unusable_detail == problem
        assert world.action_log.of("ERROR") == [problem]
        assert world.alice.session.is_revoked == ("revoked" in change)
        assert world.venue.asked_sessions == {ALICE: world.alice.session.id, BOB: world.bob.session.id}

    world = World()
    ended = record(ALICE, SESSION, **change)
    world.reads[ALICE] = replace(wallet_read(), session=ended)
    world.go(monkeypatch, steps)


def test_record_of_a_replaced_session_does_not_affect_its_successor(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wallet's session was replaced while the chain was being read."""

    async def steps(world: World) -> None:
        world.reads[ALICE] = replace(wallet_read(), session=record(ALICE, "0x01", revoked=True))
        await world.look()
        assert wallets_of(await world.look(blocks=2)) == {ALICE, BOB}
        assert world.alice.session.record is None

    World().go(monkeypatch, steps)


@pytest.mark.parametrize(
    ("limits", "are_some_sent", "why"),
    [
        ({"per_trade6": 100_000_000}, True, "the session's cap per trade is too low"),
        ({"per_session6": 700_000_000}, True, "the session's notional budget is used up"),
        ({"per_session6": 700_000_000, "used6": 699_000_000}, False, "the session's notional budget is used up"),
        ({"expiry": 1_000}, False, "session expired"),
    ],
)
def test_orders_beyond_the_sessions_caps_are_skipped_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, limits: dict[str, Any], are_some_sent: bool, why: str
) -> None:
    async def steps(world: World) -> None:
        intents = await world.look()
        pending = [one.notional6 for one in intents if isinstance(one, Place) and one.wallet == ALICE]
        assert (0 < len(pending) < 12) == are_some_sent
        assert max(pending, default=0) <= limits.get("per_trade6", 10**18)
        assert sum(pending) <= limits.get("per_session6", 10**18)
        assert len([one for one in intents if one.wallet == BOB]) == 12
        held = [one for one in world.alice.skips if one.reason is SkipReason.SESSION_TOO_SMALL]
        assert (len(held), {one.detail for one in held}) == (12 - len(pending), {why})

    world = World()
    world.reads[ALICE] = replace(wallet_read(), session=record(ALICE, SESSION, **limits))
    world.go(monkeypatch, steps)


def test_node_that_does_not_know_a_new_session_yet_stops_no_wallet(monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps(world: World) -> None:
        world.reads[ALICE] = replace(wallet_read(), session=record("0x" + "00" * 20, SESSION))
        await world.look()
        world.reads[ALICE] = replace(wallet_read(), session=record(ALICE, SESSION))
        await world.look(blocks=2)
        world.reads[ALICE] = replace(wallet_read(), session=record("0x" + "00" * 20, SESSION))
        assert wallets_of(await world.look(blocks=2)) == {ALICE, BOB}
        assert (world.alice.unusable, world.action_log.of("ERROR")) == (None, [])

    World().go(monkeypatch, steps)


def test_depth_covers_the_fleets_own_prices_up_to_what_a_call_can_carry(monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps(world: World) -> None:
        await world.look()
        assert world.venue.depth_levels == DEPTH_OF_OTHERS
        world.reads[ALICE] = wallet_read(*(order(ALICE, n, price6=PRICE6 - n * TICK6) for n in range(20)))
        world.reads[BOB] = wallet_read(*(order(BOB, 50 + n, price6=PRICE6 - n * TICK6) for n in range(10)))
        await world.look()
        await world.look()
        assert world.venue.depth_levels == DEPTH_OF_OTHERS + 20
        world.reads[ALICE] = wallet_read(*(order(ALICE, n, price6=PRICE6 - n * TICK6) for n in range(400)))
        await world.look()
        await world.look()
        assert world.venue.depth_levels == MOST_DEPTH

    World().go(monkeypatch, steps)


def test_unreadable_fills_are_reported_with_their_first_block_until_they_are_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def steps(world: World) -> None:
        await world.look()
        first = world.run.trades_block + 1
        world.venue.trades = None
        await world.look()
        assert world.run.fills_problem.startswith(f"fills from block {first:,} on are unknown")
        await world.look()
        assert world.run.trades_block + 1 == first, "the range that is asked for again begins where it began"
        world.venue.trades = ()
        await world.look()
        assert world.run.fills_problem == ""

    World().go(monkeypatch, steps)
