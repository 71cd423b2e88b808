"""A proxy before a venue's API and node that changes what they say, down to one contract call inside a multicall."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientSession, web
from eth_abi.abi import decode, encode

from ama_tui.venue.contract_abi import AGGREGATE3
from tests.venue.servers import serving

CallLie = Callable[[bytes, bytes], bytes]
"""From a contract call's data and its result to another result."""
BodyLie = Callable[[dict[str, Any]], Any]
"""From an API response to another."""
MethodLie = Callable[[list[Any], Any], Any]
"""From a JSON-RPC call's parameters and its result to another result."""

_CALLS, _RESULTS = "(address,bool,bytes)[]", "(bool,bytes)[]"


@dataclass
class Lies:
    """What is changed: contract calls by selector, JSON-RPC results by method, API responses by path.

    `is_on` switches all of them; `told` counts those that were told.
    """

    calls: dict[bytes, CallLie] = field(default_factory=dict)
    methods: dict[str, MethodLie] = field(default_factory=dict)
    api: dict[str, BodyLie] = field(default_factory=dict)
    is_on: bool = True
    told: int = 0

    def response(self, path: str, asked: Any, said: Any) -> Any:
        """What the client gets instead of what the venue said."""
        if not self.is_on:
            return said
        if path in self.api and isinstance(said, dict):
            self.told += 1
            return self.api[path](said)
        if isinstance(asked, list):
            by_id = {one["id"]: one for one in asked}
            return [self._rpc(by_id[one["id"]], one) for one in said]
        return self._rpc(asked, said) if isinstance(asked, dict) and "jsonrpc" in asked else said

    def _rpc(self, call: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
        if "result" not in said:
            return said
        method, params, result = call["method"], call["params"], said["result"]
        if method in self.methods:
            self.told += 1
            return {**said, "result": self.methods[method](params, result)}
        if method == "eth_call" and self.calls:
            return {**said, "result": self._contract(bytes.fromhex(params[0]["data"][2:]), result)}
        return said

    def _contract(self, data: bytes, result: str) -> str:
        raw = bytes.fromhex(result[2:])
        if data[:4] != AGGREGATE3:
            return "0x" + self._one(data, raw).hex()
        (calls,) = decode([_CALLS], data[4:])
        (results,) = decode([_RESULTS], raw)
        changed = [
            (ok, self._one(call, answer) if ok else answer)
            for (_, _, call), (ok, answer) in zip(calls, results, strict=True)
        ]
        return "0x" + encode([_RESULTS], [changed]).hex()

    def _one(self, call: bytes, answer: bytes) -> bytes:
        lie = self.calls.get(call[:4])
        if lie is None:
            return answer
        self.told += 1
        return lie(call, answer)


@asynccontextmanager
async def lying(lies: Lies, upstream: str) -> AsyncIterator[str]:
    """Serve in front of an API or a node; yields the URL."""
    async with ClientSession() as client:

        async def handle(request: web.Request) -> web.StreamResponse:
            asked = await request.json() if request.method == "POST" else None
            async with client.request(request.method, upstream + str(request.rel_url), json=asked) as response:
                said = await response.json()
                status = response.status
            body = lies.response(request.path, asked, said) if status == 200 else said
            return web.Response(text=json.dumps(body), status=status, content_type="application/json")

        async with serving(handle) as url:
            yield url
