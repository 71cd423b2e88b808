"""A reverse proxy in front of the venue's API that loses, delays and garbles requests on demand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from aiohttp import ClientSession, web

from tests.engine.rig import Rig
from tests.venue.servers import serving

TRADE = "/api/gasless/trade"
INIT = "/api/gasless/session/init"


class Fault(Enum):
    """What happens to a request instead of an honest response."""

    LOSE_REQUEST = "the connection drops before the venue has heard it"
    LOSE_REPLY = "the venue executes it, then the connection drops"
    BUSY = "503 with Retry-After, nothing executed"
    BUSY_EXECUTED = "503, but executed"
    RATE_LIMITED = "429 with Retry-After, nothing executed"
    ERROR_EXECUTED = "500 with free text, but executed"
    REVERTED = "500 tx_reverted with the hash of a transaction that reverted"
    HTML = "200 with HTML, nothing executed"
    HTML_EXECUTED = "502 with HTML, but executed"
    CUT_BODY = "half of the honest answer"
    SLOW = "the honest answer, half a second late"

    @property
    def is_executed(self) -> bool:
        return self in (
            Fault.LOSE_REPLY,
            Fault.BUSY_EXECUTED,
            Fault.ERROR_EXECUTED,
            Fault.HTML_EXECUTED,
            Fault.CUT_BODY,
            Fault.SLOW,
        )


Rule = Callable[[str, dict[str, Any]], Fault | None]
"""From the path and body of a request to the fault it gets."""


def nothing(path: str, body: dict[str, Any]) -> Fault | None:
    return None


@dataclass
class FaultyApi:
    """The proxy. `trades` are the bodies of all order actions that reached it, in order."""

    upstream: str
    client: ClientSession
    rule: Rule = nothing
    retry_after: str = "0.3"
    trades: list[dict[str, Any]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def placements(self) -> list[tuple[str, str]]:
        """(trader, amount) of every placement; the amount carries the order's tag."""
        return [
            (one["params"]["trader"], one["params"]["amount"])
            for one in self.trades
            if one["method"] == "sessionPlaceMarginLimit"
        ]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        body = json.loads(raw) if raw else {}
        if request.path == TRADE:
            self.trades.append(body)
        fault = self.rule(request.path, body)
        if fault is None:
            return await self._forward(request, raw)
        self.faults.append(fault)
        answer = await self._forward(request, raw) if fault.is_executed else None
        return await self._garble(request, body, fault, answer)

    async def _forward(self, request: web.Request, raw: bytes) -> web.Response:
        headers = {"content-type": "application/json"}
        url = self.upstream + request.path_qs
        async with self.client.request(request.method, url, data=raw or None, headers=headers) as answer:
            kept = {name: value for name, value in answer.headers.items() if name == "Retry-After"}
            return web.Response(
                body=await answer.read(), status=answer.status, headers=kept, content_type="application/json"
            )

    async def _garble(
        self, request: web.Request, body: dict[str, Any], fault: Fault, answer: web.Response | None
    ) -> web.StreamResponse:
        if fault in (Fault.LOSE_REQUEST, Fault.LOSE_REPLY):
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if fault in (Fault.BUSY, Fault.BUSY_EXECUTED):
            text = json.dumps({"error": "service_temporarily_unavailable"})
            return web.Response(
                status=503, text=text, headers={"Retry-After": self.retry_after}, content_type="application/json"
            )
        if fault is Fault.RATE_LIMITED:
            text = json.dumps({"error": "rate_limit_exceeded"})
            return web.Response(
                status=429, text=text, headers={"Retry-After": self.retry_after}, content_type="application/json"
            )
        if fault is Fault.REVERTED:
            return web.json_response({"error": "tx_reverted", "txHash": await self._revert(body)}, status=500)
        if fault is Fault.ERROR_EXECUTED:
            return web.json_response({"error": "socket hang up"}, status=500)
        if fault in (Fault.HTML, Fault.HTML_EXECUTED):
            status = 502 if fault is Fault.HTML_EXECUTED else 200
            return web.Response(status=status, text="<html><body>Bad gateway</body></html>", content_type="text/html")
        assert answer is not None
        if fault is Fault.CUT_BODY:
            whole = answer.body
            assert isinstance(whole, bytes)
            return web.Response(body=whole[: len(whole) // 2], content_type="application/json")
        await asyncio.sleep(0.5)
        return answer

    async def _revert(self, body: dict[str, Any]) -> str:
        """The hash of a transaction of the same trader that reverts: a cancel of an order that never existed."""
        params = {"trader": body["params"]["trader"], "orderId": "999999999"}
        cancel = {**body, "method": "sessionCancelOrder", "params": params}
        async with self.client.post(self.upstream + TRADE, json=cancel) as answer:
            return str((await answer.json())["txHash"])


@asynccontextmanager
async def faulty(rig: Rig, rule: Rule = nothing) -> AsyncIterator[FaultyApi]:
    """Put a proxy between the rig's later engines and its venue; the engines are closed before the proxy."""
    async with ClientSession() as client:
        api = FaultyApi(rig.venue.app_url, client, rule)
        async with serving(api.handle) as url:
            rig.environ["APP_URL"] = url
            try:
                yield api
            finally:
                for engine in rig.engines:
                    await engine.close()


def first_of(fault: Fault, *, every: int = 2, count: int = 4, path: str = TRADE, method: str = "Place") -> Rule:
    """Every n-th request of a kind fails, up to `count` failures."""
    seen = done = 0

    def rule(asked: str, body: dict[str, Any]) -> Fault | None:
        nonlocal seen, done
        if asked != path or method not in body.get("method", method):
            return None
        seen += 1
        if seen % every or done >= count:
            return None
        done += 1
        return fault

    return rule
