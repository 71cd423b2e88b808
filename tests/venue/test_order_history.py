"""What became of some traders' orders, from the book's events: no further back than the node has them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ama_tui.domain.errors import MalformedError, NodeBehindError, RpcError
from ama_tui.domain.reading import OrderHistory, OrderRested
from ama_tui.venue import order_history
from ama_tui.venue.chain import ChainReader
from ama_tui.venue.rpc import JsonRpc
from tests.venue.fake_node import BOOK, FakeNode, event_log
from tests.venue.servers import serving
from tests.venue.test_settlement_reader import CANCELLED, MODIFIED, OTHER, RESTED, TRADED, TRADER, word


def rests(order_id: int, block: int, trader: str = TRADER, *, is_buy: bool = True) -> dict[str, object]:
    return event_log(RESTED, [word(order_id), word(trader)], [100, 5, is_buy, True], block=block)


def cancelled(order_id: int, block: int) -> dict[str, object]:
    return event_log(CANCELLED, [word(order_id), word(TRADER)], [100, 5, True], block=block)


def traded(buyer: str, seller: str, block: int, index: int = 0) -> dict[str, object]:
    return event_log(TRADED, [word(buyer), word(seller)], [100, 5], block=block, index=index)


@asynccontextmanager
async def reading(node: FakeNode) -> AsyncIterator[ChainReader]:
    async with serving(node.handle) as url, ChainReader(JsonRpc(url)) as chain:
        yield chain


async def history(node: FakeNode, from_block: int = 1) -> OrderHistory:
    async with reading(node) as chain:
        return await chain.order_history(BOOK, [TRADER], from_block, node.block)


def ids(found: OrderHistory) -> list[int]:
    return [event.order_id for event in found.rested]


async def test_cancelled_and_modified_orders_and_those_of_others_are_left_out() -> None:
    node = FakeNode(
        logs=[
            *(rests(one, 10 + one) for one in (1, 2, 3)),
            rests(4, 20, OTHER),
            cancelled(1, 30),
            event_log(MODIFIED, [word(2), word(5), word(TRADER)], [101, 4], block=31),
            rests(5, 31),
        ]
    )
    found = await history(node)
    assert (found.from_block, ids(found)) == (1, [3, 5])
    assert found.rested[0] == OrderRested(3, TRADER, 100, 5, is_buy=True, is_margin=True)


async def test_trades_of_both_sides_are_read_once() -> None:
    node = FakeNode(
        logs=[rests(1, 10), traded(TRADER, OTHER, 20), traded(OTHER, TRADER, 21), traded(TRADER, TRADER, 22)]
    )
    assert sorted(trade.block for trade in (await history(node)).trades) == [20, 21, 22]


async def test_events_of_a_large_fleet_are_asked_for_without_its_names() -> None:
    node = FakeNode(logs=[rests(1, 10), rests(2, 11), rests(3, 12, OTHER), cancelled(1, 20), traded(TRADER, OTHER, 21)])
    fleet = [TRADER, *(f"0x{number:040x}" for number in range(1, order_history.MOST_NAMED + 1))]
    async with reading(node) as chain:
        found = await chain.order_history(BOOK, fleet, 1, node.block)
    assert (ids(found), len(found.trades), len(node.requests)) == ([2], 1, 1)


async def test_nothing_is_asked_twice_when_every_order_was_cancelled() -> None:
    node = FakeNode(logs=[rests(1, 10), cancelled(1, 11)])
    found = await history(node)
    assert (found.rested, len(node.requests)) == ((), 1)


async def test_events_of_strangers_are_left_out_even_if_the_node_ignores_the_filter() -> None:
    class Careless(FakeNode):
        def _eth_getLogs(self, query: dict[str, object]) -> list[dict[str, object]]:  # noqa: N802
            return super()._eth_getLogs({**query, "topics": []})

    assert ids(await history(Careless(logs=[rests(1, 10), rests(2, 10, OTHER)]))) == [1]


async def test_nothing_is_asked_for_no_trader() -> None:
    node = FakeNode(logs=[rests(1, 10)])
    async with reading(node) as chain:
        assert (await chain.order_history(BOOK, [], 1, node.block)).rested == ()
    assert node.requests == []


async def test_long_past_is_read_as_far_as_one_batch_reaches() -> None:
    node = FakeNode(block=50_000, logs=[rests(1, 39_000), rests(2, 41_000)])
    found = await history(node)
    assert (found.from_block, ids(found)) == (40_001, [2])


@pytest.mark.parametrize("longest", [1, 7, 300])
async def test_small_ranges_are_found_out_and_read_less_far_back(longest: int) -> None:
    node = FakeNode(longest_logs=longest, logs=[rests(1, 2), rests(2, 995)])
    found = await history(node)
    assert 2 in ids(found)
    assert (1 in ids(found)) == (found.from_block <= 2)


async def test_pruned_node_is_asked_for_the_blocks_that_it_has() -> None:
    class Pruned(FakeNode):
        def _eth_getLogs(self, query: dict[str, object]) -> list[dict[str, object]]:  # noqa: N802
            if int(str(query["fromBlock"]), 16) < 400:
                raise RuntimeError("pruned history unavailable")
            return super()._eth_getLogs(query)

    found = await history(Pruned(logs=[rests(1, 390), rests(2, 700)]))
    assert (found.from_block, ids(found)) == (501, [2])


async def test_node_without_events_is_said_to_have_none() -> None:
    with pytest.raises(RpcError, match="not supported"):
        await history(FakeNode(log_error="the method is not supported"))


async def test_events_of_a_node_that_lags_are_not_taken_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_history, "BETWEEN_S", 0.0)
    node = FakeNode(logs=[rests(1, 10)])
    async with reading(node) as chain:
        with pytest.raises(NodeBehindError, match=r"1,005"):
            await chain.order_history(BOOK, [TRADER], 1, node.block + 5)


async def test_malformed_event_is_our_own_error() -> None:
    with pytest.raises(MalformedError, match="invalid event"):
        await history(FakeNode(logs=[{**rests(1, 10), "data": "0x01"}]))
