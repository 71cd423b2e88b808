"""Gasless trading over the HTTP API: every response and refusal of the wire contract."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from ama_tui.localnet.keys import Wallet
from ama_tui.localnet.options import VenueOptions
from ama_tui.localnet.venue import LocalVenue
from tests.localnet.venue_client import VenueClient, client_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

USDC = 1_000_000
UNIT = 10**18
BID6 = 2_499_000_000
ASK6 = 2_501_000_000
UNKNOWN = "0x" + "ab" * 32
PLACE: dict[str, Any] = {"price": BID6, "amount": UNIT // 10, "isBuy": True}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def venue() -> AsyncIterator[LocalVenue]:
    options = VenueOptions(block_time=0, traders=False, wallets=80)
    async with await LocalVenue.start(options) as venue:
        yield venue


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(venue: LocalVenue) -> AsyncIterator[VenueClient]:
    async with client_of(venue) as client:
        yield client


@pytest.fixture(scope="module")
def wallets(venue: LocalVenue) -> Iterator[Wallet]:
    return iter(venue.wallets)


@pytest.fixture
def wallet(wallets: Iterator[Wallet]) -> Wallet:
    """A wallet that no other test used."""
    return next(wallets)


@pytest_asyncio.fixture(loop_scope="module")
async def session(client: VenueClient, wallet: Wallet) -> str:
    return await client.session(wallet)


# ---- sessions ----


async def test_relayer_set_has_four_relayers_and_their_root(client: VenueClient, venue: LocalVenue) -> None:
    body = (await client.get("/api/gasless/session/relayer-set")).json()
    leaves = sorted(keccak(bytes.fromhex(address[2:])) for address in body["relayerAddresses"])
    assert len(leaves) == 4
    pairs = [keccak(b"".join(sorted(leaves[at : at + 2]))) for at in (0, 2)]
    assert body["relayerSetRoot"] == "0x" + keccak(b"".join(sorted(pairs))).hex()


async def test_nonce_increases_with_each_session(client: VenueClient, wallet: Wallet) -> None:
    async def nonce() -> Any:
        return (await client.get("/api/gasless/session/nonce", trader=wallet.address)).json()["nonce"]

    assert await nonce() == "0"
    await client.session(wallet)
    await client.session(wallet)
    assert await nonce() == "2"


async def test_session_id_is_a_hash_the_client_can_compute(client: VenueClient, wallet: Wallet) -> None:
    permit = await client.permit(wallet)
    body = {"orderBook": client.book, "permit": permit, "signature": client.sign(wallet, permit)}
    response = (await client.post("/api/gasless/session/init", body)).json()
    words = [permit["trader"], *(bytes.fromhex(permit[k][2:]) for k in ("relayerSetRoot", "sessionSalt"))]
    assert response["sessionId"] == "0x" + keccak(encode(["address", "bytes32", "bytes32"], words)).hex()
    assert response["txHash"].startswith("0x")
    assert response["blockNumber"] > 0


async def test_status_follows_a_session_from_creation_to_revocation(
    client: VenueClient, wallet: Wallet, session: str
) -> None:
    async def status() -> dict[str, Any]:
        body: dict[str, Any] = (await client.get("/api/gasless/session/status", sessionId=session)).json()
        return body

    alive = await status()
    assert (alive["exists"], alive["active"], alive["revoked"]) == (True, True, False)
    assert alive["trader"].lower() == wallet.account
    assert isinstance(alive["expiry"], str)
    for _ in range(2):
        revoked = await client.post("/api/gasless/session/revoke", {"sessionId": session})
        assert revoked.status_code == 200
        assert revoked.json()["blockNumber"] > 0
    ended = await status()
    assert (ended["exists"], ended["active"], ended["revoked"]) == (True, False, True)


async def test_status_of_an_unknown_session_does_not_exist(client: VenueClient) -> None:
    body = (await client.get("/api/gasless/session/status", sessionId=UNKNOWN)).json()
    assert (body["exists"], body["active"], body["expiry"]) == (False, False, "0")


@pytest.mark.parametrize(
    ("changes", "error"),
    [({"nonce": "7"}, "bad_nonce"), ({"expiry": "1"}, "expired")],
)
async def test_permit_that_the_registry_refuses_is_400(
    client: VenueClient, wallet: Wallet, changes: dict[str, str], error: str
) -> None:
    response = await client.init(wallet, **changes)
    assert (response.status_code, response.json()["error"]) == (400, error)


async def test_permit_signed_by_another_wallet_is_bad_sig(client: VenueClient, wallets: Iterator[Wallet]) -> None:
    permit = await client.permit(next(wallets))
    for signature in (client.sign(next(wallets), permit), "0x" + "00" * 65, "0x1234"):
        body = {"orderBook": client.book, "permit": permit, "signature": signature}
        response = await client.post("/api/gasless/session/init", body)
        assert (response.status_code, response.json()["error"]) == (400, "bad_sig")


@pytest.mark.parametrize(
    ("damage", "status", "error"),
    [
        ({"orderBook": "0x12"}, 400, "invalid orderBook"),
        ({"orderBook": "0x" + "11" * 20}, 400, "orderbook_not_deployed"),
        ({"permit": None}, 400, "missing payload"),
        ({"signature": None}, 400, "missing payload"),
        ({"permit.trader": "me"}, 400, "invalid_trader"),
        ({"permit.sessionSalt": "0x12"}, 400, "missing payload"),
        ({"permit.allowedMarkets": "all"}, 400, "missing payload"),
        ({"permit.nonce": None}, 500, "missing parameter: nonce"),
        ({"permit.expiry": 1_900_000_000}, 500, "decimal string"),
    ],
)
async def test_init_names_the_problem_of_the_body(
    client: VenueClient, wallet: Wallet, damage: dict[str, Any], status: int, error: str
) -> None:
    permit = await client.permit(wallet)
    body: dict[str, Any] = {
        "orderBook": client.book,
        "permit": permit,
        "signature": client.sign(wallet, permit),
    }
    for name, value in damage.items():
        part, _, inner = name.partition(".")
        if inner:
            body[part][inner] = value
        else:
            body[part] = value
    response = await client.post("/api/gasless/session/init", body)
    assert response.status_code == status
    assert error in response.json()["error"]


@pytest.mark.parametrize("path", ["session/status?sessionId=0x12", "session/status"])
async def test_malformed_session_id_is_refused(client: VenueClient, path: str) -> None:
    response = await client.get(f"/api/gasless/{path}")
    assert (response.status_code, response.json()["error"]) == (400, "invalid_session_id")


async def test_nonce_request_without_a_valid_address_is_invalid_trader(client: VenueClient) -> None:
    response = await client.get("/api/gasless/session/nonce", trader="User001")
    assert (response.status_code, response.json()["error"]) == (400, "invalid_trader")


@pytest.mark.parametrize(("session_id", "error"), [(UNKNOWN, "session_unknown"), ("0x12", "invalid_session_id")])
async def test_revoking_an_unknown_session_is_refused(client: VenueClient, session_id: str, error: str) -> None:
    response = await client.post("/api/gasless/session/revoke", {"orderBook": client.book, "sessionId": session_id})
    assert (response.status_code, response.json()["error"]) == (400, error)


# ---- trades ----


async def test_placed_order_is_mined_and_rests(client: VenueClient, wallet: Wallet, session: str) -> None:
    response = await client.trade(wallet, session, **PLACE)
    body = response.json()
    assert response.status_code == 200
    assert body["mined"] is True
    assert set(body) == {"txHash", "blockNumber", "mined"}
    assert len(await client.orders(wallet)) == 1


async def test_modified_order_has_a_new_id(client: VenueClient, wallet: Wallet, session: str) -> None:
    await client.trade(wallet, session, **PLACE)
    (before,) = await client.orders(wallet)
    response = await client.trade(
        wallet, session, "sessionModifyOrder", orderId=before, price=BID6 - 10_000, amount=UNIT // 20
    )
    assert response.json()["mined"] is True
    (after,) = await client.orders(wallet)
    assert after != before


async def test_cancelled_order_is_gone_after_a_pending_response(
    client: VenueClient, wallet: Wallet, session: str
) -> None:
    await client.trade(wallet, session, **PLACE)
    (order_id,) = await client.orders(wallet)
    response = await client.trade(wallet, session, "sessionCancelOrder", orderId=order_id)
    assert response.status_code == 200
    assert response.json() == {"txHash": response.json()["txHash"], "pending": True}
    assert await client.orders(wallet) == []


async def test_cancel_of_an_unknown_order_is_pending_and_reverts(
    client: VenueClient, wallet: Wallet, session: str
) -> None:
    response = await client.trade(wallet, session, "sessionCancelOrder", orderId=999)
    assert (response.status_code, response.json()["pending"]) == (200, True)
    receipt = await client.rpc("eth_getTransactionReceipt", response.json()["txHash"])
    assert receipt["status"] == "0x0"


async def test_modify_of_an_unknown_order_reverts_on_chain(client: VenueClient, wallet: Wallet, session: str) -> None:
    response = await client.trade(wallet, session, "sessionModifyOrder", orderId=999, price=BID6, amount=UNIT)
    body = response.json()
    assert (response.status_code, body["error"]) == (500, "tx_reverted")
    assert body["txHash"].startswith("0x")
    assert body["blockNumber"] > 0


@pytest.mark.parametrize("method", ["sessionPlaceMarginMarket", "sessionPlaceMarket"])
async def test_market_order_trades_immediately(client: VenueClient, wallet: Wallet, session: str, method: str) -> None:
    response = await client.trade(wallet, session, method, amount=UNIT // 100, isBuy=True)
    assert response.json()["mined"] is True
    (position,) = await client.call(client.book, "getUserPosition(address)", ["int256"], wallet.address)
    assert position == UNIT // 100


async def test_spot_limit_order_rests(client: VenueClient, wallet: Wallet, session: str) -> None:
    response = await client.trade(wallet, session, "sessionPlaceLimit", **{**PLACE, "isBuy": False, "price": ASK6})
    assert response.json()["mined"] is True
    assert len(await client.orders(wallet)) == 1


async def test_limit_order_that_crosses_trades_and_leaves_nothing(
    client: VenueClient, wallet: Wallet, session: str
) -> None:
    _, ask = await client.touch()
    response = await client.trade(wallet, session, price=ask, amount=UNIT // 1000, isBuy=True)
    assert response.json()["mined"] is True
    assert await client.orders(wallet) == []


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"orderBook": None}, 400, "invalid orderBook"),
        ({"orderBook": 7}, 400, "invalid orderBook"),
        ({"orderBook": "0x" + "22" * 20}, 400, "orderbook_not_deployed"),
        ({"method": None}, 400, "method not allowed"),
        ({"method": "transfer"}, 400, "method not allowed"),
        ({"method": ["sessionPlaceLimit"]}, 400, "method not allowed"),
        ({"params": None}, 400, "missing payload"),
        ({"params": "price"}, 400, "missing payload"),
        ({"sessionId": "0x"}, 400, "invalid_session_id"),
        ({"sessionId": None}, 400, "invalid_session_id"),
        ({"sessionId": UNKNOWN}, 400, "session_unknown"),
        ({"params.trader": None}, 400, "invalid_trader"),
        ({"params.trader": "0x" + "11" * 20}, 400, "session_bad_trader"),
        ({"params.price": None}, 400, "missing_price"),
        ({"params.price": "2499.5"}, 400, "invalid_price"),
        ({"params.price": 2_499_000_000}, 400, "invalid_price"),
        ({"params.price": str(2**256)}, 400, "invalid_price"),
        ({"params.price": "0"}, 400, "price_must_be_gt_0"),
        ({"params.price": "-1"}, 400, "price_must_be_gt_0"),
        ({"params.amount": None}, 400, "missing_amount"),
        ({"params.amount": "0"}, 400, "amount_must_be_gt_0"),
        ({"params.amount": "0.5"}, 500, "decimal string"),
        ({"params.amount": 10**15}, 500, "decimal string"),
        ({"params.amount": str(2**256)}, 500, "out of range"),
        ({"params.isBuy": None}, 500, "missing parameter: isBuy"),
        ({"params.isBuy": "true"}, 500, "missing parameter: isBuy"),
        ({"params.isBuy": 1}, 500, "missing parameter: isBuy"),
    ],
)
async def test_invalid_trade_is_refused_with_its_problem_and_sends_nothing(
    client: VenueClient, wallet: Wallet, session: str, change: dict[str, Any], status: int, error: str
) -> None:
    params = {"trader": wallet.address, "price": str(BID6), "amount": str(UNIT // 10), "isBuy": True}
    body: dict[str, Any] = {
        "orderBook": client.book,
        "method": "sessionPlaceMarginLimit",
        "sessionId": session,
        "params": params,
    }
    for name, value in change.items():
        part, _, inner = name.partition(".")
        target = body[part] if inner else body
        if value is None:
            del target[inner or part]
        else:
            target[inner or part] = value
    block = await client.rpc("eth_blockNumber")
    response = await client.post("/api/gasless/trade", body)
    assert response.status_code == status
    assert error in response.json()["error"]
    assert await client.rpc("eth_blockNumber") == block


@pytest.mark.parametrize("method", ["sessionCancelOrder", "sessionModifyOrder"])
async def test_order_id_is_a_required_decimal_string(
    client: VenueClient, wallet: Wallet, session: str, method: str
) -> None:
    for params in ({}, {"orderId": "0x12"}, {"orderId": "-1"}):
        response = await client.trade(wallet, session, method, price=BID6, amount=UNIT, **params)
        assert response.status_code == 500
        assert "orderId" in response.json()["error"]


async def test_order_beyond_the_collateral_reports_available_and_required(
    client: VenueClient, wallet: Wallet, session: str
) -> None:
    response = await client.trade(wallet, session, price=BID6, amount=10 * UNIT, isBuy=True)
    assert response.status_code == 400
    assert response.json() == {
        "error": "insufficient_collateral",
        "available6": str(10_000 * USDC),
        "required6": str(24_990 * USDC),
    }


async def test_sell_needs_150_percent_of_its_notional(client: VenueClient, wallet: Wallet, session: str) -> None:
    params: dict[str, Any] = {"price": ASK6, "amount": 3 * UNIT, "isBuy": False}
    response = await client.trade(wallet, session, **params)
    assert response.json()["required6"] == str(2_501 * 3 * USDC * 3 // 2)
    spot = await client.trade(wallet, session, "sessionPlaceLimit", **params)
    assert spot.json()["mined"] is True


async def test_market_order_and_modify_beyond_the_collateral_are_refused(
    client: VenueClient, wallet: Wallet, session: str
) -> None:
    _, ask = await client.touch()
    market = await client.trade(wallet, session, "sessionPlaceMarginMarket", amount=5 * UNIT, isBuy=True)
    assert market.json()["error"] == "insufficient_collateral"
    assert int(market.json()["required6"]) == 5 * ask
    await client.trade(wallet, session, **PLACE)
    (order_id,) = await client.orders(wallet)
    modify = await client.trade(wallet, session, "sessionModifyOrder", orderId=order_id, price=BID6, amount=9 * UNIT)
    assert (modify.status_code, modify.json()["error"]) == (400, "insufficient_collateral")


async def test_market_order_on_an_empty_side_has_no_liquidity(
    venue: LocalVenue, client: VenueClient, wallet: Wallet
) -> None:
    session = await client.session(wallet)
    async with client_of(venue, "NOVA-USD") as empty:
        response = await empty.trade(wallet, session, "sessionPlaceMarginMarket", amount=UNIT, isBuy=True)
    assert (response.status_code, response.json()["error"]) == (400, "ob_no_liquidity_for_market")


async def test_settled_market_takes_no_orders(venue: LocalVenue, wallet: Wallet, session: str) -> None:
    async with client_of(venue, "LUNA-USD") as settled:
        response = await settled.trade(wallet, session, **PLACE)
    assert (response.status_code, response.json()["error"]) == (400, "ob_settled")


@pytest.mark.parametrize(
    ("permit", "error"),
    [
        ({"methodsBitmap": f"0x{0b111101:064x}"}, "session_method_denied"),
        ({"maxNotionalPerTrade": str(200 * USDC)}, "session_trade_cap"),
        ({"maxNotionalPerSession": str(200 * USDC)}, "session_session_cap"),
        ({"allowedMarkets": [UNKNOWN]}, "session_orderbook_not_allowed"),
        ({"relayerSetRoot": UNKNOWN}, "session_bad_relayer"),
    ],
)
async def test_session_that_does_not_cover_a_trade_is_created_and_refused_when_trading(
    client: VenueClient, wallet: Wallet, permit: dict[str, Any], error: str
) -> None:
    session = await client.session(wallet, **permit)
    response = await client.trade(wallet, session, **PLACE)
    assert (response.status_code, response.json()["error"]) == (400, error)


async def test_session_for_this_market_only_trades_here(venue: LocalVenue, client: VenueClient, wallet: Wallet) -> None:
    session = await client.session(wallet, allowedMarkets=[venue.market("ETH-USD").market_id])
    assert (await client.trade(wallet, session, **PLACE)).status_code == 200


async def test_revoked_session_is_refused(client: VenueClient, wallet: Wallet, session: str) -> None:
    await client.post("/api/gasless/session/revoke", {"orderBook": client.book, "sessionId": session})
    response = await client.trade(wallet, session, **PLACE)
    assert (response.status_code, response.json()["error"]) == (400, "session_revoked")
