"""What earlier processes sent is accounted for at start-up, and pending until the chain has resolved it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from ama_tui.domain.errors import MalformedError, RpcError
from ama_tui.domain.order import RestingOrder, Side
from ama_tui.domain.plan import Place
from ama_tui.domain.reading import OrderCancelled, OrderHistory, OrderRested, Receipt, Trade
from ama_tui.domain.recovery import ReconciliationReport
from ama_tui.engine.action_log import now_ms
from ama_tui.engine.reconciliation.known_orders import look_back_from
from ama_tui.engine.reconciliation.report import MAY_BE_PENDING_MS
from ama_tui.engine.reconciliation.rules import REORG_BLOCKS, Resolution, adopt, is_vanished, judge, match_rested
from ama_tui.engine.reconciliation.startup import recover, track_missing
from ama_tui.engine.sent_request import PendingStage
from ama_tui.engine.wallet_book import WalletBook
from ama_tui.store.journal.replay import NEVER_RESTS, JournalReplay, PlacedIntent
from tests.engine.fakes import FakeActionLog, FakeVenue, context_of
from tests.engine.samples import ALICE, BOB, CAROL, PRICE6, book, fleet_read, order, place, resting, wallet_read
from tests.engine.virtual_time import run_virtually

HASH = "0x" + "77" * 32


def journalled(placed: Place, *, seconds_ago: float = 5.0, **more: Any) -> PlacedIntent:
    found = PlacedIntent(
        wallet=placed.wallet,
        side=placed.side,
        level=placed.level,
        amount18=placed.amount18,
        price6=placed.price6,
        sequence=placed.sequence,
        ts=now_ms() - int(seconds_ago * 1000),
        intent_id=f"intent-{placed.level}",
        margin6=placed.margin6,
    )
    return replace(found, **more)


@dataclass
class Restart:
    """A new process reads the journal's placements, and the chain at block 100."""

    placements: list[PlacedIntent]
    alice: WalletBook = field(default_factory=lambda: book(ALICE))
    venue: FakeVenue = field(default_factory=FakeVenue)
    action_log: FakeActionLog = field(default_factory=FakeActionLog)
    own_cancels: set[tuple[str, int]] = field(default_factory=set)
    late: int = 0

    def recover(self) -> ReconciliationReport:
        journal = JournalReplay(
            placed={(one.wallet, one.amount18): one for one in self.placements},
            orders={(one.wallet, one.order_id): one for one in self.placements if one.order_id is not None},
            cancels=self.own_cancels,
        )

        async def main(clock: Callable[[], float]) -> ReconciliationReport:
            run = context_of(self.venue, self.alice, clock=clock, action_log=self.action_log)
            run.read = fleet_read([self.alice], block=100)
            found = await recover(run, journal)
            self.late = run.counters.totals.late
            assert run.recovery == found
            return found

        return run_virtually(main)

    def take_up(self) -> list[tuple[str, PendingStage, str | None]]:
        self.recover()
        assert all(one.is_earlier for one in self.alice.pending)
        return [(one.intent_id, one.stage, one.tx_hash) for one in self.alice.pending]


def rested(placed: Place, order_id: int = 9, **more: Any) -> PlacedIntent:
    """A placement that, by the journal, came to rest in block 50."""
    return journalled(placed, status="resting", order_id=order_id, block=50, **more)


def shown(*orders: Any) -> WalletBook:
    """Alice after the first read of the chain."""
    alice = book(ALICE)
    adopt(alice, wallet_read(*orders), 0.0, 100)
    return alice


# ---- pending ----


def test_intent_without_a_response_is_unknown_and_reserves_its_margin() -> None:
    restart = Restart([journalled(place(level=3))])
    assert restart.take_up() == [("intent-3", PendingStage.UNKNOWN, None)]
    (again,) = restart.alice.pending
    assert again.place == place(level=3)
    assert restart.alice.pending.margin6 == place(level=3).margin6


def test_accepted_placement_waits_for_its_receipt() -> None:
    assert Restart([journalled(place(), tx_hash=HASH, status="pending")]).take_up() == [
        ("intent-1", PendingStage.ACCEPTED, HASH)
    ]


@pytest.mark.parametrize(
    ("receipt", "status"),
    [
        (Receipt(HASH, True, 97), "executed"),
        (Receipt(HASH, False, 97), "reverted"),
        (Receipt(HASH, True, 98), None),
        (Receipt(HASH, False, 101), None),
        (None, None),
    ],
)
def test_receipt_resolves_it_once_it_is_too_deep_to_be_undone(receipt: Receipt | None, status: str | None) -> None:
    restart = Restart([journalled(place(), tx_hash=HASH)], venue=FakeVenue(receipts_by_hash={HASH: receipt}))
    found = restart.recover()
    assert [one[2] for one in restart.action_log.statuses] == ([] if status is None else [status])
    assert len(found.unknown) == len(restart.alice.pending) == (status is None)
    assert len(found.filled_away) == (status == "executed")


def test_resting_order_of_an_unreadable_wallet_is_not_called_executed() -> None:
    placed = place(level=2)
    receipt = Receipt(HASH, True, 60, (OrderRested(9, ALICE, PRICE6, placed.amount18, True, True),))
    rests = journalled(placed, tx_hash=HASH, status="resting", order_id=9, block=60)
    alice = book(ALICE)
    alice.read = None
    restart = Restart([rests], alice, FakeVenue(receipts_by_hash={HASH: receipt}))
    found = restart.recover()
    assert (len(found.unknown), found.filled_away, restart.action_log.statuses) == (1, (), [])
    (pending,) = restart.alice.pending
    assert (pending.place.level, pending.last is not None) == (2, True)


def test_order_partly_filled_before_the_journal_knew_its_id_is_matched_by_its_receipt() -> None:
    placed = place(level=2)
    receipt = Receipt(HASH, True, 99, (OrderRested(9, ALICE, PRICE6, placed.amount18, True, True),))
    alice = shown(resting(placed, 9, left18=placed.amount18 // 3))
    restart = Restart([journalled(placed, tx_hash=HASH)], alice, FakeVenue(receipts_by_hash={HASH: receipt}))
    found = restart.recover()
    assert (len(found.adopted), found.orphans, list(alice.pending)) == (1, (), [])
    assert [(one.level, one.placed18) for one in alice.orders] == [(2, placed.amount18)]
    assert restart.action_log.statuses == [("alice", 2, "resting", 9)]


@pytest.mark.parametrize("status", sorted(NEVER_RESTS))
def test_placement_that_ended_without_resting_is_ignored(status: str) -> None:
    assert Restart([journalled(place(), status=status)]).take_up() == []


def test_old_foreign_and_incomplete_lines_are_ignored() -> None:
    assert (
        Restart(
            [
                journalled(place(level=1), seconds_ago=MAY_BE_PENDING_MS / 1000 + 5),
                journalled(place(CAROL, level=2)),
                journalled(place(level=3), price6=None),
                journalled(place(level=4), sequence=None),
                journalled(place(level=5), intent_id=""),
            ]
        ).take_up()
        == []
    )


def test_everything_of_an_unreadable_wallet_is_unknown_until_it_is_read() -> None:
    alice, shrunk = book(ALICE), place(level=2)
    alice.read = None
    old = rested(shrunk, seconds_ago=MAY_BE_PENDING_MS)
    restart = Restart([journalled(place(level=1)), old, journalled(place(level=3), status="void")], alice)
    assert restart.take_up() == [("intent-1", PendingStage.UNKNOWN, None), ("intent-2", PendingStage.UNKNOWN, None)]
    read = wallet_read(resting(shrunk, 9, left18=7))
    (found,) = match_rested(alice, [], read)
    assert found.pending.intent_id == "intent-2"


def test_pending_orders_of_missing_wallets_are_tracked() -> None:
    bob = book(BOB)
    placements = [journalled(place(BOB, level=1)), journalled(place(BOB, level=2), status="rejected")]
    track_missing([bob], JournalReplay(placed={(one.wallet, one.amount18): one for one in placements}))
    assert list(bob.pending.placements) == ["intent-1"]


# ---- resting ----


def test_resting_order_is_adopted_and_its_id_journalled() -> None:
    restart = Restart([journalled(place(level=2)), journalled(place(level=3))], shown(resting(place(level=2), 5)))
    found = restart.recover()
    assert [(one.wallet, one.side, one.level, one.order_id) for one in found.adopted] == [(ALICE, Side.BUY, 2, 5)]
    assert [one.level for one in found.unknown] == [3]
    assert restart.action_log.statuses == [("alice", 2, "resting", 5)]


def test_partly_filled_order_is_matched_by_the_journals_id() -> None:
    placed = place(level=4)
    restart = Restart([rested(placed)], shown(resting(placed, 9, left18=12_345)))
    assert restart.recover().counts["adopted"] == 1
    assert [(one.level, one.placed18) for one in restart.alice.orders] == [(4, placed.amount18)]
    assert restart.action_log.statuses == []


def test_partly_filled_order_with_another_id_is_matched_by_its_price() -> None:
    """Its block was undone by a reorg, and it was partly filled before the first read."""
    placed = place(level=4)
    restart = Restart([rested(placed)], shown(resting(placed, 12, left18=12_345)))
    assert restart.recover().counts["adopted"] == 1
    assert [(one.level, one.placed18) for one in restart.alice.orders] == [(4, placed.amount18)]
    assert restart.action_log.statuses == [("alice", 4, "resting", 12)]


def test_known_id_with_another_price_or_size_is_not_matched() -> None:
    placed = place(level=4)
    other = order(ALICE, 9, price6=PRICE6 + 10_000)
    found = Restart([rested(placed)], shown(other)).recover()
    assert (found.adopted, [one.order_id for one in found.orphans]) == ((), [9])


def test_order_unknown_to_the_journal_is_an_orphan() -> None:
    restart = Restart([], shown(order(ALICE, 3), resting(place(level=2), 4)))
    found = restart.recover()
    assert [(one.order_id, one.level) for one in found.orphans] == [(3, None), (4, 2)]
    assert found.text == "2 not in the journal"
    assert restart.action_log.statuses == [("alice", 2, "resting", 4)], "the journal learns what the tag says"


@pytest.mark.parametrize("status", ["void", "reverted", "executed"])
def test_order_that_was_written_off_and_rests_is_late(status: str) -> None:
    restart = Restart([journalled(place(level=2), status=status)], shown(resting(place(level=2), 5)))
    found = restart.recover()
    assert (found.late, restart.late, len(found.adopted)) == (1, 1, 1)
    assert restart.action_log.statuses == [("alice", 2, "late", 5)]


# ---- gone while no process was running ----


def test_trades_and_cancels_since_the_crash_resolve_vanished_orders() -> None:
    filled, cancelled, own, gone = (place(level=level, price6=PRICE6 + level) for level in (1, 2, 3, 4))
    venue = FakeVenue(
        trades=(
            Trade(60, HASH, 0, ALICE, BOB, filled.price6, filled.amount18 - 5),
            Trade(61, HASH, 0, ALICE, BOB, filled.price6, 5),
            Trade(61, HASH, 1, BOB, ALICE, gone.price6, gone.amount18),
            Trade(49, HASH, 2, ALICE, BOB, gone.price6, gone.amount18),
        ),
        cancelled=tuple(OrderCancelled(n, ALICE, PRICE6, 1, True) for n in (12, 13)),
    )
    placements = [rested(one, 10 + one.level) for one in (filled, cancelled, own, gone)]
    restart = Restart(placements, shown(), venue, own_cancels={(ALICE, 13)})
    found = restart.recover()
    assert [one.order_id for one in found.filled_away] == [11]
    assert [one.order_id for one in found.cancelled_elsewhere] == [12]
    assert [one.order_id for one in found.cancelled] == [13]
    assert [one.order_id for one in found.gone] == [14]
    assert found.counts == {"adopted": 0, "filled_away": 1, "cancelled_elsewhere": 1, "orphans": 0, "unknown": 1}
    assert [status for _, _, status, _ in restart.action_log.statuses] == ["filled", "cancelled", "cancelled"]
    assert venue.asked_blocks == [(50, 100)]


def test_one_trade_explains_one_order() -> None:
    placed = [place(level=level) for level in (1, 2)]
    venue = FakeVenue(trades=(Trade(60, HASH, 0, ALICE, BOB, PRICE6, placed[0].amount18 * 3 // 2),))
    found = Restart([rested(one, 10 + one.level) for one in placed], shown(), venue).recover()
    assert (len(found.filled_away), len(found.gone)) == (1, 1)


def test_unexplained_order_keeps_its_level_until_a_second_read_agrees() -> None:
    restart = Restart([rested(place(level=2))], shown(), FakeVenue(trades=None))
    assert restart.take_up() == [("intent-2", PendingStage.UNKNOWN, None)]
    (held,) = restart.alice.pending
    assert held.last is not None
    assert held.last.order_id == 9


def test_unexplained_order_is_gone_if_its_level_was_placed_again_later() -> None:
    """The line with its end was lost in the crash; the later intent proves that it had ended."""
    newer = replace(journalled(place(level=2, sequence=1)), intent_id="newer")
    restart = Restart([rested(place(level=2)), newer], shown(), FakeVenue(trades=None))
    assert restart.take_up() == [("newer", PendingStage.UNKNOWN, None)]
    assert restart.action_log.statuses == [("alice", 2, "gone", 9)]


def test_report_is_one_journal_line_and_names_the_orders_that_need_attention() -> None:
    placements = [journalled(place(level=2)), journalled(place(level=3))]
    restart = Restart(placements, shown(resting(place(level=2), 5), order(ALICE, 6, price6=PRICE6 + 1)))
    restart.recover()
    assert restart.action_log.of("NOTE") == ["orders sent earlier: 1 adopted, 1 not in the journal, 1 not resolved yet"]
    shown_lines = restart.action_log.of("show NOTE")
    assert [line.split("  ")[-1] for line in shown_lines] == ["not in the journal", "not resolved yet"]


def test_first_start_has_nothing_to_report() -> None:
    restart = Restart([])
    assert restart.recover().text == ""
    assert (restart.action_log.lines, set(restart.recover().counts.values())) == ([], {0})


# ---- orders that only the book's events show ----


def with_event(*orders: tuple[Place, int], trades: tuple[Trade, ...] = ()) -> FakeVenue:
    """A venue whose events say that these orders came to rest and were not cancelled."""
    events = tuple(
        OrderRested(order_id, one.wallet, one.price6, one.amount18, one.side.is_buy, True) for one, order_id in orders
    )
    return FakeVenue(on_history=lambda start: OrderHistory(start, events, trades))


def first_start(venue: FakeVenue, *orders: RestingOrder, available6: int = 10**10) -> Restart:
    """A start with an empty journal; the first read shows these orders."""
    alice = book(ALICE)
    adopt(alice, wallet_read(*orders, available6=available6), 0.0, 100)
    return Restart([], alice, venue)


SOLD = place(side=Side.SELL, level=2)


def names_hidden_orders(restart: Restart) -> bool:
    return any("does not show orders that came to rest" in text for text in restart.action_log.of("NOTE"))


def test_order_that_only_an_event_shows_keeps_its_level_and_its_margin() -> None:
    restart = first_start(with_event((place(side=Side.SELL, level=2), 7)))
    assert restart.take_up() == [("order 7", PendingStage.UNKNOWN, None)]
    (pending,) = restart.alice.pending
    assert (pending.place.level, pending.last is not None) == (2, True)
    assert restart.alice.pending.margin6 == place(side=Side.SELL, level=2).margin6
    assert restart.alice.known_order_ids == {7}
    assert restart.alice.account.held_unseen6(restart.alice, wallet_read()) == place(side=Side.SELL, level=2).margin6
    assert names_hidden_orders(restart)


def test_order_that_only_an_event_shows_is_not_given_up_while_its_margin_is_held() -> None:
    restart = first_start(with_event((place(side=Side.SELL, level=2), 7)))
    restart.recover()
    for block in (101, 103, 106, 110):
        assert judge(restart.alice, wallet_read(), block, float(block), {}, 60.0) == []
    (pending,) = restart.alice.pending
    assert is_vanished(pending.unexplained_reads)


def test_order_that_a_later_read_shows_after_all_rests_at_its_level() -> None:
    restart = first_start(with_event((place(side=Side.SELL, level=2), 7)))
    restart.recover()
    (match,) = match_rested(restart.alice, (), wallet_read(resting(place(side=Side.SELL, level=2), 7)))
    assert (match.resolution, match.pending.place.level) == (Resolution.RESTED, 2)


def test_shown_and_filled_orders_need_no_event() -> None:
    shown_one, filled = place(level=1), place(level=2)
    trade = Trade(60, HASH, 0, ALICE, BOB, filled.price6, filled.amount18)
    restart = first_start(with_event((shown_one, 6), (filled, 7), trades=(trade,)), resting(shown_one, 6))
    restart.recover()
    assert list(restart.alice.pending) == []
    assert not names_hidden_orders(restart)


@pytest.mark.parametrize("status", sorted(NEVER_RESTS))
def test_event_of_an_order_whose_end_is_journalled_is_old(status: str) -> None:
    placed = place(level=2)
    restart = Restart([journalled(placed, status=status, order_id=7, block=50)], venue=with_event((placed, 7)))
    restart.recover()
    assert not names_hidden_orders(restart)


@pytest.mark.parametrize(
    ("seen_until", "history", "is_held"),
    [
        (60, OrderHistory(1, (), ()), True),
        (60, OrderHistory(51, (), ()), False),
        (51, OrderHistory(1, (), ()), False),
        (60, OrderHistory(1, (), (), frozenset({7})), False),
        (60, OrderHistory(1, (), (Trade(60, HASH, 0, BOB, ALICE, PRICE6, SOLD.amount18),)), False),
    ],
    ids=["no end", "events begin later", "young", "cancelled", "filled"],
)
def test_missing_order_of_the_journal_keeps_its_margin_unless_an_event_explains_it(
    seen_until: int, history: OrderHistory, is_held: bool
) -> None:
    restart = first_start(FakeVenue(on_history=lambda _: history))
    restart.placements = [rested(SOLD, 7), journalled(place(level=3), status="filled", block=seen_until)]
    assert [intent for intent, _, _ in restart.take_up()] == ["intent-2"]
    assert restart.alice.account.held_unseen6(restart.alice, wallet_read()) == (SOLD.margin6 if is_held else 0)
    assert names_hidden_orders(restart) == is_held


def test_event_that_one_read_left_out_holds_nothing() -> None:
    rests = OrderRested(7, ALICE, PRICE6, SOLD.amount18, False, True)
    answers = [OrderHistory(1, (rests,), ()), OrderHistory(1, (), (), frozenset({7}))]
    restart = first_start(FakeVenue(on_history=lambda _: answers.pop(0)))
    assert restart.take_up() == []
    assert (answers, restart.alice.account.held_unseen6(restart.alice, wallet_read())) == ([], 0)


def test_order_without_a_tag_is_named_but_holds_no_level() -> None:
    foreign = replace(place(), amount18=10**18)
    restart = first_start(with_event((foreign, 7)))
    assert restart.take_up() == []
    assert names_hidden_orders(restart)


@pytest.mark.parametrize("error", [RpcError("no logs here"), MalformedError("odd logs")])
def test_node_without_events_starts_the_run_all_the_same(error: Exception) -> None:
    def refuse(_: int) -> OrderHistory:
        raise error

    restart = first_start(FakeVenue(on_history=refuse))
    assert restart.take_up() == []


@pytest.mark.parametrize(
    ("placements", "start"),
    [
        ([], 1),
        ([rested(place(BOB))], 1),
        ([rested(place())], 50 - REORG_BLOCKS),
        ([rested(place()), journalled(place(level=2), status="filled", block=80)], 50 - REORG_BLOCKS),
        ([journalled(place(level=2), status="filled", block=80)], 80 - REORG_BLOCKS),
    ],
)
def test_events_are_read_from_where_the_journal_leaves_off(placements: list[PlacedIntent], start: int) -> None:
    journal = JournalReplay(placed={(one.wallet, one.amount18): one for one in placements})
    assert look_back_from(journal, [ALICE]) == start
