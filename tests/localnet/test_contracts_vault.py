"""Collateral, margin and positions, run on a real EVM."""

from __future__ import annotations

import pytest

from ama_tui.localnet.node import CallReverted
from tests.localnet.contract_bench import ALICE, BOB, CAROL, OWNER, UNIT, USDC, Bench

START = 1_000_000 * USDC


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize(("bps", "buy6", "sell6"), [(10_000, 100, 150), (5_000, 50, 150), (20_000, 200, 150)])
def test_buy_reserves_the_markets_margin_and_a_sell_always_150_percent(bps: int, buy6: int, sell6: int) -> None:
    bench = Bench(margin_bps=bps)
    bench.buy(ALICE, 100, 1)
    bench.sell(BOB, 110, 1)
    assert START - bench.available6(ALICE) == buy6 * USDC
    assert START - bench.available6(BOB) == sell6 * USDC * 11 // 10


def test_margin_is_rounded_down_twice(bench: Bench) -> None:
    order_id = bench.place(ALICE, False, 3, UNIT // 2)
    assert bench.order(order_id)["margin6"] == 3 // 2 * 15_000 // 10_000


def test_order_beyond_the_collateral_reverts_and_leaves_nothing(bench: Bench) -> None:
    with pytest.raises(CallReverted, match=r"^insufficient_collateral$"):
        bench.buy(ALICE, 1_000_001, 1)
    assert bench.available6(ALICE) == START
    assert bench.touch() == (0, 0)


def test_order_of_exactly_the_collateral_rests(bench: Bench) -> None:
    bench.buy(ALICE, 1_000_000, 1)
    assert bench.available6(ALICE) == 0


def test_second_of_two_orders_that_together_exceed_the_collateral_reverts(bench: Bench) -> None:
    bench.buy(ALICE, 600_000, 1)
    with pytest.raises(CallReverted, match="insufficient_collateral"):
        bench.buy(ALICE, 500_000, 1)
    assert len(bench.orders(ALICE)) == 1


def test_cancellation_releases_the_reservation(bench: Bench) -> None:
    order_id = bench.sell(ALICE, 100, 3)
    bench.cancel(ALICE, order_id)
    assert bench.available6(ALICE) == START


def test_partial_fill_releases_its_share_of_the_reservation(bench: Bench) -> None:
    order_id = bench.sell(ALICE, 100, 4)
    bench.market(BOB, True, 1)
    assert bench.order(order_id)["margin6"] == 450 * USDC
    assert bench.reserved6(ALICE) == 450 * USDC


def test_fill_turns_reservation_into_position_margin(bench: Bench) -> None:
    bench.sell(ALICE, 100, 1)
    before = bench.available6(ALICE)
    bench.market(BOB, True, 1)
    assert bench.available6(ALICE) == before
    assert bench.position(ALICE) == (-UNIT, 100 * USDC, 150 * USDC)
    assert bench.position(BOB) == (UNIT, 100 * USDC, 100 * USDC)
    assert bench.read("OrderBook", "getUserPosition", ALICE) == -UNIT


def test_entry_price_is_the_average_price_paid(bench: Bench) -> None:
    bench.sell(ALICE, 100, 1)
    bench.sell(ALICE, 103, 2)
    bench.market(BOB, True, 3)
    assert bench.position(BOB)[:2] == (3 * UNIT, 102 * USDC)


def test_reduction_realises_its_share_of_the_profit(bench: Bench) -> None:
    bench.sell(ALICE, 100, 4)
    bench.market(BOB, True, 4)
    bench.buy(CAROL, 110, 1)
    bench.market(BOB, False, 1)
    assert bench.position(BOB) == (3 * UNIT, 100 * USDC, 300 * USDC)
    assert bench.available6(BOB) == START - 300 * USDC + 10 * USDC


def test_short_bought_back_at_a_higher_price_realises_a_loss(bench: Bench) -> None:
    bench.buy(ALICE, 100, 1)
    bench.market(BOB, False, 1)
    bench.sell(CAROL, 130, 1)
    bench.market(BOB, True, 1)
    assert bench.position(BOB) == (0, 0, 0)
    assert bench.available6(BOB) == START - 30 * USDC


def test_flipped_position_takes_the_new_price(bench: Bench) -> None:
    bench.sell(ALICE, 100, 1)
    bench.market(BOB, True, 1)
    bench.buy(CAROL, 120, 3)
    bench.market(BOB, False, 3)
    assert bench.position(BOB) == (-2 * UNIT, 120 * USDC, 360 * USDC)
    assert bench.available6(BOB) == START + 20 * USDC - 360 * USDC


def test_makers_lack_of_collateral_never_stops_a_trade(bench: Bench) -> None:
    poor = "0x" + "dd" * 20
    bench.credit(poor, 150 * USDC)
    bench.sell(poor, 100, 1)
    bench.market(BOB, True, 1)  # all its collateral is locked now
    for price in (200, 400, 800):
        bench.credit(poor, 2 * price * USDC)
        bench.buy(poor, price, 1)
        bench.market(BOB, False, 1)
        bench.sell(poor, price / 2, 1)
        bench.market(BOB, True, 1)
    assert bench.position(poor)[0] == -UNIT


def test_loss_beyond_the_collateral_leaves_nothing_available_without_a_revert(bench: Bench) -> None:
    poor = "0x" + "dd" * 20
    bench.credit(poor, 150 * USDC)
    bench.buy(BOB, 100, 1)
    bench.market(poor, False, 1)
    bench.sell(BOB, 1_000, 1)
    bench.market(poor, True, 1)
    assert bench.position(poor) == (0, 0, 0)
    assert bench.available6(poor) == 0
    with pytest.raises(CallReverted, match="insufficient_collateral"):
        bench.buy(poor, 1, 1)


def test_order_that_only_closes_a_position_needs_no_collateral(bench: Bench) -> None:
    poor = "0x" + "dd" * 20
    bench.credit(poor, 100 * USDC)
    bench.sell(ALICE, 100, 1)
    bench.market(poor, True, 1)
    assert bench.available6(poor) == 0
    bench.buy(BOB, 90, 1)
    bench.send(poor, "OrderBook", "placeMarginLimit", 90 * USDC, UNIT, False)
    assert bench.available6(poor) == 90 * USDC


def test_resting_fee_is_charged_once_when_an_order_rests(bench: Bench) -> None:
    bench.send(OWNER, "CoreVault", "setRestingFee", 12_345)
    order_id = bench.buy(ALICE, 100, 1)
    assert bench.available6(ALICE) == START - 100 * USDC - 12_345
    bench.cancel(ALICE, order_id)
    assert bench.available6(ALICE) == START - 12_345
    assert bench.read("CoreVault", "fees6") == 12_345


def test_positions_of_two_markets_are_separate_and_share_the_collateral(bench: Bench) -> None:
    first = bench.book
    bench.buy(ALICE, 100, 1)
    bench.book = bench.open_market(b"\x02" * 32)
    bench.sell(ALICE, 100, 1)
    bench.market(BOB, True, 1)
    assert bench.position(BOB)[0] == 0  # on the first market
    assert bench.read("OrderBook", "getUserPosition", BOB) == UNIT
    assert bench.available6(ALICE) == START - 250 * USDC
    bench.book = first
    assert bench.touch() == (100 * USDC, 0)


def test_only_the_owner_sets_the_mark_price(bench: Bench) -> None:
    bench.send(OWNER, "CoreVault", "setMarkPrice", bench.market_id, 42 * USDC)
    assert bench.read("CoreVault", "getMarkPrice", bench.market_id) == 42 * USDC
    with pytest.raises(CallReverted, match="not_owner"):
        bench.send(ALICE, "CoreVault", "setMarkPrice", bench.market_id, 1)


@pytest.mark.parametrize(
    ("function", "args"),
    [
        ("credit", (ALICE, 1)),
        ("registerBook", (b"\x01" * 32, ALICE)),
        ("setRestingFee", (1,)),
        ("reserve", (ALICE, 1)),
        ("release", (ALICE, 1)),
        ("settle", (ALICE, BOB, 0, 1, 1, True, 1, 1)),
    ],
)
def test_stranger_cannot_move_money(bench: Bench, function: str, args: tuple[object, ...]) -> None:
    with pytest.raises(CallReverted, match=r"^(not_owner|not_a_book)$"):
        bench.send(CAROL, "CoreVault", function, *args)
