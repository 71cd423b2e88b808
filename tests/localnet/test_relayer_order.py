"""The order of requests: of one wallet, of several, and with late or missing blocks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from ama_tui.localnet.keys import Wallet
from ama_tui.localnet.options import VenueOptions
from ama_tui.localnet.venue import LocalVenue
from tests.localnet.venue_client import VenueClient, client_of

pytestmark = pytest.mark.usefixtures("lists_few")

UNIT = 10**18
BID6 = 2_499_000_000
NEVER = 3_600.0
"""A block time at which no block is mined unless a test does it."""
SETTLE = 0.15
"""Seconds a request needs from the client to the transaction pool."""


@asynccontextmanager
async def venue_with(**options: object) -> AsyncIterator[tuple[LocalVenue, VenueClient]]:
    """A venue without active traders, and its client. Sessions are created before the blocks slow down."""
    values = {"block_time": 0, "traders": False, "wallets": 4, **options}
    async with (
        await LocalVenue.start(VenueOptions(**values)) as venue,  # type: ignore[arg-type]
        client_of(venue) as client,
    ):
        yield venue, client


async def place(client: VenueClient, wallet: Wallet, session: str, amount18: int = UNIT // 10) -> httpx.Response:
    return await client.trade(wallet, session, price=BID6, amount=amount18, isBuy=True)


async def receipt_ok(client: VenueClient, tx_hash: str) -> bool:
    return bool((await client.rpc("eth_getTransactionReceipt", tx_hash))["status"] == "0x1")


async def test_one_order_per_wallet_is_mined_per_block_and_wallets_run_in_parallel() -> None:
    async with venue_with(wallets=6) as (venue, client):
        sessions = {wallet: await client.session(wallet) for wallet in venue.wallets}
        await venue.node.set_block_time(NEVER)
        sends = {
            wallet: [asyncio.create_task(place(client, wallet, sessions[wallet])) for _ in range(3)]
            for wallet in venue.wallets
        }
        while not all(task.done() for tasks in sends.values() for task in tasks):
            await asyncio.sleep(SETTLE)
            await venue.mine()
        blocks = {wallet: [task.result().json()["blockNumber"] for task in tasks] for wallet, tasks in sends.items()}
        for of_wallet in blocks.values():
            assert len(set(of_wallet)) == 3
        assert len({block for of_wallet in blocks.values() for block in of_wallet}) < 3 * len(blocks)


async def test_placement_is_pending_if_no_block_is_mined_in_time_and_rests_later() -> None:
    async with venue_with(receipt_wait=0.1) as (venue, client):
        wallet = venue.wallets[0]
        session = await client.session(wallet)
        await venue.node.set_block_time(NEVER)
        response = await place(client, wallet, session)
        assert response.status_code == 200
        assert response.json() == {"txHash": response.json()["txHash"], "pending": True}
        assert await client.orders(wallet) == []
        await venue.mine()
        assert len(await client.orders(wallet)) == 1


async def test_two_orders_that_together_exceed_the_collateral_leave_one_reverted() -> None:
    async with venue_with(receipt_wait=0.1) as (venue, client):
        wallet = venue.wallets[0]
        session = await client.session(wallet)
        await venue.node.set_block_time(NEVER)
        responses = [await place(client, wallet, session, amount18=3 * UNIT) for _ in range(2)]
        assert [response.json()["pending"] for response in responses] == [True, True]
        await venue.mine()
        results = [await receipt_ok(client, response.json()["txHash"]) for response in responses]
        assert results == [True, False]
        assert len(await client.orders(wallet)) == 1


async def test_order_that_reverts_before_its_receipt_is_500_with_its_hash() -> None:
    async with venue_with() as (venue, client):
        wallet = venue.wallets[0]
        session = await client.session(wallet)
        await venue.node.set_block_time(NEVER)
        # A cancel returns immediately, so the next modification is checked before the cancel is mined.
        first = asyncio.create_task(place(client, wallet, session))
        await asyncio.sleep(SETTLE)
        await venue.mine()
        assert (await first).json()["mined"] is True
        (order_id,) = await client.orders(wallet)
        await client.trade(wallet, session, "sessionCancelOrder", orderId=order_id)
        second = asyncio.create_task(
            client.trade(wallet, session, "sessionModifyOrder", orderId=order_id, price=BID6, amount=UNIT)
        )
        await asyncio.sleep(SETTLE)
        await venue.mine()
        response = await second
        assert response.status_code == 500
        assert response.json()["error"] == "tx_reverted"
        assert not await receipt_ok(client, response.json()["txHash"])


async def test_cancel_does_not_wait_for_a_block() -> None:
    async with venue_with() as (venue, client):
        wallet = venue.wallets[0]
        session = await client.session(wallet)
        await place(client, wallet, session)
        (order_id,) = await client.orders(wallet)
        await venue.node.set_block_time(NEVER)
        response = await client.trade(wallet, session, "sessionCancelOrder", orderId=order_id)
        assert response.json()["pending"] is True
        assert await client.orders(wallet) == [order_id]
        await venue.mine()
        assert await client.orders(wallet) == []


async def test_session_creation_waits_for_its_block_however_short_the_receipt_wait() -> None:
    async with venue_with(receipt_wait=0) as (venue, client):
        await venue.node.set_block_time(NEVER)
        creation = asyncio.create_task(client.session(venue.wallets[0]))
        await asyncio.sleep(2 * SETTLE)
        assert not creation.done()
        while not creation.done():  # on a busy machine the request may not have arrived yet
            await venue.mine()
            await asyncio.sleep(SETTLE)
        status = await client.get("/api/gasless/session/status", sessionId=await creation)
        assert status.json()["active"] is True


async def test_fast_mode_simulates_nothing_and_is_always_pending() -> None:
    async with venue_with(fast=True) as (venue, client):
        wallet = venue.wallets[0]
        session = await client.session(wallet)
        good = await place(client, wallet, session)
        too_much = await place(client, wallet, session, amount18=100 * UNIT)
        for response in (good, too_much):
            assert response.status_code == 200
            assert response.json() == {"txHash": response.json()["txHash"], "pending": True}
        assert await receipt_ok(client, good.json()["txHash"])
        assert not await receipt_ok(client, too_much.json()["txHash"])


async def test_margin_only_venue_refuses_only_the_spot_methods() -> None:
    async with venue_with(margin_only=True) as (venue, client):
        wallet = venue.wallets[0]
        session = await client.session(wallet)
        limit = {"price": BID6, "amount": UNIT // 10, "isBuy": True}
        for method in ("sessionPlaceLimit", "sessionPlaceMarket"):
            response = await client.trade(wallet, session, method, **limit)
            assert (response.status_code, response.json()["error"]) == (400, "method not allowed")
        for method in ("sessionPlaceMarginLimit", "sessionPlaceMarginMarket"):
            assert (await client.trade(wallet, session, method, **limit)).status_code == 200


async def test_sessions_stop_working_when_the_relayers_rotate_and_new_ones_work() -> None:
    async with venue_with() as (venue, client):
        wallet = venue.wallets[0]
        old = await client.session(wallet)
        root = (await client.get("/api/gasless/session/relayer-set")).json()["relayerSetRoot"]
        await venue.rotate_relayers()
        assert (await client.get("/api/gasless/session/relayer-set")).json()["relayerSetRoot"] != root
        refused = await place(client, wallet, old)
        assert (refused.status_code, refused.json()["error"]) == (400, "session_bad_relayer")
        status = (await client.get("/api/gasless/session/status", sessionId=old)).json()
        assert status["active"] is True
        assert status["relayerSetRoot"] == root
        assert (await place(client, wallet, await client.session(wallet))).json()["mined"] is True
        assert (await client.post("/api/gasless/session/revoke", {"sessionId": old})).status_code == 200


async def test_relayers_of_different_traders_differ() -> None:
    async with venue_with(wallets=20) as (venue, client):
        senders = set()
        for wallet in venue.wallets[:10]:
            response = await place(client, wallet, await client.session(wallet))
            transaction = await client.rpc("eth_getTransactionByHash", response.json()["txHash"])
            senders.add(transaction["from"].lower())
        relayers = (await client.get("/api/gasless/session/relayer-set")).json()["relayerAddresses"]
        assert len(senders) > 1
        assert senders <= {address.lower() for address in relayers}
