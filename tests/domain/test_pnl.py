"""Results of trades: exact as a whole, and split into realised and open as the vault does it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ama_tui.domain.order import Side
from ama_tui.domain.pnl import Pnl, total

UNIT = 10**18
PRICE = 10**6
TRADES = st.lists(
    st.tuples(st.sampled_from(Side), st.integers(1, 10**10), st.integers(1, 10**22)), min_size=1, max_size=30
)


def played(trades: list[tuple[Side, int, int]]) -> Pnl:
    pnl = Pnl()
    for side, price6, amount18 in trades:
        pnl = pnl.after(side, price6, amount18)
    return pnl


def test_buy_low_and_sell_part_of_it_high() -> None:
    pnl = played([(Side.BUY, 100 * PRICE, 2 * UNIT), (Side.BUY, 110 * PRICE, 2 * UNIT), (Side.SELL, 120 * PRICE, UNIT)])
    assert (pnl.position18, pnl.average6, pnl.realised6, pnl.fills) == (3 * UNIT, 105 * PRICE, 15 * PRICE, 3)
    assert pnl.open6(100 * PRICE) == -15 * PRICE
    assert pnl.result6(100 * PRICE) == 0
    assert (pnl.bought18, pnl.sold18, pnl.notional24) == (4 * UNIT, UNIT, 540 * UNIT * PRICE)


def test_sell_through_zero_realises_the_long_and_opens_a_short_at_its_own_price() -> None:
    pnl = played([(Side.BUY, 100 * PRICE, UNIT), (Side.SELL, 90 * PRICE, 3 * UNIT)])
    assert (pnl.position18, pnl.average6, pnl.realised6) == (-2 * UNIT, 90 * PRICE, -10 * PRICE)
    assert pnl.open6(80 * PRICE) == 20 * PRICE
    assert pnl.after(Side.BUY, 80 * PRICE, 2 * UNIT) == Pnl(
        0, 0, 10 * UNIT * PRICE, 3 * UNIT, 3 * UNIT, 530 * UNIT * PRICE, 3
    )


@given(TRADES, st.integers(1, 10**10))
def test_result_is_the_cash_of_all_trades_and_the_position_at_the_mark(
    trades: list[tuple[Side, int, int]], mark6: int
) -> None:
    pnl = played(trades)
    signs = [1 if side.is_buy else -1 for side, _, _ in trades]
    position = sum(sign * amount for sign, (_, _, amount) in zip(signs, trades, strict=True))
    cash = -sum(sign * amount * price for sign, (_, price, amount) in zip(signs, trades, strict=True))
    assert pnl.position18 == position
    assert pnl.realised24 - pnl.cost24 == cash
    assert pnl.result6(mark6) == (cash + position * mark6) // UNIT


@given(TRADES)
def test_open_part_keeps_the_sign_of_its_position_and_a_closed_one_costs_nothing(
    trades: list[tuple[Side, int, int]],
) -> None:
    pnl = played(trades)
    assert pnl.cost24 * pnl.position18 >= 0
    assert pnl.position18 or pnl.cost24 == 0
    assert (pnl.average6 is None) is (pnl.position18 == 0)


@given(TRADES, st.integers(-(10**22), 10**22), st.integers(1, 10**10))
def test_position_that_is_taken_over_at_a_price_changes_no_result_at_that_price(
    trades: list[tuple[Side, int, int]], position18: int, price6: int
) -> None:
    before = played(trades)
    after = before.moved_to(position18, price6)
    assert after.position18 == position18
    assert after.result6(price6) == before.result6(price6)
    assert (after.fills, after.notional24, after.bought18) == (before.fills, before.notional24, before.bought18)


def test_fleet_adds_up_the_results_of_its_wallets() -> None:
    long = played([(Side.BUY, 100 * PRICE, 2 * UNIT)])
    short = played([(Side.SELL, 110 * PRICE, UNIT)])
    both = total([long, short])
    assert both.position18 == UNIT
    assert both.result6(105 * PRICE) == long.result6(105 * PRICE) + short.result6(105 * PRICE) == 15 * PRICE
    assert total([]) == Pnl()
