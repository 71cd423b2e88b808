"""What is kept of a wallet between reads: sequence numbers, backoff, levels, the fleet's own prices."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ama_tui.domain.order import MAX_TAG_SEQUENCE, Side, Tag, encode_tag
from ama_tui.domain.plan import SkipReason
from ama_tui.engine.pending_orders import OrderMemory, PendingCancel
from ama_tui.engine.sent_request import PendingStage
from ama_tui.engine.wallet_book import FIRST_BACKOFF_S, LONGEST_BACKOFF_S
from tests.engine.samples import (
    ALICE,
    BOB,
    PRICE6,
    SIZE18,
    TICK6,
    book,
    fleet,
    order,
    pending,
    place,
    resting,
    wallet_read,
)


def test_sequence_numbers_increase_and_wrap_around() -> None:
    alice = book()
    alice.pending.next_sequence(41)
    assert alice.pending.sequence == 42
    alice.pending.next_sequence(MAX_TAG_SEQUENCE)
    assert alice.pending.sequence == 0
    assert encode_tag(Tag(1, alice.pending.sequence))


def test_backoff_doubles_up_to_its_maximum_and_ends_with_a_success() -> None:
    alice = book()
    waits = []
    for _ in range(8):
        alice.failed(100.0)
        waits.append(alice.backoff_until - 100.0)
    assert waits[:3] == [FIRST_BACKOFF_S, 2 * FIRST_BACKOFF_S, 4 * FIRST_BACKOFF_S]
    assert waits[-1] == LONGEST_BACKOFF_S
    alice.succeeded()
    assert (alice.backoff_until, alice.failures) == (0.0, 0)
    alice.failed(200.0)
    assert alice.backoff_until == 201.0


def test_memory_of_an_order_takes_precedence_over_its_tag() -> None:
    placed = place(level=7)
    alice = book()
    alice.pending.memory[3] = OrderMemory(2, SIZE18 * 3)
    annotated = alice.pending.annotated(resting(placed, 3))
    assert (annotated.level, annotated.placed18) == (2, SIZE18 * 3)


def test_level_from_the_tag_is_remembered_once_the_digits_are_gone() -> None:
    placed = place(level=7)
    alice = book()
    assert alice.pending.annotated(resting(placed, 3)).level == 7
    assert alice.pending.annotated(resting(placed, 3, left18=SIZE18 // 2)).level == 7


def test_order_without_a_tag_takes_no_level() -> None:
    plain = order(ALICE, 3)
    assert book().pending.annotated(plain) == plain


def test_margins_and_counts_add_up_resting_and_pending_orders() -> None:
    first, second, third = place(level=1), place(level=2), place(side=Side.SELL, level=1)
    alice = book(ALICE, pending(first, stage=PendingStage.SENDING), pending(second, stage=PendingStage.UNKNOWN))
    alice.read = wallet_read(resting(third, 1), resting(place(level=3), 2))
    assert alice.pending.margin6 == first.margin6 + second.margin6
    assert alice.reserved6() == 2 * third.margin6
    assert (alice.resting(Side.BUY), alice.resting(Side.SELL)) == (1, 1)
    assert [sum(1 for placement in alice.pending if placement.stage is stage) for stage in PendingStage] == [1, 0, 1]
    assert alice.pending.unknown == 1


def test_snapshot_has_everything_the_planner_needs() -> None:
    placed = place(level=2)
    alice = book(ALICE, pending(placed, stage=PendingStage.UNKNOWN))
    alice.read = wallet_read(order(ALICE, 5), available6=77)
    alice.pending.cancels[5] = PendingCancel(5, 0.0)
    alice.pending.sequence = 9
    alice.session.lose("session revoked")
    snapshot = alice.snapshot(was_read=True)
    assert (snapshot.available6, snapshot.sequence, snapshot.was_read) == (77, 9, True)
    assert [(one.level, one.margin6, one.is_unknown) for one in snapshot.pending_orders] == [(2, placed.margin6, True)]
    assert snapshot.cancelling == {5}
    assert (snapshot.unusable, snapshot.unusable_detail) == (SkipReason.NO_SESSION, "session revoked")


def test_unread_wallet_is_unknown_not_empty() -> None:
    alice = book()
    alice.read = wallet_read(order(ALICE, 5))
    assert not alice.snapshot(was_read=False).was_read
    assert len(alice.snapshot(was_read=False).orders) == 1
    alice.read = None
    assert not alice.snapshot(was_read=True).was_read


PRICES = st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 99), st.booleans()), max_size=10)


@given(alices=PRICES, bobs=PRICES)
def test_fleets_best_price_is_the_best_of_all_its_orders(
    alices: list[tuple[Side, int, bool]], bobs: list[tuple[Side, int, bool]]
) -> None:
    books = []
    for address, prices in ((ALICE, alices), (BOB, bobs)):
        own = book(address)
        for side, ticks, rests in prices:
            placed = place(address, side, price6=PRICE6 + ticks * TICK6)
            if rests:
                own.read = wallet_read(*own.orders, resting(placed, len(own.orders) + 1))
            else:
                under_way = pending(placed)
                own.pending.add(under_way)
        books.append(own)
    for side, best in ((Side.BUY, max), (Side.SELL, min)):
        known = [PRICE6 + ticks * TICK6 for one, ticks, _ in [*alices, *bobs] if one is side]
        assert fleet(*books).best_own(side, 0.0) == best(known, default=None)


def test_levels_of_adopted_orders_are_still_known_at_the_second_start() -> None:
    adopted = [resting(place(level=level, sequence=500 + level), level) for level in (1, 2, 3)]
    first = book()
    first.take_read(wallet_read(*adopted), 100)
    assert [one.level for one in first.orders] == [1, 2, 3]
    assert first.pending.sequence == 504, "what this process places comes after what it took over"

    second = book()
    second.pending.next_sequence(first.pending.sequence)  # its journal has one placement
    second.take_read(wallet_read(*adopted), 200)
    assert [one.level for one in second.orders] == [1, 2, 3]
