"""The order book's matching on a real EVM."""

from __future__ import annotations

import pytest

from ama_tui.localnet.node import CallReverted
from tests.localnet.contract_bench import ALICE, BOB, CAROL, TRADER, UNIT, USDC, Bench

NOBODY = "0x" + "00" * 20


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_levels_are_listed_best_first_with_the_sum_of_their_orders(bench: Bench) -> None:
    for price, amount in ((99, 1), (98, 2), (99, 3), (97, 1)):
        bench.buy(ALICE, price, amount)
    for price in (102, 101, 103):
        bench.sell(BOB, price, 1)
    bids, asks = bench.depth()
    assert bids == [(99 * USDC, 4 * UNIT), (98 * USDC, 2 * UNIT), (97 * USDC, UNIT)]
    assert [price for price, _ in asks] == [101 * USDC, 102 * USDC, 103 * USDC]
    assert bench.touch() == (99 * USDC, 101 * USDC)


def test_depth_shows_at_most_the_requested_levels(bench: Bench) -> None:
    for price in range(90, 99):
        bench.buy(ALICE, price, 1)
    bids, asks = bench.depth(3)
    assert [price for price, _ in bids] == [98 * USDC, 97 * USDC, 96 * USDC]
    assert asks == []


def test_empty_book_reads_zero_everywhere(bench: Bench) -> None:
    assert bench.touch() == (0, 0)
    assert bench.read("OrderBook", "lastTradePrice") == 0
    assert bench.depth() == ([], [])
    assert bench.orders(ALICE) == []


def test_any_price_rests_as_there_is_no_tick(bench: Bench) -> None:
    order = bench.order(bench.place(ALICE, True, 1, UNIT))
    assert order["price"] == 1
    assert bench.touch() == (1, 0)


def test_resting_order_reads_back_as_placed(bench: Bench) -> None:
    first = bench.buy(ALICE, 99, 2)
    second = bench.buy(BOB, 99, 1)
    order = bench.order(first)
    assert order == {
        "id": first,
        "trader": ALICE,
        "price": 99 * USDC,
        "amount": 2 * UNIT,
        "is_buy": True,
        "timestamp": bench.now,
        "next": second,
        "margin6": 198 * USDC,
        "is_margin": True,
        "prev": 0,
    }
    assert bench.order(second)["prev"] == first


def test_cancelled_order_reads_as_nobodys(bench: Bench) -> None:
    order_id = bench.buy(ALICE, 99, 2)
    bench.cancel(ALICE, order_id)
    assert bench.order(order_id)["trader"] == NOBODY
    assert bench.order(order_id)["id"] == 0
    assert bench.order(4242)["trader"] == NOBODY


def test_reused_slot_does_not_revive_the_old_id(bench: Bench) -> None:
    old = bench.buy(ALICE, 99, 1)
    bench.cancel(ALICE, old)
    new = bench.buy(BOB, 98, 1)
    assert new > old
    assert bench.order(old)["trader"] == NOBODY
    assert bench.order(new)["trader"] == BOB
    with pytest.raises(CallReverted, match="order_unknown"):
        bench.cancel(BOB, old)


def test_older_order_of_a_level_trades_first(bench: Bench) -> None:
    first = bench.sell(ALICE, 100, 1)
    second = bench.sell(BOB, 100, 1)
    bench.market(CAROL, True, 1)
    assert bench.order(first)["trader"] == NOBODY
    assert bench.order(second)["amount"] == UNIT


def test_better_price_trades_before_older_order(bench: Bench) -> None:
    bench.buy(ALICE, 98, 1)
    better = bench.buy(BOB, 99, 1)
    bench.market(CAROL, False, 1)
    assert bench.order(better)["trader"] == NOBODY
    assert bench.touch() == (98 * USDC, 0)
    assert bench.read("OrderBook", "lastTradePrice") == 99 * USDC


def test_partial_fill_keeps_the_id_and_the_priority_and_lowers_the_amount(bench: Bench) -> None:
    first = bench.sell(ALICE, 100, 2)
    bench.sell(BOB, 100, 1)
    bench.market(CAROL, True, 0.5)
    assert bench.order(first)["amount"] == 3 * UNIT // 2
    assert bench.orders(ALICE) == [first]
    bench.market(CAROL, True, 1.5)
    assert bench.order(first)["trader"] == NOBODY
    assert bench.depth()[1] == [(100 * USDC, UNIT)]


def test_crossing_limit_trades_at_the_makers_prices_and_the_rest_of_it_rests(bench: Bench) -> None:
    bench.sell(ALICE, 100, 1)
    bench.sell(BOB, 101, 1)
    bench.sell(BOB, 105, 1)
    result = bench.send(CAROL, "OrderBook", "placeMarginLimit", 102 * USDC, 3 * UNIT, True)
    trades = [fields for name, fields in bench.events(result) if name == "TradeExecutionCompleted"]
    assert [(trade["price"], trade["amount"]) for trade in trades] == [(100 * USDC, UNIT), (101 * USDC, UNIT)]
    assert {(trade["buyer"], trade["seller"]) for trade in trades} == {(CAROL, ALICE), (CAROL, BOB)}
    assert bench.touch() == (102 * USDC, 105 * USDC)
    assert bench.order(bench.orders(CAROL)[0])["amount"] == UNIT


def test_resting_order_emits_placed_and_rested(bench: Bench) -> None:
    result = bench.send(ALICE, "OrderBook", "placeMarginLimit", 99 * USDC, UNIT, True)
    fields = {
        "orderId": bench.orders(ALICE)[0],
        "trader": ALICE,
        "price": 99 * USDC,
        "amount": UNIT,
        "isBuy": True,
        "isMarginOrder": True,
    }
    assert bench.events(result) == [("OrderPlaced", fields), ("OrderRested", fields)]


def test_order_filled_at_once_is_placed_with_amount_zero_and_never_rests(bench: Bench) -> None:
    bench.sell(ALICE, 100, 1)
    result = bench.send(BOB, "OrderBook", "placeMarginLimit", 100 * USDC, UNIT, True)
    names = [name for name, _ in bench.events(result)]
    assert names == ["TradeExecutionCompleted", "OrderPlaced"]
    placed = dict(bench.events(result))["OrderPlaced"]
    assert placed["amount"] == 0
    assert bench.order(placed["orderId"])["trader"] == NOBODY
    assert bench.orders(BOB) == []


def test_makers_fill_emits_only_the_trade(bench: Bench) -> None:
    bench.sell(ALICE, 100, 1)
    result = bench.market(BOB, True, 1)
    assert bench.events(result) == [
        (
            "TradeExecutionCompleted",
            {"buyer": BOB, "seller": ALICE, "price": 100 * USDC, "amount": UNIT},
        )
    ]


def test_incoming_order_cancels_its_traders_resting_order_and_continues(bench: Bench) -> None:
    own = bench.sell(ALICE, 100, 1)
    bench.sell(BOB, 101, 1)
    result = bench.send(ALICE, "OrderBook", "placeMarginLimit", 101 * USDC, UNIT, True)
    names = [name for name, _ in bench.events(result)]
    assert names == ["OrderCancelled", "TradeExecutionCompleted", "OrderPlaced"]
    assert bench.order(own)["trader"] == NOBODY
    assert bench.orders(ALICE) == []
    assert bench.position(ALICE)[0] == UNIT


def test_own_order_that_is_not_reached_stays(bench: Bench) -> None:
    own = bench.sell(ALICE, 102, 1)
    bench.sell(BOB, 101, 1)
    bench.market(ALICE, True, 1)
    assert bench.orders(ALICE) == [own]


def test_market_order_without_liquidity_reverts(bench: Bench) -> None:
    with pytest.raises(CallReverted, match=r"^ob_no_liquidity_for_market$"):
        bench.market(ALICE, True, 1)


def test_market_order_that_meets_only_own_orders_reverts_and_cancels_nothing(bench: Bench) -> None:
    own = bench.sell(ALICE, 100, 1)
    with pytest.raises(CallReverted, match="ob_no_liquidity_for_market"):
        bench.market(ALICE, True, 1)
    assert bench.orders(ALICE) == [own]


def test_market_order_drops_what_the_book_cannot_fill(bench: Bench) -> None:
    bench.sell(ALICE, 100, 1)
    bench.market(BOB, True, 5)
    assert bench.position(BOB)[0] == UNIT
    assert bench.touch() == (0, 0)


@pytest.mark.parametrize(
    ("price6", "amount18", "reason"),
    [(0, UNIT, "price_must_be_gt_0"), (USDC, 0, "amount_must_be_gt_0")],
)
def test_order_without_price_or_amount_reverts(bench: Bench, price6: int, amount18: int, reason: str) -> None:
    with pytest.raises(CallReverted, match=f"^{reason}$"):
        bench.place(ALICE, True, price6, amount18)


def test_foreign_order_cannot_be_cancelled(bench: Bench) -> None:
    order_id = bench.buy(ALICE, 99, 1)
    with pytest.raises(CallReverted, match=r"^order_not_owner$"):
        bench.cancel(BOB, order_id)


def test_cancellation_reports_the_remaining_amount(bench: Bench) -> None:
    order_id = bench.sell(ALICE, 100, 2)
    bench.market(BOB, True, 0.5)
    result = bench.cancel(ALICE, order_id)
    fields = {
        "orderId": order_id,
        "trader": ALICE,
        "price": 100 * USDC,
        "amount": 3 * UNIT // 2,
        "isBuy": False,
    }
    assert bench.events(result) == [("OrderCancelled", fields)]


def test_modification_is_a_new_id_at_the_end_of_the_queue(bench: Bench) -> None:
    first = bench.sell(ALICE, 100, 1)
    second = bench.sell(BOB, 100, 1)
    result = bench.send(ALICE, "OrderBook", "modifyOrder", first, 100 * USDC, 2 * UNIT)
    new = bench.orders(ALICE)[0]
    assert new != first
    assert bench.order(first)["trader"] == NOBODY
    assert bench.order(second)["next"] == new
    assert dict(bench.events(result))["OrderModified"] == {
        "oldOrderId": first,
        "newOrderId": new,
        "trader": ALICE,
        "newPrice": 100 * USDC,
        "newAmount": 2 * UNIT,
    }


def test_users_orders_lists_only_live_ids_using_swap_and_pop(bench: Bench) -> None:
    ids = [bench.buy(ALICE, 90 + step, 1) for step in range(4)]
    bench.cancel(ALICE, ids[1])
    assert bench.orders(ALICE) == [ids[0], ids[3], ids[2]]
    bench.cancel(ALICE, ids[2])
    assert bench.orders(ALICE) == [ids[0], ids[3]]


def test_removal_from_the_middle_of_a_queue_links_its_neighbours(bench: Bench) -> None:
    first, middle, last = (bench.buy(trader, 99, 1) for trader in (ALICE, BOB, CAROL))
    bench.cancel(BOB, middle)
    assert bench.order(first)["next"] == last
    assert bench.order(last)["prev"] == first
    assert bench.depth()[0] == [(99 * USDC, 2 * UNIT)]


def test_requote_replaces_orders_and_skips_unknown_ids(bench: Bench) -> None:
    gone, kept = bench.buy(ALICE, 98, 1), bench.buy(ALICE, 97, 1)
    foreign = bench.buy(BOB, 96, 1)
    bench.cancel(ALICE, gone)
    prices = [99 * USDC, 101 * USDC]
    bench.send(ALICE, "OrderBook", "requote", [gone, kept, foreign], prices, [UNIT, 2 * UNIT], [True, False])
    assert bench.touch() == (99 * USDC, 101 * USDC)
    assert bench.orders(BOB) == [foreign]
    assert bench.order(kept)["trader"] == NOBODY


def test_cancel_all_leaves_only_others_orders(bench: Bench) -> None:
    for price in (97, 98, 99):
        bench.buy(ALICE, price, 1)
    bench.sell(ALICE, 105, 1)
    bench.buy(BOB, 95, 1)
    bench.send(ALICE, "OrderBook", "cancelAll")
    assert bench.orders(ALICE) == []
    assert bench.touch() == (95 * USDC, 0)
    assert bench.reserved6(ALICE) == 0


def test_sweep_of_a_hundred_orders_fits_into_one_transaction(bench: Bench) -> None:
    makers = [ALICE, BOB, TRADER]
    for number in range(105):
        bench.sell(makers[number % 3], 100 + number * 0.01, 1)
    result = bench.market(CAROL, True, 100)
    assert bench.position(CAROL)[0] == 100 * UNIT
    assert result.gas_used < 15_000_000
    assert len(bench.depth()[1]) == 5


def test_order_that_meets_more_than_128_orders_trades_in_several_transactions(bench: Bench) -> None:
    for number in range(130):
        bench.sell(ALICE, 100 + number * 0.01, 0.01)
    with pytest.raises(CallReverted, match=r"^ob_too_many_fills$"):
        bench.buy(BOB, 200, 10)
    bench.market(BOB, True, 10)
    assert bench.position(BOB)[0] == 128 * UNIT // 100
    bench.buy(BOB, 200, 10)
    assert bench.touch() == (200 * USDC, 0)


def test_joining_a_level_costs_the_same_however_many_levels_are_better() -> None:
    bench = Bench()
    for number in range(100):
        bench.buy(ALICE, 50 + number * 0.1, 0.1)
    far = bench.try_send(BOB, "OrderBook", "placeMarginLimit", 40 * USDC, UNIT, True).gas_used
    join = bench.try_send(CAROL, "OrderBook", "placeMarginLimit", 40 * USDC, UNIT, True).gas_used
    top = bench.try_send(BOB, "OrderBook", "placeMarginLimit", 70 * USDC, UNIT, True).gas_used
    assert far > top
    assert join < far


def test_book_reports_its_market() -> None:
    bench = Bench(margin_bps=2_500)
    vault, market_id, use_vwap, window = bench.read("OrderBook", "marketStatic")
    assert (vault, market_id, use_vwap, window) == (bench.vault, bench.market_id, False, 0)
    enabled, most, bps, _ = bench.read("OrderBook", "getLeverageInfo")
    assert (enabled, most, bps) == (True, 4, 2_500)
