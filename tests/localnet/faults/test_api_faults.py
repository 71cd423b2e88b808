"""Faults of the API over HTTP: the response, and what still happened on chain."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx
import pytest

from ama_tui.localnet.keys import Wallet
from ama_tui.localnet.options import VenueOptions
from ama_tui.localnet.venue import LocalVenue
from tests.localnet.faults.conftest import FAULTS, Strike, eventually
from tests.localnet.venue_client import VenueClient, client_of
from tests.sizes import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="module")

BID6 = 2_499_000_000
PLACE: dict[str, Any] = {"price": BID6, "amount": 10**16, "isBuy": True}


async def place(client: VenueClient, wallet: Wallet, session: str) -> httpx.Response:
    return await client.trade(wallet, session, **PLACE)


async def receipt_status(client: VenueClient, tx_hash: str) -> str | None:
    receipt = await client.rpc("eth_getTransactionReceipt", tx_hash)
    return None if receipt is None else str(receipt["status"])


# ---- transport ----


async def test_lost_request_closes_the_connection_and_does_nothing(
    client: VenueClient, wallet: Wallet, session: str, strike: Strike
) -> None:
    await strike({"fault": "lose_request"})
    with pytest.raises(httpx.TransportError):
        await place(client, wallet, session)
    assert await client.orders(wallet) == []


async def test_lost_reply_closes_the_connection_after_the_order_rests(
    client: VenueClient, wallet: Wallet, session: str, strike: Strike
) -> None:
    await strike({"fault": "lose_reply"})
    with pytest.raises(httpx.TransportError):
        await place(client, wallet, session)
    assert len(await client.orders(wallet)) == 1


async def test_cut_body_ends_before_its_content_length_while_the_order_rests(
    client: VenueClient, wallet: Wallet, session: str, strike: Strike
) -> None:
    await strike({"fault": "cut_body"})
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        await place(client, wallet, session)
    assert len(await client.orders(wallet)) == 1


async def test_html_comes_with_any_status_and_does_not_reveal_the_result(
    client: VenueClient, wallet: Wallet, session: str, strike: Strike
) -> None:
    await strike({"fault": "html"})
    statuses, rested = set(), []
    for _ in range(24):
        response = await place(client, wallet, session)
        assert response.headers["content-type"].startswith("text/html")
        statuses.add(response.status_code)
        rested.append(len(await client.orders(wallet)))
    assert statuses == {200, 403, 404, 429, 502, 504}
    assert 6 <= rested[-1] <= 18  # of 24, half on average


@pytest.mark.parametrize(
    ("fault", "status", "error"),
    [
        ("rate_limit", 429, "rate_limit_exceeded"),
        ("unavailable", 503, "service_temporarily_unavailable"),
        ("out_of_funds", 503, "all_relayers_insufficient_funds"),
    ],
)
async def test_refusals_have_retry_after_and_do_nothing(
    client: VenueClient, wallet: Wallet, session: str, strike: Strike, fault: str, status: int, error: str
) -> None:
    await strike({"fault": fault, "seconds": [2, 3]})
    response = await place(client, wallet, session)
    assert (response.status_code, response.json()["error"]) == (status, error)
    assert response.headers["retry-after"] == "3"
    assert await client.orders(wallet) == []


async def test_500_hides_an_executed_order_or_names_its_transaction(
    client: VenueClient, wallet: Wallet, session: str, strike: Strike
) -> None:
    await strike({"fault": "error_500", "nth": [1]}, {"fault": "error_500_hash", "nth": [2]})
    silent, telling = await place(client, wallet, session), await place(client, wallet, session)
    assert (silent.status_code, telling.status_code) == (500, 500)
    assert "txHash" not in silent.json()
    assert await receipt_status(client, telling.json()["txHash"]) == "0x1"
    assert len(await client.orders(wallet)) == 2


async def test_500_for_an_order_that_was_refused_has_no_hash(
    client: VenueClient, wallet: Wallet, session: str, strike: Strike
) -> None:
    await strike({"fault": "error_500_hash"})
    response = await client.trade(wallet, session, **{**PLACE, "amount": 10**24})
    assert response.status_code == 500
    assert "txHash" not in response.json()


async def test_delay_holds_back_the_request_and_slow_the_response(
    client: VenueClient, wallet: Wallet, session: str, strike: Strike
) -> None:
    await strike(
        {"fault": "delay", "on": ["place"], "seconds": [1, 1], "nth": [1]},
        {"fault": "slow", "on": ["place"], "seconds": [60, 60], "nth": [2]},
    )
    began = time.monotonic()
    held = asyncio.create_task(place(client, wallet, session))
    await asyncio.sleep(0.3)
    assert await client.orders(wallet) == [] or time.monotonic() - began >= 1
    assert (await held).status_code == 200
    assert time.monotonic() - began >= 1

    unheard = asyncio.create_task(place(client, wallet, session))

    async def has_two() -> bool:
        return len(await client.orders(wallet)) == 2

    assert await eventually(has_two)
    assert not unheard.done()
    unheard.cancel()
    await asyncio.gather(unheard, return_exceptions=True)


async def test_slow_api_is_slow_for_reads_too(client: VenueClient, strike: Strike) -> None:
    await strike({"fault": "delay", "seconds": [0.3, 0.3]})
    began = time.monotonic()
    assert (await client.get("/api/markets")).status_code == 200
    assert time.monotonic() - began >= 0.3


# ---- the relayer ----


async def test_late_order_has_no_response_and_rests_later(
    client: VenueClient, wallet: Wallet, session: str, strike: Strike
) -> None:
    await strike({"fault": "late", "seconds": [0.5, 0.7]})
    seen = set()
    last = 0.0
    for _ in range(10):
        last = time.monotonic()
        try:
            seen.add((await place(client, wallet, session)).status_code)
        except httpx.TransportError:
            seen.add(0)
    assert seen == {0, 500, 504}
    assert len(await client.orders(wallet)) < 10 or time.monotonic() - last >= 0.5

    async def all_rest() -> bool:
        return len(await client.orders(wallet)) == 10

    assert await eventually(all_rest)


async def test_order_later_than_any_timeout_is_still_outstanding(
    client: VenueClient, wallet: Wallet, session: str, strike: Strike
) -> None:
    await strike({"fault": "later"})
    with pytest.raises((httpx.TransportError, AssertionError)):
        assert (await place(client, wallet, session)).status_code == 200
    await asyncio.sleep(0.5)
    assert await client.orders(wallet) == []


async def test_order_pending_forever_is_never_mined_and_blocks_nothing(
    client: VenueClient, wallet: Wallet, session: str, strike: Strike
) -> None:
    await strike({"fault": "pending_forever", "nth": [1, 2]})
    lost = [(await place(client, wallet, session)).json() for _ in range(2)]
    assert [response["pending"] for response in lost] == [True, True]
    mined = (await place(client, wallet, session)).json()
    assert mined["mined"] is True
    assert len({response["txHash"] for response in (*lost, mined)}) == 3
    for response in lost:
        assert await client.rpc("eth_getTransactionReceipt", response["txHash"]) is None
        assert await client.rpc("eth_getTransactionByHash", response["txHash"]) is None
    assert len(await client.orders(wallet)) == 1


async def test_revert_pending_order_reverts_after_a_pending_response(
    client: VenueClient, wallet: Wallet, session: str, strike: Strike
) -> None:
    await strike({"fault": "revert_pending", "nth": [1]})
    response = (await place(client, wallet, session)).json()
    assert response["pending"] is True
    assert await receipt_status(client, response["txHash"]) == "0x0"
    assert (await place(client, wallet, session)).json()["mined"] is True
    assert len(await client.orders(wallet)) == 1


async def test_order_that_would_be_refused_is_refused_under_a_fault_too(
    client: VenueClient, wallet: Wallet, session: str, strike: Strike
) -> None:
    await strike({"fault": "pending_forever"})
    response = await client.trade(wallet, session, **{**PLACE, "amount": 10**24})
    assert (response.status_code, response.json()["error"]) == (400, "insufficient_collateral")


async def test_cancel_can_be_lost_pending_or_reverted_and_the_order_stays(
    client: VenueClient, wallet: Wallet, session: str, strike: Strike
) -> None:
    await place(client, wallet, session)
    (order_id,) = await client.orders(wallet)
    await strike({"fault": "pending_forever", "nth": [1]}, {"fault": "revert_pending", "nth": [2]})
    for _ in range(2):
        response = (await client.trade(wallet, session, "sessionCancelOrder", orderId=order_id)).json()
        assert response["pending"] is True
        assert await client.orders(wallet) == [order_id]
    await client.trade(wallet, session, "sessionCancelOrder", orderId=order_id)
    assert await client.orders(wallet) == []


# ---- which endpoints, and when ----


async def test_rule_strikes_only_its_own_endpoints(
    client: VenueClient, wallet: Wallet, session: str, strike: Strike
) -> None:
    await strike({"fault": "rate_limit", "on": ["cancel", "init", "revoke", "get"]})
    assert (await place(client, wallet, session)).status_code == 200
    (order_id,) = await client.orders(wallet)
    for struck in (
        await client.trade(wallet, session, "sessionCancelOrder", orderId=order_id),
        await client.post("/api/gasless/session/init", {}),
        await client.post("/api/gasless/session/revoke", {"sessionId": session}),
        await client.get("/api/markets"),
        await client.get("/api/orderbook/live", symbol="ETH-USD"),
    ):
        assert struck.status_code == 429
    assert await client.orders(wallet) == [order_id]


async def test_session_can_be_created_and_revoked_without_a_response(
    client: VenueClient, wallet: Wallet, strike: Strike
) -> None:
    await strike({"fault": "lose_reply", "on": ["init", "revoke"], "nth": [1, 3]})
    with pytest.raises(httpx.TransportError):
        await client.init(wallet)
    nonce = (await client.get("/api/gasless/session/nonce", trader=wallet.address)).json()["nonce"]
    assert nonce == "1"
    session = await client.session(wallet)
    with pytest.raises(httpx.TransportError):
        await client.post("/api/gasless/session/revoke", {"sessionId": session})
    status = (await client.get("/api/gasless/session/status", sessionId=session)).json()
    assert status["revoked"] is True


async def test_third_trade_is_struck_exactly(client: VenueClient, wallet: Wallet, session: str, strike: Strike) -> None:
    await strike({"fault": "rate_limit", "on": ["place", "cancel"], "nth": [3]})
    responses = [(await place(client, wallet, session)).status_code for _ in range(5)]
    assert responses == [200, 200, 429, 200, 200]


async def test_same_seed_strikes_the_same_requests_again(
    client: VenueClient, wallet: Wallet, session: str, strike: Strike
) -> None:
    rules = ({"fault": "rate_limit", "rate": 0.3}, {"fault": "unavailable", "rate": 0.2})

    async def play(seed: int) -> list[int]:
        await strike(*rules, seed=seed)
        return [(await client.post("/api/gasless/trade", {})).status_code for _ in range(60)]

    first = await play(4)
    assert set(first) == {400, 429, 503}
    assert await play(4) == first
    assert await play(5) != first


async def test_too_long_body_is_still_refused(client: VenueClient, strike: Strike) -> None:
    await strike({"fault": "rate_limit", "nth": [1]})
    response = await client.post_raw("/api/gasless/trade", b" " * 100_000)
    assert response.status_code == 413
    assert response.json()["error"] == "request entity too large"


# ---- fault control ----


async def test_control_shows_replaces_removes_and_counts_faults(venue: LocalVenue, client: VenueClient) -> None:
    url = venue.app_url + FAULTS
    before = (await client.get(FAULTS)).json()
    assert before["faults"]["rules"] == []
    wanted = {"seed": 9, "rules": [{"fault": "rate_limit", "on": ["get"], "rate": 1.0, "seconds": [5.0, 5.0]}]}
    assert (await client.http.put(url, json=wanted)).json()["faults"] == wanted
    for _ in range(3):
        assert (await client.get("/api/markets")).status_code == 429
    state = (await client.get(FAULTS)).json()
    assert state["faults"] == wanted
    assert state["struck"]["rate_limit"] == before["struck"].get("rate_limit", 0) + 3
    assert state["requests"]["get"] == before["requests"].get("get", 0) + 3
    ended = (await client.http.delete(url)).json()
    assert ended["faults"]["rules"] == []
    assert ended["struck"] == state["struck"]
    assert (await client.get("/api/markets")).status_code == 200


async def test_control_is_never_struck(venue: LocalVenue, client: VenueClient, strike: Strike) -> None:
    every = ["place", "cancel", "init", "revoke", "get"]
    await strike({"fault": "lose_request", "on": every}, {"fault": "delay", "on": every, "seconds": [99, 99]})
    for _ in range(5):
        assert (await client.get(FAULTS)).status_code == 200
    assert (await client.http.delete(venue.app_url + FAULTS)).status_code == 200


@pytest.mark.parametrize(
    ("body", "message"), [(b"{", "not JSON"), (b'{"rules": [{"fault": "nova"}]}', "no fault 'nova'")]
)
async def test_control_refuses_invalid_faults_and_keeps_the_active_ones(
    venue: LocalVenue, client: VenueClient, strike: Strike, body: bytes, message: str
) -> None:
    await strike({"fault": "rate_limit", "on": ["get"]})
    response = await client.http.put(venue.app_url + FAULTS, content=body)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_faults")
    assert message in response.json()["message"]
    assert (await client.get("/api/markets")).status_code == 429


async def test_venue_closes_with_late_orders_and_held_responses() -> None:
    before = asyncio.all_tasks()
    async with (
        await LocalVenue.start(VenueOptions(block_time=0, traders=False, wallets=2)) as venue,
        client_of(venue) as own,
    ):
        sessions = [await own.session(wallet) for wallet in venue.wallets]
        rules = [{"fault": "later", "nth": [1]}, {"fault": "slow", "on": ["place"], "seconds": [90, 90]}]
        await own.http.put(venue.app_url + FAULTS, json={"rules": rules})
        first = await asyncio.gather(place(own, venue.wallets[0], sessions[0]), return_exceptions=True)
        assert not isinstance(first[0], httpx.Response) or first[0].status_code >= 500
        held = asyncio.create_task(place(own, venue.wallets[1], sessions[1]))
        await asyncio.sleep(0.3)
        async with asyncio.timeout(PATIENCE_S):
            await venue.close()
        await asyncio.gather(held, return_exceptions=True)
    assert asyncio.all_tasks() <= before
