"""Receipts, their events, and trades by block range: in one batch, and never more certain than the node."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from eth_abi.abi import encode

from ama_tui.domain.reading import OrderCancelled, OrderModified, OrderPlaced, OrderRested, Trade
from ama_tui.venue import logs
from ama_tui.venue.chain import ChainReader
from ama_tui.venue.rpc import JsonRpc
from tests.venue.fake_node import BOOK, FakeNode, RevertError, event_log
from tests.venue.servers import serving

TX = "0x" + "7f" * 32
TRADER = "0x" + "ab" * 20
OTHER = "0x" + "cd" * 20
PLACED = "OrderPlaced(uint256,address,uint256,uint256,bool,bool)"
RESTED = "OrderRested(uint256,address,uint256,uint256,bool,bool)"
CANCELLED = "OrderCancelled(uint256,address,uint256,uint256,bool)"
MODIFIED = "OrderModified(uint256,uint256,address,uint256,uint256)"
TRADED = "TradeExecutionCompleted(address,address,uint256,uint256)"


def word(value: int | str) -> bytes:
    return encode(["address"], [value]) if isinstance(value, str) else encode(["uint256"], [value])


def receipt(*events: dict[str, object], **changes: object) -> dict[str, object]:
    return {"transactionHash": TX, "status": "0x1", "blockNumber": "0x5", "logs": list(events), **changes}


def trade(block: int, index: int = 0) -> dict[str, object]:
    return event_log(TRADED, [word(TRADER), word(OTHER)], [100, 5], block=block, index=index)


@asynccontextmanager
async def reading(node: FakeNode) -> AsyncIterator[ChainReader]:
    async with serving(node.handle) as url, ChainReader(JsonRpc(url)) as chain:
        yield chain


def test_every_event_is_decoded_in_order() -> None:
    found = logs.receipt(
        receipt(
            event_log(PLACED, [word(1), word(TRADER)], [100, 5, True, False]),
            event_log(RESTED, [word(1), word(TRADER)], [100, 4, True, True]),
            event_log(CANCELLED, [word(2), word(TRADER)], [101, 3, False]),
            event_log(MODIFIED, [word(2), word(3), word(TRADER)], [102, 2]),
            trade(5, 4),
        ),
        BOOK.upper().replace("0X", "0x"),
    )
    assert found is not None
    assert (found.tx_hash, found.ok, found.block) == (TX, True, 5)
    assert found.events == (
        OrderPlaced(1, TRADER, 100, 5, is_buy=True, is_margin=False),
        OrderRested(1, TRADER, 100, 4, is_buy=True, is_margin=True),
        OrderCancelled(2, TRADER, 101, 3, is_buy=False),
        OrderModified(2, 3, TRADER, 102, 2, 5, TX),
        Trade(5, TX, 4, TRADER, OTHER, 100, 5),
    )


def test_events_of_other_contracts_unknown_and_removed_events_are_left_out() -> None:
    known = trade(5)
    strangers = [
        {**known, "address": OTHER},
        {**known, "topics": []},
        {**known, "topics": ["0x" + "00" * 32]},
        {**known, "topics": [None]},
        {**known, "removed": True},
    ]
    found = logs.receipt(receipt(*strangers), BOOK)
    assert found is not None
    assert found.events == ()


def test_reverted_transaction_is_not_ok() -> None:
    found = logs.receipt(receipt(status="0x0"), BOOK)
    assert found is not None
    assert not found.ok


@pytest.mark.parametrize("answer", [None, {"blockNumber": None, "status": None}])
def test_unmined_transaction_has_no_receipt(answer: object) -> None:
    assert logs.receipt(answer, BOOK) is None


GOOD = trade(5)


@pytest.mark.parametrize(
    "bad",
    [
        7,
        [],
        receipt(status=None),
        receipt(status=1),
        receipt(logs=None),
        receipt(logs=[7]),
        receipt(blockNumber="five"),
        receipt(transactionHash="0x12"),
        receipt({**GOOD, "data": "0x"}),
        receipt({**GOOD, "data": 5}),
        receipt({**GOOD, "topics": GOOD["topics"][:2]}),  # type: ignore[index]
        receipt({**GOOD, "logIndex": None}),
        receipt({**GOOD, "address": None}),
    ],
)
def test_malformed_receipt_is_refused(bad: object) -> None:
    with pytest.raises(ValueError):
        logs.receipt(bad, BOOK)


async def test_settlement_is_one_request() -> None:
    node = FakeNode(logs=[trade(12, 1), trade(11, 3), trade(12, 0), trade(99)], receipts={TX: receipt()})
    missing = "0x" + "00" * 32
    async with reading(node) as chain:
        settled = await chain.settlement(BOOK, 11, 12, [TX, missing])
        assert chain.stats.requests == 1
    assert settled.trades is not None
    assert [(one.block, one.log_index) for one in settled.trades] == [(11, 3), (12, 0), (12, 1)]
    assert (settled.through, settled.error) == (12, "")
    assert settled.receipts[TX] is not None
    assert settled.receipts[missing] is None


async def test_cancelled_and_moved_orders_of_the_given_traders_come_with_the_same_request() -> None:
    ours = event_log(CANCELLED, [word(7), word(TRADER)], [101, 3, False], block=11)
    theirs = event_log(CANCELLED, [word(8), word(OTHER)], [101, 3, True], block=11)
    moved = event_log(MODIFIED, [word(9), word(10), word(TRADER)], [102, 2], block=12)
    others = event_log(MODIFIED, [word(11), word(12), word(OTHER)], [102, 2], block=12)
    node = FakeNode(logs=[trade(12), ours, theirs, moved, others])
    async with reading(node) as chain:
        settled = await chain.settlement(BOOK, 11, 12, [], [TRADER])
        assert chain.stats.requests == 1
        without = await chain.settlement(BOOK, 11, 12, [])
        assert (without.cancels, without.modifies) == (None, None)
    assert [(one.old_order_id, one.new_order_id) for one in settled.modifies or ()] == [(9, 10)]
    assert settled.cancels == (OrderCancelled(7, TRADER, 101, 3, is_buy=False),)
    assert settled.trades is not None
    assert [one.block for one in settled.trades] == [12]


async def test_refused_logs_leave_trades_and_cancels_unknown() -> None:
    async with reading(FakeNode(log_error="range too wide")) as chain:
        settled = await chain.settlement(BOOK, 1, 2, [], [TRADER])
    assert (settled.trades, settled.cancels, settled.modifies) == (None, None, None)


async def test_empty_settlement_costs_no_request() -> None:
    async with reading(FakeNode()) as chain:
        settled = await chain.settlement(BOOK, 13, 12, [])
        assert chain.stats.requests == 0
    assert (settled.trades, settled.receipts) == ((), {})


async def test_long_range_is_read_in_spans_up_to_a_maximum() -> None:
    node = FakeNode(logs=[trade(1), trade(501), trade(10_000), trade(10_001)], block=50_000)
    async with reading(node) as chain:
        settled = await chain.settlement(BOOK, 1, 50_000, [])
        assert len((await chain.settlement(BOOK, 501, 1_000, [])).trades or ()) == 1
    assert node.requests[0] == ["eth_blockNumber", *["eth_getLogs"] * 20, "eth_blockNumber"]
    assert node.requests[1] == ["eth_blockNumber", "eth_getLogs", "eth_blockNumber"]
    assert settled.trades is not None
    assert [one.block for one in settled.trades] == [1, 501, 10_000]
    assert settled.through == 10_000


async def test_events_count_only_up_to_the_head_of_the_node_that_reports_them() -> None:
    node = FakeNode(logs=[trade(block) for block in range(1, 21)], block=10)
    async with reading(node) as chain:
        settled = await chain.settlement(BOOK, 8, 20, [], [TRADER])
        assert settled.through == 10
        assert [one.block for one in settled.trades or ()] == [8, 9, 10], "a later one would count twice"
        node.block = 4
        settled = await chain.settlement(BOOK, 11, 20, [], [TRADER])
        assert settled.through == 10
        node.block = 20
        settled = await chain.settlement(BOOK, 11, 20, [], [TRADER])
        assert (settled.through, len(settled.trades or ())) == (20, 10)


async def test_node_that_refuses_ranges_beyond_its_head_is_asked_up_to_it_and_spans_stay() -> None:
    node = FakeNode(logs=[trade(7), trade(300)], block=10, refuses_beyond_head=True)
    async with reading(node) as chain:
        settled = await chain.settlement(BOOK, 1, 400, [])
        assert (settled.through, len(settled.trades or ())) == (10, 1)
        settled = await chain.settlement(BOOK, 50, 400, [])
        assert (settled.through, settled.trades) == (49, ())
        node.block = 400
        node.requests.clear()
        assert (await chain.settlement(BOOK, 1, 400, [])).through == 400
        assert node.requests == [["eth_blockNumber", "eth_getLogs", "eth_blockNumber"]]


async def test_node_with_a_short_range_limit_is_read_in_several_steps_and_the_limit_remembered() -> None:
    node = FakeNode(logs=[trade(block) for block in range(1, 1_001)], longest_logs=50)
    async with reading(node) as chain:
        blocks: list[int] = []
        start, turns = 1, 0
        while start <= 1_000:
            settled = await chain.settlement(BOOK, start, 1_000, [])
            assert settled.trades is not None, settled.error
            blocks += [one.block for one in settled.trades]
            start, turns = settled.through + 1, turns + 1
        assert blocks == list(range(1, 1_001))
        asked = len(node.requests)
        assert (await chain.settlement(BOOK, 1, 31, [])).trades is not None
        assert len(node.requests) == asked + 1, "the span is known by now"
    assert turns <= 3


async def test_reduced_span_grows_again_when_the_node_accepts_more() -> None:
    node = FakeNode(longest_logs=60, block=50_000)
    async with reading(node) as chain:
        await chain.settlement(BOOK, 1, 5_000, [])
        node.longest_logs = 10_000
        for _ in range(100):
            await chain.settlement(BOOK, 1, 50_000, [])
        assert (await chain.settlement(BOOK, 1, 50_000, [])).through == 10_000


async def test_refused_logs_do_not_affect_the_receipts() -> None:
    node = FakeNode(log_error="range too wide", receipts={TX: receipt()})
    async with reading(node) as chain:
        settled = await chain.settlement(BOOK, 1, 2, [TX])
        assert settled.trades is None
        assert "range too wide" in settled.error
        assert settled.receipts[TX] is not None


@pytest.mark.parametrize(
    "answer", [RevertError(), receipt(status="?"), receipt(transactionHash="0x" + "11" * 32), receipt(logs=[1])]
)
async def test_unusable_receipt_stays_open_and_is_reported(answer: Any) -> None:
    other = "0x" + "22" * 32
    node = FakeNode(receipts={TX: answer, other: receipt(transactionHash=other)})
    async with reading(node) as chain:
        settled = await chain.settlement(BOOK, 2, 1, [TX, other])
        assert settled.receipts[TX] is None
        assert settled.receipts[other] is not None
        assert f"receipt of {TX}" in settled.error
        assert await chain.receipts(BOOK, [other]) == {other: settled.receipts[other]}
