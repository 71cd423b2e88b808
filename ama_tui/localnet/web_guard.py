"""Keeps web pages away from a server on the loopback interface.

A page that the operator visits could post to it (a form, or `fetch` with text/plain, needs no permission) or reach it
through a host name of its own that resolves to this machine (DNS rebinding). So the server answers only to its own
address, to requests without a foreign Origin, and to POSTs of JSON.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import hdrs, web

from ama_tui.localnet.rpc import refuse

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
LOCALHOST = "localhost"
JSON_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class WebRefusal:
    """Why a request is not served."""

    status: int
    error: str
    """A short name, as in the API's error bodies."""
    message: str


def refusal_of(request: web.BaseRequest) -> WebRefusal | None:
    """Why this request must not be served; None if it may be."""
    hosts = _own_hosts(request)
    if not hosts:
        return WebRefusal(400, "no_connection", "the connection is closed")
    stated = request.headers.getall(hdrs.HOST, [])
    if len(stated) != 1 or stated[0].lower() not in hosts:
        return WebRefusal(403, "invalid_host", f"the Host header must be {' or '.join(sorted(hosts))}")
    origins = {f"http://{host}" for host in hosts}
    if any(origin.lower() not in origins for origin in request.headers.getall(hdrs.ORIGIN, [])):
        return WebRefusal(403, "foreign_origin", "web pages of other origins are not served")
    if request.method == hdrs.METH_POST and request.content_type != JSON_TYPE:
        return WebRefusal(415, "unsupported_media_type", f"the content type of a POST must be {JSON_TYPE}")
    return None


@web.middleware
async def own_clients_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer a refused request of a JSON-RPC server with an error in its own form."""
    refused = refusal_of(request)
    if refused is not None:
        return web.Response(body=refuse(refused.message), status=refused.status, content_type=JSON_TYPE)
    return await handler(request)


def _own_hosts(request: web.BaseRequest) -> frozenset[str]:
    """The Host headers that name the address on which the request came in, and its port."""
    own = request.transport.get_extra_info("sockname") if request.transport is not None else None
    if own is None:
        return frozenset()
    address, port = own[:2]
    names = (LOCALHOST, f"[{address}]" if ":" in address else address)
    return frozenset(f"{name}:{port}" for name in names)
