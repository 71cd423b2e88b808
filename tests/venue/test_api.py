"""The API client: what it sends, how it reads responses, what it retries and what it never retries."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import orjson
import pytest
from aiohttp import web

from ama_tui.domain.errors import MalformedError, RefusedError, UnreachableError, VenueError
from ama_tui.domain.market import Book, BookLevel, Market, Quote
from ama_tui.domain.reading import SessionCreated, SessionStatusResponse, TradeResponse
from ama_tui.domain.session import RelayerSet
from ama_tui.venue.api import VenueApi
from ama_tui.venue.permits import permit_payload, session_id
from tests.venue.servers import answering, raw_server, serving
from tests.venue.test_permits import PERMIT

BOOK = "0x" + "b0" * 20
TRADER = "0x" + "7a" * 20
SESSION = "0x" + "5e" * 32
TX = "0x" + "7f" * 32
MARKET_ID = "0x" + "1d" * 32
SENT = {"txHash": TX, "pending": True}

T = TypeVar("T")


def row(number: int = 1, **changes: object) -> dict[str, object]:
    return {
        "symbol": f"M{number}",
        "market_identifier": f"M{number}-USD",
        "market_address": f"0x{number:040x}",
        "market_id_bytes32": MARKET_ID,
        "chain_id": 999,
        "tick_size": 0.5,
        "unheard_of": {"a": 1},
        **changes,
    }


def page(*rows: object, total: int | None = None) -> dict[str, object]:
    pagination = {"limit": 2, "offset": 0, "total": len(rows) if total is None else total}
    return {"success": True, "markets": list(rows), "pagination": pagination}


def market(symbol: str) -> Market:
    return Market(symbol, BOOK, MARKET_ID, 999, 10_000)


def live(**changes: object) -> dict[str, object]:
    data = {"orderBookAddress": BOOK, "bestBid": 100.25, "bestAsk": None, "lastTradePrice": 1, "markPrice": "99.5"}
    return {"ok": True, "fromCache": True, "cacheAgeMs": 40, "data": {**data, "depth": None, **changes}}


async def ask(call: Callable[[VenueApi], Awaitable[T]], *answers: object) -> tuple[T, list[web.Request]]:
    """The result of a call when the venue responds with these bodies or (status, body) pairs, and its requests."""
    pairs = [answer if isinstance(answer, tuple) else (200, answer) for answer in answers]
    handle, asked = answering(*((status, orjson.dumps(body).decode()) for status, body in pairs))
    async with serving(handle) as url, VenueApi(url) as api:
        return await call(api), asked


async def test_markets_are_read_page_by_page_up_to_the_total() -> None:
    pages = [page(row(1), row(2), total=3), page(row(3), total=3)]
    markets, asked = await ask(lambda api: api.markets(limit=2), *pages)
    assert [market.symbol for market in markets] == ["M1", "M2", "M3"]
    assert [request.query_string for request in asked] == [
        "limit=2&status=ACTIVE",
        "limit=2&status=ACTIVE&offset=2",
    ]
    assert markets[0] == Market("M1", f"0x{1:040x}", MARKET_ID, 999, 500_000, "M1-USD")


async def test_paging_ends_when_a_venue_ignores_the_offset() -> None:
    markets, asked = await ask(lambda api: api.markets(limit=2), page(row(1), row(2), total=99))
    assert (len(markets), len(asked)) == (2, 2)


async def test_paging_ends_at_an_empty_page() -> None:
    markets, asked = await ask(lambda api: api.markets(), page(row(1), total=9), page(total=9))
    assert (len(markets), len(asked)) == (1, 2)


@pytest.mark.parametrize(
    "end", [{"markets": []}, {"markets": [row(3), row(1)]}, {"markets": [{}]}, (400, {"error": "no such page"})]
)
async def test_list_without_pagination_is_read_until_nothing_new_arrives(end: object) -> None:
    pages = [{"markets": [row(1), row(2)]}, {"markets": [row(3)]}, end]
    markets, asked = await ask(lambda api: api.markets(limit=2), *pages)
    assert [market.symbol for market in markets] == ["M1", "M2", "M3"]
    assert [request.query.get("offset") for request in asked] == [None, "2", "3"]


async def test_refused_first_page_is_an_error() -> None:
    with pytest.raises(RefusedError):
        await ask(lambda api: api.markets(), (400, {"error": "no"}))


async def test_list_too_large_for_one_response_is_read_in_smaller_pages() -> None:
    rows = [row(number, padding="x" * 400_000) for number in range(1, 31)]

    async def handle(request: web.Request) -> web.Response:
        offset, limit = int(request.query.get("offset", 0)), int(request.query["limit"])
        sizes.append(limit)
        return web.json_response(page(*rows[offset : offset + limit], total=len(rows)))

    sizes: list[int] = []
    async with serving(handle) as url, VenueApi(url) as api:
        assert len(await api.markets()) == 30
    assert sizes == [100, 10, 10, 10]


async def test_list_too_large_for_any_page_is_explained_in_one_line() -> None:
    with pytest.raises(MalformedError) as caught:
        await ask(lambda api: api.markets(), page(*(row(1, padding="x" * 400_000) for _ in range(30))))
    assert str(caught.value) == (
        "GET /api/markets returned more than 8 MiB, even for one market: ask the venue's operator"
    )


async def test_endless_list_is_an_error_rather_than_a_partial_result() -> None:
    async def handle(request: web.Request) -> web.Response:
        offset = int(request.query.get("offset", 0))
        return web.json_response({"markets": [row(offset + 1)]})

    async with serving(handle) as url, VenueApi(url) as api:
        with pytest.raises(MalformedError, match="continues after 200 pages with 200 markets"):
            await api.markets(limit=1)


@pytest.mark.parametrize(
    "bad",
    [
        row(symbol=None),
        row(symbol=""),
        row(symbol="a\x1b[2J"),
        row(symbol="x" * 65),
        row(market_address="0x12"),
        row(market_address="0x" + "00" * 20),
        row(market_id_bytes32="0x12"),
        row(chain_id=0),
        row(chain_id=1.5),
        row(chain_id=None),
        {},
        None,
        7,
        "row",
    ],
)
async def test_malformed_row_is_dropped_and_the_others_stay(bad: object) -> None:
    markets, _ = await ask(lambda api: api.markets(), page(bad, row(2)))
    assert [market.symbol for market in markets] == ["M2"]


async def test_name_replaces_a_missing_symbol_and_duplicates_are_removed() -> None:
    named = {**row(1), "name": "ETH"}
    del named["symbol"]
    null_symbol = {**row(2, symbol=None), "name": "BTC"}
    markets, _ = await ask(lambda api: api.markets(), page(named, row(1), null_symbol))
    assert [market.symbol for market in markets] == ["ETH", "BTC"]


@pytest.mark.parametrize(
    ("tick", "tick6", "is_default"),
    [
        (None, 10_000, True),
        (0.01, 10_000, False),
        ("0.5", 500_000, False),
        (1, 1_000_000, False),
        (1e-6, 1, False),
        (1e-7, 0, False),
        (0.0000015, 0, False),
        (0, 0, False),
        (-0.01, 0, False),
        ("cheap", 0, False),
        ("NaN", 0, False),
        ("Infinity", 0, False),
        (1e300, 0, False),
        (True, 0, False),
        ([], 0, False),
    ],
)
async def test_tick_is_exact_or_the_default_or_unusable(tick: object, tick6: int, is_default: bool) -> None:
    markets, _ = await ask(lambda api: api.markets(), page(row(tick_size=tick)))
    assert (markets[0].tick6, markets[0].tick_is_default) == (tick6, is_default)


async def test_live_prices_become_integers_and_missing_ones_none() -> None:
    quote, asked = await ask(lambda api: api.live(market("ETH USD"), levels=5), live())
    assert (quote.address, quote.quote) == (BOOK, Quote(100_250_000, None, 1_000_000, 99_500_000))
    assert (quote.book, quote.cache_age_ms) == (Book(), 40)
    assert asked[0].query == {"symbol": "ETH USD", "levels": "5"}


async def test_live_depth_is_read_and_a_malformed_one_ignored() -> None:
    depth = {"bidPrices": [9.5, 9], "bidAmounts": [1, 0.5], "askPrices": ["10"], "askAmounts": ["2"]}
    quote, _ = await ask(lambda api: api.live(market("ETH")), live(depth=depth))
    assert quote.book.bids == (BookLevel(9_500_000, 10**18), BookLevel(9_000_000, 5 * 10**17))
    assert quote.book.asks == (BookLevel(10_000_000, 2 * 10**18),)
    bad: object
    for bad in ({}, [], {**depth, "bidPrices": [1]}, {**depth, "askPrices": ["x"]}, {**depth, "askAmounts": 7}):
        quote, _ = await ask(lambda api: api.live(market("ETH")), live(depth=bad))
        assert quote.book == Book()


async def test_live_prices_of_another_order_book_are_refused() -> None:
    with pytest.raises(MalformedError, match=f"order book 0x{'c0' * 20}, not of {BOOK}"):
        await ask(lambda api: api.live(market("ETH")), live(orderBookAddress="0x" + "C0" * 20))


@pytest.mark.parametrize(
    ("age", "says"),
    [
        (10_001, "prices that are 10 s old"),
        (1e12, "prices that are 1,000,000,000 s old"),
        (1e300, "cacheAgeMs: not an age"),
        (-1, "cacheAgeMs: not an age"),
        ("soon", "cacheAgeMs: not an age"),
        ([1], "cacheAgeMs: not an age"),
        (True, "cacheAgeMs: not an age"),
    ],
)
async def test_live_prices_older_than_ten_seconds_or_of_unknown_age_are_refused(age: object, says: str) -> None:
    with pytest.raises(MalformedError, match=says):
        await ask(lambda api: api.live(market("ETH")), {**live(), "cacheAgeMs": age})


@pytest.mark.parametrize("bad", [-1, "x", True, [], 1e30, "Infinity", "NaN"])
async def test_invalid_live_price_is_malformed(bad: object) -> None:
    with pytest.raises(MalformedError, match=r"GET /api/orderbook/live returned an invalid response \(data.bestAsk"):
        await ask(lambda api: api.live(market("ETH")), live(bestAsk=bad))


async def test_unknown_symbol_is_refused() -> None:
    with pytest.raises(RefusedError, match="no such market") as caught:
        await ask(lambda api: api.live(market("X")), (404, {"ok": False, "error": "no such market"}))
    assert caught.value.status == 404
    with pytest.raises(RefusedError, match="no such market"):
        await ask(lambda api: api.live(market("X")), {"ok": False, "error": "no such market"})


async def test_relayer_set_nonce_and_status_are_read() -> None:
    relayers, _ = await ask(
        lambda api: api.relayer_set(), {"relayerAddresses": [TRADER.upper()[2:]], "relayerSetRoot": MARKET_ID}
    )
    assert relayers == RelayerSet((TRADER,), MARKET_ID)
    nonce, asked = await ask(lambda api: api.session_nonce(TRADER), {"nonce": "12"})
    assert (nonce, dict(asked[0].query)) == (12, {"trader": TRADER})
    body = {
        "exists": True,
        "active": True,
        "trader": TRADER,
        "relayerSetRoot": MARKET_ID,
        "expiry": "1800000000",
        "revoked": False,
    }
    status, asked = await ask(lambda api: api.session_status(SESSION), body)
    assert status == SessionStatusResponse(True, True, False, 1_800_000_000, TRADER, MARKET_ID)
    assert asked[0].query == {"sessionId": SESSION}
    status, _ = await ask(lambda api: api.session_status(SESSION), {"exists": False, "trader": "", "expiry": None})
    assert status == SessionStatusResponse(False, False, False)


async def test_session_is_created_from_a_signed_permit() -> None:
    body = {"sessionId": session_id(PERMIT), "txHash": TX, "blockNumber": "7"}
    created, asked = await ask(lambda api: api.session_init(BOOK, PERMIT, "0xsig"), body)
    assert created == SessionCreated(session_id(PERMIT), TX, 7)
    assert await asked[0].json() == {"orderBook": BOOK, "permit": permit_payload(PERMIT), "signature": "0xsig"}


async def test_session_whose_id_does_not_match_its_permit_is_malformed() -> None:
    with pytest.raises(MalformedError, match="returned session 0x5e5e"):
        await ask(lambda api: api.session_init(BOOK, PERMIT, "0x"), {"sessionId": SESSION, "txHash": TX})


async def test_session_is_revoked() -> None:
    answer, asked = await ask(lambda api: api.session_revoke(BOOK, SESSION), {"txHash": TX, "blockNumber": 4})
    assert answer == TradeResponse(TX, 4, mined=True, pending=False)
    assert await asked[0].json() == {"orderBook": BOOK, "sessionId": SESSION}


PRICED: dict[str, Any] = {"price6": 2_500_000_000, "amount18": 10**18, "is_buy": False}
UNPRICED: dict[str, Any] = {"amount18": 10**18, "is_buy": True}
PRICED_PARAMS = {"trader": TRADER, "price": "2500000000", "amount": "1000000000000000000", "isBuy": False}
UNPRICED_PARAMS = {"trader": TRADER, "amount": "1000000000000000000", "isBuy": True}


@pytest.mark.parametrize(
    ("call", "arguments", "method", "params"),
    [
        (VenueApi.place_margin_limit, PRICED, "sessionPlaceMarginLimit", PRICED_PARAMS),
        (VenueApi.place_margin_market, UNPRICED, "sessionPlaceMarginMarket", UNPRICED_PARAMS),
        (
            VenueApi.modify_order,
            {"order_id": 2**70, "price6": 5, "amount18": 6},
            "sessionModifyOrder",
            {"trader": TRADER, "orderId": str(2**70), "price": "5", "amount": "6"},
        ),
        (VenueApi.cancel_order, {"order_id": 9}, "sessionCancelOrder", {"trader": TRADER, "orderId": "9"}),
    ],
)
async def test_trade_method_is_sent_as_the_wire_contract_specifies(
    call: Callable[..., Awaitable[TradeResponse]], arguments: dict[str, Any], method: str, params: object
) -> None:
    answer, asked = await ask(lambda api: call(api, BOOK, SESSION, TRADER, **arguments), SENT)
    assert answer == TradeResponse(TX, None, mined=False, pending=True)
    assert (asked[0].method, asked[0].path) == ("POST", "/api/gasless/trade")
    body = await asked[0].json()
    assert body == {"orderBook": BOOK, "method": method, "sessionId": SESSION, "params": params}


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({"txHash": TX, "blockNumber": 3, "mined": True}, TradeResponse(TX, 3, True, False)),
        ({"txHash": TX, "blockNumber": "3"}, TradeResponse(TX, 3, True, False)),
        ({"txHash": TX, "pending": True}, TradeResponse(TX, None, False, True)),
        ({"txHash": TX}, TradeResponse(TX, None, False, True)),
        ({"txHash": TX, "mined": True, "pending": True}, TradeResponse(TX, None, False, True)),
    ],
)
async def test_trade_response_is_mined_or_pending(body: object, answer: TradeResponse) -> None:
    assert (await ask(lambda api: api.cancel_order(BOOK, SESSION, TRADER, order_id=1), body))[0] == answer


@pytest.mark.parametrize("answer", [(500, {"error": "boom"}), (503, {"error": "x"}), (429, {"error": "x"}), {"no": 1}])
async def test_order_is_posted_once_whatever_the_response(answer: object) -> None:
    pair = answer if isinstance(answer, tuple) else (200, answer)
    handle, asked = answering((pair[0], orjson.dumps(pair[1]).decode()))
    async with serving(handle) as url, VenueApi(url) as api:
        with pytest.raises(VenueError):
            await api.place_margin_limit(BOOK, SESSION, TRADER, **PRICED)
        assert (len(asked), api.stats.requests) == (1, 1)


async def test_order_on_a_reset_connection_is_posted_once() -> None:
    async with raw_server([None, None]) as (url, heard), VenueApi(url) as api:
        with pytest.raises(UnreachableError, match="POST /api/gasless/trade failed: the connection was dropped"):
            await api.place_margin_limit(BOOK, SESSION, TRADER, **PRICED)
        assert len(heard) == 1


async def test_read_is_retried_after_server_errors() -> None:
    bodies = [(503, {"error": "busy"}), (500, {"error": "boom"}), {"nonce": "1"}]
    nonce, asked = await ask(lambda api: api.session_nonce(TRADER), *bodies)
    assert (nonce, len(asked)) == (1, 3)


async def test_read_waits_as_long_as_retry_after_says() -> None:
    busy = web.Response(status=429, text="{}", headers={"retry-after": "0.6"})
    handle, asked = answering(busy, (200, '{"nonce": "5"}'))
    began = time.monotonic()
    async with serving(handle) as url, VenueApi(url) as api:
        assert await api.session_nonce(TRADER) == 5
    assert time.monotonic() - began >= 0.6
    assert len(asked) == 2


async def test_read_gives_up_after_a_few_attempts() -> None:
    handle, asked = answering((503, '{"error": "service_temporarily_unavailable"}'))
    async with serving(handle) as url, VenueApi(url) as api:
        with pytest.raises(RefusedError, match="service_temporarily_unavailable"):
            await api.session_nonce(TRADER)
        assert (len(asked), api.stats.requests) == (4, 4)


async def test_read_does_not_wait_for_a_minute() -> None:
    busy = web.Response(status=503, text='{"error": "x"}', headers={"retry-after": "60"})
    handle, asked = answering(busy)
    async with serving(handle) as url, VenueApi(url) as api:
        with pytest.raises(RefusedError) as caught:
            await api.session_nonce(TRADER)
    assert (caught.value.retry_after, len(asked)) == (60, 1)


async def test_refused_read_is_not_retried() -> None:
    handle, asked = answering((400, '{"error": "invalid_trader"}'))
    async with serving(handle) as url, VenueApi(url) as api:
        with pytest.raises(RefusedError, match="invalid_trader"):
            await api.session_nonce(TRADER)
    assert len(asked) == 1


async def test_html_instead_of_json_is_malformed_and_quoted() -> None:
    handle, _ = answering(web.Response(text="<html>\n" + "a" * 500, content_type="text/html"))
    async with serving(handle) as url, VenueApi(url) as api:
        with pytest.raises(MalformedError) as caught:
            await api.markets()
    assert caught.value.message == ("GET /api/markets returned invalid JSON: <html>\\n" + "a" * 193 + "…")
    assert "\n" not in str(caught.value)
    assert caught.value.hint
