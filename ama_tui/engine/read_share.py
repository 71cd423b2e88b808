"""Keeps a share of the connection, the venue and the event loop for reads of the chain."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

READ_PATIENCE_S = 2.0
"""Once a read takes longer than this, no order is sent until it ends: orders on an old read are worth nothing."""


class ReadShare:
    """Says when orders have to wait for a read, of whichever market. Cancels never do."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._began: dict[object, float] = {}
        """When each read in progress began, the oldest first."""
        self._ended = asyncio.Event()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """A read of the chain is in progress."""
        read = object()
        self._began[read] = self._clock()
        try:
            yield
        finally:
            del self._began[read]
            self._ended.set()

    async def turn(self) -> None:
        """Wait until an order may be sent."""
        while self._is_late:
            self._ended.clear()
            await self._ended.wait()

    @property
    def _is_late(self) -> bool:
        return any(self._clock() - began > READ_PATIENCE_S for began in self._began.values())
