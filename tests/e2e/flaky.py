"""A proxy in its own thread between real processes: a share of the responses fails, before or after the venue."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from aiohttp import ClientSession

from tests.engine.faults import TRADE, Fault, FaultyApi
from tests.sizes import PATIENCE_S
from tests.venue.servers import serving

MIX = (
    Fault.LOSE_REQUEST,
    Fault.LOSE_REPLY,
    Fault.BUSY,
    Fault.BUSY_EXECUTED,
    Fault.RATE_LIMITED,
    Fault.ERROR_EXECUTED,
    Fault.HTML,
    Fault.HTML_EXECUTED,
    Fault.CUT_BODY,
    Fault.SLOW,
)


@dataclass
class Flaky:
    """`rate` of the answers to requests whose path begins with `only` fail.

    `placements` are the times (monotonic) at which placements arrived. While `is_open` is clear, the proxy hangs.
    """

    seed: int = 1
    rate: float = 0.0
    only: str = "/"
    mix: tuple[Fault, ...] = MIX
    is_open: threading.Event = field(default_factory=threading.Event)
    asked: int = 0
    failed: int = 0
    placements: list[float] = field(default_factory=list)
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self.is_open.set()

    def rule(self, path: str, body: dict[str, Any]) -> Fault | None:
        self.is_open.wait(30)
        self.asked += 1
        if path == TRADE and "Place" in body["method"]:
            self.placements.append(monotonic())
        if not path.startswith(self.only) or self._random.random() >= self.rate:
            return None
        self.failed += 1
        return self._random.choice(self.mix)


@contextmanager
def between(upstream: str, flaky: Flaky, retry_after: str = "60") -> Iterator[str]:
    """Serve the proxy; yields its URL."""
    ready, ending = threading.Event(), threading.Event()
    urls: list[str] = []

    async def serve() -> None:
        async with (
            ClientSession() as client,
            serving(FaultyApi(upstream, client, flaky.rule, retry_after).handle) as url,
        ):
            urls.append(url)
            ready.set()
            await asyncio.to_thread(ending.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="flaky")
    thread.start()
    assert ready.wait(PATIENCE_S)
    try:
        yield urls[0]
    finally:
        ending.set()
        thread.join(PATIENCE_S)
