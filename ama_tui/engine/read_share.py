"""Keeps a share of the connection, the venue and the event loop for reads of the chain."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

READ_PATIENCE_S = 2.0
"""Once a read takes longer than this, no order is sent until it ends: orders on an old read are worth nothing."""


class ReadShare:
    """Says when orders have to wait for a read. Cancels never do."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._began: float | None = None
        self._ended = asyncio.Event()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """A read of the chain is in progress."""
        self._began = self._clock()
        self._ended.clear()
        try:
            yield
        finally:
            self._began = None
            self._ended.set()

    async def turn(self) -> None:
        """Wait until an order may be sent."""
        while self._began is not None and self._clock() - self._began > READ_PATIENCE_S:
            await self._ended.wait()
