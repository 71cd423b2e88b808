"""Moves of resting orders on their way out: the same checks as placements, and whatever the response, one level."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any

import pytest

from ama_tui.domain.errors import RefusedError, UnreachableError, VenueError
from ama_tui.domain.money import margin6
from ama_tui.domain.order import TAG_UNIT, Side, Tag, encode_tag
from ama_tui.domain.plan import Modify
from ama_tui.engine.execution.sender import Sender
from ama_tui.engine.reconciliation.rules import REORG_BLOCKS
from ama_tui.engine.run_context import RunContext
from ama_tui.engine.sent_request import PendingStage
from ama_tui.engine.wallet_book import WalletBook
from tests.engine.fakes import FakeActionLog, FakeVenue, context_of
from tests.engine.samples import (
    ALICE,
    BOB,
    PRICE6,
    SIZE18,
    TICK6,
    book,
    fleet_read,
    pending,
    place,
    resting,
    wallet_read,
)
from tests.engine.virtual_time import run_virtually

ID = 7
OLD = place(price6=PRICE6 - 30 * TICK6, level=2, sequence=1)


def move(ticks: int = -20, *, size18: int = SIZE18, sequence: int = 5, **more: Any) -> Modify:
    """Of Alice's order to another price and size."""
    price6 = PRICE6 + ticks * TICK6
    amount18 = size18 // TAG_UNIT * TAG_UNIT + encode_tag(Tag(2, sequence))
    found = Modify(
        ALICE, ID, Side.BUY, 2, price6, amount18, margin6(amount18, price6, 15_000), sequence, OLD.price6, OLD.amount18
    )
    return replace(found, **more)


@dataclass
class MoveBench:
    """Alice has one order that has rested for a while."""

    venue: FakeVenue = field(default_factory=FakeVenue)
    action_log: FakeActionLog = field(default_factory=FakeActionLog)
    alice: WalletBook = field(default_factory=lambda: book(ALICE))
    bob: WalletBook = field(default_factory=lambda: book(BOB))
    rested_in: int = 100 - REORG_BLOCKS
    run: RunContext = field(init=False)

    def __post_init__(self) -> None:
        self.run = context_of(self.venue, self.alice, self.bob, clock=monotonic, action_log=self.action_log)
        self.alice.take_read(wallet_read(resting(OLD, ID)), self.rested_in)
        self.run.read, self.run.read_at = fleet_read([self.alice, self.bob]), monotonic()

    def send(self, *intents: Modify) -> list[bool]:
        async def main(clock: Callable[[], float]) -> list[bool]:
            sender = Sender(self.run, lambda: True)
            results = []
            for intent in intents:
                async with self.run.rate_limiter.slot() as slot:
                    results.append(await sender.send(intent, slot))
            return results

        return run_virtually(main)

    @property
    def refusal(self) -> str:
        return self.action_log.of("show SKIP")[-1].partition("not sent: ")[2]


def test_move_is_written_ahead_then_sent_and_holds_its_level_once() -> None:
    bench = MoveBench()
    assert bench.send(move()) == [True]
    assert bench.action_log.lines[0] == ("alice", "INTENT", "sessionModifyOrder")
    assert bench.venue.moves == [(ID, move().price6, move().amount18)]
    (under_way,) = bench.alice.pending
    assert (under_way.moves, under_way.stage) == (ID, PendingStage.ACCEPTED)
    assert bench.alice.is_level_taken(Side.BUY, 2)
    assert bench.action_log.statuses == [("alice", 2, "mined", None)]
    assert bench.action_log.of("MODIFY_ORDER")


@pytest.mark.parametrize(
    ("error", "is_pending"),
    [
        (UnreachableError("connection reset"), True),
        (RefusedError("socket hang up", status=500, code="socket hang up"), True),
        (RefusedError("reverted", status=500, code="tx_reverted", tx_hash="0x" + "77" * 32), True),
        (RefusedError("no", status=400, code="insufficient_collateral", proves_not_sent=True), False),
    ],
)
def test_move_that_may_have_been_sent_stays_pending_and_a_refused_one_leaves_the_old_order(
    error: VenueError, is_pending: bool
) -> None:
    bench = MoveBench(FakeVenue(on_modify=lambda _: error))
    bench.send(move(), move(sequence=6))
    assert len(bench.alice.pending) == int(is_pending)
    assert len(bench.venue.moves) == (1 if is_pending else 2), "an unknown move is never sent again"
    assert [one.order_id for one in bench.alice.orders] == [ID]


@pytest.mark.parametrize("ticks", [-20, -40])
@pytest.mark.parametrize("size18", [3 * SIZE18, SIZE18 // 3])
def test_pending_move_counts_the_larger_margin_and_both_prices(ticks: int, size18: int) -> None:
    bench = MoveBench(FakeVenue(on_modify=lambda _: UnreachableError("lost")))
    moved = move(ticks, size18=size18)
    bench.send(moved)
    assert bench.alice.held6() == max(OLD.margin6, moved.margin6)
    assert bench.run.fleet.price_levels(Side.BUY) == 2
    assert bench.run.fleet.best_own(Side.BUY, monotonic()) == max(OLD.price6, moved.price6)


def test_move_beyond_the_cap_is_refused_by_what_it_adds() -> None:
    exactly = move(size18=2 * SIZE18).margin6
    bench = MoveBench(alice=book(ALICE, cap6=exactly))
    assert bench.send(move(size18=2 * SIZE18)) == [True]
    bench = MoveBench(alice=book(ALICE, cap6=exactly - 1))
    assert bench.send(move(size18=2 * SIZE18)) == [False]
    assert bench.refusal == "would exceed the wallet limit"


def test_move_across_the_spread_or_to_an_order_of_the_fleet_is_refused() -> None:
    bench = MoveBench(bob=book(BOB, pending(place(BOB, Side.SELL, price6=PRICE6 + 2 * TICK6))))
    assert bench.send(move(5)) == [False]
    assert bench.send(move(2)) == [False]
    assert bench.refusal == "would self-trade"
    assert bench.send(move(1)) == [True]


def test_order_that_is_gone_cancelled_moved_new_or_at_another_level_is_not_moved() -> None:
    bench = MoveBench()
    bench.send(move(order_id=8))
    assert bench.refusal == "order 8 is not on the book any more"
    bench.send(move(level=3))
    assert bench.refusal == f"order {ID} is at another level"
    bench.alice.pending.cancel_sent(ID, monotonic())
    bench.send(move())
    assert bench.refusal == f"order {ID} is being cancelled"
    bench.alice.pending.cancel_refused(ID)
    assert bench.send(move(), move(sequence=6)) == [True, False]
    assert bench.refusal == f"order {ID} is being moved"
    bench = MoveBench(rested_in=100 - REORG_BLOCKS + 1)
    bench.send(move())
    assert bench.refusal == f"order {ID} is too new to be moved"
    assert bench.venue.moves == []
