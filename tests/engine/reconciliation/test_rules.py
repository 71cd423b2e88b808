"""Reconciliation: what the chain shows resolves pending orders, and nothing else does."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ama_tui.domain.order import RestingOrder, Side, decode_tag
from ama_tui.domain.plan import Place
from ama_tui.domain.reading import FleetRead, OrderPlaced, OrderRested, Receipt, WalletRead
from ama_tui.engine.own_prices import OwnPrices, WalletPrices
from ama_tui.engine.pending_orders import CANCEL_PATIENCE_S, KEPT_LAPSED, OrderMemory, PendingCancel
from ama_tui.engine.reconciliation import rules as reconcile
from ama_tui.engine.reconciliation.rules import Resolution, ResolvedOrder
from ama_tui.engine.sent_request import PendingStage
from ama_tui.engine.wallet_book import WalletBook
from tests.engine.samples import (
    ALICE,
    BOB,
    PRICE6,
    SIZE18,
    TICK6,
    book,
    depth,
    fleet_read,
    order,
    pending,
    place,
    resting,
    wallet_read,
)

HASH = "0x" + "77" * 32
SETTLE_AFTER = 60.0


def receipt(*order_ids: int, ok: bool = True, block: int = 100) -> dict[str, Receipt | None]:
    """The receipt of HASH, in which these orders came to rest."""
    events = tuple(OrderRested(order_id, ALICE, PRICE6, SIZE18, True, True) for order_id in order_ids)
    placed = OrderPlaced(900, ALICE, PRICE6, 0, True, True)
    return {HASH: Receipt(HASH, ok, block, (placed, *events))}


def fates(resolved: list[ResolvedOrder]) -> list[Resolution]:
    return [one.resolution for one in resolved]


# ---- tags ----


@pytest.mark.parametrize("stage", list(PendingStage))
def test_order_with_its_tag_resolves_the_placement_whatever_the_response(stage: PendingStage) -> None:
    placed = place(level=3, sequence=41)
    alice = book(ALICE, pending(placed, stage=stage))
    (under_way,) = alice.pending.placements
    matched = reconcile.match_rested(alice, [], wallet_read(order(ALICE, 5), resting(placed, 6)))
    assert fates(matched) == [Resolution.RESTED]
    reconcile.apply(alice, matched, block=7, now=0.0)
    assert list(alice.pending) == []
    assert alice.pending.memory == {6: OrderMemory(3, placed.amount18, 7, under_way)}


@pytest.mark.parametrize(
    "other",
    [
        place(level=4, sequence=41),
        place(level=3, sequence=42),
        place(level=3, sequence=41, price6=PRICE6 + TICK6),
        place(level=3, sequence=41, side=Side.SELL),
    ],
)
def test_order_with_another_tag_side_or_price_resolves_nothing(other: Place) -> None:
    alice = book(ALICE, pending(place(level=3, sequence=41)))
    assert reconcile.match_rested(alice, [], wallet_read(resting(other, 6))) == []


def test_order_already_known_does_not_resolve_a_second_placement() -> None:
    """A partial fill can leave another order's digits; the order was identified when it came to rest."""
    placed = place(level=3, sequence=41)
    alice = book(ALICE, pending(placed))
    alice.pending.memory[6] = OrderMemory(1, SIZE18)
    assert reconcile.match_rested(alice, [], wallet_read(resting(placed, 6))) == []


def test_order_partly_filled_before_it_was_seen_is_matched_by_its_price() -> None:
    placed = place(level=3)
    alice = book(ALICE, pending(placed, stage=PendingStage.UNKNOWN), pending(place(level=4, price6=PRICE6 - TICK6)))
    (found,) = reconcile.match_rested(alice, [], wallet_read(resting(placed, 6, left18=placed.amount18 // 3)))
    assert (found.pending.place, found.resolution) == (placed, Resolution.RESTED)


def test_two_placements_at_one_price_are_not_matched_to_a_shrunken_order() -> None:
    placed = place(level=3)
    alice = book(ALICE, pending(placed), pending(place(level=4)))
    assert reconcile.match_rested(alice, [], wallet_read(resting(placed, 6, left18=placed.amount18 // 3))) == []


# ---- receipts ----


def judged(
    alice: WalletBook, read: WalletRead, receipts: dict[str, Receipt | None], *looks: tuple[int, float]
) -> list[list[Resolution]]:
    """The resolutions after each read, given as (block, time)."""
    return [fates(reconcile.judge(alice, read, block, now, receipts, SETTLE_AFTER)) for block, now in looks]


@pytest.mark.parametrize(("ok", "resolution"), [(True, Resolution.EXECUTED), (False, Resolution.REVERTED)])
def test_receipt_frees_the_level_once_it_is_too_deep_to_be_undone(ok: bool, resolution: Resolution) -> None:
    alice = book(ALICE, pending(place(), tx_hash=HASH))
    looks = (100, 0.0), (101, 1.0), (102, 2.0), (103, 3.0)
    assert judged(alice, wallet_read(), receipt(ok=ok), *looks) == [[], [], [], [resolution]]


def test_receipt_undone_by_a_reorg_proves_nothing() -> None:
    alice = book(ALICE, pending(place(), tx_hash=HASH))
    assert judged(alice, wallet_read(), receipt(ok=False), (100, 0.0), (101, 1.0)) == [[], []]
    assert judged(alice, wallet_read(), {HASH: None}, (102, 2.0)) == [[]]
    again = receipt(ok=True, block=103)
    assert judged(alice, wallet_read(), again, (103, 3.0), (105, 5.0), (106, 6.0)) == [[], [], [Resolution.EXECUTED]]


def test_without_new_blocks_a_receipt_is_final_after_ten_seconds() -> None:
    alice = book(ALICE, pending(place(), tx_hash=HASH))
    assert judged(alice, wallet_read(), receipt(ok=False), (100, 0.0), (100, 9.9), (100, 10.0)) == [
        [],
        [],
        [Resolution.REVERTED],
    ]


def test_partly_filled_order_is_matched_by_its_receipt_and_keeps_its_level() -> None:
    placed = place(level=2)
    alice = book(ALICE, pending(placed, tx_hash=HASH), pending(place(level=3), stage=PendingStage.SENDING))
    read = wallet_read(resting(placed, 9, left18=placed.amount18 - 12_345))
    assert reconcile.match_rested(alice, [], read) == []
    resolved = reconcile.judge(alice, read, 100, 0.0, receipt(9), SETTLE_AFTER)
    assert fates(resolved) == [Resolution.RESTED]
    reconcile.apply(alice, resolved, block=100, now=0.0)
    reconcile.adopt(alice, read, 0.0)
    assert [(one.level, one.placed18) for one in alice.orders] == [(2, placed.amount18)]


def test_mined_order_that_never_rested_was_executed() -> None:
    alice = book(ALICE, pending(place(), tx_hash=HASH))
    looks = (100, 0.0), (103, 3.0)
    assert judged(alice, wallet_read(order(ALICE, 4)), receipt(), *looks) == [[], [Resolution.EXECUTED]]


def test_order_that_rested_by_receipt_but_is_not_shown_keeps_its_margin_until_released() -> None:
    alice = book(ALICE, pending(place(), tx_hash=HASH))
    alice.account.accounted6 = place().margin6 + 500
    looks = (100, 0.0), (103, 3.0), (200, 300.0)
    assert judged(alice, wallet_read(available6=500), receipt(9), *looks) == [[], [], []]
    assert alice.pending.margin6 == place().margin6
    released = wallet_read(available6=500 + place().margin6)
    assert judged(alice, released, receipt(9), (201, 301.0), (203, 303.0)) == [[], [Resolution.GONE]]


def test_order_that_rested_by_receipt_is_filled_once_as_much_has_traded() -> None:
    alice = book(ALICE, pending(placed := place(), tx_hash=HASH))
    assert judged(alice, wallet_read(), receipt(9), (100, 0.0)) == [[]]
    alice.pending.traded18 = {(Side.BUY, PRICE6): placed.amount18}
    assert fates(reconcile.explain(alice, wallet_read(), ())) == [Resolution.FILLED]


def test_receipt_from_a_block_after_the_read_resolves_nothing_yet() -> None:
    alice = book(ALICE, pending(place(), tx_hash=HASH))
    looks = (100, 0.0), (103, 3.0), (104, 4.0), (106, 6.0), (107, 7.0)
    assert judged(alice, wallet_read(), receipt(block=104), *looks) == [[], [], [], [], [Resolution.EXECUTED]]


def test_missing_receipt_resolves_nothing() -> None:
    alice = book(ALICE, pending(place(), tx_hash=HASH), pending(place(level=2)))
    assert judged(alice, wallet_read(), {HASH: None}, (100, 0.0), (105, 5.0)) == [[], []]
    assert judged(alice, wallet_read(), {}, (110, 10.0)) == [[]]


def test_receipts_are_requested_only_for_orders_without_a_tag_match() -> None:
    first, second = place(level=1), place(level=2)
    alice = book(ALICE, pending(first, tx_hash=HASH), pending(second, tx_hash="0x22"), pending(place(level=3)))
    matched = reconcile.match_rested(alice, [], wallet_read(resting(first, 5)))
    assert reconcile.hashes_to_check(alice, matched) == ["0x22"]


# ---- absences ----


def absences(alice: WalletBook, *reads: tuple[int, float]) -> list[list[Resolution]]:
    return judged(alice, wallet_read(), {}, *reads)


def test_absence_counts_only_after_the_venue_timeout() -> None:
    alice = book(ALICE, pending(place(), at=100.0, stage=PendingStage.UNKNOWN))
    assert absences(alice, (1, 101.0), (50, 130.0), (99, 159.9)) == [[], [], []]
    assert absences(alice, (100, 160.0), (101, 161.0), (102, 162.0)) == [[], [], [Resolution.VOID]]


def test_transaction_named_late_gets_the_full_timeout_from_then_on() -> None:
    alice = book(ALICE, pending(place(), at=100.0))
    (slow,) = alice.pending
    slow.accepted("0x77", 158.0)
    assert absences(alice, (1, 160.0), (9, 180.0), (20, 217.9)) == [[], [], []]
    assert absences(alice, (21, 218.0), (23, 219.0)) == [[], [Resolution.VOID]]


def test_without_new_blocks_two_absences_ten_seconds_apart_make_it_void() -> None:
    alice = book(ALICE, pending(place(), stage=PendingStage.UNKNOWN))
    assert absences(alice, (7, 60.0), (7, 65.0), (7, 69.9), (7, 70.0)) == [[], [], [], [Resolution.VOID]]


def test_after_one_new_block_it_is_void_ten_seconds_later() -> None:
    """A chain that makes one more block and then stalls must not keep it for ever."""
    alice = book(ALICE, pending(place(), stage=PendingStage.UNKNOWN))
    assert absences(alice, (7, 60.0), (8, 75.0), (8, 84.9)) == [[], [], []]
    assert absences(alice, (8, 85.0)) == [[Resolution.VOID]]


def test_order_being_sent_is_never_void() -> None:
    alice = book(ALICE, pending(place(), stage=PendingStage.SENDING))
    assert absences(alice, (1, 100.0), (50, 1_000.0), (99, 10_000.0)) == [[], [], []]


def test_accepted_placement_that_never_appears_is_void_too() -> None:
    alice = book(ALICE, pending(place(), stage=PendingStage.ACCEPTED, tx_hash=HASH))
    assert absences(alice, (1, 60.0), (3, 61.0)) == [[], [Resolution.VOID]]


@given(
    stage=st.sampled_from(PendingStage),
    reads=st.lists(st.tuples(st.integers(0, 2), st.floats(0, 30)), min_size=1, max_size=12),
)
def test_order_is_void_once_absent_late_in_two_reads_far_enough_apart(
    stage: PendingStage, reads: list[tuple[int, float]]
) -> None:
    alice = book(ALICE, pending(place(), at=0.0, stage=stage))
    block, now, late = 100, 40.0, []
    for blocks, seconds in reads:
        block, now = block + blocks, now + seconds
        is_void = bool(judged(alice, wallet_read(), {}, (block, now))[0])
        if now >= SETTLE_AFTER:
            late.append((block, now))
        expected = stage is not PendingStage.SENDING and any(
            block - earlier >= 2 or (block == earlier and now - then >= 10) for earlier, then in late
        )
        assert is_void == expected
        if is_void:
            break


# ---- adopting ----


def test_adopt_assigns_levels_and_forgets_orders_that_are_gone() -> None:
    placed = place(level=5)
    alice = book(ALICE)
    alice.pending.memory = {1: OrderMemory(2, SIZE18), 9: OrderMemory(3, SIZE18)}
    alice.read_error = "could not be read"
    reconcile.adopt(alice, wallet_read(order(ALICE, 1), resting(placed, 2), order(ALICE, 3)), 0.0)
    assert [(one.level, one.placed18) for one in alice.orders] == [
        (2, SIZE18),
        (5, placed.amount18),
        (None, None),
    ]
    assert set(alice.pending.memory) == {1, 2}
    assert alice.read_error == ""


def test_partial_fill_changes_neither_level_nor_planned_size() -> None:
    placed = place(level=5)
    alice = book(ALICE)
    reconcile.adopt(alice, wallet_read(resting(placed, 2)), 0.0)
    for left18 in (SIZE18 // 2, SIZE18 // 3 + 7, place(level=9).amount18 // 10**9):
        reconcile.adopt(alice, wallet_read(resting(placed, 2, left18=left18)), 0.0)
        assert [(one.level, one.placed18, one.amount18) for one in alice.orders] == [(5, placed.amount18, left18)]


@given(amount18=st.integers(1, 10**18), placed18=st.none() | st.integers(1, 10**18))
def test_foreign_order_with_accidental_tag_digits_is_counted_and_never_misread(
    amount18: int, placed18: int | None
) -> None:
    """An order never grows: if the journal has a smaller amount for the tag, the tag is an accident."""
    alice = book(ALICE)
    tag = decode_tag(amount18)
    if tag is not None and placed18 is not None:
        alice.pending.placed[Side.BUY, tag.level, tag.sequence] = placed18
    reconcile.adopt(alice, wallet_read(order(ALICE, 1, amount18=amount18)), 0.0)
    (adopted,) = alice.orders
    if tag is None or (placed18 is not None and placed18 < amount18):
        assert (adopted.level, adopted.placed18) == (None, None)
    else:
        assert (adopted.level, adopted.placed18) == (tag.level, placed18 or amount18)


def test_resumed_order_keeps_its_original_size() -> None:
    placed = place(level=2, sequence=8)
    alice = book(ALICE)
    alice.pending.placed = {(Side.BUY, 2, 8): placed.amount18}
    left18 = placed.amount18 - 5 * 10**16
    reconcile.adopt(alice, wallet_read(resting(placed, 3, left18=left18)), 0.0)
    assert [(one.level, one.placed18) for one in alice.orders] == [(2, placed.amount18)]


def test_cancel_is_remembered_until_its_order_is_gone_or_it_times_out() -> None:
    alice = book(ALICE)
    alice.pending.cancels = {1: PendingCancel(1, 100.0), 2: PendingCancel(2, 100.0)}
    reconcile.adopt(alice, wallet_read(order(ALICE, 1)), 101.0)
    assert set(alice.pending.cancels) == {1}
    reconcile.adopt(alice, wallet_read(order(ALICE, 1)), 100.0 + CANCEL_PATIENCE_S)
    assert alice.pending.cancels == {}


# ---- orders that are no longer shown ----

FAR_BACK = 90


@dataclass
class Watched:
    """Alice has one resting order, seen since block `since`; the test gives the book's events and each read."""

    since: int = FAR_BACK
    placed: Place = field(default_factory=lambda: place(level=2, sequence=7))
    alice: WalletBook = field(default_factory=lambda: book(ALICE))
    last_block: int = 100

    def __post_init__(self) -> None:
        self.rest(wallet_read(resting(self.placed, 9)), self.since)

    def rest(self, read: WalletRead, block: int) -> None:
        reconcile.adopt(self.alice, read, 0.0, block)

    def look(self, read: WalletRead, block: int, now: float, cancelled: tuple[int, ...] = ()) -> list[Resolution]:
        """One read, reconciled as in a cycle."""
        alice = self.alice
        missing = reconcile.vanished(alice, read, last_block=self.last_block, now=now)
        reconcile.forget_reused_ids(alice, read)
        resolved = reconcile.match_rested(alice, missing, read)
        for one in missing:
            alice.pending.add(one)
        reconcile.apply(alice, resolved, block=block, now=now)
        for ended in (
            reconcile.explain(alice, read, cancelled),
            reconcile.judge(alice, read, block, now, {}, SETTLE_AFTER),
        ):
            fresh = [one for one in ended if one.pending.intent_id in alice.pending]
            reconcile.apply(alice, fresh, block=block, now=now)
            resolved += fresh
        reconcile.adopt(alice, read, now, block)
        self.last_block = block
        return fates(resolved)


NOTHING = wallet_read()


def test_order_missing_from_one_read_keeps_its_level_and_margin() -> None:
    world = Watched()
    assert world.look(NOTHING, 101, 1.0) == []
    assert [(one.level, one.margin6) for one in world.alice.snapshot(was_read=True).pending_orders] == [
        (2, resting(world.placed, 9).margin6)
    ]
    assert world.look(wallet_read(resting(world.placed, 9)), 101, 1.5) == [Resolution.RESTED]
    assert list(world.alice.pending) == []
    assert [(one.order_id, one.level) for one in world.alice.orders] == [(9, 2)]


def test_order_missing_from_two_reads_is_gone_once_the_vault_released_its_margin() -> None:
    world = Watched()
    released = wallet_read(available6=10**10 + resting(world.placed, 9).margin6)
    assert [world.look(released, block, block) for block in (101, 102, 103)] == [[], [], [Resolution.GONE]]
    assert list(world.alice.pending) == []


def test_vanished_order_keeps_its_level_while_the_vault_holds_its_margin() -> None:
    world = Watched()
    assert [world.look(NOTHING, block, block) for block in range(101, 900, 100)] == [[]] * 8
    (kept,) = world.alice.pending
    assert (kept.place.level, kept.place.margin6) == (2, resting(world.placed, 9).margin6)
    assert reconcile.is_vanished(kept.unexplained_reads)
    assert len(kept.unexplained_reads) == 2
    assert world.look(NOTHING, 1000, 1000.0, cancelled=(9,)) == [Resolution.CANCELLED]


def test_margin_of_a_position_is_not_taken_for_that_of_a_lost_order() -> None:
    world = Watched()
    lost = pending(place(sequence=8), tx_hash=HASH)
    world.alice.pending.add(lost)
    margin6 = resting(world.placed, 9).margin6
    world.alice.pending.traded18 = {(Side.BUY, PRICE6): world.placed.amount18}
    filled = wallet_read(locked6=margin6)
    assert [world.look(filled, block, block) for block in (101, 200)] == [[Resolution.FILLED], [Resolution.VOID]]


def test_order_without_a_response_that_filled_between_two_reads_was_executed() -> None:
    placed = place(sequence=8)
    world = Watched()
    world.alice.pending.add(pending(placed, stage=PendingStage.UNKNOWN))
    world.alice.pending.traded18 = {(Side.BUY, PRICE6): placed.amount18}
    shown = wallet_read(resting(world.placed, 9), available6=10**10 - placed.margin6, locked6=placed.margin6)
    assert [world.look(shown, block, block) for block in (101, 200)] == [[], [Resolution.EXECUTED]]


def test_margin_that_a_closed_position_freed_does_not_hide_that_of_a_vanished_order() -> None:
    world = Watched()
    margin6 = resting(world.placed, 9).margin6
    world.rest(wallet_read(resting(world.placed, 9), available6=10**10, locked6=margin6), 95)
    closed = wallet_read(available6=10**10 + margin6)
    assert [world.look(closed, block, block) for block in (101, 103, 200)] == [[], [], []]


def test_vault_without_reservations_is_no_witness_of_a_vanished_order() -> None:
    world = Watched()
    world.alice.share.is_net = False
    assert [world.look(NOTHING, block, block) for block in (101, 103)] == [[], [Resolution.GONE]]


def test_young_order_may_be_mined_again_and_gets_the_full_timeout() -> None:
    world = Watched(since=99)
    assert [world.look(NOTHING, block, now) for block, now in ((101, 0.0), (110, 30.0), (130, 59.0))] == [[], [], []]
    again = wallet_read(resting(world.placed, 12))
    assert world.look(again, 131, 60.0) == [Resolution.RESTED]
    assert [(one.order_id, one.level) for one in world.alice.orders] == [(12, 2)]
    world.last_block = 140
    released = wallet_read(available6=10**10 + resting(world.placed, 12).margin6)
    assert [world.look(released, block, block) for block in (141, 143)] == [[], [Resolution.GONE]]


def test_vanished_order_is_filled_once_its_full_amount_has_traded() -> None:
    world = Watched(since=100)
    world.alice.pending.traded18 = {(Side.BUY, PRICE6): world.placed.amount18 - 1}
    assert world.look(NOTHING, 101, 1.0) == []
    world.alice.pending.traded18[Side.BUY, PRICE6] += 1
    assert world.look(NOTHING, 101, 1.2) == [Resolution.FILLED]


def test_trades_used_up_by_other_orders_at_that_price_explain_nothing() -> None:
    world = Watched()
    other = place(level=5, sequence=8)
    world.rest(wallet_read(resting(world.placed, 9), resting(other, 10)), 95)
    world.alice.pending.traded18 = {(Side.BUY, PRICE6): world.placed.amount18}
    shrunk = wallet_read(resting(other, 10, left18=other.amount18 - world.placed.amount18 // 2))
    assert world.look(shrunk, 101, 1.0) == []


def test_cancel_event_for_its_id_resolves_it_at_once() -> None:
    assert Watched(since=100).look(NOTHING, 101, 1.0, cancelled=(9,)) == [Resolution.CANCELLED]


def test_reused_order_id_is_not_the_same_order() -> None:
    world = Watched(since=99)
    other = place(level=4, sequence=8, price6=PRICE6 - TICK6)
    world.alice.pending.next_sequence(other.sequence)
    world.look(wallet_read(resting(other, 9)), 101, 1.0)
    assert [(one.order_id, one.level) for one in world.alice.orders] == [(9, 4)]
    (undone,) = world.alice.pending
    assert (undone.place.level, undone.sent_at) == (2, 1.0), "it may be on its way again"


def test_vanished_order_without_a_level_reserves_nothing() -> None:
    world = Watched()
    world.rest(wallet_read(order(ALICE, 3)), 90)
    assert world.look(NOTHING, 101, 1.0) == []
    assert list(world.alice.pending) == []


# ---- late ----


def test_placement_that_was_given_up_and_rests_after_all_is_late_once() -> None:
    placed = place(level=3, sequence=4)
    alice = book(ALICE, pending(placed, stage=PendingStage.UNKNOWN))
    resolved = [one for block in (1, 3) for one in reconcile.judge(alice, NOTHING, block, 100.0, {}, SETTLE_AFTER)]
    assert fates(resolved) == [Resolution.VOID]
    reconcile.apply(alice, resolved, block=3, now=100.0)
    read = wallet_read(resting(placed, 6))
    late = reconcile.match_rested(alice, [], read)
    assert fates(late) == [Resolution.LATE]
    reconcile.apply(alice, late, block=9, now=200.0)
    reconcile.adopt(alice, read, 200.0, 9)
    assert (alice.pending.lapsed, alice.orders[0].level) == ({}, 3)
    assert reconcile.match_rested(alice, [], read) == []


def test_memory_of_lapsed_placements_is_bounded_and_keeps_the_latest() -> None:
    alice = book(ALICE)
    for number in range(KEPT_LAPSED + 20):
        alice.pending.lapse(pending(place(), intent_id=str(number)))
    assert list(alice.pending.lapsed) == [str(number) for number in range(20, KEPT_LAPSED + 20)]


# ---- others' best price ----


def others_best(read: FleetRead, ours: list[RestingOrder]) -> tuple[int | None, int | None]:
    prices = OwnPrices()
    WalletPrices(prices, ALICE).rest((), ours)
    return reconcile.others_best(read, prices.resting18)


def test_others_best_price_is_what_the_fleet_does_not_account_for() -> None:
    bids = {PRICE6: SIZE18, PRICE6 - TICK6: 3 * SIZE18, PRICE6 - 2 * TICK6: SIZE18}
    asks = {PRICE6 + TICK6: SIZE18}
    ours = [order(ALICE, 1), order(ALICE, 2, price6=PRICE6 - TICK6), order(BOB, 3, price6=PRICE6 - TICK6)]
    read = fleet_read([], depth=depth(bids, asks))
    assert others_best(read, ours) == (PRICE6 - TICK6, PRICE6 + TICK6)
    sell = replace(order(ALICE, 4, Side.SELL), price6=PRICE6 + TICK6)
    assert others_best(read, [*ours, sell]) == (PRICE6 - TICK6, None)
    assert others_best(fleet_read([]), ours) == (None, None)


def test_smallest_amount_beyond_the_fleets_belongs_to_others() -> None:
    read = fleet_read([], depth=depth({PRICE6: 2 * SIZE18 + 1}, {PRICE6 + TICK6: 1}))
    ours = [order(ALICE, 1), order(BOB, 2)]
    assert others_best(read, ours) == (PRICE6, PRICE6 + TICK6)
    assert others_best(read, [*ours, order(BOB, 3, amount18=1)]) == (None, PRICE6 + TICK6)
