"""Reading changes from a model node: one request, and nothing at all where an answer leaves a doubt."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from ama_tui.domain.reading import FleetChanges
from ama_tui.venue.chain import ChainReader
from ama_tui.venue.change_reader import MOST_CALLS, Since, topics_of
from ama_tui.venue.fleet_reader import Contracts, WalletQuery
from ama_tui.venue.rpc import JsonRpc
from tests.venue.fake_node import BOOK, MARKET_ID, REGISTRY, VAULT, FakeNode, event_log
from tests.venue.servers import serving

CONTRACTS = Contracts(BOOK, VAULT, MARKET_ID, REGISTRY)
RESTED = "OrderRested(uint256,address,uint256,uint256,bool,bool)"
CANCELLED = "OrderCancelled(uint256,address,uint256,uint256,bool)"
TRADED = "TradeExecutionCompleted(address,address,uint256,uint256)"
HASH_998 = f"0x{998:064x}"


def wallet(number: int) -> str:
    return f"0x{number:040x}"


def word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def query(number: int, *known: int) -> WalletQuery:
    return WalletQuery(wallet(number), None, frozenset(known))


@asynccontextmanager
async def reading(node: FakeNode, *, max_chunk: int = 500) -> AsyncIterator[ChainReader]:
    async with serving(node.handle) as url, ChainReader(JsonRpc(url), max_chunk=max_chunk) as chain:
        yield chain


async def changes(
    chain: ChainReader, queries: Sequence[WalletQuery], *, fleet: int = 3, tx_hashes: Sequence[str] = ()
) -> FleetChanges | None:
    topics = topics_of([wallet(number) for number in range(1, fleet + 1)])
    return await chain.changes.read(CONTRACTS, 25, queries, Since(998, HASH_998), topics, tx_hashes)


async def test_changes_events_and_receipts_come_in_one_request() -> None:
    node = FakeNode()
    node.place(wallet(1), 3)
    node.place(wallet(2), 2)
    node.logs = [
        event_log(RESTED, [word(9), word(2)], [10**8, 10**18, True, True], block=999),
        event_log(CANCELLED, [word(3), word(1)], [10**8, 10**18, True], block=1000),
        event_log(TRADED, [word(77), word(3)], [10**8, 10**18], block=999, index=4),
        event_log(RESTED, [word(8), word(77)], [10**8, 10**18, True, True], block=999),
        event_log(CANCELLED, [word(4), word(2)], [10**8, 10**18, True], block=998),
        event_log(CANCELLED, [word(5), word(2)], [10**8, 10**18, True], block=1001),
    ]
    async with reading(node) as chain:
        await chain.has_multicall()
        before = chain.stats.requests
        found = await changes(chain, [query(1, 1, 2, 3), query(2, 4, 5)], tx_hashes=["0x" + "7f" * 32])
        assert chain.stats.requests - before == 1
    assert found is not None
    assert found.touched == {wallet(1): frozenset(), wallet(2): frozenset({9}), wallet(3): frozenset()}
    read, settlement = found.read, found.settlement
    assert (read.block, read.block_hash, read.pinned, settlement.through) == (1000, f"0x{1000:064x}", True, 1000)
    assert read.fresh == frozenset({wallet(1), wallet(2)})
    assert [len(read.wallets[wallet(number)].orders) for number in (1, 2)] == [3, 2]
    assert [trade.seller for trade in settlement.trades or ()] == [wallet(3)]
    assert [cancel.order_id for cancel in settlement.cancels or ()] == [3]
    assert settlement.receipts == {"0x" + "7f" * 32: None}


async def test_orders_that_are_listed_and_not_known_take_another_request() -> None:
    node = FakeNode()
    node.place(wallet(1), 3)
    async with reading(node) as chain:
        await chain.has_multicall()
        before = chain.stats.requests
        found = await changes(chain, [query(1, 1)])
        assert chain.stats.requests - before == 2
    assert found is not None
    assert [order.order_id for order in found.read.wallets[wallet(1)].orders] == [1, 2, 3]


async def test_a_thousand_wallets_orders_take_as_many_calls_and_one_request() -> None:
    node = FakeNode()
    async with reading(node, max_chunk=50) as chain:
        await chain.has_multicall()
        room = await chain.changes.room()
        queries = [query(number) for number in range(1, MOST_CALLS * room // 3)]
        node.requests.clear()
        found = await changes(chain, queries)
        assert found is not None
        assert len(found.read.wallets) == len(queries)
        assert [methods.count("eth_call") for methods in node.requests] == [MOST_CALLS]
        assert await changes(chain, [query(number) for number in range(1, MOST_CALLS * 50)]) is None
        assert len(node.requests) == 1


@pytest.mark.parametrize(
    "trouble",
    [
        {"hashes": {998: "0x" + "ee" * 32}},
        {"log_error": "too many logs"},
        {"max_calls": 5},
        {"has_multicall": False},
    ],
)
async def test_a_doubtful_answer_is_worth_nothing(trouble: dict[str, object]) -> None:
    node = FakeNode(**trouble)  # type: ignore[arg-type]  # the manners are the model's own fields
    async with reading(node) as chain:
        assert await changes(chain, [query(1), query(2)]) is None


async def test_a_node_without_batches_or_multicall_has_no_room_for_changes() -> None:
    async with reading(FakeNode(has_multicall=False)) as chain:
        assert await chain.changes.room() == 0
    async with reading(FakeNode(max_batch=0)) as chain:
        await chain.receipts(BOOK, ["0x" + "7f" * 32, "0x" + "7e" * 32])
        assert await chain.changes.room() == 0
