"""The venue's HTTP API (wire contract, part 1). Every response is JSON, errors included."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable

import orjson
from aiohttp import web

from ama_tui.localnet.faults.control import FaultControl
from ama_tui.localnet.faults.kinds import Endpoint
from ama_tui.localnet.faults.server import STRIKE, FaultyServer
from ama_tui.localnet.listing import Listings, rows
from ama_tui.localnet.live_prices import DEFAULT_LEVELS, MAX_LEVELS, LivePrices
from ama_tui.localnet.node import NodeError
from ama_tui.localnet.relayer import RelayerService
from ama_tui.localnet.web_guard import refusal_of
from ama_tui.localnet.wire import (
    Body,
    RefusalError,
    parse_init,
    parse_object,
    parse_session_id,
    parse_trade,
    parse_trader,
)

MAX_BODY_BYTES = 64 * 1024
DEFAULT_PAGE = 100
MAX_PAGE = 500
SHUTDOWN_SECONDS = 0.25
INIT_PATH = "/api/gasless/session/init"
REVOKE_PATH = "/api/gasless/session/revoke"
TRADE_PATH = "/api/gasless/trade"
_SESSION_POSTS: dict[str, Endpoint] = {INIT_PATH: "init", REVOKE_PATH: "revoke"}

_log = logging.getLogger(__name__)
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Api:
    """The request handlers; `serve` listens on a local port."""

    def __init__(
        self,
        listings: Listings,
        chain_id: int,
        relayer: RelayerService,
        prices: LivePrices,
        faults: FaultControl,
        *,
        margin_only: bool,
        rate_limit: int | None,
    ) -> None:
        self._listings = listings
        self._rows = rows(listings, chain_id)
        self._relayer = relayer
        self._prices = prices
        self._margin_only = margin_only
        self._limiter = ClientRateLimit(rate_limit) if rate_limit is not None else None
        self._faults = faults
        self._faulty = FaultyServer(faults.injector, _endpoint)
        self._runner: web.AppRunner | None = None

    async def serve(self, port: int) -> str:
        """Listen on 127.0.0.1 (port 0 picks a free one) and return the base URL. Raises OSError."""
        # Faults act on complete responses, refusals included. They read bodies themselves, which can be too long.
        middlewares = [_errors_as_json, _own_clients_only, self._faulty.middleware, _errors_as_json]
        app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=middlewares)
        app.add_routes(
            [
                web.get("/api/markets", self.markets),
                web.get("/api/orderbook/live", self.live),
                web.get("/api/gasless/session/relayer-set", self.relayer_set),
                web.get("/api/gasless/session/nonce", self.nonce),
                web.get("/api/gasless/session/status", self.status),
                web.post(INIT_PATH, self.init),
                web.post(REVOKE_PATH, self.revoke),
                web.post(TRADE_PATH, self.trade),
                *self._faults.routes(),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, "127.0.0.1", port).start()
        except OSError:
            await self.close()
            raise
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def close(self) -> None:
        """Stop serving. Open requests get a moment to finish."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        await self._faulty.close()

    async def markets(self, request: web.Request) -> web.Response:
        limit = min(MAX_PAGE, _query_int(request, "limit", DEFAULT_PAGE, at_least=1))
        offset = _query_int(request, "offset", 0, at_least=0)
        status = request.query.get("status", "").upper()
        matching = [row for row in self._rows if status in ("", row["market_status"])]
        return _json(
            {
                "success": True,
                "markets": matching[offset : offset + limit],
                "pagination": {"limit": limit, "offset": offset, "total": len(matching)},
            }
        )

    async def live(self, request: web.Request) -> web.Response:
        symbol = request.query.get("symbol", "")
        listing = self._listings.named(symbol) or self._listings.at(symbol.lower())
        if listing is None:
            return _json({"ok": False, "error": "market_not_found" if symbol else "missing_symbol"}, 404)
        levels = min(MAX_LEVELS, _query_int(request, "levels", DEFAULT_LEVELS, at_least=1))
        return _json(await self._prices.response(listing, levels))

    async def relayer_set(self, request: web.Request) -> web.Response:
        return _json(self._relayer.relayer_set())

    async def nonce(self, request: web.Request) -> web.Response:
        return _json({"nonce": str(await self._relayer.nonce(parse_trader(request.query.get("trader"))))})

    async def status(self, request: web.Request) -> web.Response:
        return _json(await self._relayer.status(parse_session_id(request.query.get("sessionId"))))

    async def init(self, request: web.Request) -> web.Response:
        return _json(await self._relayer.init(parse_init(await self._body(request))))

    async def revoke(self, request: web.Request) -> web.Response:
        body = await self._body(request)
        return _json(await self._relayer.revoke(parse_session_id(body.get("sessionId"))))

    async def trade(self, request: web.Request) -> web.Response:
        body = await self._body(request)
        trade = parse_trade(body, margin_only=self._margin_only)
        return _json(await self._relayer.trade(trade, request.get(STRIKE)))

    async def _body(self, request: web.Request) -> Body:
        if self._limiter is not None:
            self._limiter.admit(request.remote or "")
        return parse_object(await request.read())


class ClientRateLimit:
    """Allows `per_minute` requests per client in any 60 seconds and refuses the rest with 429."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._times: dict[str, deque[float]] = {}

    def admit(self, client: str) -> None:
        """Count a request. Raises RefusalError with a Retry-After if the client is over its limit."""
        now = self._clock()
        times = self._times.setdefault(client, deque())
        while times and now - times[0] >= 60:
            times.popleft()
        if len(times) >= self._per_minute:
            refusal = RefusalError(429, "rate_limit_exceeded")
            refusal.headers["Retry-After"] = str(max(1, round(60 - (now - times[0]))))
            raise refusal
        times.append(now)


def _endpoint(request: web.Request, body: bytes) -> Endpoint | None:
    if request.method == "GET":
        return "get"
    if request.path == TRADE_PATH:
        return "cancel" if b'"sessionCancelOrder"' in body else "place"
    return _SESSION_POSTS.get(request.path)


def _json(body: Body, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, headers=headers, content_type="application/json")


def _query_int(request: web.Request, name: str, default: int, *, at_least: int) -> int:
    """A number from the query string; anything else counts as missing."""
    text = request.query.get(name, "")
    return max(at_least, int(text)) if text.isdecimal() and len(text) < 10 else default


def _out_of_service(error: NodeError) -> tuple[Body, int, dict[str, str]]:
    is_out_of_funds = "insufficient funds" in error.message
    name = "all_relayers_insufficient_funds" if is_out_of_funds else "service_temporarily_unavailable"
    return {"error": name, "message": error.message}, 503, {"Retry-After": "60"}


@web.middleware
async def _own_clients_only(request: web.Request, handler: _Handler) -> web.StreamResponse:
    refused = refusal_of(request)
    if refused is not None:
        raise RefusalError(refused.status, refused.error, message=refused.message)
    return await handler(request)


@web.middleware
async def _errors_as_json(request: web.Request, handler: _Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except RefusalError as refusal:
        return _json(refusal.body, refusal.status, refusal.headers)
    except web.HTTPException as error:
        return _json({"error": error.reason.lower()}, error.status)
    except NodeError as error:
        return _json(*_out_of_service(error))
    except Exception as error:
        _log.exception("%s %s failed", request.method, request.path)
        return _json({"error": f"internal error: {type(error).__name__}"}, 500)
