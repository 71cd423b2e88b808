"""The venue's HTTP API: markets, live prices, sessions and trading."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self, TypeVar

from ama_tui.domain.errors import MalformedError, RefusedError
from ama_tui.domain.market import Market
from ama_tui.domain.reading import LiveQuote, SessionCreated, SessionStatusResponse, TradeResponse
from ama_tui.domain.session import RelayerSet, SessionPermit
from ama_tui.venue import api_models, json_scalars
from ama_tui.venue.api_errors import refusal, refusal_of_body, retry_after
from ama_tui.venue.host_gate import LONGEST_WAIT, HostGate
from ama_tui.venue.http import HttpClient, HttpResponse, HttpStats
from ama_tui.venue.http_body import TooLargeError
from ama_tui.venue.permits import permit_payload, session_id
from ama_tui.venue.retry import in_time, retried, transient

READ_TIMEOUT = 10.0
"""Seconds."""

TRADE_TIMEOUT = 30.0
"""Seconds. The venue waits about 7 s for a trade's receipt, after the relayer has sent earlier transactions."""

SESSION_TIMEOUT = 90.0
"""Seconds. The venue responds once the session is mined, which takes a few blocks."""

OLDEST_LIVE_MS = 10_000
"""Live prices older than this are not used."""

MARKETS_PAGE = 100
"""Rows per request."""

SMALLER_PAGE = 10
"""The part of a page that is asked for when it is too large."""

_MAX_PAGES = 200
_RETRIED_STATUS = frozenset({429, 500, 502, 503, 504})

T = TypeVar("T")


class VenueApi:
    """A client for the venue at `base_url`. Reads are retried. Writes are sent exactly once.

    Every method raises UnreachableError (no response), MalformedError (the response breaks the wire contract) or
    RefusedError. After the first two the outcome of an order action is unknown. RefusedError says whether it proves
    that nothing was sent. Ids, hashes and addresses are lower-case 0x strings.
    """

    def __init__(self, base_url: str) -> None:
        self._http = HttpClient(
            base_url,
            name="APP_URL",
            hint="check that the venue is running and APP_URL is correct",
            timeout=READ_TIMEOUT,
        )
        self._gate = HostGate("APP_URL", self._http.stats)

    @property
    def stats(self) -> HttpStats:
        """The number of requests sent and the duration of the latest."""
        return self._http.stats

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def markets(self, limit: int = MARKETS_PAGE, status: str = "ACTIVE") -> tuple[Market, ...]:
        """All markets, read `limit` rows per request. Malformed and duplicate rows are dropped.

        A venue that does not say how many there are is asked until a page brings nothing new. Where a page is too
        large, the next are smaller. All of it takes at most a minute. `tick6` is 0 for a row whose tick is not a
        positive multiple of 0.000001.
        """
        return await in_time(self._markets(limit, status), "GET /api/markets")

    async def _markets(self, limit: int, status: str) -> tuple[Market, ...]:
        by_address: dict[str, Market] = {}
        offset, is_counted = 0, True
        for _ in range(_MAX_PAGES):
            params = {"limit": str(limit), "status": status}
            if offset:
                params["offset"] = str(offset)
            try:
                page, rows, total = await self._get("/api/markets", params, api_models.markets_page)
            except TooLargeError as error:
                if limit == 1:
                    raise MalformedError(f"{error.message}, even for one market", "ask the venue's operator") from None
                limit = max(1, limit // SMALLER_PAGE)
                continue
            except RefusedError:
                if offset and not is_counted:
                    break  # there is no such page
                raise
            count, is_counted = len(by_address), total is not None
            for market in page:
                by_address.setdefault(market.address, market)
            offset += rows
            has_new = len(by_address) > count
            if rows == 0 or (page and not has_new) or (offset >= total if total is not None else not has_new):
                break
        else:
            raise MalformedError(
                f"GET /api/markets continues after {_MAX_PAGES} pages with {len(by_address)} markets",
                "ask the venue's operator",
            )
        return tuple(by_address.values())

    async def live(self, market: Market, levels: int | None = None, *, waits: bool = True) -> LiveQuote:
        """A market's live prices, up to about 1.25 s old. With `levels` (1..25) they include the depth.

        Unless it `waits`, a rate limit is raised at once. Raises MalformedError for prices of another order book, and
        for prices older than `OLDEST_LIVE_MS`.
        """
        params = {"symbol": market.symbol}
        if levels is not None:
            params["levels"] = str(levels)
        quote = await self._get("/api/orderbook/live", params, api_models.live_quote, waits=waits)
        if quote.address != market.address.lower():
            raise MalformedError(
                f"GET /api/orderbook/live returned the prices of order book {quote.address}, not of {market.address}",
                "ask the venue's operator",
            )
        if quote.cache_age_ms > OLDEST_LIVE_MS:
            raise MalformedError(
                f"GET /api/orderbook/live returned prices that are {quote.cache_age_ms / 1000:,.0f} s old",
                "ask the venue's operator",
            )
        return quote

    async def relayer_set(self) -> RelayerSet:
        """The relayers and the root the venue reports for them. Check it with `permits.relayer_set_problem`."""
        return await self._get("/api/gasless/session/relayer-set", {}, api_models.relayer_set)

    async def session_nonce(self, trader: str) -> int:
        """The nonce for the trader's next permit."""
        return await self._get("/api/gasless/session/nonce", {"trader": trader}, api_models.nonce)

    async def session_status(self, session: str) -> SessionStatusResponse:
        """The venue's view of a session."""
        return await self._get("/api/gasless/session/status", {"sessionId": session}, api_models.session_status)

    async def session_init(self, order_book: str, permit: SessionPermit, signature: str) -> SessionCreated:
        """Create a session from a signed permit and wait until it is mined.

        Also raises MalformedError if the venue returns a session id that does not match the permit.
        """
        payload = {"orderBook": order_book, "permit": permit_payload(permit), "signature": signature}
        path = "/api/gasless/session/init"
        created = await self._post(path, payload, api_models.session_created, SESSION_TIMEOUT)
        expected = session_id(permit)
        if created.session_id != expected:
            raise MalformedError(
                f"POST {path} returned session {created.session_id} instead of {expected}",
                "do not use this session and contact the venue's operator",
            )
        return created

    async def session_revoke(self, order_book: str, session: str) -> TradeResponse:
        """Revoke a session. Revoking twice succeeds."""
        payload = {"orderBook": order_book, "sessionId": session}
        path = "/api/gasless/session/revoke"
        return await self._post(path, payload, api_models.trade_response, SESSION_TIMEOUT)

    async def place_margin_limit(
        self, order_book: str, session: str, trader: str, *, price6: int, amount18: int, is_buy: bool
    ) -> TradeResponse:
        """Send a margin limit order. The venue executes an order that crosses, so the caller must check the price."""
        params = _placement(trader, amount18, is_buy, price6)
        return await self._trade(order_book, session, "sessionPlaceMarginLimit", params)

    async def place_margin_market(
        self, order_book: str, session: str, trader: str, *, amount18: int, is_buy: bool
    ) -> TradeResponse:
        """Send a margin market order."""
        params = _placement(trader, amount18, is_buy)
        return await self._trade(order_book, session, "sessionPlaceMarginMarket", params)

    async def modify_order(
        self, order_book: str, session: str, trader: str, *, order_id: int, price6: int, amount18: int
    ) -> TradeResponse:
        """Replace a resting order. The replacement gets a new id."""
        params = {"trader": trader, "orderId": str(order_id), "price": str(price6), "amount": str(amount18)}
        return await self._trade(order_book, session, "sessionModifyOrder", params)

    async def cancel_order(self, order_book: str, session: str, trader: str, *, order_id: int) -> TradeResponse:
        """Cancel a resting order. The response is always pending, even if the cancel will revert."""
        params = {"trader": trader, "orderId": str(order_id)}
        return await self._trade(order_book, session, "sessionCancelOrder", params)

    async def _trade(self, order_book: str, session: str, method: str, params: Mapping[str, object]) -> TradeResponse:
        payload = {"orderBook": order_book, "method": method, "sessionId": session, "params": params}
        return await self._post("/api/gasless/trade", payload, api_models.trade_response, TRADE_TIMEOUT)

    async def _get(
        self, path: str, params: Mapping[str, str], parse: Callable[[str, bytes], T], *, waits: bool = True
    ) -> T:
        where = f"GET {path}"

        async def attempt() -> T:
            await self._gate.passed(LONGEST_WAIT if waits else 0.0)
            response = await self._http.get(path, params)
            try:
                return self._parsed(where, response, parse)
            except RefusedError as error:
                if error.is_rate_limit and not waits:
                    raise
                if error.is_rate_limit or response.status in _RETRIED_STATUS:
                    raise transient(error, error.retry_after) from None
                raise

        return await retried(attempt)

    async def _post(
        self, path: str, payload: Mapping[str, object], parse: Callable[[str, bytes], T], timeout: float
    ) -> T:
        response = await self._http.post(path, payload, timeout=timeout)
        return self._parsed(f"POST {path}", response, parse, is_order=True)

    def _parsed(
        self, where: str, response: HttpResponse, parse: Callable[[str, bytes], T], *, is_order: bool = False
    ) -> T:
        """The parsed body, with any rate limit noted. Raises RefusedError, MalformedError."""
        try:
            result = _parsed(where, response, parse)
        except RefusedError as error:
            if error.is_rate_limit:
                self._gate.refused(error.retry_after, closes=not is_order)
            raise
        if not is_order:
            self._gate.answered()
        return result


def _placement(trader: str, amount18: int, is_buy: bool, price6: int | None = None) -> dict[str, object]:
    price = {} if price6 is None else {"price": str(price6)}
    return {"trader": trader, **price, "amount": str(amount18), "isBuy": is_buy}


def _parsed(where: str, response: HttpResponse, parse: Callable[[str, bytes], T]) -> T:
    """The parsed body. Raises RefusedError if the status or the body reports a failure."""
    if not response.is_ok:
        raise refusal(where, response)
    body = json_scalars.json_object(response.body)
    if body is not None and (body.get("ok") is False or body.get("success") is False):
        raise refusal_of_body(where, response.status, body, retry_after(response.retry_after))
    return parse(where, response.body)
