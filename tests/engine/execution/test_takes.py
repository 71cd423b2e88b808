"""Takes on their way out: the operator's limits, the fleet's own orders, the write-ahead and every kind of response."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any

import pytest

from ama_tui.domain.errors import JournalError, MalformedError, RefusedError, UnreachableError, VenueError
from ama_tui.domain.market import Book, BookLevel
from ama_tui.domain.order import Side
from ama_tui.domain.plan import Modify, Place, Take, TakerLimits
from ama_tui.domain.wallet import Role
from ama_tui.engine.execution.sender import Sender
from ama_tui.engine.execution.take_sender import MET_THE_FLEET
from ama_tui.engine.own_prices import LATE_GRACE_S
from ama_tui.engine.run_context import RunContext
from ama_tui.engine.sent_request import PendingStage
from ama_tui.engine.touch_moves import FEWEST_BLOCKS, TouchMoves
from ama_tui.engine.wallet_book import WalletBook
from tests.engine.fakes import FakeActionLog, FakeVenue, context_of
from tests.engine.samples import (
    ALICE,
    BOB,
    CAROL,
    PRICE6,
    TICK6,
    book,
    depth,
    fleet_read,
    order,
    pending,
    place,
    wallet_read,
)
from tests.engine.virtual_time import run_virtually

UNIT = 10**18
HASH = "0x" + "77" * 32
LOST = UnreachableError("POST failed: no response within 30 s")
LIMITS = TakerLimits(size_max18=UNIT // 10, budget6=1_000 * 10**6, slippage_ticks=20)
ASKS = {PRICE6 + ticks * TICK6: UNIT for ticks in (5, 10, 15)}
BIDS = {PRICE6 - ticks * TICK6: UNIT for ticks in (5, 10, 15)}


def taker(address: str = ALICE, **more: Any) -> WalletBook:
    found = book(address, **more)
    found.wallet = replace(found.wallet, role=Role.TAKER)
    return found


def buy(amount18: int = UNIT // 20, wallet: str = ALICE) -> Take:
    return Take(wallet, Side.BUY, amount18, PRICE6 * 2)


def sell(amount18: int = UNIT // 20, wallet: str = ALICE) -> Take:
    return Take(wallet, Side.SELL, amount18, 1)


@dataclass
class TakerBench:
    """Alice takes, Bob makes, Carol takes; after a fresh read of a book with three levels of others on each side."""

    venue: FakeVenue = field(default_factory=FakeVenue)
    action_log: FakeActionLog = field(default_factory=FakeActionLog)
    alice: WalletBook = field(default_factory=taker)
    bob: WalletBook = field(default_factory=lambda: book(BOB))
    carol: WalletBook = field(default_factory=lambda: taker(CAROL))
    limits: TakerLimits = LIMITS
    may_place: bool = True
    run: RunContext = field(init=False)

    def __post_init__(self) -> None:
        books = (self.alice, self.bob, self.carol)
        self.run = context_of(self.venue, *books, clock=monotonic, action_log=self.action_log)
        self.run.takers = self.limits
        self.watch()
        self.read()

    def watch(self, *asks6: int) -> None:
        """See enough blocks of a book whose best ask moves like this at their end."""
        moves, started_at = TouchMoves(), monotonic()
        for block, ask6 in enumerate((*[PRICE6] * FEWEST_BLOCKS, *asks6)):
            moves.note(block, Book(asks=(BookLevel(ask6, UNIT),)), started_at)
        self.run.touch_moves = moves

    def read(self, asks: dict[int, int] | None = None, bids: dict[int, int] | None = None, *, age: float = 0.0) -> None:
        found = depth(BIDS if bids is None else bids, ASKS if asks is None else asks)
        self.run.read = fleet_read([self.alice, self.bob, self.carol], depth=found)
        self.run.read_at = monotonic() - age

    def send(self, *intents: Take | Place | Modify) -> list[bool]:
        async def main(clock: Callable[[], float]) -> list[bool]:
            sender = Sender(self.run, lambda: self.may_place)
            results = []
            for intent in intents:
                async with self.run.rate_limiter.slot() as slot:
                    results.append(await sender.send(intent, slot))
            return results

        return run_virtually(main)

    @property
    def skips(self) -> list[str]:
        return [text.partition("not sent: ")[2] for text in self.action_log.of("SKIP")]


# ---- sent ----


def test_take_is_written_ahead_then_sent_then_unsettled() -> None:
    bench = TakerBench()
    steps: list[str] = []
    bench.action_log.meanwhile = lambda: steps.append("journal")
    bench.venue.on_take = lambda _: steps.append("post")
    assert bench.send(buy()) == [True]
    assert steps == ["journal", "post"]
    assert bench.venue.taken == [(UNIT // 20, True)]
    (unsettled,) = bench.alice.takes
    assert (unsettled.stage, unsettled.tx_hash) == (PendingStage.ACCEPTED, "0x" + "e2" * 32)
    assert (unsettled.decided_in, bench.alice.takes.taken_at) == (100, 1_000)
    assert unsettled.notional6 == (PRICE6 + 25 * TICK6) // 20, "counted at the worst price that is allowed"
    assert bench.action_log.takes == ["mined"]
    assert bench.run.counters.totals.sent == 1


@pytest.mark.parametrize("error", [LOST, MalformedError("HTML"), RefusedError("socket hang up", status=500, code="x")])
def test_take_without_a_usable_response_is_unknown_and_counts_until_the_chain_settles_it(error: VenueError) -> None:
    bench = TakerBench(FakeVenue(on_take=lambda _: error))
    bench.send(buy(), buy())
    assert len(bench.venue.taken) == 1, "it is never sent again blindly"
    (unsettled,) = bench.alice.takes
    assert unsettled.stage is PendingStage.UNKNOWN
    assert bench.alice.takes.used6(monotonic()) == unsettled.notional6 > 0
    assert bench.alice.held6() == unsettled.margin6 > 0
    assert bench.action_log.takes == ["unknown"]


def test_failure_that_names_its_transaction_waits_for_the_receipt() -> None:
    error = RefusedError("tx_reverted", status=500, code="tx_reverted", tx_hash=HASH)
    bench = TakerBench(FakeVenue(on_take=lambda _: error))
    bench.send(buy())
    (unsettled,) = bench.alice.takes
    assert (unsettled.stage, unsettled.tx_hash) == (PendingStage.ACCEPTED, HASH)


def test_take_that_was_provably_not_sent_frees_its_part_of_the_budget() -> None:
    error = RefusedError("no", status=400, code="ob_no_liquidity_for_market", proves_not_sent=True)
    bench = TakerBench(FakeVenue(on_take=lambda _: error))
    bench.send(buy())
    assert (len(bench.alice.takes), bench.alice.takes.used6(monotonic())) == (0, 0)
    assert not bench.run.fleet.is_taking
    assert bench.action_log.takes == ["rejected"]


def test_take_whose_write_ahead_failed_is_neither_sent_nor_counted() -> None:
    bench = TakerBench(action_log=FakeActionLog(broken=JournalError("disk full")))
    assert bench.send(buy()) == [False]
    assert (bench.venue.taken, len(bench.alice.takes), bench.run.fleet.is_taking) == ([], 0, False)


# ---- roles ----


def test_maker_never_takes_and_a_taker_never_places_or_moves() -> None:
    bench = TakerBench()
    modify = Modify(ALICE, 7, Side.BUY, 1, PRICE6, UNIT, 1, 0, PRICE6, UNIT)
    assert bench.send(buy(wallet=BOB), place(ALICE, price6=PRICE6 - 50 * TICK6), modify) == [False] * 3
    assert (bench.venue.taken, bench.venue.placed, bench.venue.moves) == ([], [], [])
    assert bench.skips == ["the wallet is not a taker"]
    assert all("a taker places no orders" in text for text in bench.action_log.of("show SKIP"))


# ---- limits ----


@pytest.mark.parametrize(
    ("limits", "amount18"),
    [
        (replace(LIMITS, size_max18=UNIT // 50), UNIT // 50),
        (replace(LIMITS, budget6=50 * 10**6), 50 * 10**6 * UNIT // (PRICE6 + 25 * TICK6) // 10**9 * 10**9),
        (LIMITS, UNIT // 20),
    ],
)
def test_take_is_cut_to_size_and_budget(limits: TakerLimits, amount18: int) -> None:
    bench = TakerBench(limits=limits)
    bench.send(buy())
    assert bench.venue.taken == [(amount18, True)]


@pytest.mark.parametrize(("slippage", "sent18"), [(4, UNIT), (5, 2 * UNIT), (10, 3 * UNIT)])
def test_take_trades_no_further_from_the_best_price_than_allowed(slippage: int, sent18: int) -> None:
    limits = TakerLimits(size_max18=10 * UNIT, budget6=10**12, slippage_ticks=slippage)
    for take, is_buy in ((buy(10 * UNIT), True), (sell(10 * UNIT), False)):
        bench = TakerBench(limits=limits)
        bench.send(take)
        assert bench.venue.taken == [(sent18, is_buy)]


def test_hours_budget_counts_what_was_traded_and_frees_it_an_hour_later() -> None:
    bench = TakerBench(limits=replace(LIMITS, budget6=100 * 10**6))
    bench.alice.takes.note_spent(monotonic() - 3_000, 100 * 10**6)
    assert bench.send(buy()) == [False]
    assert bench.skips == ["the hour's budget is used up"]
    bench.alice.takes.spent.clear()
    bench.alice.takes.note_spent(monotonic() - 3_601, 100 * 10**6)
    assert bench.send(buy()) == [True]


def test_cap_counts_the_position_and_a_take_that_closes_it_needs_none() -> None:
    bench = TakerBench(alice=taker(cap6=10 * 10**6))
    bench.alice.read = replace(wallet_read(), position18=UNIT // 50)
    bench.read()
    assert bench.send(buy()) == [False]
    assert bench.skips == ["would exceed the wallet limit"]
    assert bench.send(sell(UNIT // 50)) == [True]
    (unsettled,) = bench.alice.takes
    assert unsettled.margin6 == 0


def test_skip_is_journalled_once_per_reason() -> None:
    bench = TakerBench(limits=replace(LIMITS, budget6=0))
    bench.send(buy(), buy(), buy())
    assert bench.skips == ["the hour's budget is used up"]


def test_nothing_more_is_taken_once_an_order_of_the_fleet_was_met() -> None:
    bench = TakerBench()
    bench.run.counters.add(self_trades=1)
    assert bench.send(buy()) == [False]
    assert (bench.venue.taken, bench.skips) == ([], [MET_THE_FLEET])


@pytest.mark.parametrize("age", [3.1, 9.0])
def test_take_on_an_old_book_waits(age: float) -> None:
    bench = TakerBench()
    bench.read(age=age)
    assert bench.send(buy()) == [False]
    assert bench.venue.taken == []


def test_take_without_a_book_or_while_the_prices_disagree_is_refused() -> None:
    bench = TakerBench()
    bench.read(asks={})
    assert bench.send(buy()) == [False]
    bench.read()
    bench.run.price_conflict = "prices are 9 % apart"
    assert bench.send(buy()) == [False]
    assert bench.skips == ["the book has no orders", "prices are 9 % apart"]


# ---- the fleet's own orders ----


@pytest.mark.parametrize("how", ["resting", *PendingStage, "written off", "of another run"])
def test_take_stops_before_an_order_of_the_fleet_whatever_its_state(how: object) -> None:
    """It lies at the second level: half of the first may be taken."""
    price6 = PRICE6 + 10 * TICK6
    bob, ours = book(BOB), place(BOB, Side.SELL, price6=price6)
    bench = TakerBench(bob=bob, limits=TakerLimits(10 * UNIT, 10**12, 20))
    if how == "resting":
        bob.take_read(wallet_read(order(BOB, 5, Side.SELL, price6)), 100)
    elif how == "written off":
        given_up = pending(ours)
        given_up.given_up(monotonic() - LATE_GRACE_S / 2)
        bob.pending.lapse(given_up)
    elif how == "of another run":
        bench.run.fleet.avoid([order(BOB, 5, Side.SELL, price6)])
    else:
        assert isinstance(how, PendingStage)
        bob.pending.add(pending(ours, stage=how))
    bench.read()
    bench.send(buy(10 * UNIT))
    assert bench.venue.taken == [(UNIT // 2, True)]


def test_take_that_would_reach_the_fleet_at_the_best_price_is_refused_with_the_reason() -> None:
    bob = book(BOB)
    bench = TakerBench(bob=bob)
    bob.take_read(wallet_read(order(BOB, 5, Side.SELL, PRICE6 + 5 * TICK6)), 100)
    bench.read()
    assert bench.send(buy()) == [False]
    assert bench.skips == ["it would come too close to an order of the fleet"]


def test_depth_that_the_best_price_may_leave_within_a_block_does_not_shield_the_fleet() -> None:
    bob = book(BOB)
    bench = TakerBench(bob=bob, limits=TakerLimits(10 * UNIT, 10**12, 20))
    bob.take_read(wallet_read(order(BOB, 5, Side.SELL, PRICE6 + 15 * TICK6)), 100)
    bench.read()
    bench.watch(PRICE6 + 2 * TICK6)
    assert bench.send(buy(10 * UNIT)) == [True]
    assert bench.venue.taken == [(UNIT // 2, True)]
    (unsettled,) = bench.alice.takes
    assert unsettled.reach6 == PRICE6 + 10 * TICK6
    bench.watch(PRICE6 + 6 * TICK6)
    bench.alice.takes.drop(unsettled)
    assert bench.send(buy(10 * UNIT)) == [False]
    assert bench.skips == ["it would come too close to an order of the fleet"]


def test_take_before_an_order_of_the_fleet_waits_until_the_book_was_watched_for_a_while() -> None:
    bob = book(BOB)
    bench = TakerBench(bob=bob)
    bob.take_read(wallet_read(order(BOB, 5, Side.SELL, PRICE6 + 15 * TICK6)), 100)
    bench.read()
    bench.run.touch_moves = TouchMoves()
    assert bench.send(buy()) == [False]
    assert (bench.venue.taken, bench.skips) == ([], [])


def test_order_placed_while_a_take_is_written_ahead_withdraws_it() -> None:
    bob = book(BOB)
    bench = TakerBench(bob=bob)
    ours = place(BOB, Side.SELL, price6=PRICE6 + 5 * TICK6)
    bench.action_log.meanwhile = lambda: bob.pending.add(pending(ours))
    assert bench.send(buy()) == [False]
    assert (bench.venue.taken, bench.action_log.takes, len(bench.alice.takes)) == ([], ["withdrawn"], 0)


def test_nothing_is_placed_in_the_reach_of_a_take_until_it_is_settled() -> None:
    bench = TakerBench()
    bench.send(buy())
    near, far = (place(BOB, Side.SELL, price6=PRICE6 + ticks * TICK6) for ticks in (5, 6))
    assert bench.send(near) == [False]
    assert bench.send(far) == [True]
    (unsettled,) = bench.alice.takes
    bench.alice.takes.settle(unsettled, 0)
    assert bench.send(replace(near, level=2, sequence=1)) == [True]


def test_only_one_take_of_the_fleet_is_in_flight_at_a_time() -> None:
    bench = TakerBench()
    assert bench.send(buy(), buy(wallet=CAROL)) == [True, False]
    assert bench.skips == [], "it waits for seconds: that is not worth a line"
    (unsettled,) = bench.alice.takes
    bench.alice.takes.settle(unsettled, unsettled.notional6)
    assert bench.send(buy(wallet=CAROL)) == [True]
