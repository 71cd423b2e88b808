"""Orders that a read no longer shows, and their match when a later read shows them again, field by field."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ama_tui.domain.order import RestingOrder, Side
from ama_tui.domain.reading import OrderRested, Receipt
from ama_tui.engine.pending_orders import OrderMemory, PendingPlacement
from ama_tui.engine.reconciliation.rules import (
    REORG_BLOCKS,
    Resolution,
    ResolvedOrder,
    adopt,
    apply,
    explain,
    forget_reused_ids,
    judge,
    match_rested,
    vanished,
)
from ama_tui.engine.sent_request import PendingStage
from ama_tui.engine.wallet_book import WalletBook
from tests.engine.samples import ALICE, PRICE6, SIZE18, TICK6, book, order, pending, place, resting, wallet_read

NOW = 50.0
BLOCK = 100
PLACED = place(level=2, sequence=7)


def held(*orders: RestingOrder, block: int = 1, intent_id: str = "intent") -> WalletBook:
    """A wallet whose last read showed these orders, each with its level known since `block`."""
    alice = book(ALICE)
    for one in orders:
        alice.pending.memory[one.order_id] = OrderMemory(one.level or 0, one.placed18 or 0, block, intent_id)
    alice.read = wallet_read(*orders)
    return alice


def levelled(order_id: int, *, level: int | None = 2, price6: int = PRICE6) -> RestingOrder:
    placed = place(level=level or 1, price6=price6, sequence=order_id)
    return replace(resting(placed, order_id), level=level, placed18=placed.amount18)


def missing(alice: WalletBook, *shown: RestingOrder, last_block: int = BLOCK) -> list[PendingPlacement]:
    return vanished(alice, wallet_read(*shown), last_block=last_block, now=NOW)


def test_vanished_order_becomes_the_placement_it_was() -> None:
    gone = levelled(7)
    (found,) = missing(held(gone))
    assert found == PendingPlacement(
        "intent",
        replace(PLACED, margin6=gone.margin6),
        float("-inf"),
        stage=PendingStage.UNKNOWN,
        last=gone,
    )


def test_vanished_order_without_an_intent_is_tracked_by_its_id() -> None:
    assert [one.intent_id for one in missing(held(levelled(7), intent_id=""))] == ["order 7"]
    alice = held(levelled(7))
    alice.pending.memory.clear()
    (found,) = missing(alice)
    assert (found.intent_id, found.sent_at) == ("order 7", float("-inf"))


def test_vanished_order_whose_tag_was_lost_to_a_fill_has_no_sequence() -> None:
    worn = replace(levelled(7), placed18=SIZE18)
    assert [one.place.sequence for one in missing(held(worn))] == [-1]


@pytest.mark.parametrize(("age", "is_young"), [(0, True), (REORG_BLOCKS - 1, True), (REORG_BLOCKS, False)])
def test_order_is_young_as_long_as_its_block_may_be_undone(age: int, is_young: bool) -> None:
    (found,) = missing(held(levelled(7), block=BLOCK - age))
    assert found.sent_at == (NOW if is_young else float("-inf"))


def test_shown_and_unlevelled_orders_have_not_vanished_and_hide_no_other() -> None:
    shown, unlevelled, unplanned = levelled(1), levelled(2, level=None), replace(levelled(3), placed18=None)
    gone = levelled(9, level=4)
    alice = held(shown, unlevelled, unplanned, gone)
    assert [one.last for one in missing(alice, shown)] == [gone]


def test_smaller_amount_is_the_same_order_and_a_larger_one_is_another() -> None:
    before = levelled(7)
    assert missing(held(before), replace(before, amount18=before.amount18 - 1)) == []
    assert len(missing(held(before), replace(before, amount18=before.amount18 + 1))) == 1
    assert len(missing(held(before), replace(before, price6=before.price6 + TICK6))) == 1
    assert len(missing(held(before), replace(before, side=Side.SELL))) == 1


def test_only_reused_ids_are_forgotten() -> None:
    same, replaced, left = levelled(1), levelled(2), levelled(3)
    alice = held(same, replaced, left)
    forget_reused_ids(alice, wallet_read(levelled(9), replace(replaced, price6=PRICE6 + TICK6), same))
    assert set(alice.pending.memory) == {1, 3}
    alice.pending.memory.clear()
    forget_reused_ids(alice, wallet_read(replace(replaced, price6=PRICE6 + TICK6)))


def test_reappearing_order_is_matched_by_its_id_even_with_its_tag_lost() -> None:
    last = levelled(7)
    again = replace(last, amount18=SIZE18 // 3, level=None, placed18=None)
    away = PendingPlacement("intent", PLACED, 0.0, stage=PendingStage.UNKNOWN, last=replace(last, amount18=SIZE18 // 2))
    alice = book(ALICE, away)
    rival = pending(place(level=3, sequence=8), intent_id="rival")  # so that the price alone does not decide
    alice.pending.add(rival)
    assert match_rested(alice, (), wallet_read(again)) == [ResolvedOrder(away, Resolution.RESTED, again)]
    other = replace(again, order_id=8)
    assert match_rested(alice, (), wallet_read(other)) == []


def test_one_order_resolves_one_placement() -> None:
    first, second = pending(PLACED, intent_id="first"), pending(PLACED, intent_id="second")
    rests = resting(PLACED, 7)
    assert match_rested(book(ALICE, first, second), (), wallet_read(rests)) == [
        ResolvedOrder(first, Resolution.RESTED, rests)
    ]


def test_order_without_its_tag_matches_the_only_pending_placement_at_its_price() -> None:
    under_way = pending(PLACED)
    worn = order(order_id=7, amount18=SIZE18 // 3)
    alice = book(ALICE, under_way)
    assert match_rested(alice, (), wallet_read(worn)) == [ResolvedOrder(under_way, Resolution.RESTED, worn)]
    assert match_rested(alice, (), wallet_read(worn), by_price=False) == []
    alice.read = wallet_read(worn)  # it was there before
    assert match_rested(alice, (), wallet_read(worn)) == []


def test_unexplained_order_without_its_tag_matches_the_latest_written_off_placement() -> None:
    alice = book(ALICE)
    latest = pending(PLACED, intent_id="latest")
    for one in (*(pending(place(level=1, sequence=n), intent_id=f"older {n}") for n in (1, 2, 3)), latest):
        alice.pending.lapse(one)
    worn = order(order_id=7, amount18=SIZE18 // 3)
    assert match_rested(alice, (), wallet_read(worn)) == [ResolvedOrder(latest, Resolution.LATE, worn)]
    for number in (1, 2):
        under_way = pending(place(level=3 + number, sequence=9 + number), intent_id=f"under way {number}")
        alice.pending.add(under_way)
    assert match_rested(alice, (), wallet_read(worn)) == []  # it may be either of them


@pytest.mark.parametrize(
    "other",
    [
        order(order_id=7, amount18=SIZE18 // 3, side=Side.SELL),
        order(order_id=7, amount18=SIZE18 // 3, price6=PRICE6 + TICK6),
        order(order_id=7, amount18=PLACED.amount18 + 1),
    ],
)
def test_other_side_other_price_or_larger_amount_matches_no_placement(other: RestingOrder) -> None:
    assert match_rested(book(ALICE, pending(PLACED)), (), wallet_read(other)) == []


def test_resolved_placements_lapse_and_only_a_void_one_counts_as_given_up() -> None:
    alice = book(ALICE, *(pending(place(level=level, sequence=level), intent_id=str(level)) for level in (1, 2)))
    first, second = alice.pending.placements["1"], alice.pending.placements["2"]
    apply(
        alice, [ResolvedOrder(first, Resolution.VOID), ResolvedOrder(second, Resolution.FILLED)], block=BLOCK, now=NOW
    )
    assert list(alice.pending) == []
    assert list(alice.pending.lapsed) == ["1", "2"]
    assert (first.given_up_at, second.given_up_at) == (NOW, 0.0)


def test_resting_order_is_remembered_with_its_block_and_intent() -> None:
    under_way = pending(PLACED, intent_id="intent")
    alice = book(ALICE, under_way)
    apply(alice, [ResolvedOrder(under_way, Resolution.RESTED, resting(PLACED, 7))], block=BLOCK, now=NOW)
    assert (list(alice.pending), alice.pending.lapsed) == ([], {})
    assert alice.pending.memory == {7: OrderMemory(2, PLACED.amount18, BLOCK, "intent")}


def test_several_orders_can_come_to_rest_at_once() -> None:
    under_way = [pending(place(level=number), intent_id=f"{number}", tx_hash=f"0x{number}") for number in (1, 2)]
    rests = [order(order_id=number, amount18=SIZE18 // 3) for number in (1, 2)]
    receipts = {
        f"0x{number}": Receipt(f"0x{number}", True, BLOCK, (OrderRested(number, ALICE, PRICE6, SIZE18, True, True),))
        for number in (1, 2)
    }
    alice = book(ALICE, *under_way)
    resolved = judge(alice, wallet_read(*rests), BLOCK, NOW, receipts, 60.0)
    assert resolved == [ResolvedOrder(one, Resolution.RESTED, rest) for one, rest in zip(under_way, rests, strict=True)]
    apply(alice, resolved, block=BLOCK, now=NOW)
    assert (list(alice.pending), set(alice.pending.memory)) == ([], {1, 2})


def test_only_vanished_orders_without_a_level_are_reported() -> None:
    stays, gone = levelled(1, level=None), levelled(2, level=None)
    alice = held(stays, gone, levelled(3), levelled(4))
    assert adopt(alice, wallet_read(stays, levelled(3)), NOW) == (gone,)


def test_trades_that_shrank_another_order_are_used_up() -> None:
    """Half of the missing order's amount was traded at its price, and another order has shrunk by just that."""
    gone, shrunk, ahead, undone = (levelled(n, price6=PRICE6 + TICK6 * (n > 2)) for n in (1, 2, 3, 4))
    alice = held(gone, shrunk, ahead, undone, intent_id="")
    half18 = gone.amount18 // 2
    alice.pending.traded18[Side.BUY, PRICE6] = half18
    shown = (
        replace(shrunk, amount18=shrunk.amount18 - half18),
        replace(ahead, amount18=ahead.amount18 - 7),  # its trade has not been read yet
        replace(undone, side=Side.SELL, amount18=1),  # its id belongs to another order now
    )
    alice.pending.placements = {one.intent_id: one for one in missing(alice, *shown)}
    assert explain(alice, wallet_read(*shown), []) == []
    assert alice.pending.traded18 == {(Side.BUY, PRICE6): 0, (Side.BUY, PRICE6 + TICK6): -7}


def test_without_a_trade_not_even_a_one_unit_order_is_filled() -> None:
    alice = held(replace(levelled(1), amount18=1))
    alice.pending.placements = {one.intent_id: one for one in missing(alice)}
    assert explain(alice, wallet_read(), []) == []


def test_trades_explain_orders_until_they_are_used_up() -> None:
    orders = [levelled(number, level=number) for number in (1, 2, 3)]
    alice = held(*orders)
    alice.pending.placements["fresh"] = pending(place(level=4))
    for one in missing(alice):
        one = replace(one, intent_id=f"intent {one.place.level}")
        alice.pending.add(one)
    alice.pending.traded18[Side.BUY, PRICE6] = orders[0].amount18 + orders[1].amount18
    resolved = explain(alice, wallet_read(), [])
    assert [(one.pending.place.level, one.resolution) for one in resolved] == [
        (1, Resolution.FILLED),
        (2, Resolution.FILLED),
    ]
    assert alice.pending.traded18 == {(Side.BUY, PRICE6): 0}
    assert [(one.pending.place.level, one.resolution) for one in explain(alice, wallet_read(), [3])] == [
        (3, Resolution.CANCELLED)
    ]
