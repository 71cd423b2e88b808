"""`eth_subscribe` of the embedded node, seen by web3."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse
from web3 import AsyncWeb3, WebSocketProvider

from ama_tui.localnet.faults.rules import FaultRule, Faults
from ama_tui.localnet.options import VenueOptions
from ama_tui.localnet.venue import LocalVenue
from tests.sizes import PATIENCE_S

pytestmark = pytest.mark.usefixtures("lists_few")

QUICK = VenueOptions(block_time=0, traders=False, wallets=1)


@asynccontextmanager
async def subscribed(venue: LocalVenue, *params: Any) -> AsyncIterator[asyncio.Queue[Any]]:
    """The results that a web3 subscription delivers."""
    found: asyncio.Queue[Any] = asyncio.Queue()

    async def collect(web3: Any) -> None:
        async for message in web3.socket.process_subscriptions():
            found.put_nowait(message["result"])

    async with AsyncWeb3(WebSocketProvider(venue.node.ws_url)) as web3:
        await web3.eth.subscribe(*params)
        task = asyncio.create_task(collect(web3))
        try:
            yield found
        finally:
            task.cancel()


@asynccontextmanager
async def raw_socket(venue: LocalVenue) -> AsyncIterator[ClientWebSocketResponse]:
    async with ClientSession() as client, client.ws_connect(venue.node.ws_url) as socket:
        yield socket


async def next_of(found: asyncio.Queue[Any]) -> Any:
    async with asyncio.timeout(PATIENCE_S):
        return await found.get()


async def test_every_block_is_announced_by_a_head_that_matches_it() -> None:
    async with await LocalVenue.start(QUICK) as venue, subscribed(venue, "newHeads") as heads:
        for _ in range(3):
            await venue.mine()
            head = await next_of(heads)
            async with AsyncWeb3(WebSocketProvider(venue.node.ws_url)) as web3:
                block = await web3.eth.get_block(head["number"])
            assert {name: block[name] for name in head} == head


async def test_logs_are_those_of_the_subscribed_contract_and_topic() -> None:
    async with await LocalVenue.start(QUICK) as venue:
        book = venue.market("ETH-USD").address
        async with AsyncWeb3(WebSocketProvider(venue.node.ws_url)) as web3:
            address = web3.to_checksum_address(book)
            async with subscribed(venue, "logs", {"address": address}) as logs:
                receipt = await venue.take("ETH-USD", True, 10**17)
                found = [await next_of(logs) for log in receipt.logs if log.address == book.lower()]
                assert found
                assert found == await web3.eth.get_logs({"fromBlock": receipt.block_number, "address": address})
            topic = found[0]["topics"][0]
            async with subscribed(venue, "logs", {"address": address, "topics": [topic]}) as logs:
                await venue.take("ETH-USD", True, 10**17)
                await venue.take("ETH-USD", True, 10**17)
                assert {(await next_of(logs))["topics"][0] for _ in range(2)} == {topic}


async def test_reorg_removes_logs_and_announces_the_new_blocks() -> None:
    async with await LocalVenue.start(QUICK) as venue:
        await venue.set_faults(Faults((FaultRule("reorg", nth=(1000,)),), 1))  # keeps states
        async with AsyncWeb3(WebSocketProvider(venue.node.ws_url)) as web3:
            address = web3.to_checksum_address(venue.market("ETH-USD").address)
        async with subscribed(venue, "logs", {"address": address}) as logs, subscribed(venue, "newHeads") as heads:
            await venue.take("ETH-USD", True, 10**17)
            first, head = await next_of(logs), await next_of(heads)
            assert first["removed"] is False
            assert await venue.node.reorg(1) == 1  # type: ignore[attr-defined]  # the embedded node
            again = await next_of(heads)
            assert (again["number"], again["hash"] != head["hash"]) == (head["number"], True)
            while (later := await next_of(logs))["blockHash"] == head["hash"] and not later["removed"]:
                pass
            assert later["removed"] is True


async def test_unknown_subscription_is_an_error_and_a_cancelled_one_is_silent() -> None:
    async with await LocalVenue.start(QUICK) as venue, raw_socket(venue) as socket:

        async def ask(method: str, *params: Any) -> Any:
            await socket.send_json({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
            return await socket.receive_json()

        assert "use newHeads or logs" in (await ask("eth_subscribe", "everything"))["error"]["message"]
        assert (await ask("eth_chainId"))["result"] == hex(venue.chain_id)
        identifier = (await ask("eth_subscribe", "newHeads"))["result"]
        await venue.mine()
        assert (await socket.receive_json())["params"]["subscription"] == identifier
        assert (await ask("eth_unsubscribe", identifier))["result"] is True
        assert (await ask("eth_unsubscribe", identifier))["result"] is False
        await venue.mine()
        with pytest.raises(TimeoutError):
            await socket.receive_json(timeout=0.2)


@pytest.mark.parametrize("fault", ["ws_drop", "ws_stall", "ws_gap"])
async def test_stream_faults_drop_stall_or_skip(fault: str) -> None:
    async with await LocalVenue.start(QUICK) as venue, raw_socket(venue) as socket:
        await socket.send_json({"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]})
        await socket.receive_json()
        rule = FaultRule(fault, nth=(1,), seconds=(0.3, 0.3) if fault == "ws_stall" else None)
        await venue.set_faults(Faults((rule,), 1))
        first = await venue.node.block_number()
        await venue.mine()
        if fault == "ws_drop":
            assert (await socket.receive(timeout=PATIENCE_S)).data is None
            return
        await venue.mine()
        if fault == "ws_stall":
            await asyncio.sleep(0.4)
            await venue.mine()
        told = await socket.receive_json(timeout=PATIENCE_S)
        skipped = 3 if fault == "ws_stall" else 2
        assert int(told["params"]["result"]["number"], 16) == first + skipped
