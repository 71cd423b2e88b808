"""How much of a market order stays clear of the fleet: against random books, matched by price and then time."""

from __future__ import annotations

import random
from collections import defaultdict
from typing import NamedTuple

import pytest

from ama_tui.domain.market import BookLevel
from ama_tui.domain.order import Side
from ama_tui.engine.execution.book_walk import UNIT18, BookWalk, walk

BOOKS = 10_000
MID = 1_000


class Resting(NamedTuple):
    """An order on the opposite side of the book. A lower `number` came first."""

    price6: int
    number: int
    amount18: int
    is_ours: bool
    is_shown: bool = True
    """False for an order of ours that is pending or unknown: it is on no book yet."""


def random_book(dice: random.Random, side: Side) -> list[Resting]:
    """Orders that a market order on `side` meets, ours and those of others, often at shared prices."""
    away = 1 if side.is_buy else -1
    return [
        Resting(
            MID + away * dice.randint(1, 12),
            number,
            dice.randint(1, 40) * UNIT18,
            is_ours=dice.random() < 0.3,
            is_shown=dice.random() < 0.8,
        )
        for number in range(dice.randint(0, 14))
    ]


def shown_levels(orders: list[Resting], side: Side) -> list[BookLevel]:
    totals: defaultdict[int, int] = defaultdict(int)
    for order in orders:
        if order.is_shown or not order.is_ours:
            totals[order.price6] += order.amount18
    return [BookLevel(price6, totals[price6]) for price6 in sorted(totals, reverse=not side.is_buy)]


def own_best(orders: list[Resting], side: Side) -> int | None:
    prices = [order.price6 for order in orders if order.is_ours]
    return None if not prices else min(prices) if side.is_buy else max(prices)


def matched(orders: list[Resting], side: Side, amount18: int) -> list[tuple[Resting, int]]:
    """What a market order trades with, best price first and at a price the fleet first: the worst case."""
    trades = []
    for order in sorted(orders, key=lambda one: (one.price6 if side.is_buy else -one.price6, not one.is_ours)):
        filled18 = min(amount18, order.amount18)
        if filled18 > 0:
            trades.append((order, filled18))
        amount18 -= filled18
    return trades


def walked(orders: list[Resting], side: Side, wanted18: int, limit6: int, give6: int) -> BookWalk:
    levels, own6 = shown_levels(orders, side), own_best(orders, side)
    return walk(levels, side, wanted18, limit6=limit6, own6=own6, give6=give6)


def after_giving_way(orders: list[Resting], side: Side, give6: int) -> list[Resting]:
    """The book once others have taken back or sold all that was too close behind the best price."""
    shown = [one.price6 for one in orders if one.is_shown or not one.is_ours]
    if not shown:
        return orders
    best6 = min(shown) if side.is_buy else max(shown)
    return [one for one in orders if one.is_ours or abs(one.price6 - best6) >= give6]


def test_no_take_reaches_the_fleet_in_any_of_many_books_even_after_giving_way_and_with_half_of_the_rest_gone() -> None:
    dice = random.Random(5)
    sent = with_ours = 0
    for _ in range(BOOKS):
        side = dice.choice(list(Side))
        orders = random_book(dice, side)
        limit6 = MID + (1 if side.is_buy else -1) * dice.randint(0, 14)
        give6 = dice.randint(0, 3)
        found = walked(orders, side, dice.randint(1, 120) * UNIT18, limit6, give6)
        left = after_giving_way(orders, side, give6)
        thinner = [one if one.is_ours else one._replace(amount18=-(-one.amount18 // 2)) for one in left]
        for book in (orders, left, thinner):
            trades = matched(book, side, found.amount18)
            assert not [order for order, _ in trades if order.is_ours]
            assert sum(amount18 for _, amount18 in trades) == found.amount18 or book is not orders
            if trades:
                worst6 = trades[-1][0].price6
                assert worst6 <= found.reach6 if side.is_buy else worst6 >= found.reach6
        for order, _ in matched(orders, side, found.amount18):
            assert order.price6 <= limit6 if side.is_buy else order.price6 >= limit6
        own6 = own_best(orders, side)
        assert own6 is None or not found.amount18 or (found.reach6 < own6 if side.is_buy else found.reach6 > own6)
        sent += found.amount18 > 0
        with_ours += found.amount18 > 0 and own6 is not None
    assert sent > BOOKS // 4, "the walk lets hardly anything through"
    assert with_ours > BOOKS // 10


@pytest.mark.parametrize(
    ("wanted", "limit6", "own6", "amount", "reason"),
    [
        (10, 1_005, None, 10, ""),
        (100, 1_005, None, 60, "the book has no more"),
        (100, 1_002, None, 40, "slippage"),
        (100, 1_000, None, 0, "slippage"),
        (100, 1_005, 1_003, 20, "it would come too close to an order of the fleet"),
        (100, 1_005, 1_002, 10, "it would come too close to an order of the fleet"),
        (100, 1_005, 1_001, 0, "it would come too close to an order of the fleet"),
        (5, 1_005, 1_002, 5, ""),
    ],
)
def test_amount_is_cut_by_depth_slippage_and_the_fleets_best_order(
    wanted: int, limit6: int, own6: int | None, amount: int, reason: str
) -> None:
    asks = [BookLevel(price6, 20 * UNIT18) for price6 in (1_001, 1_002, 1_003)]
    found = walk(asks, Side.BUY, wanted * UNIT18, limit6=limit6, own6=own6, give6=0)
    assert (found.amount18, found.reason) == (amount * UNIT18, reason)


@pytest.mark.parametrize(("give6", "amount"), [(0, 20), (1, 10), (2, 0)])
def test_depth_that_goes_as_the_best_price_gives_way_does_not_count(give6: int, amount: int) -> None:
    asks = [BookLevel(price6, 20 * UNIT18) for price6 in (1_001, 1_002, 1_003)]
    found = walk(asks, Side.BUY, 100 * UNIT18, limit6=1_005, own6=1_003, give6=give6)
    assert found.amount18 == amount * UNIT18
