"""Reading changes from a model node: one request, and nothing at all where an answer leaves a doubt."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from ama_tui.domain.order import RestingOrder
from ama_tui.domain.reading import FleetChanges, WalletRead
from ama_tui.venue import contract_abi as abi
from ama_tui.venue import contract_decode as decode
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


@dataclass
class Decodes:
    """How many orders were decoded."""

    count: int = 0

    def watch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        decode_order = decode.order

        def counting(*arguments: Any) -> RestingOrder | None:
            self.count += 1
            return decode_order(*arguments)

        monkeypatch.setattr(decode, "order", counting)


def shown(found: FleetChanges | None) -> dict[str, WalletRead]:
    """The wallets of a read."""
    assert found is not None
    return dict(found.read.wallets)


async def test_wallets_that_look_the_same_are_not_decoded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    node, decodes = FakeNode(), Decodes()
    node.place(wallet(1), 3)
    node.place(wallet(2), 2)
    queries = [query(1, 1, 2, 3), query(2, 4, 5)]
    async with reading(node) as chain:
        first = shown(await changes(chain, queries))
        decodes.watch(monkeypatch)
        second = shown(await changes(chain, queries))
        assert decodes.count == 0
        assert all(second[address] is first[address] for address in first)
        node.orders[4].amount18 -= 1
        third = shown(await changes(chain, queries[::-1]))
        assert decodes.count == 2
    assert third[wallet(1)] is first[wallet(1)]
    assert [order.amount18 for order in third[wallet(2)].orders] == [10**18 - 1, 10**18]


@pytest.mark.parametrize("change", ["orders", "collateral", "session", "order not known", "unreadable", "market"])
async def test_any_change_is_read_as_a_reader_without_a_memory_reads_it(change: str) -> None:
    node = FakeNode()
    for number in (1, 2, 3):
        node.place(wallet(number), 2)
    queries = [query(1, 1, 2), query(2, 3, 4), query(3, 5, 6)]
    async with reading(node) as chain, reading(node) as other:
        await changes(chain, queries)
        if change == "orders":
            del node.orders[3]
        elif change == "collateral":
            node.results[abi.GET_AVAILABLE_COLLATERAL + abi.address_word(wallet(2))] = word(5)
        elif change == "session":
            queries[1] = WalletQuery(wallet(2), "0x" + "77" * 32, frozenset({3, 4}))
        elif change == "order not known":
            node.place(wallet(2), 1)
        elif change == "unreadable":
            market = abi.bytes32_word(MARKET_ID)
            node.results[abi.GET_POSITION_SUMMARY + abi.address_word(wallet(2)) + market] = b"\1"
        else:
            node.results[abi.BEST_BID] = word(99_000_000)
        for _ in range(2):
            assert await changes(chain, queries) == await changes(other, queries)


async def test_wallet_that_does_not_fit_into_one_call_is_read_whole() -> None:
    node = FakeNode()
    for number in (1, 2, 3):
        node.place(wallet(number), 20)
    queries = [query(number, *range(20 * number - 19, 20 * number + 1)) for number in (1, 2, 3)]
    async with reading(node, max_chunk=16) as chain, reading(node) as other:
        for _ in range(2):
            found = shown(await changes(chain, queries))
            assert [len(found[wallet(number)].orders) for number in (1, 2, 3)] == [20, 20, 20]
            assert found == shown(await changes(other, queries))


class MovingNode(FakeNode):
    """A node with history. Every wallet's position is the number of the block."""

    def _eth_call(self, call: dict[str, str], tag: str) -> str:
        head = self.block
        self.block = head if tag == "latest" else int(tag, 16)
        try:
            return super()._eth_call(call, tag)
        finally:
            self.block = head

    def _run(self, target: str, data: bytes, block: int) -> bytes:
        is_position = data.startswith(abi.GET_POSITION_SUMMARY)
        return word(block) + word(0) * 2 if is_position else super()._run(target, data, block)


async def test_block_between_two_calls_of_a_batch_leaves_one_view_of_the_first_block() -> None:
    node = MovingNode()
    queries = [query(number) for number in range(1, 30)]
    async with reading(node, max_chunk=50) as chain:
        await changes(chain, queries)
        node.blocks_on = "eth_call"
        for block in (1000, node.block + 3):
            found = await changes(chain, queries)
            assert found is not None
            assert (found.read.block, found.read.pinned) == (block, True)
            assert {read.position18 for read in shown(found).values()} == {block}


async def test_calls_that_ran_out_of_gas_are_made_again_every_time() -> None:
    node = FakeNode()
    for number in (1, 2, 3):
        node.place(wallet(number), 4)
    queries = [query(number, *range(4 * number - 3, 4 * number + 1)) for number in (1, 2, 3)]
    async with reading(node) as chain:
        await chain.has_multicall()
        node.gas_for = 10
        for amount18 in (10**18, 10**17, 10**16):
            for order in node.orders.values():
                order.amount18 = amount18
            found = shown(await changes(chain, queries))
            assert [[order.amount18 for order in read.orders] for read in found.values()] == [[amount18] * 4] * 3
