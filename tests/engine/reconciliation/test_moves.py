"""What the chain says of a move: the old order rests, the new one does, or neither; never two."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from ama_tui.domain.order import RestingOrder, Side
from ama_tui.domain.reading import OrderModified, OrderRested, Receipt, Settlement, Trade
from ama_tui.engine.pending_orders import PendingPlacement
from ama_tui.engine.reconciliation.live import LiveReconciliation
from ama_tui.engine.reconciliation.startup import recover
from ama_tui.engine.run_context import RunContext
from ama_tui.engine.sent_request import PendingStage
from ama_tui.engine.wallet_book import WalletBook
from ama_tui.store.journal.replay import JournalReplay, PlacedIntent
from tests.engine.fakes import FakeActionLog, FakeVenue, context_of
from tests.engine.reconciliation.test_startup import journalled, rested, shown
from tests.engine.samples import ALICE, BOB, PRICE6, TICK6, book, fleet_read, place, resting, wallet_read
from tests.engine.virtual_time import run_virtually

HASH = "0x" + "77" * 32
OLD_ID, NEW_ID = 7, 8
OLD = place(level=2, sequence=1, price6=PRICE6 - 30 * TICK6)
NEW = place(level=2, sequence=5, price6=PRICE6 - 20 * TICK6)
MOVED = OrderModified(OLD_ID, NEW_ID, ALICE, NEW.price6, NEW.amount18, 101, HASH)
FILLED = Trade(101, "0x" + "7d" * 32, 0, ALICE, BOB, NEW.price6, NEW.amount18)


@dataclass
class Move:
    """Alice's order was to be moved; `stage` and `tx_hash` are what the venue's response left."""

    stage: PendingStage = PendingStage.UNKNOWN
    tx_hash: str | None = None
    alice: WalletBook = field(default_factory=lambda: book(ALICE))
    action_log: FakeActionLog = field(default_factory=FakeActionLog)
    run: RunContext = field(init=False)

    def __post_init__(self) -> None:
        self.run = context_of(FakeVenue(), self.alice, clock=lambda: 0.0, action_log=self.action_log)
        self.alice.take_read(wallet_read(resting(OLD, OLD_ID)), 90)
        self.run.read = fleet_read([self.alice], block=100)
        pending = PendingPlacement("move", NEW, 0.0, None, self.stage, self.tx_hash, moves=OLD_ID)
        self.alice.pending.add(pending)
        self.alice.pending.count_replaced(self.alice.orders)

    def look(self, *orders: RestingOrder, block: int = 101, **more: Any) -> None:
        """A read shows these orders of Alice, and a settlement comes with it."""
        alice = wallet_read(*orders)
        read = replace(fleet_read([self.alice], block=block), wallets={ALICE: alice})
        settlement = Settlement((), block, {}, cancels=(), modifies=())
        LiveReconciliation(self.run, read).finish(replace(settlement, **more))
        self.run.read = read

    @property
    def held(self) -> list[tuple[int, int]]:
        """Levels and margins of what counts: resting, then pending."""
        return [(one.level or 0, one.margin6) for one in self.alice.orders] + [
            (one.place.level, one.margin6) for one in self.alice.pending
        ]


@pytest.mark.parametrize("stage", list(PendingStage))
@pytest.mark.parametrize("modifies", [(), (MOVED,)])
def test_new_order_on_the_book_ends_the_old_one_whatever_the_response(
    stage: PendingStage, modifies: tuple[OrderModified, ...]
) -> None:
    move = Move(stage)
    move.look(resting(NEW, NEW_ID), modifies=modifies)
    assert move.held == [(2, NEW.margin6)]
    assert not move.alice.pending
    assert sorted(move.action_log.statuses) == [("alice", 2, "moved", OLD_ID), ("alice", 2, "resting", NEW_ID)]
    assert move.run.counters.totals.modifies == 1


def test_old_order_on_the_book_holds_the_level_until_the_move_is_void() -> None:
    move = Move()
    move.run.settle_after = 0.0
    move.look(resting(OLD, OLD_ID))
    assert move.held == [(2, OLD.margin6), (2, max(0, NEW.margin6 - OLD.margin6))]
    move.look(resting(OLD, OLD_ID), block=103)
    assert move.held == [(2, OLD.margin6)]
    assert move.action_log.statuses == [("alice", 2, "void", None)]
    move.look(resting(NEW, NEW_ID), block=104)
    assert move.held == [(2, NEW.margin6)]
    assert move.run.counters.totals.late == 1


def test_reverted_move_leaves_the_old_order() -> None:
    move = Move(PendingStage.ACCEPTED, HASH)
    failed = {HASH: Receipt(HASH, ok=False, block=101)}
    move.look(resting(OLD, OLD_ID), receipts=failed)
    move.look(resting(OLD, OLD_ID), receipts=failed, block=104)
    assert move.held == [(2, OLD.margin6)]
    assert not move.alice.pending
    assert [one.order_id for one in move.alice.orders] == [OLD_ID]


def test_neither_order_shown_keeps_one_level_and_the_larger_margin() -> None:
    move = Move()
    move.look()
    assert sum(margin6 for _, margin6 in move.held) == max(OLD.margin6, NEW.margin6)
    assert {level for level, _ in move.held} == {2}
    assert move.alice.is_level_taken(Side.BUY, 2)


def test_move_that_was_filled_before_a_read_is_found_by_its_event_and_its_receipt() -> None:
    """Its response was lost. The event names the transaction, the receipt the new order, and a trade its end."""
    move = Move()
    move.look(modifies=(MOVED,), trades=(FILLED,))
    (pending,) = move.alice.pending
    assert (pending.tx_hash, pending.moves) == (HASH, OLD_ID)
    events = (OrderRested(NEW_ID, ALICE, NEW.price6, NEW.amount18, True, True),)
    receipts = {HASH: Receipt(HASH, ok=True, block=101, events=events)}
    move.look(receipts=receipts, block=102)
    move.look(receipts=receipts, block=103)
    assert move.held == []
    assert move.action_log.statuses == [("alice", 2, "moved", OLD_ID), ("alice", 2, "filled", NEW_ID)]


def test_move_event_seen_before_the_response_is_lost_still_names_the_transaction() -> None:
    move = Move(PendingStage.SENDING)
    move.look(modifies=(MOVED,))
    (pending,) = move.alice.pending
    assert pending.stage is PendingStage.SENDING
    pending.unacknowledged()
    assert (pending.stage, pending.tx_hash) == (PendingStage.ACCEPTED, HASH)


# ---- at start-up ----


@dataclass
class Restart:
    """A new process with these placements in its journal."""

    placements: list[PlacedIntent]
    alice: WalletBook
    venue: FakeVenue = field(default_factory=FakeVenue)
    action_log: FakeActionLog = field(default_factory=FakeActionLog)

    def __post_init__(self) -> None:
        journal = JournalReplay(
            placed={(one.wallet, one.amount18): one for one in self.placements},
            orders={(one.wallet, one.order_id): one for one in self.placements if one.order_id is not None},
        )

        async def main(clock: Callable[[], float]) -> None:
            run = context_of(self.venue, self.alice, clock=clock, action_log=self.action_log)
            run.read = fleet_read([self.alice], block=110)
            await recover(run, journal)

        run_virtually(main)


def moving(**more: Any) -> PlacedIntent:
    return journalled(NEW, moves=OLD_ID, **more)


def before() -> PlacedIntent:
    return replace(rested(OLD, OLD_ID), intent_id="old")


def test_new_order_found_after_a_crash_is_adopted_and_ends_the_old_one() -> None:
    restart = Restart([before(), moving()], shown(resting(NEW, NEW_ID)))
    assert not restart.alice.pending
    assert sorted(status for _, _, status, _ in restart.action_log.statuses) == ["moved", "resting"]
    assert [(one.order_id, one.level) for one in restart.alice.orders] == [(NEW_ID, 2)]


def test_old_order_found_after_a_crash_keeps_the_move_pending_with_what_it_adds() -> None:
    restart = Restart([before(), moving()], shown(resting(OLD, OLD_ID)))
    (pending,) = restart.alice.pending
    assert (pending.moves, pending.is_earlier) == (OLD_ID, True)
    assert pending.margin6 == max(0, NEW.margin6 - OLD.margin6)


def test_move_that_was_filled_while_away_is_found_by_its_event() -> None:
    receipt = Receipt(HASH, ok=True, block=101)
    venue = FakeVenue(modified=(MOVED,), receipts_by_hash={HASH: receipt})
    restart = Restart([before(), moving()], shown(), venue)
    assert not restart.alice.pending
    assert sorted(status for _, _, status, _ in restart.action_log.statuses) == ["executed", "moved"]
