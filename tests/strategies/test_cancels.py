from __future__ import annotations

from dataclasses import replace

import pytest

from ama_tui.domain.order import MAX_TAG_SEQUENCE, TAG_UNIT, RestingOrder, Side, Tag, encode_tag
from ama_tui.domain.plan import Cancel, CancelReason, MarketSnapshot, Place, WalletSnapshot
from tests.strategies.worlds import NOW, Packer, market, resting, wallet

PACKER = Packer()
OLD = NOW - 30
FAR_BUY = 2_497_590_000
"""241 ticks below an anchor of 2,500; 240, twice the farthest distance, is still near enough."""


def cancels(one: WalletSnapshot, snapshot: MarketSnapshot | None = None) -> list[tuple[int, CancelReason]]:
    snapshot = market(one) if snapshot is None else replace(snapshot, wallets=(one,))
    found = [intent for intent in PACKER.plan(snapshot).intents if isinstance(intent, Cancel)]
    assert all(cancel.wallet == one.address for cancel in found)
    return [(cancel.order_id, cancel.reason) for cancel in found]


def buys(count: int) -> list[RestingOrder]:
    """Young orders; a higher id is younger."""
    return [resting(1 + number, Side.BUY, 2_499_000_000, placed_at=NOW + number) for number in range(count)]


def test_twice_the_target_is_not_too_many() -> None:
    assert cancels(wallet(orders=tuple(buys(12)))) == []


def test_oldest_orders_beyond_twice_the_target_are_cancelled() -> None:
    assert cancels(wallet(orders=tuple(reversed(buys(15))))) == [
        (1, CancelReason.EXCESS),
        (2, CancelReason.EXCESS),
        (3, CancelReason.EXCESS),
    ]


def test_of_two_orders_of_the_same_age_the_lower_id_is_cancelled() -> None:
    orders = tuple(replace(order, placed_at=NOW) for order in reversed(buys(13)))
    assert cancels(wallet(orders=orders)) == [(1, CancelReason.EXCESS)]


def test_orders_already_being_cancelled_do_not_count_as_too_many() -> None:
    one = wallet(orders=tuple(buys(15)), cancelling=frozenset({2, 9}))
    assert cancels(one) == [(1, CancelReason.EXCESS)]
    assert cancels(replace(one, cancelling=frozenset({2, 9, 10}))) == []


def test_each_side_is_counted_separately() -> None:
    sells = [replace(order, side=Side.SELL, price6=2_501_000_000, order_id=order.order_id + 50) for order in buys(12)]
    assert cancels(wallet(orders=(*buys(12), *sells))) == []


def test_cancel_describes_the_order_it_removes() -> None:
    one = wallet(orders=(resting(1, Side.BUY, FAR_BUY, amount18=10**17, placed_at=OLD, level=2),))
    assert PACKER.plan(market(one)).intents[0] == Cancel(
        one.address, 1, Side.BUY, FAR_BUY, 10**17, CancelReason.FAR, level=2
    )


@pytest.mark.parametrize(
    ("amount18", "placed18", "placed_at", "expected"),
    [
        (10**16 - 1, 10**17, OLD, [(1, CancelReason.REMNANT)]),
        (10**16, 10**17, OLD, []),
        (10**16 - 1, 10**17, OLD + 1, []),
        (1, None, OLD, []),
    ],
)
def test_remnant_is_cancelled_once_it_has_rested_long_enough(
    amount18: int, placed18: int | None, placed_at: int, expected: list[tuple[int, CancelReason]]
) -> None:
    order = resting(1, Side.BUY, 2_499_000_000, amount18=amount18, placed18=placed18, placed_at=placed_at, level=1)
    assert cancels(wallet(orders=(order,))) == expected


@pytest.mark.parametrize(
    ("side", "price6", "expected"),
    [
        (Side.BUY, FAR_BUY, [(1, CancelReason.FAR)]),
        (Side.BUY, FAR_BUY + 10_000, []),
        (Side.SELL, 2_502_410_000, [(1, CancelReason.FAR)]),
        (Side.SELL, 2_502_400_000, []),
    ],
)
def test_order_beyond_twice_the_farthest_distance_is_cancelled(
    side: Side, price6: int, expected: list[tuple[int, CancelReason]]
) -> None:
    assert cancels(wallet(orders=(resting(1, side, price6, placed_at=OLD, level=2),))) == expected


@pytest.mark.parametrize("level", [None, 7])
def test_far_order_at_a_level_beyond_the_target_is_cancelled(level: int | None) -> None:
    assert cancels(wallet(orders=(resting(1, Side.BUY, FAR_BUY, placed_at=OLD, level=level),))) == [
        (1, CancelReason.FAR)
    ]


def test_far_order_stays_if_its_refill_would_be_no_nearer() -> None:
    """The others' touch keeps the level that far out: a cancel would only put it back."""
    others = market(others_bid6=FAR_BUY - 46 * 10_000, best_bid6=FAR_BUY - 46 * 10_000)
    there = resting(1, Side.BUY, others.others_bid6 or 0, placed_at=OLD, level=1)
    assert cancels(wallet(orders=(replace(there, price6=there.price6 - 3 * 10_000),)), others) == []
    assert cancels(wallet(orders=(replace(there, price6=there.price6 - 4 * 10_000),)), others) == [
        (1, CancelReason.FAR)
    ]


def test_one_stale_order_is_cancelled_at_a_time_oldest_first() -> None:
    far = [resting(number, Side.BUY, FAR_BUY, placed_at=OLD - number, level=number) for number in (1, 2, 3)]
    assert cancels(wallet(orders=tuple(far))) == [(3, CancelReason.FAR)]


def test_stale_order_is_found_among_young_and_good_ones() -> None:
    orders = (
        resting(1, Side.BUY, FAR_BUY, placed_at=NOW, level=1),
        resting(2, Side.BUY, 2_499_000_000, placed_at=OLD, level=2),
        resting(3, Side.BUY, FAR_BUY, placed_at=OLD, level=3),
    )
    assert cancels(wallet(orders=orders)) == [(3, CancelReason.FAR)]


def test_stale_order_already_being_cancelled_is_not_cancelled_again() -> None:
    far = [resting(number, Side.BUY, FAR_BUY, placed_at=OLD - number, level=number) for number in (1, 2, 3)]
    assert cancels(wallet(orders=tuple(far), cancelling=frozenset({3}))) == [(2, CancelReason.FAR)]


def test_order_that_is_both_excess_and_stale_is_cancelled_once() -> None:
    orders = (resting(99, Side.BUY, FAR_BUY, placed_at=OLD), *buys(12))
    assert cancels(wallet(orders=orders)) == [(99, CancelReason.EXCESS)]


def test_without_an_anchor_nothing_is_stale_but_excess_is_cancelled() -> None:
    blind = market(vault_mark6=None)
    remnant = resting(99, Side.BUY, 2_499_000_000, amount18=1, placed18=10**17, placed_at=OLD)
    assert cancels(wallet(orders=(remnant,)), blind) == []
    assert cancels(wallet(orders=tuple(buys(13))), blind) == [(1, CancelReason.EXCESS)]


def test_level_of_a_cancelled_order_is_filled_only_once_the_order_is_gone() -> None:
    full = [
        resting(20 * side.is_buy + level, side, price6, level=level, placed_at=OLD)
        for side, price6 in ((Side.BUY, 2_499_000_000), (Side.SELL, 2_501_000_000))
        for level in range(1, 7)
    ]
    full[0] = replace(full[0], price6=FAR_BUY)
    first = PACKER.plan(market(wallet(available6=10**11, orders=tuple(full))))
    assert [type(intent) for intent in first.intents] == [Cancel]
    then = PACKER.plan(market(wallet(available6=10**11, orders=tuple(full[1:]))))
    assert [(one.side, one.level) for one in then.intents if isinstance(one, Place)] == [(Side.BUY, 1)]


# ---- two orders at one level ----


def at_level(order_id: int, sequence: int | None, level: int = 2, placed_at: int = NOW) -> RestingOrder:
    """A young order of a level; without a sequence number its tag is lost."""
    order = resting(order_id, Side.BUY, 2_499_000_000, placed_at=placed_at)
    placed18 = None
    if sequence is not None:
        placed18 = order.amount18 // TAG_UNIT * TAG_UNIT + encode_tag(Tag(level, sequence))
    return replace(order, level=level, placed18=placed18)


@pytest.mark.parametrize(
    ("first", "second", "newer"),
    [
        (at_level(1, 7), at_level(2, 8), 2),
        (at_level(1, 8), at_level(2, 7), 1),
        (at_level(1, 0), at_level(2, MAX_TAG_SEQUENCE // 2), 2),
        (at_level(1, 0), at_level(2, MAX_TAG_SEQUENCE // 2 + 2), 1),
        (at_level(1, MAX_TAG_SEQUENCE), at_level(2, 3), 2),
        (at_level(1, 3), at_level(2, MAX_TAG_SEQUENCE), 1),
        (at_level(1, None), at_level(2, 7), 2),
        (at_level(2, 7), at_level(1, None, placed_at=NOW + 1), 1),
    ],
)
def test_of_two_orders_at_one_level_the_one_decided_later_is_cancelled(
    first: RestingOrder, second: RestingOrder, newer: int
) -> None:
    for orders in ((first, second), (second, first)):
        assert cancels(wallet(orders=orders)) == [(newer, CancelReason.DUPLICATE)]


def test_one_duplicate_is_cancelled_at_a_time() -> None:
    orders = tuple(at_level(order_id, order_id) for order_id in (1, 2, 3))
    assert cancels(wallet(orders=orders)) == [(3, CancelReason.DUPLICATE)]
    assert cancels(wallet(orders=orders, cancelling=frozenset({3}))) == []


def test_excess_and_duplicate_are_cancelled_together_and_an_order_that_is_both_once() -> None:
    many = buys(13)
    duplicates = (at_level(51, 7, placed_at=NOW + 99), at_level(52, 8, placed_at=NOW + 99))
    assert cancels(wallet(orders=(*many[:11], *duplicates))) == [(1, CancelReason.EXCESS), (52, CancelReason.DUPLICATE)]
    oldest = replace(duplicates[1], placed_at=OLD + 1)
    assert cancels(wallet(orders=(*many[:11], duplicates[0], oldest))) == [(52, CancelReason.EXCESS)]


def test_other_levels_other_sides_and_unknown_levels_are_not_duplicates() -> None:
    sell = replace(at_level(3, 9), side=Side.SELL, price6=2_501_000_000)
    unknown = [resting(n, Side.BUY, 2_499_000_000, placed_at=NOW) for n in (4, 5)]
    assert cancels(wallet(orders=(at_level(1, 7), at_level(2, 8, level=3), sell, *unknown))) == []
