"""Faults of the node over HTTP: wrong results, lag, broken batches and reorgs."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import httpx
import pytest
from eth_abi.abi import decode, encode
from eth_utils.crypto import keccak

from ama_tui.localnet.faults.rules import FaultRule, Faults, FaultsError
from ama_tui.localnet.keys import Wallet
from ama_tui.localnet.options import VenueOptions
from ama_tui.localnet.venue import LocalVenue
from tests.localnet.faults.conftest import Strike, eventually
from tests.localnet.venue_client import VenueClient, client_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

PLACE: dict[str, Any] = {"price": 2_499_000_000, "amount": 10**16, "isBuy": True}


async def ask(client: VenueClient, *calls: tuple[str, list[Any]]) -> httpx.Response:
    """A call, or a batch of several with ids from 0."""
    bodies = [
        {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        for number, (method, params) in enumerate(calls)
    ]
    return await client.http.post(client.rpc_url, json=bodies[0] if len(bodies) == 1 else bodies)


HEAD: tuple[str, list[Any]] = ("eth_blockNumber", [])
LATEST = ("eth_getBlockByNumber", ["latest", False])
BATCH: tuple[tuple[str, list[Any]], ...] = (HEAD, ("eth_chainId", []), ("net_version", []))


def code_at(address: str) -> tuple[str, list[Any]]:
    return ("eth_getCode", [address, "latest"])


async def test_error_replaces_one_result(client: VenueClient, strike: Strike) -> None:
    await strike({"fault": "rpc_error"})
    assert (await ask(client, HEAD)).json()["error"]["code"] < 0
    replies = (await ask(client, *BATCH)).json()
    assert sorted("error" in reply for reply in replies) == [False, False, True]


async def test_result_is_empty_or_truncated(client: VenueClient, strike: Strike) -> None:
    whole = (await ask(client, code_at(client.book))).json()["result"]
    await strike({"fault": "rpc_empty", "nth": [1]}, {"fault": "rpc_truncated", "nth": [2]})
    assert (await ask(client, code_at(client.book))).json()["result"] == "0x"
    cut = (await ask(client, code_at(client.book))).json()["result"]
    assert whole.startswith(cut)
    assert len(cut) < len(whole)
    assert (await ask(client, code_at(client.book))).json()["result"] == whole


async def test_node_returns_html_500_half_a_body_or_nothing(client: VenueClient, strike: Strike) -> None:
    faults = ("html", "error_500", "cut_body", "lose_request", "lose_reply", "rate_limit", "unavailable")
    await strike(*({"fault": fault, "on": ["rpc"], "nth": [place]} for place, fault in enumerate(faults, start=1)))
    assert "text/html" in (await ask(client, HEAD)).headers["content-type"]
    assert (await ask(client, HEAD)).status_code == 500
    for _ in range(3):
        with pytest.raises(httpx.TransportError):
            await ask(client, HEAD)
    assert [(await ask(client, HEAD)).status_code for _ in range(3)] == [429, 503, 200]


async def test_batch_is_shuffled_or_lacks_a_response_but_a_single_call_is_not(
    client: VenueClient, strike: Strike
) -> None:
    await strike({"fault": "batch_shuffled", "nth": [1]}, {"fault": "batch_missing", "nth": [2]})
    assert (await ask(client, HEAD)).json()["id"] == 0
    shuffled, short, whole = [[reply["id"] for reply in (await ask(client, *BATCH)).json()] for _ in range(3)]
    assert sorted(shuffled) == whole == [0, 1, 2]
    assert shuffled != whole
    assert len(short) == 2


async def test_client_gives_up_on_a_hanging_node(client: VenueClient, strike: Strike) -> None:
    await strike({"fault": "delay", "on": ["rpc"], "seconds": [60, 60]})
    body = {"jsonrpc": "2.0", "id": 0, "method": "eth_blockNumber", "params": []}
    with pytest.raises(httpx.ReadTimeout):
        await client.http.post(client.rpc_url, json=body, timeout=0.3)


async def test_lagging_node_responds_consistently_as_of_some_blocks_ago(
    client: VenueClient, wallet: Wallet, session: str, strike: Strike
) -> None:
    await strike({"fault": "lag", "on": ["batch"], "blocks": [2, 2]})  # from now on states are kept
    placed = [(await client.trade(wallet, session, **PLACE)).json() for _ in range(3)]
    ids = await client.orders(wallet)
    read = "0x" + (keccak(text="getUserOrders(address)")[:4] + encode(["address"], [wallet.address])).hex()
    calls = [HEAD, ("eth_call", [{"to": client.book, "data": read}, "latest"])]
    calls += [("eth_getTransactionReceipt", [response["txHash"]]) for response in placed]
    head, call, *receipts = [reply["result"] for reply in (await ask(client, *calls)).json()]
    assert int(head, 16) == int(await client.rpc("eth_blockNumber"), 16) - 2
    assert decode(["uint256[]"], bytes.fromhex(call[2:])) == ((ids[0],),)
    assert [receipt is not None for receipt in receipts] == [True, False, False]
    assert await client.orders(wallet) == ids
    assert len(ids) == 3


async def test_each_response_comes_from_another_replica_that_is_consistent_with_itself(
    client: VenueClient, wallet: Wallet, session: str, strike: Strike
) -> None:
    await strike({"fault": "replicas"})
    for _ in range(6):
        await client.trade(wallet, session, **PLACE)
    heads = set()
    for _ in range(40):
        number, block = [reply["result"] for reply in (await ask(client, HEAD, LATEST)).json()]
        assert number == block["number"]
        heads.add(int(number, 16))
    newest = max(heads)
    assert heads == set(range(newest - 5, newest + 1))


async def test_transactions_ignore_the_lag(client: VenueClient, strike: Strike) -> None:
    await strike({"fault": "lag", "blocks": [1, 1]})
    replies = (await ask(client, HEAD, ("eth_sendRawTransaction", ["0x00"]))).json()
    assert "not a signed transaction" in replies[1]["error"]["message"]


async def test_reorg_changes_block_and_receipt_hashes_and_keeps_the_orders(
    client: VenueClient, wallet: Wallet, session: str, strike: Strike
) -> None:
    await strike({"fault": "reorg", "nth": [3], "seconds": [0.3, 0.3], "blocks": [3, 3]})
    responses = [(await client.trade(wallet, session, **PLACE)).json() for _ in range(3)]
    before = [await client.rpc("eth_getTransactionReceipt", response["txHash"]) for response in responses]

    async def hashes() -> list[Any]:
        numbers = [response["blockNumber"] for response in responses]
        return [(await client.rpc("eth_getBlockByNumber", hex(number), False))["hash"] for number in numbers]

    assert await hashes() == [receipt["blockHash"] for receipt in before]

    async def is_another_chain() -> bool:
        return bool((await hashes())[0] != before[0]["blockHash"])

    assert await eventually(is_another_chain)
    after = [await client.rpc("eth_getTransactionReceipt", response["txHash"]) for response in responses]
    known = await hashes()
    for old, new in zip(before, after, strict=True):
        assert new["blockHash"] in known
        assert new["blockHash"] != old["blockHash"]
        assert new["status"] == "0x1"
        assert await client.rpc("eth_getBlockByHash", old["blockHash"], False) is None
    logs = await client.rpc("eth_getLogs", {"address": client.book, "fromBlock": hex(responses[0]["blockNumber"])})
    assert {log["blockHash"] for log in logs} <= set(known)
    assert len(await client.orders(wallet)) == 3


async def test_reorgs_of_every_block_with_live_traders_leave_the_venue_intact() -> None:
    options = VenueOptions(
        block_time=0.05, wallets=4, faults=Faults((FaultRule("reorg", seconds=(0, 0.05)), FaultRule("lag", rate=0.5)))
    )
    async with await LocalVenue.start(options) as venue, client_of(venue) as own:
        sessions = [await own.session(wallet) for wallet in venue.wallets]

        async def trade(number: int) -> None:
            for step in range(1, 13):
                price6 = 2_400_000_000 - step * 10_000
                response = await own.trade(
                    venue.wallets[number], sessions[number], price=price6, amount=10**16, isBuy=True
                )
                assert response.status_code == 200, response.text

        await asyncio.gather(*map(trade, range(4)))
        struck = venue.faults.struck["reorg"]
        await venue.set_faults(Faults())
        assert [len(await own.orders(wallet)) for wallet in venue.wallets] == [12] * 4
        assert struck > 10
        head = int(await own.rpc("eth_blockNumber"), 16)
        blocks = [await own.rpc("eth_getBlockByNumber", hex(number), False) for number in range(head - 60, head + 1)]
        assert all(child["parentHash"] == parent["hash"] for parent, child in pairwise(blocks))


@pytest.mark.anvil
async def test_anvil_node_refuses_node_faults() -> None:
    options = VenueOptions(block_time=0, traders=False, wallets=1, node="anvil")
    async with await LocalVenue.start(options) as venue:
        with pytest.raises(FaultsError, match="embedded node"):
            await venue.set_faults(Faults((FaultRule("reorg"),)))
        await venue.set_faults(Faults((FaultRule("html"),)))
