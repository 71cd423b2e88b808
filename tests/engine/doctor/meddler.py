"""A proxy in front of a real venue that changes its responses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from time import time
from typing import Any

from aiohttp import ClientSession, web

from tests.venue.servers import serving

ChangeResult = Callable[[list[Any], Any], Any]
"""From a call's parameters and its result to another result."""

ChangeBody = Callable[[dict[str, Any]], Any]


@dataclass
class Meddler:
    """`rpc` changes results by JSON-RPC method, `api` bodies by path. `clock_s` moves the Date header forward.

    With `names_time` False there is no Date header. `slow` delays responses, in seconds by JSON-RPC method.
    """

    rpc: Mapping[str, ChangeResult] = field(default_factory=dict)
    api: Mapping[str, ChangeBody] = field(default_factory=dict)
    clock_s: float = 0.0
    names_time: bool = True
    slow: Mapping[str, float] = field(default_factory=dict)

    @asynccontextmanager
    async def between(self, upstream: str) -> AsyncIterator[str]:
        """Serve in front of a server; yields the URL."""
        async with ClientSession() as client:

            async def handle(request: web.Request) -> web.StreamResponse:
                asked = await request.json() if request.method == "POST" else None
                async with client.request(
                    request.method, upstream + str(request.rel_url), json=asked if asked is not None else None
                ) as answer:
                    said, status = await answer.json(), answer.status
                if isinstance(asked, dict):
                    await asyncio.sleep(self.slow.get(asked.get("method", ""), 0))
                date = formatdate(time() + self.clock_s, usegmt=True) if self.names_time else "soon"
                body = self._changed(request.path, asked, said) if status == 200 else said
                return web.json_response(body, status=status, headers={"Date": date})

            async with serving(handle) as url:
                yield url

    def _changed(self, path: str, asked: Any, said: Any) -> Any:
        if path in self.api:
            return self.api[path](said)
        if isinstance(asked, list):
            by_id = {one["id"]: one for one in asked}
            return [self._answer(by_id[one["id"]], one) for one in said]
        if isinstance(asked, dict) and "jsonrpc" in asked:
            return self._answer(asked, said)
        return said

    def _answer(self, call: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        change = self.rpc.get(call["method"])
        if change is None or "result" not in answer:
            return answer
        return {**answer, "result": change(call["params"], answer["result"])}
