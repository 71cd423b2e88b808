"""A node that responds with broken bodies, and every kind of read from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ama_tui.venue.chain import ChainReader
from ama_tui.venue.http import HttpResponse
from ama_tui.venue.rpc import JsonRpc
from tests.venue.fake_node import BOOK, MARKET_ID, REGISTRY, VAULT
from tests.venue.test_api import SESSION, TRADER, TX

GOOD_ANSWERS: tuple[object, ...] = (
    {"jsonrpc": "2.0", "id": "@", "result": "0x" + "00" * 31 + "20" + "00" * 31 + "01" + "00" * 64},
    [{"jsonrpc": "2.0", "id": "@", "result": "0x01"}, {"id": 2, "result": "0x3e8"}, {"id": 3, "result": "0x"}],
    {"jsonrpc": "2.0", "id": "@", "error": {"code": 3, "message": "reverted", "data": "0x08c379a0"}},
)
"""`"@"` stands for the id of the request's first call."""


class BrokenRpc(JsonRpc):
    """A node that gives broken bodies; they go through the real parsing, without a socket."""

    def __init__(self, bodies: Iterator[bytes], statuses: Iterator[int]) -> None:
        super().__init__("http://node")
        self._bodies = bodies
        self._statuses = statuses
        self._http.post = self._post  # type: ignore[method-assign]  # no socket

    async def _post(self, path: str, payload: Any, *, timeout: float | None = None) -> HttpResponse:
        calls = payload if isinstance(payload, list) else [payload]
        body = next(self._bodies).replace(b'"@"', str(calls[0]["id"]).encode())
        return HttpResponse(next(self._statuses), body)


async def any_read(chain: ChainReader, number: int) -> object:
    """One of the engine's reads. Raises VenueError."""
    fleet = {
        "order_book": BOOK,
        "vault": VAULT,
        "market_id": MARKET_ID,
        "registry": REGISTRY,
        "wallets": [(TRADER, SESSION)],
    }
    reads: tuple[Callable[[], Any], ...] = (
        lambda: chain.read_fleet(**fleet),  # type: ignore[arg-type]  # each has its own type
        lambda: chain.terms(BOOK),
        lambda: chain.chain_id(),
        lambda: chain.settlement(BOOK, 1, 2, [TX]),
        lambda: chain.order_history(BOOK, [TRADER], 1, 1, wants_trades=True),
        lambda: chain.open_orders(BOOK, [TRADER]),
        lambda: chain.session_records(REGISTRY, [SESSION]),
        lambda: chain.meta_nonces(REGISTRY, [TRADER]),
        lambda: chain.has_code(BOOK),
    )
    return await reads[number % len(reads)]()
