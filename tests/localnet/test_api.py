"""The market half of the HTTP API, and how every endpoint handles invalid requests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from ama_tui.localnet.api import MAX_BODY_BYTES, ClientRateLimit
from ama_tui.localnet.catalogue import CATALOGUE
from ama_tui.localnet.node import NodeError
from ama_tui.localnet.options import VenueOptions
from ama_tui.localnet.venue import LocalVenue
from ama_tui.localnet.wire import RefusalError
from tests.localnet.venue_client import VenueClient, client_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

ACTIVE = [spec for spec in CATALOGUE if spec.status == "ACTIVE"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def venue() -> AsyncIterator[LocalVenue]:
    async with await LocalVenue.start(VenueOptions(block_time=0, traders=False, live_cache=60)) as venue:
        yield venue


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(venue: LocalVenue) -> AsyncIterator[VenueClient]:
    async with client_of(venue) as client:
        yield client


async def test_markets_lists_the_catalogue_in_order(client: VenueClient) -> None:
    body = (await client.get("/api/markets", limit=500, status="ACTIVE")).json()
    assert body["success"] is True
    names = [row.get("symbol", row.get("name")) for row in body["markets"]]
    assert names[: len(ACTIVE)] == [spec.symbol for spec in ACTIVE]
    assert body["pagination"] == {"limit": 500, "offset": 0, "total": len(ACTIVE) + 1}


async def test_market_row_has_the_fields_of_the_contract(client: VenueClient, venue: LocalVenue) -> None:
    row = (await client.get("/api/markets", limit=1)).json()["markets"][0]
    assert row["symbol"] == "ETH-USD"
    assert row["market_address"] == venue.market("ETH-USD").address
    assert len(row["market_id_bytes32"]) == 66
    assert row["chain_id"] == venue.chain_id
    assert row["tick_size"] == 0.01
    assert len(row) > 12


async def test_markets_pages_do_not_overlap(client: VenueClient) -> None:
    first = (await client.get("/api/markets", limit=5)).json()["markets"]
    second = (await client.get("/api/markets", limit=5, offset=5)).json()["markets"]
    assert len(first) == len(second) == 5
    assert {row["id"] for row in first}.isdisjoint(row["id"] for row in second)


async def test_markets_status_filter_excludes_settled_markets(client: VenueClient) -> None:
    everything = (await client.get("/api/markets", limit=500)).json()["markets"]
    active = (await client.get("/api/markets", limit=500, status="active")).json()["markets"]
    assert {row["symbol"] for row in everything if row not in active} == {"LUNA-USD"}


async def test_markets_with_invalid_limit_returns_a_page(client: VenueClient) -> None:
    body = (await client.get("/api/markets", limit="many", offset=-3)).json()
    assert body["pagination"]["offset"] == 0
    assert body["markets"]


async def test_unusual_rows_are_listed(client: VenueClient) -> None:
    markets = (await client.get("/api/markets", limit=500)).json()["markets"]
    assert any(row["tick_size"] is None for row in markets)
    assert any("symbol" not in row and row["name"] == "XAG-USD" for row in markets)
    assert any(row["market_address"] is None for row in markets)
    assert any(row["market_identifier"] is None for row in markets)


async def test_live_prices_are_floats_in_ui_units(client: VenueClient, venue: LocalVenue) -> None:
    body = (await client.get("/api/orderbook/live", symbol="BTC-USD", levels=2)).json()
    assert body["ok"] is True
    data = body["data"]
    assert data["orderBookAddress"] == venue.market("BTC-USD").address
    assert 59_000 < data["bestBid"] < data["markPrice"] < data["bestAsk"] < 61_000
    assert data["lastTradePrice"] == data["bestAsk"]
    assert data["depth"]["bidPrices"][0] == data["bestBid"]
    assert [len(side) for side in data["depth"].values()] == [2, 2, 2, 2]
    assert data["recentTrades"]


async def test_live_accepts_the_market_identifier(client: VenueClient) -> None:
    response = await client.get("/api/orderbook/live", symbol="sol-usd-perp")
    assert response.json()["data"]["symbol"] == "SOL-USD"


async def test_live_of_a_quiet_book_has_no_last_trade(client: VenueClient) -> None:
    data = (await client.get("/api/orderbook/live", symbol="BNB-USD")).json()["data"]
    assert data["lastTradePrice"] is None
    assert data["markPrice"] == 580


async def test_live_of_an_empty_book_has_null_prices_and_the_wrong_default_mark(
    client: VenueClient, venue: LocalVenue
) -> None:
    data = (await client.get("/api/orderbook/live", symbol="NOVA-USD")).json()["data"]
    assert (data["bestBid"], data["bestAsk"], data["depth"]) == (None, None, None)
    assert (data["markPrice"], data["lastTradePrice"]) == (1, 1)
    market_id = venue.market("NOVA-USD").market_id_bytes
    assert await client.call(venue.vault, "getMarkPrice(bytes32)", ["uint256"], market_id) == (40_000_000,)


async def test_live_of_a_one_sided_book_has_bids_and_the_wrong_default_mark(client: VenueClient) -> None:
    data = (await client.get("/api/orderbook/live", symbol="BIDS-USD")).json()["data"]
    assert data["bestBid"] is not None
    assert data["bestAsk"] is None
    assert data["depth"]["bidPrices"]
    assert data["depth"]["askPrices"] == []
    assert (data["markPrice"], data["lastTradePrice"]) == (1, 1)


async def test_live_response_is_cached_and_says_so(client: VenueClient, venue: LocalVenue) -> None:
    first = (await client.get("/api/orderbook/live", symbol="HYPE-USD")).json()
    await venue.set_price("HYPE-USD", 33_000_000)
    second = (await client.get("/api/orderbook/live", symbol="HYPE-USD")).json()
    assert first["fromCache"] is False
    assert second["fromCache"] is True
    assert second["cacheAgeMs"] >= 0
    assert second["data"]["bestBid"] == first["data"]["bestBid"]


@pytest.mark.parametrize("query", [{"symbol": "NONE-USD"}, {"symbol": ""}, {}])
async def test_live_of_an_unknown_market_is_404(client: VenueClient, query: dict[str, str]) -> None:
    response = await client.get("/api/orderbook/live", **query)
    assert response.status_code == 404
    assert response.json()["ok"] is False
    assert response.json()["error"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"{}", b'"text"', b"\xff\xfe", b"[" * 5000])
@pytest.mark.parametrize("path", ["session/init", "session/revoke", "trade"])
async def test_body_that_is_not_an_object_is_missing_payload(client: VenueClient, path: str, body: bytes) -> None:
    response = await client.post_raw(f"/api/gasless/{path}", body)
    assert response.status_code == 400
    assert response.json()["error"] == "missing payload"


async def test_too_large_body_is_refused_as_json(client: VenueClient) -> None:
    body = b'{"a":"' + b"a" * MAX_BODY_BYTES + b'"}'
    response = await client.post_raw("/api/gasless/trade", body)
    assert response.status_code == 413
    assert response.json()["error"]


@pytest.mark.parametrize(("method", "path"), [("GET", "/api/gasless/trade"), ("GET", "/nothing"), ("PUT", "/")])
async def test_wrong_path_or_verb_is_refused_as_json(client: VenueClient, method: str, path: str) -> None:
    response = await client.http.request(method, client.app_url + path, headers={"Accept": "text/html"})
    assert response.status_code in (404, 405)
    assert response.json()["error"]


async def test_rate_limit_is_429_with_retry_after() -> None:
    async with (
        await LocalVenue.start(VenueOptions(block_time=0, traders=False, rate_limit=3, wallets=1)) as venue,
        client_of(venue) as client,
    ):
        responses = [await client.post("/api/gasless/trade", {"orderBook": "0x"}) for _ in range(4)]
        assert [response.status_code for response in responses] == [400, 400, 400, 429]
        assert responses[-1].json()["error"] == "rate_limit_exceeded"
        assert 0 < int(responses[-1].headers["Retry-After"]) <= 60
        assert (await client.get("/api/markets")).status_code == 200


async def test_rate_limit_ends_after_a_minute() -> None:
    times = iter([0.0, 1.0, 2.0, 2.0, 60.5])
    limiter = ClientRateLimit(2, clock=lambda: next(times))
    limiter.admit("client")
    limiter.admit("client")
    with pytest.raises(RefusalError) as caught:
        limiter.admit("client")
    assert caught.value.headers["Retry-After"] == "58"
    limiter.admit("somebody else")
    limiter.admit("client")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("insufficient funds for gas * price + value", "all_relayers_insufficient_funds"),
        ("anvil does not respond", "service_temporarily_unavailable"),
    ],
)
async def test_failing_node_makes_the_service_unavailable(
    venue: LocalVenue, client: VenueClient, monkeypatch: pytest.MonkeyPatch, fault: str, error: str
) -> None:
    async def fail(*args: object, **more: object) -> str:
        raise NodeError(fault)

    wallet = venue.wallets[0]
    session = await client.session(wallet)
    monkeypatch.setattr(venue.node, "send", fail)
    response = await client.trade(wallet, session, "sessionCancelOrder", orderId=1)
    assert (response.status_code, response.json()["error"]) == (503, error)
    assert response.headers["Retry-After"] == "60"
    monkeypatch.undo()
    assert (await client.trade(wallet, session, "sessionCancelOrder", orderId=1)).status_code == 200


async def test_internal_error_is_a_json_500_without_its_text(
    venue: LocalVenue, client: VenueClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*args: object, **more: object) -> str:
        raise KeyError("a secret")

    monkeypatch.setattr(venue.node, "call", fail)
    response = await client.get("/api/gasless/session/nonce", trader=venue.wallets[0].address)
    assert (response.status_code, response.json()) == (500, {"error": "internal error: KeyError"})
