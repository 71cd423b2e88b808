"""Shows and changes the active faults over HTTP while the venue runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import orjson
from aiohttp import web

from ama_tui.localnet.faults.injector import FaultInjector
from ama_tui.localnet.faults.rules import NO_FAULTS, Faults, FaultsError, read_faults
from ama_tui.localnet.faults.server import CONTROL_PATH
from ama_tui.localnet.wire import RefusalError


class FaultControl:
    """GET shows the faults and their counts so far, PUT replaces them, DELETE removes them all."""

    def __init__(self, injector: FaultInjector, apply: Callable[[Faults], Awaitable[None]]) -> None:
        self.injector = injector
        self._apply = apply

    def routes(self) -> list[web.RouteDef]:
        """The routes to add to the API's server."""
        return [
            web.get(CONTROL_PATH, self._show),
            web.put(CONTROL_PATH, self._replace),
            web.delete(CONTROL_PATH, self._end),
        ]

    async def _show(self, request: web.Request) -> web.Response:
        return self._state()

    async def _replace(self, request: web.Request) -> web.Response:
        try:
            await self._apply(read_faults(orjson.loads(await request.read())))
        except FaultsError as error:
            raise RefusalError(400, "invalid_faults", message=str(error)) from None
        except orjson.JSONDecodeError:
            raise RefusalError(400, "invalid_faults", message="the body is not JSON") from None
        return self._state()

    async def _end(self, request: web.Request) -> web.Response:
        await self._apply(NO_FAULTS)
        return self._state()

    def _state(self) -> web.Response:
        injector = self.injector
        state = {
            "faults": injector.faults.as_json(),
            "struck": dict(injector.struck),
            "requests": dict(injector.requests),
        }
        return web.Response(body=orjson.dumps(state), content_type="application/json")
