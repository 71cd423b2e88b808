"""The venue's HTTP API: markets, live prices, sessions, and the six trade methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self, TypeVar

from ama_tui.domain.errors import MalformedError
from ama_tui.domain.market import Market
from ama_tui.domain.reading import LiveQuote, SessionCreated, SessionStatusResponse, TradeResponse
from ama_tui.domain.session import RelayerSet, SessionPermit
from ama_tui.venue import api_models
from ama_tui.venue import json_scalars as wire
from ama_tui.venue.api_errors import refusal, refusal_of_body, retry_after
from ama_tui.venue.http import HttpClient, HttpResponse, HttpStats
from ama_tui.venue.permits import permit_payload, session_id
from ama_tui.venue.retry import retried, transient

READ_TIMEOUT = 10.0
TRADE_TIMEOUT = 30.0
"""A trade awaits its receipt for some 7 s, behind whatever its relayer sends before it."""

SESSION_TIMEOUT = 90.0
"""A session's creation is awaited until it is mined, which takes a few blocks."""

MARKETS_PAGE = 100
_MAX_PAGES = 200
_RETRIED_STATUS = frozenset({429, 500, 502, 503, 504})

T = TypeVar("T")


class VenueApi:
    """One venue at `base_url`. Reads are retried; what changes anything is sent exactly once.

    Every method raises UnreachableError (no answer; for an order action nobody knows what became of it),
    MalformedError (an answer that breaks the wire contract; the same) or RefusedError (which says
    whether it proves that nothing was sent). Ids, hashes and addresses are 0x strings in lower case.
    """

    def __init__(self, base_url: str) -> None:
        self._http = HttpClient(
            base_url, name="APP_URL", hint="is the venue running, and is APP_URL right?", timeout=READ_TIMEOUT
        )

    @property
    def stats(self) -> HttpStats:
        """How many requests were sent and how long the latest took."""
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
        """All markets, `limit` rows to a request. Malformed and repeated rows are left out.

        A row whose tick is no positive multiple of 0.000001 has `tick6` 0.
        """
        found: dict[str, Market] = {}
        offset = 0
        for _ in range(_MAX_PAGES):
            params = {"limit": str(limit), "status": status}
            if offset:
                params["offset"] = str(offset)
            page, rows, total = await self._get("/api/markets", params, api_models.markets_page)
            known = len(found)
            for market in page:
                found.setdefault(market.address, market)
            offset += rows
            is_repeat = bool(page) and len(found) == known
            if rows == 0 or is_repeat or offset >= (total or 0):
                break
        return tuple(found.values())

    async def live(self, symbol: str, levels: int | None = None) -> LiveQuote:
        """The live prices of a market, up to about 1.25 s old. `levels` (1..25) asks for its depth."""
        params = {"symbol": symbol}
        if levels is not None:
            params["levels"] = str(levels)
        return await self._get("/api/orderbook/live", params, api_models.live_quote)

    async def relayer_set(self) -> RelayerSet:
        """The relayers and their stated root; check it with `permits.relayer_root`."""
        return await self._get("/api/gasless/session/relayer-set", {}, api_models.relayer_set)

    async def session_nonce(self, trader: str) -> int:
        """The nonce that the trader's next permit must carry."""
        return await self._get("/api/gasless/session/nonce", {"trader": trader}, api_models.nonce)

    async def session_status(self, session: str) -> SessionStatusResponse:
        """What the venue knows of a session id."""
        return await self._get("/api/gasless/session/status", {"sessionId": session}, api_models.session_status)

    async def session_init(self, order_book: str, permit: SessionPermit, signature: str) -> SessionCreated:
        """Create a session from a signed permit and wait until it is mined.

        Raises MalformedError also when the venue names another session id than the permit's.
        """
        payload = {"orderBook": order_book, "permit": permit_payload(permit), "signature": signature}
        path = "/api/gasless/session/init"
        created = await self._post(path, payload, api_models.session_created, SESSION_TIMEOUT)
        expected = session_id(permit)
        if created.session_id != expected:
            raise MalformedError(
                f"POST {path} answered with session {created.session_id}, the permit's is {expected}",
                "do not use this session; ask the venue's operator",
            )
        return created

    async def session_revoke(self, order_book: str, session: str) -> TradeResponse:
        """Revoke a session. Revoking twice succeeds."""
        payload = {"orderBook": order_book, "sessionId": session}
        path = "/api/gasless/session/revoke"
        return await self._post(path, payload, api_models.trade_answer, SESSION_TIMEOUT)

    async def place_limit(
        self, order_book: str, session: str, trader: str, *, price6: int, amount18: int, is_buy: bool
    ) -> TradeResponse:
        """Send a spot limit order, which margin-only venues refuse. It trades if it crosses."""
        params = _placement(trader, amount18, is_buy, price6)
        return await self._trade(order_book, session, "sessionPlaceLimit", params)

    async def place_margin_limit(
        self, order_book: str, session: str, trader: str, *, price6: int, amount18: int, is_buy: bool
    ) -> TradeResponse:
        """Send a margin limit order. It trades if it crosses: never crossing is the caller's duty."""
        params = _placement(trader, amount18, is_buy, price6)
        return await self._trade(order_book, session, "sessionPlaceMarginLimit", params)

    async def place_market(
        self, order_book: str, session: str, trader: str, *, amount18: int, is_buy: bool
    ) -> TradeResponse:
        """Send a spot market order, which margin-only venues refuse."""
        params = _placement(trader, amount18, is_buy)
        return await self._trade(order_book, session, "sessionPlaceMarket", params)

    async def place_margin_market(
        self, order_book: str, session: str, trader: str, *, amount18: int, is_buy: bool
    ) -> TradeResponse:
        """Send a margin market order."""
        params = _placement(trader, amount18, is_buy)
        return await self._trade(order_book, session, "sessionPlaceMarginMarket", params)

    async def modify_order(
        self, order_book: str, session: str, trader: str, *, order_id: int, price6: int, amount18: int
    ) -> TradeResponse:
        """Replace a resting order; the replacement has a new id."""
        params = {"trader": trader, "orderId": str(order_id), "price": str(price6), "amount": str(amount18)}
        return await self._trade(order_book, session, "sessionModifyOrder", params)

    async def cancel_order(self, order_book: str, session: str, trader: str, *, order_id: int) -> TradeResponse:
        """Cancel a resting order. The answer is always pending, also for a cancel that will revert."""
        params = {"trader": trader, "orderId": str(order_id)}
        return await self._trade(order_book, session, "sessionCancelOrder", params)

    async def _trade(self, order_book: str, session: str, method: str, params: Mapping[str, object]) -> TradeResponse:
        payload = {"orderBook": order_book, "method": method, "sessionId": session, "params": params}
        return await self._post("/api/gasless/trade", payload, api_models.trade_answer, TRADE_TIMEOUT)

    async def _get(self, path: str, params: Mapping[str, str], parse: Callable[[str, bytes], T]) -> T:
        where = f"GET {path}"

        async def attempt() -> T:
            answer = await self._http.get(path, params)
            if answer.status in _RETRIED_STATUS:
                raise transient(refusal(where, answer), retry_after(answer.retry_after))
            return _parsed(where, answer, parse)

        return await retried(attempt)

    async def _post(
        self, path: str, payload: Mapping[str, object], parse: Callable[[str, bytes], T], timeout: float
    ) -> T:
        answer = await self._http.post(path, payload, timeout=timeout)
        return _parsed(f"POST {path}", answer, parse)


def _placement(trader: str, amount18: int, is_buy: bool, price6: int | None = None) -> dict[str, object]:
    price = {} if price6 is None else {"price": str(price6)}
    return {"trader": trader, **price, "amount": str(amount18), "isBuy": is_buy}


def _parsed(where: str, answer: HttpResponse, parse: Callable[[str, bytes], T]) -> T:
    """The answer's value; a status that is no success, or a body that says it failed, is a RefusedError."""
    if not answer.is_ok:
        raise refusal(where, answer)
    body = wire.json_object(answer.body)
    if body is not None and (body.get("ok") is False or body.get("success") is False):
        raise refusal_of_body(where, answer.status, body)
    return parse(where, answer.body)
