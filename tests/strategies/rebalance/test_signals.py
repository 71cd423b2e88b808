"""The signals of `rebalance`: imbalance without the fleet's own orders, volatility by trades, inventory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ama_tui.domain.market import Book, BookLevel
from ama_tui.domain.order import Side
from ama_tui.strategies.rebalance.signals import Volatility, imbalance, inventory
from tests.strategies.worlds import market, resting, wallet

TICK6 = 10_000
UNIT = 10**18


def book(bids: dict[int, int], asks: dict[int, int]) -> Book:
    return Book(
        tuple(BookLevel(price6, bids[price6]) for price6 in sorted(bids, reverse=True)),
        tuple(BookLevel(price6, asks[price6]) for price6 in sorted(asks)),
    )


def test_three_times_as_much_bid_as_asked_is_an_imbalance_of_a_half() -> None:
    assert imbalance(market(book=book({100: 3 * UNIT}, {110: UNIT}))) == 0.5


def test_a_book_with_asks_only_is_an_imbalance_of_minus_one() -> None:
    assert imbalance(market(book=book({}, {110: UNIT}))) == -1


def test_an_empty_book_has_no_imbalance() -> None:
    assert imbalance(market()) == 0


def test_chain_and_api_count_equally_for_the_imbalance() -> None:
    chain, live = book({100: UNIT}, {}), book({}, {110: UNIT})
    assert imbalance(market(book=chain, live_book=live)) == 0
    assert imbalance(market(book=chain)) == 1


def test_the_fleets_own_orders_do_not_count_for_the_imbalance() -> None:
    own = resting(1, Side.BUY, 100, amount18=5 * UNIT)
    both = book({100: 6 * UNIT}, {110: UNIT})
    assert imbalance(market(wallet(orders=(own,)), book=both)) == 0


def test_own_orders_that_the_api_does_not_show_yet_never_count_below_zero() -> None:
    own = resting(1, Side.BUY, 100, amount18=5 * UNIT)
    assert imbalance(market(wallet(orders=(own,)), live_book=book({100: UNIT}, {110: UNIT}))) == -1


def test_a_level_beyond_the_tenth_does_not_count() -> None:
    bids = {100 - step: UNIT for step in range(30)}
    assert imbalance(market(book=book(bids, {110: 10 * UNIT}))) == 0


def test_without_trades_the_volatility_stays() -> None:
    before = Volatility(9.0, 5_000_000)
    assert before.after(0, 6_000_000, TICK6, 30) is before


def test_the_first_trade_only_starts_the_volatility() -> None:
    assert Volatility().after(1, 5_000_000, TICK6, 30) == Volatility(0.0, 5_000_000)


def test_a_move_of_ten_ticks_at_every_trade_becomes_a_volatility_of_ten() -> None:
    found = Volatility()
    for step in range(2_000):
        found = found.after(1, 2 * 10 * step * TICK6, TICK6, 30)
    assert found.ticks == pytest.approx(10)


def test_after_the_half_life_in_still_trades_half_the_variance_is_left() -> None:
    moved = Volatility(16.0, 5_000_000)
    for _ in range(30):
        moved = moved.after(1, 5_000_000, TICK6, 30)
    assert moved.variance == pytest.approx(8.0)


@given(st.lists(st.integers(-1000, 1000), max_size=40), st.integers(1, 100))
def test_volatility_never_exceeds_the_largest_move(moves: list[int], half_life: int) -> None:
    found, mid_x2 = Volatility(), 10**9
    for ticks in moves:
        mid_x2 += 2 * ticks * TICK6
        found = found.after(1, mid_x2, TICK6, half_life)
    assert found.ticks <= max(map(abs, moves), default=0) + 1e-6


def test_a_position_beyond_the_full_one_counts_as_full() -> None:
    assert inventory(wallet(position18=3 * UNIT), UNIT) == 1
    assert inventory(wallet(position18=-3 * UNIT), UNIT) == -1
    assert inventory(wallet(position18=UNIT // 4), UNIT) == 0.25
