"""A middleware that applies faults to HTTP requests and responses, for the API and the node."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from math import ceil

import orjson
from aiohttp import web

from ama_tui.localnet.faults import corruption
from ama_tui.localnet.faults.hidden_orders import OrderListFaults
from ama_tui.localnet.faults.injector import FaultInjector, Strike
from ama_tui.localnet.faults.kinds import Endpoint

CONTROL_PATH = "/localnet/faults"
"""The path of the fault control, which is never affected by faults."""

STRIKE = web.RequestKey("strike", Strike)
"""Set on a request whose fault its handler must apply: see `_left_to_handler`."""

HTML = "<html><head><title>Oops</title></head><body><h1>Something went wrong</h1></body></html>"
HTML_STATUSES = (200, 403, 404, 429, 502, 504)

_log = logging.getLogger(__name__)
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
EndpointOf = Callable[[web.Request, bytes], Endpoint | None]


@dataclass(frozen=True, slots=True)
class _StruckRequest:
    """A request with the fault that applies to it."""

    strike: Strike
    request: web.Request
    handler: _Handler
    postpone: Callable[[float, Callable[[], Awaitable[object]]], None]
    order_lists: OrderListFaults

    async def execute(self) -> web.StreamResponse:
        """Process the request and return the correct response."""
        return await self.handler(self.request)

    def cut(self) -> web.StreamResponse:
        """Close the connection without a response."""
        if self.request.transport is not None:
            self.request.transport.abort()
        return web.Response()


class FaultyServer:
    """The middleware of one server. `endpoint_of` classifies a request; None means it is never struck."""

    def __init__(self, injector: FaultInjector, endpoint_of: EndpointOf) -> None:
        self._injector = injector
        self._endpoint_of = endpoint_of
        self._postponed: set[asyncio.Task[None]] = set()
        self._order_lists = OrderListFaults()

    @web.middleware
    async def middleware(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        if not self._injector.is_on or request.path == CONTROL_PATH:
            return await handler(request)
        endpoint = self._endpoint_of(request, await request.read())
        if endpoint is None:
            return await handler(request)
        draw = self._injector.draw(endpoint)
        if draw.delay > 0:
            await asyncio.sleep(draw.delay)
        if draw.strike is None:
            return await handler(request)
        effect = _EFFECTS.get(draw.strike.fault, _left_to_handler)
        return await effect(_StruckRequest(draw.strike, request, handler, self._postpone, self._order_lists))

    async def close(self) -> None:
        """Cancel requests that are still postponed."""
        for task in self._postponed:
            task.cancel()
        await asyncio.gather(*self._postponed, return_exceptions=True)

    def _postpone(self, seconds: float, work: Callable[[], Awaitable[object]]) -> None:
        task = asyncio.create_task(_do_after(seconds, work), name="localnet late request")
        self._postponed.add(task)
        task.add_done_callback(self._postponed.discard)


async def _do_after(seconds: float, work: Callable[[], Awaitable[object]]) -> None:
    await asyncio.sleep(seconds)
    try:
        await work()
    except Exception:
        _log.exception("a late request failed")


# ---- transport ----


async def _slow(hit: _StruckRequest) -> web.StreamResponse:
    response = await hit.execute()
    await asyncio.sleep(hit.strike.seconds)
    return response


async def _lose_request(hit: _StruckRequest) -> web.StreamResponse:
    return hit.cut()


async def _lose_reply(hit: _StruckRequest) -> web.StreamResponse:
    await hit.execute()
    return hit.cut()


async def _cut_body(hit: _StruckRequest) -> web.StreamResponse:
    """Send half of the body with the full Content-Length, then close the connection."""
    complete = await hit.execute()
    body = _body(complete)
    headers = {"Content-Type": complete.content_type, "Content-Length": str(len(body))}
    response = web.StreamResponse(status=complete.status, headers=headers)
    await response.prepare(hit.request)
    await response.write(body[: len(body) // 2])
    if hit.request.transport is not None:
        hit.request.transport.close()
    return response


async def _html(hit: _StruckRequest) -> web.StreamResponse:
    if hit.strike.rng.random() < 0.5:
        await hit.execute()
    return web.Response(text=HTML, status=hit.strike.rng.choice(HTML_STATUSES), content_type="text/html")


async def _rate_limit(hit: _StruckRequest) -> web.StreamResponse:
    return _refusal(hit, 429, "rate_limit_exceeded")


async def _unavailable(hit: _StruckRequest) -> web.StreamResponse:
    return _refusal(hit, 503, "service_temporarily_unavailable")


async def _error_500(hit: _StruckRequest) -> web.StreamResponse:
    await hit.execute()
    return _json({"error": "internal server error"}, 500)


# ---- the relayer ----


async def _out_of_funds(hit: _StruckRequest) -> web.StreamResponse:
    return _refusal(hit, 503, "all_relayers_insufficient_funds")


async def _late(hit: _StruckRequest) -> web.StreamResponse:
    hit.postpone(hit.strike.seconds, hit.execute)
    status = hit.strike.rng.choice((0, 500, 504))
    return hit.cut() if status == 0 else _json({"error": "upstream request timeout"}, status)


async def _error_500_hash(hit: _StruckRequest) -> web.StreamResponse:
    reply = orjson.loads(_body(await hit.execute()))
    fields = {"txHash": reply["txHash"]} if "txHash" in reply else {}
    return _json({"error": "internal server error", **fields}, 500)


async def _left_to_handler(hit: _StruckRequest) -> web.StreamResponse:
    """Pass the fault on: only the relayer or the chain can apply it."""
    hit.request[STRIKE] = hit.strike
    return await hit.execute()


# ---- the node ----


async def _corrupt(hit: _StruckRequest) -> web.StreamResponse:
    body = _body(await hit.execute())
    return web.Response(body=corruption.corrupt(hit.strike, body), content_type="application/json")


async def _hide_orders(hit: _StruckRequest) -> web.StreamResponse:
    request, response = await hit.request.read(), _body(await hit.execute())
    body = hit.order_lists.changed(hit.strike, request, response) if response else response
    return web.Response(body=body, content_type="application/json")


_EFFECTS: dict[str, Callable[[_StruckRequest], Awaitable[web.StreamResponse]]] = {
    "slow": _slow,
    "lose_request": _lose_request,
    "lose_reply": _lose_reply,
    "cut_body": _cut_body,
    "html": _html,
    "rate_limit": _rate_limit,
    "unavailable": _unavailable,
    "error_500": _error_500,
    "out_of_funds": _out_of_funds,
    "late": _late,
    "later": _late,
    "error_500_hash": _error_500_hash,
    **dict.fromkeys(corruption.CORRUPTIONS, _corrupt),
    **dict.fromkeys(("orders_cut", "orders_sparse", "orders_cached"), _hide_orders),
}


def _refusal(hit: _StruckRequest, status: int, error: str) -> web.Response:
    return _json({"error": error}, status, {"Retry-After": str(ceil(hit.strike.seconds))})


def _json(body: object, status: int, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, headers=headers, content_type="application/json")


def _body(response: web.StreamResponse) -> bytes:
    """The body of a response; all of ours are in memory."""
    body = response.body if isinstance(response, web.Response) else b""
    return body if isinstance(body, bytes) else b""
