"""Multicall3: the standard interface with results that decode under the standard ABI."""

from __future__ import annotations

import pytest

from ama_tui.localnet import abi
from ama_tui.localnet.node import CallReverted
from tests.localnet.contract_bench import ALICE, BOB, CHAIN_ID, UNIT, USDC, Bench


@pytest.fixture
def bench() -> Bench:
    return Bench()


def read_call(bench: Bench, function: str, *args: object) -> tuple[str, bool, bytes]:
    return bench.book, True, abi.encode("OrderBook", function, args)


def test_results_are_in_order_and_equal_those_of_single_calls(bench: Bench) -> None:
    ids = [bench.buy(ALICE, 90 + step, 1) for step in range(5)]
    calls = [read_call(bench, "getUserOrders", ALICE)]
    calls += [read_call(bench, "getOrder", order_id) for order_id in ids]
    calls += [read_call(bench, "getOrderBookDepthFromPointers", 10), read_call(bench, "bestAsk")]
    results = bench.read("Multicall3", "aggregate3", calls)
    assert all(success for success, _ in results)
    assert abi.decode("OrderBook", "getUserOrders", results[0][1])[0] == tuple(ids)
    for order_id, (_, data) in zip(ids, results[1:], strict=False):
        assert abi.decode("OrderBook", "getOrder", data) == bench.read("OrderBook", "getOrder", order_id)
    assert abi.decode("OrderBook", "bestAsk", results[-1][1]) == (0,)


def test_no_calls_return_no_results(bench: Bench) -> None:
    assert bench.read("Multicall3", "aggregate3", []) == ()


def test_500_calls_work_and_501_are_refused(bench: Bench) -> None:
    order_id = bench.buy(ALICE, 90, 1)
    call = read_call(bench, "getOrder", order_id)
    results = bench.read("Multicall3", "aggregate3", [call] * 500)
    assert len(results) == 500
    assert len({data for _, data in results}) == 1
    with pytest.raises(CallReverted):
        bench.read("Multicall3", "aggregate3", [call] * 501)


def test_results_larger_than_a_chunk_are_assembled_correctly(bench: Bench) -> None:
    for number in range(250):
        bench.place(ALICE, True, 90 * USDC + number, UNIT)
    calls = [
        read_call(bench, "getUserOrders", ALICE),
        read_call(bench, "getOrderBookDepthFromPointers", 500),
    ] * 12
    alone = [bench.read("OrderBook", "getUserOrders", ALICE)]
    alone.append(bench.read("OrderBook", "getOrderBookDepthFromPointers", 500))
    results = bench.read("Multicall3", "aggregate3", calls)
    assert sum(len(data) for _, data in results) > 3 * 65_536
    for place in range(0, 24, 2):
        assert abi.decode("OrderBook", "getUserOrders", results[place][1])[0] == alone[0]
        depth = abi.decode("OrderBook", "getOrderBookDepthFromPointers", results[place + 1][1])
        assert depth == alone[1]


def test_failure_is_reported_where_allowed_and_reverts_elsewhere(bench: Bench) -> None:
    bad = abi.encode("OrderBook", "placeMarginLimit", (0, 1, True))
    good = abi.encode("OrderBook", "bestBid", ())
    results = bench.read("Multicall3", "aggregate3", [(bench.book, True, bad), (bench.book, True, good)])
    assert [success for success, _ in results] == [False, True]
    assert b"price_must_be_gt_0" in results[0][1]
    with pytest.raises(CallReverted, match="Multicall3: call failed"):
        bench.read("Multicall3", "aggregate3", [(bench.book, True, good), (bench.book, False, bad)])


def test_account_without_code_returns_nothing(bench: Bench) -> None:
    assert bench.read("Multicall3", "aggregate3", [(BOB, True, b"\x01\x02\x03\x04")]) == ((True, b""),)


def test_older_functions_return_their_own_formats(bench: Bench) -> None:
    good = abi.encode("OrderBook", "bestBid", ())
    bad = abi.encode("OrderBook", "placeMarginLimit", (0, 1, True))
    zero = bytes(32)
    number, results = bench.read("Multicall3", "aggregate", [(bench.book, good)] * 3)
    assert (number, results) == (bench.read("Multicall3", "getBlockNumber"), (zero, zero, zero))
    mixed = [(bench.book, good), (bench.book, bad)]
    tried = bench.read("Multicall3", "tryAggregate", False, mixed)
    assert (tried[0], tried[1][0]) == ((True, zero), False)
    with pytest.raises(CallReverted, match="Multicall3: call failed"):
        bench.read("Multicall3", "tryAggregate", True, mixed)
    at, _, blocked = bench.read("Multicall3", "blockAndAggregate", [(bench.book, good)])
    assert (at, blocked) == (number, ((True, zero),))
    at, _, blocked = bench.read("Multicall3", "tryBlockAndAggregate", False, mixed)
    assert (at, blocked[1][0]) == (number, False)
    valued = bench.read("Multicall3", "aggregate3Value", [(bench.book, False, 0, good)])
    assert valued == ((True, zero),)


def test_block_reads_match_the_block(bench: Bench) -> None:
    bench.evm.set_balance(BOB, 77)
    assert bench.read("Multicall3", "getCurrentBlockTimestamp") == bench.now
    assert bench.read("Multicall3", "getChainId") == CHAIN_ID
    assert bench.read("Multicall3", "getEthBalance", BOB) == 77
    assert bench.read("Multicall3", "getBasefee") == 0
