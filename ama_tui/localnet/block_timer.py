"""Mines blocks at a fixed interval."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


class BlockTimer:
    """Calls `mine` at a fixed interval. A late block does not delay the next ones.

    The timer stops when `mine` fails; callers that wait for a block get the error from the node.
    """

    def __init__(self, mine: Callable[[], Awaitable[object]]) -> None:
        self._mine = mine
        self._task: asyncio.Task[None] | None = None

    async def start(self, seconds: float) -> None:
        """Mine every `seconds`, replacing the current interval."""
        await self.stop()
        self._task = asyncio.create_task(self._run(seconds), name="localnet-blocks")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _run(self, seconds: float) -> None:
        now = asyncio.get_running_loop().time
        due = now()
        while True:
            due = max(due + seconds, now())
            await asyncio.sleep(due - now())
            await self._mine()
