"""The server in front of anvil that clients reach. anvil answers everybody, so only this one knows where it listens."""

from __future__ import annotations

import asyncio
import contextlib

import aiohttp
from aiohttp import WSMsgType, hdrs, web

from ama_tui.localnet.node import NodeError
from ama_tui.localnet.rpc import refuse
from ama_tui.localnet.web_guard import JSON_TYPE, own_clients_only

MAX_REQUEST = 64 * 1024 * 1024
MOST_CONNECTIONS = 256

Socket = aiohttp.ClientWebSocketResponse | web.WebSocketResponse


class AnvilFront:
    """Passes requests and WebSocket messages of the operator's own clients on to anvil, and its answers back."""

    def __init__(self, upstream: str) -> None:
        self.rpc_url = ""
        self._upstream = upstream
        self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=MOST_CONNECTIONS))
        app = web.Application(client_max_size=MAX_REQUEST, middlewares=[own_clients_only])
        app.router.add_post("/", self._post)
        app.router.add_get("/", self._socket)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)

    async def serve(self, host: str, port: int) -> None:
        """Listen. Raises NodeError if the port is taken."""
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError as error:
            raise NodeError(f"cannot listen on {host}:{port} ({error})", "choose another port") from None
        self.rpc_url = f"http://{host}:{self._runner.addresses[0][1]}"

    async def close(self) -> None:
        await self._runner.cleanup()
        await self._http.close()

    async def _post(self, request: web.Request) -> web.Response:
        headers = {hdrs.CONTENT_TYPE: JSON_TYPE}
        try:
            async with self._http.post(self._upstream, data=await request.read(), headers=headers) as answer:
                return web.Response(body=await answer.read(), status=answer.status, content_type=JSON_TYPE)
        except (aiohttp.ClientError, OSError):
            return web.Response(body=refuse("anvil does not respond"), status=502, content_type=JSON_TYPE)

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        """Relay one WebSocket until either side closes it."""
        client = web.WebSocketResponse()
        if not client.can_prepare(request).ok:
            raise web.HTTPMethodNotAllowed(request.method, [hdrs.METH_POST])
        try:
            upstream = await self._http.ws_connect(self._upstream, max_msg_size=0)
        except (aiohttp.ClientError, OSError):
            raise web.HTTPBadGateway(text="anvil does not respond") from None
        async with upstream:
            await client.prepare(request)
            ways = [asyncio.create_task(_relay(client, upstream)), asyncio.create_task(_relay(upstream, client))]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        await client.close()
        return client


async def _relay(source: Socket, target: Socket) -> None:
    with contextlib.suppress(ConnectionError):
        async for message in source:
            if message.type is WSMsgType.TEXT:
                await target.send_str(message.data)
            elif message.type is WSMsgType.BINARY:
                await target.send_bytes(message.data)
