"""`eth_subscribe` of the embedded node: new heads and logs over WebSocket."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import orjson
from aiohttp import WSMsgType, web

from ama_tui.localnet.blocks import Block, BlockLogFilter, MinedLog
from ama_tui.localnet.faults.injector import FaultInjector
from ama_tui.localnet.rpc import INVALID_PARAMS, JsonRpcError, respond
from ama_tui.localnet.rpc_format import block_json, log_json
from ama_tui.localnet.rpc_methods import log_filter

MOST_WAITING = 10_000
"""Messages kept for a client that does not read; one more closes its connection."""
PING_S = 20.0

Answer = Callable[[bytes], Awaitable[bytes]]


@dataclass(slots=True, eq=False)
class _Client:
    """One connection and its subscriptions."""

    socket: web.WebSocketResponse
    transport: asyncio.Transport | None
    heads: set[str] = field(default_factory=set)
    logs: dict[str, BlockLogFilter] = field(default_factory=dict)
    waiting: asyncio.Queue[bytes] = field(default_factory=lambda: asyncio.Queue(MOST_WAITING))
    stalled_until: float = 0.0
    """Monotonic clock: nothing is sent before."""

    @property
    def is_subscribed(self) -> bool:
        return bool(self.heads or self.logs)

    def subscribe(self, params: list[Any]) -> str:
        kind = params[0] if params else None
        identifier = "0x" + secrets.token_hex(16)
        if kind == "newHeads":
            self.heads.add(identifier)
        elif kind == "logs":
            self.logs[identifier] = log_filter(params[1] if len(params) > 1 else {}, 0, 0)
        else:
            raise JsonRpcError(INVALID_PARAMS, f"invalid argument: no subscription {kind!r}: use newHeads or logs")
        return identifier

    def unsubscribe(self, params: list[Any]) -> bool:
        identifier = str(params[0]) if params else ""
        is_known = identifier in self.heads or identifier in self.logs
        self.heads.discard(identifier)
        self.logs.pop(identifier, None)
        return is_known

    def tell(self, identifier: str, result: object) -> None:
        message = {"jsonrpc": "2.0", "method": "eth_subscription"}
        self.waiting.put_nowait(orjson.dumps({**message, "params": {"subscription": identifier, "result": result}}))


class Subscriptions:
    """The WebSocket clients of a node. `answer` responds to their other requests."""

    def __init__(self, faults: FaultInjector, answer: Answer) -> None:
        self._faults = faults
        self._answer = answer
        self._clients: set[_Client] = set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection until it closes."""
        socket = web.WebSocketResponse(heartbeat=PING_S)
        await socket.prepare(request)
        client = _Client(socket, request.transport)
        self._clients.add(client)
        sending = asyncio.create_task(self._send(client), name="localnet push")
        try:
            async for message in socket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    reply = await self._reply(client, message.data)
                    if reply:
                        client.waiting.put_nowait(reply)
        finally:
            self._clients.discard(client)
            sending.cancel()
        return socket

    def announce(self, blocks: Iterable[Block], removed: Iterable[Block] = ()) -> None:
        """Tell the subscribers of new blocks, after a reorg also of those that they replace."""
        blocks, removed = tuple(blocks), tuple(removed)
        for client in tuple(self._clients):
            if client.is_subscribed and not self._is_struck(client):
                try:
                    _tell_all(client, blocks, removed)
                except asyncio.QueueFull:
                    self._drop(client)

    async def close(self) -> None:
        """Close every connection."""
        for client in tuple(self._clients):
            await client.socket.close()

    def _is_struck(self, client: _Client) -> bool:
        """Apply the faults of one announcement. True if this client does not get it."""
        if monotonic() < client.stalled_until:
            return True
        strike = self._faults.draw("ws").strike if self._faults.is_on else None
        if strike is None:
            return False
        if strike.fault == "ws_drop":
            self._drop(client)
        elif strike.fault == "ws_stall":
            client.stalled_until = monotonic() + strike.seconds
        return True

    def _drop(self, client: _Client) -> None:
        """Cut a connection without a closing handshake."""
        self._clients.discard(client)
        if client.transport is not None:
            client.transport.abort()

    async def _send(self, client: _Client) -> None:
        while True:
            message = await client.waiting.get()
            await asyncio.sleep(max(0.0, client.stalled_until - monotonic()))
            await client.socket.send_str(message.decode())

    async def _reply(self, client: _Client, data: str | bytes) -> bytes:
        body = data.encode() if isinstance(data, str) else data
        if b"subscribe" in body:
            return respond({"eth_subscribe": client.subscribe, "eth_unsubscribe": client.unsubscribe}, body)
        return await self._answer(body)


def _tell_all(client: _Client, blocks: tuple[Block, ...], removed: tuple[Block, ...]) -> None:
    for block in removed:
        for identifier, log in _wanted(client, block):
            client.tell(identifier, {**log_json(log), "removed": True})
    for block in blocks:
        head = block_json(block, full=False)
        for field_name in ("transactions", "uncles", "withdrawals", "size", "totalDifficulty"):
            del head[field_name]
        for identifier in client.heads:
            client.tell(identifier, head)
        for identifier, log in _wanted(client, block):
            client.tell(identifier, log_json(log))


def _wanted(client: _Client, block: Block) -> Iterable[tuple[str, MinedLog]]:
    logs = [
        MinedLog(log, mined, mined.first_log + offset)
        for mined in block.mined
        for offset, log in enumerate(mined.result.logs)
    ]
    return ((identifier, log) for identifier, chosen in client.logs.items() for log in logs if chosen.matches(log.log))
