"""The chain reader against a model node: what it reads, in how many requests, and how it handles failures."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager

import pytest
from eth_abi.abi import encode

from ama_tui.domain.errors import MalformedError, NodeBehindError, PreflightError, RateLimitError, RpcError
from ama_tui.domain.market import BookLevel, BookView
from ama_tui.domain.order import Side
from ama_tui.domain.reading import FleetRead
from ama_tui.domain.session import Methods
from ama_tui.venue import contract_reads
from ama_tui.venue.chain import ChainReader
from ama_tui.venue.contract_reads import CallReader
from ama_tui.venue.multicall import Call
from ama_tui.venue.rpc import JsonRpc
from tests.venue.fake_node import BOOK, MARKET_ID, REGISTRY, VAULT, FakeNode, RevertError, call_data, reverted
from tests.venue.servers import serving

NO_CODE = "0x" + "99" * 20


def wallet(number: int) -> str:
    return f"0x{number:040x}"


def session_of(address: str) -> str:
    return address + "00" * 12


@asynccontextmanager
async def reading(node: FakeNode, *, max_chunk: int = 500) -> AsyncIterator[ChainReader]:
    async with serving(node.handle) as url, ChainReader(JsonRpc(url), max_chunk=max_chunk) as chain:
        yield chain


async def read(
    chain: ChainReader,
    wallets: int,
    *,
    sessions: bool = True,
    known: Mapping[str, Collection[int]] | None = None,
) -> FleetRead:
    fleet = [(wallet(number), session_of(wallet(number)) if sessions else None) for number in range(1, wallets + 1)]
    return await chain.read_fleet(
        order_book=BOOK.upper().replace("0X", "0x"),
        vault=VAULT,
        market_id=MARKET_ID,
        registry=REGISTRY,
        wallets=fleet,
        known=known or {},
    )


def node_with(wallets: int, orders: int, **manners: object) -> FakeNode:
    node = FakeNode(**manners)  # type: ignore[arg-type]  # the manners are the model's own fields
    for number in range(1, wallets + 1):
        node.place(wallet(number), orders)
    return node


def assert_whole(fleet: FleetRead, wallets: int, orders: int) -> None:
    assert len(fleet.wallets) == wallets
    for address, one in fleet.wallets.items():
        assert (one.was_read, one.error, len(one.orders)) == (True, "", orders), one.error
        assert all(order.trader == address for order in one.orders)


MULTICALL_OR_NOT = pytest.mark.parametrize("has_multicall", [True, False])


@MULTICALL_OR_NOT
async def test_fleet_read_is_complete_and_of_one_block(has_multicall: bool) -> None:
    node = node_with(2, 3, has_multicall=has_multicall)
    async with reading(node) as chain:
        fleet = await read(chain, 2)
    assert (fleet.block, fleet.block_time, fleet.pinned, fleet.has_book) == (1000, 1_700_001_000, True, True)
    assert fleet.view == BookView(99_000_000, 101_000_000, 100_500_000, 100_000_000, fleet.view.book)
    assert fleet.view.book.bids == (BookLevel(99_000_000, 5),)
    assert fleet.view.book.asks == (BookLevel(101_000_000, 6),)
    assert_whole(fleet, 2, 3)
    one = fleet.wallets[wallet(1)]
    assert (one.available6, one.position18, one.locked6) == (9_000_000_000, -3, 450)
    order = one.orders[0]
    assert (order.order_id, order.side, order.price6, order.amount18) == (1, Side.BUY, 100_000_000, 10**18)
    assert (order.margin6, order.placed_at, order.is_margin, order.level) == (7, 1_700_000_000, True, None)
    assert one.session is not None
    assert one.session.session_id == session_of(wallet(1))
    assert (one.session.trader, one.session.methods) == (wallet(1), Methods.PLACE_MARGIN_LIMIT)


async def test_wallet_read_without_a_session_id_has_no_session() -> None:
    async with reading(node_with(1, 1)) as chain:
        fleet = await read(chain, 1, sessions=False)
    assert fleet.wallets[wallet(1)].was_read
    assert fleet.wallets[wallet(1)].session is None


@pytest.mark.parametrize(("wallets", "requests"), [(10, 2), (100, 4)])
async def test_steady_read_costs_a_handful_of_requests(wallets: int, requests: int) -> None:
    node = node_with(wallets, 12)
    async with reading(node) as chain:
        await read(chain, wallets)
        before = chain.stats.requests
        assert_whole(await read(chain, wallets), wallets, 12)
        assert chain.stats.requests - before == requests
        await chain.settlement(BOOK, 990, 1000, ["0x" + f"{n:064x}" for n in range(40)])
        assert chain.stats.requests - before == requests + 1


async def test_steady_read_without_multicall_costs_two_requests_for_ten_wallets() -> None:
    node = node_with(10, 12, has_multicall=False)
    async with reading(node) as chain:
        await read(chain, 10)
        before = chain.stats.requests
        assert_whole(await read(chain, 10), 10, 12)
        assert chain.stats.requests - before == 2


@MULTICALL_OR_NOT
async def test_failed_part_makes_only_its_own_wallet_unknown(has_multicall: bool) -> None:
    node = node_with(4, 2, has_multicall=has_multicall)
    node.reverting[call_data("getAvailableCollateral(address)", wallet(1))] = reverted("vault says no")
    node.results[call_data("getUserOrders(address)", wallet(2))] = b"\xff" * 64
    node.results[call_data("getOrder(uint256)", 5)] = node.order(1)
    node.place(wallet(4), 1, first_id=6)
    async with reading(node) as chain:
        fleet = await read(chain, 4)
    unknown = {address: one.error for address, one in fleet.wallets.items() if not one.was_read}
    assert set(unknown) == {wallet(1), wallet(2), wallet(3)}
    assert "vault says no" in unknown[wallet(1)]
    assert "offset" in unknown[wallet(2)]
    assert "belongs to" in unknown[wallet(3)]
    assert all(one.orders == () for one in fleet.wallets.values() if not one.was_read)
    assert len(fleet.wallets[wallet(4)].orders) == 3


async def test_known_order_whose_id_a_reorg_gave_to_another_wallet_is_left_out() -> None:
    node = node_with(2, 2)
    known: dict[str, set[int]] = {wallet(1): {3}}
    async with reading(node) as chain:
        fleet = await read(chain, 2, known=known)
        opened = await chain.open_orders(BOOK, [wallet(1)], known)
    assert fleet.wallets[wallet(1)].was_read
    assert [order.order_id for order in fleet.wallets[wallet(1)].orders] == [1, 2]
    assert [order.order_id for order in opened.orders[wallet(1)] or ()] == [1, 2]


async def test_order_gone_by_the_second_round_is_left_out() -> None:
    node = node_with(1, 3)
    node.results[call_data("getOrder(uint256)", 2)] = node.order(99)
    async with reading(node) as chain:
        fleet = await read(chain, 1)
    assert [order.order_id for order in fleet.wallets[wallet(1)].orders] == [1, 3]


async def test_empty_side_has_no_price_and_a_market_without_marks_is_still_read() -> None:
    node = node_with(1, 0)
    node.results[call_data("bestBid()")] = encode(["uint256"], [0])
    node.results[call_data("lastTradePrice()")] = b""
    node.reverting[call_data("getMarkPrice(bytes32)", bytes.fromhex(MARKET_ID[2:]))] = reverted("no mark")
    node.reverting[call_data("getOrderBookDepthFromPointers(uint256)", 25)] = reverted("no depth")
    async with reading(node) as chain:
        fleet = await read(chain, 1)
    view = fleet.view
    assert (view.best_bid6, view.best_ask6, view.last_trade6, view.vault_mark6) == (None, 101_000_000, None, None)
    assert (view.book.bids, view.book.asks, fleet.has_book) == ((), (), False)


async def test_read_without_best_prices_is_an_error() -> None:
    node = node_with(1, 0, results={call_data("bestAsk()"): b""})
    async with reading(node) as chain:
        with pytest.raises(MalformedError, match="cannot read the order book's best prices"):
            await read(chain, 1)


@MULTICALL_OR_NOT
async def test_second_round_is_pinned_to_the_block_of_the_first(has_multicall: bool) -> None:
    node = node_with(1, 2, has_multicall=has_multicall)
    async with reading(node) as chain:
        assert (await read(chain, 1)).pinned
    assert node.tags["0x3e8"] > 0


@MULTICALL_OR_NOT
async def test_node_without_history_is_read_at_its_latest_block_and_soon_no_longer_asked_for_history(
    has_multicall: bool,
) -> None:
    node = node_with(2, 2, has_multicall=has_multicall, keeps_history=False)
    async with reading(node) as chain:
        for _ in range(3):
            assert_whole(await read(chain, 2), 2, 2)
        refusals = node.tags["0x3e8"]
        await read(chain, 2)
    assert node.tags["0x3e8"] == refusals > 0


@MULTICALL_OR_NOT
async def test_read_without_history_is_of_one_block_only_if_no_other_came_meanwhile(has_multicall: bool) -> None:
    node = node_with(2, 2, has_multicall=has_multicall, keeps_history=False)
    async with reading(node) as chain:
        assert (await read(chain, 2)).pinned
        node.blocks_on = "eth_call"
        fleet = await read(chain, 2)
        assert (fleet.pinned, fleet.newest_block > fleet.block) == (False, True)


LATEST_ORDERS = [Call(BOOK, call_data("getOrder(uint256)", number)) for number in (1, 2)]


async def test_node_that_lacks_the_block_yet_is_asked_again() -> None:
    node = node_with(1, 2)
    async with serving(node.handle) as url, JsonRpc(url) as rpc:
        reader = CallReader(rpc)
        block = (await reader.run_first([])).block
        node.lagging = 5
        results, pinned, _ = await reader.run_at(LATEST_ORDERS, block)
    assert pinned
    assert [result.data for result in results] == [node.order(1), node.order(2)]


async def test_node_that_falls_behind_a_block_it_has_shown_is_an_error() -> None:
    node = node_with(1, 2)
    async with serving(node.handle) as url, JsonRpc(url) as rpc:
        reader = CallReader(rpc)
        block = (await reader.run_first([])).block
        node.lagging = 10_000
        with pytest.raises(NodeBehindError, match="went back to before block 1000"):
            await reader.run_at(LATEST_ORDERS, block)


async def test_block_mined_during_a_batch_is_noticed() -> None:
    node = node_with(2, 2, has_multicall=False)
    async with reading(node) as chain:
        await read(chain, 2)
        node.blocks_on = "eth_getBlockByNumber"
        fleet = await read(chain, 2)
    assert (fleet.block, fleet.pinned) == (1000, True)
    assert_whole(fleet, 2, 2)
    assert node.tags["0x3e8"] > 0


@pytest.mark.parametrize("max_calls", [400, 90, 33])
async def test_node_that_fails_large_calls_gets_smaller_ones_and_the_size_is_remembered(max_calls: int) -> None:
    node = node_with(50, 12, max_calls=max_calls)
    async with reading(node) as chain:
        assert_whole(await read(chain, 50), 50, 12)
        before = chain.stats.requests
        assert_whole(await read(chain, 50), 50, 12)
        calls = 5 + 50 * 4 + 50 * 12
        assert chain.stats.requests - before <= 2 * calls / (max_calls / 2) + 3


@pytest.mark.parametrize("where", ["getUserOrders(address)", "getPositionSummary(address,bytes32)"])
async def test_wallet_that_breaks_the_whole_call_is_isolated_and_left_unknown(where: str) -> None:
    arguments = (wallet(7), bytes.fromhex(MARKET_ID[2:])) if "," in where else (wallet(7),)
    node = node_with(20, 3, poison={call_data(where, *arguments)})
    async with reading(node) as chain:
        fleet = await read(chain, 20)
    assert [address for address, one in fleet.wallets.items() if not one.was_read] == [wallet(7)]
    assert "out of gas" in fleet.wallets[wallet(7)].error


async def test_call_that_reverts_without_a_reason_is_repeated_once() -> None:
    data = call_data("getPositionSummary(address,bytes32)", wallet(1), bytes.fromhex(MARKET_ID[2:]))
    node = node_with(2, 1, reverting={data: RevertError()})
    async with reading(node) as chain:
        fleet = await read(chain, 2)
        assert fleet.wallets[wallet(1)].error == "reverted without a reason"
        before = chain.stats.requests
        await read(chain, 2)
        assert chain.stats.requests - before == 2


async def test_calls_starved_of_gas_are_repeated_and_later_calls_are_smaller() -> None:
    node = node_with(40, 3, gas_for=60)
    async with reading(node) as chain:
        assert_whole(await read(chain, 40), 40, 3)
        before = chain.stats.requests
        assert_whole(await read(chain, 40), 40, 3)
        assert chain.stats.requests - before <= 7


async def test_rate_limit_neither_shrinks_requests_nor_casts_doubt_on_history() -> None:
    node = node_with(20, 5)
    async with reading(node) as chain:
        assert_whole(await read(chain, 20), 20, 5)
        await chain.settlement(BOOK, 500, 999, [], [wallet(1)])
        for _ in range(3):
            node.limited = 4
            with pytest.raises(RateLimitError):
                await read(chain, 20)
            node.limited = 4
            with pytest.raises(RateLimitError):
                await chain.settlement(BOOK, 500, 999, [], [wallet(1)])
        node.requests.clear()
        fleet = await read(chain, 20)
        assert_whole(fleet, 20, 5)
        assert fleet.pinned
        settled = await chain.settlement(BOOK, 500, 999, [], [wallet(1)])
        assert (settled.through, len(node.requests)) == (999, 3)
        assert chain.stats.rate_limited == 24


async def test_reduced_call_size_grows_again_after_the_failure_is_over() -> None:
    node = node_with(20, 1, max_calls=20)
    async with reading(node, max_chunk=200) as chain:
        await read(chain, 20)
        node.max_calls = 500
        before = chain.stats.requests
        await read(chain, 20)
        cut = chain.stats.requests - before
        for _ in range(30):
            await read(chain, 20)
        before = chain.stats.requests
        assert_whole(await read(chain, 20), 20, 1)
        assert chain.stats.requests - before < cut


async def test_node_that_fails_every_call_is_reported_after_a_few_requests() -> None:
    node = node_with(100, 1)
    async with reading(node) as chain:
        await read(chain, 100)
        node.max_calls = 0
        before = chain.stats.requests
        with pytest.raises(RpcError, match="out of gas"):
            await read(chain, 100)
        assert chain.stats.requests - before < 20


async def test_chain_whose_contracts_see_another_block_number_is_read_without_multicall() -> None:
    node = node_with(1, 1, results={call_data("getBlockNumber()"): encode(["uint256"], [7_000_000])})
    async with reading(node) as chain:
        fleet = await read(chain, 1)
    assert fleet.block == 1000
    assert_whole(fleet, 1, 1)


@MULTICALL_OR_NOT
async def test_open_orders_are_read_from_the_latest_block(has_multicall: bool) -> None:
    node = node_with(3, 2, has_multicall=has_multicall)
    node.results[call_data("getUserOrders(address)", wallet(2))] = b""
    async with reading(node) as chain:
        found = await chain.open_orders(BOOK, [wallet(1), wallet(2), wallet(3), wallet(9)])
    assert found.block == 1000
    assert [len(orders) if orders is not None else None for orders in found.orders.values()] == [2, None, 2, 0]


async def test_terms_are_read_from_the_market() -> None:
    async with reading(FakeNode()) as chain:
        terms = await chain.terms(BOOK)
    assert (terms.vault, terms.market_id, terms.margin_req_bps) == (VAULT, MARKET_ID, 1_000)


@pytest.mark.parametrize(
    ("leverage", "margin"),
    [([True, 10, 0, BOOK], None), ([True, 10, 2**200, BOOK], None), ([False, 0, 0, BOOK], 10_000)],
)
async def test_invalid_margin_is_refused_and_no_leverage_means_full_margin(
    leverage: list[object], margin: int | None
) -> None:
    result = encode(["bool", "uint256", "uint256", "address"], leverage)
    async with reading(FakeNode(results={call_data("getLeverageInfo()"): result})) as chain:
        if margin is None:
            with pytest.raises(PreflightError, match="basis points"):
                await chain.terms(BOOK)
        else:
            assert (await chain.terms(BOOK)).margin_req_bps == margin


async def test_address_that_is_not_an_order_book_is_refused() -> None:
    async with reading(FakeNode()) as chain:
        with pytest.raises(PreflightError, match="is not an order book"):
            await chain.terms(NO_CODE)
        assert not await chain.has_code(NO_CODE)
        assert await chain.has_code(BOOK)


async def test_chain_id_is_read_from_the_node() -> None:
    async with reading(FakeNode()) as chain:
        assert await chain.chain_id() == 999


@MULTICALL_OR_NOT
async def test_sessions_and_nonces_are_read_together(has_multicall: bool) -> None:
    good, bad = session_of(wallet(1)), session_of(wallet(2))
    node = FakeNode(has_multicall=has_multicall)
    node.results[call_data("sessions(bytes32)", bytes.fromhex(bad[2:]))] = b"\xff" * 256
    node.results[call_data("metaNonce(address)", wallet(2))] = b""
    async with reading(node) as chain:
        records = await chain.session_records(REGISTRY, [good, bad])
        assert records[good] is not None
        assert records[bad] is None
        assert await chain.meta_nonces(REGISTRY, [wallet(1), wallet(2)]) == {wallet(1): 4, wallet(2): None}
        assert await chain.meta_nonces(REGISTRY, []) == {}


async def test_temporary_failure_to_detect_multicall_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 1000.0
    monkeypatch.setattr(contract_reads, "monotonic", lambda: clock)
    node = node_with(2, 1, reverting={call_data("getBlockNumber()"): RevertError()})
    async with reading(node) as chain:
        assert_whole(await read(chain, 2), 2, 1)
        node.reverting.clear()
        assert not await chain.has_multicall()  # not asked again at once
        clock += 11
        assert await chain.has_multicall()
        assert_whole(await read(chain, 2), 2, 1)


async def test_chain_without_multicall_is_asked_for_it_less_and_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 1000.0
    monkeypatch.setattr(contract_reads, "monotonic", lambda: clock)
    node = node_with(1, 1, has_multicall=False)
    async with reading(node) as chain:
        for _ in range(3600):
            await chain.has_multicall()
            clock += 1
    assert len(node.requests) == 11
