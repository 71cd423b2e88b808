"""Blocks at an even pace."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


class BlockTimer:
    """Calls `mine` every so many seconds. A block that comes late does not delay those after it.

    When `mine` fails the blocks end: whoever waits for one learns it from the node.
    """

    def __init__(self, mine: Callable[[], Awaitable[object]]) -> None:
        self._mine = mine
        self._task: asyncio.Task[None] | None = None

    async def start(self, seconds: float) -> None:
        """Take up a pace, in place of any other."""
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
