"""Send queues, one per wallet: wallets send in parallel, each wallet one order at a time.

A plan's intents wait here for their turn. Loading the next plan replaces all waiting intents, so every order is priced
on the latest read, however slow the venue is.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable

from ama_tui.domain.plan import Cancel, Intent

Send = Callable[[Intent], Awaitable[bool]]
"""Sends one intent. False drops the wallet's other waiting intents, including those of a newer plan."""


class SendQueues:
    """One queue per wallet address. A queue's task lives while there is something to send."""

    def __init__(self, send: Send) -> None:
        self.failure: Exception | None = None
        """The first error that the venue did not cause: a failing journal or an internal error."""
        self._send = send
        self._waiting: dict[str, deque[Intent]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def load(self, intents: Iterable[Intent]) -> None:
        """Replace all waiting intents. Cancels go before placements."""
        self._waiting.clear()
        for intent in sorted(intents, key=lambda intent: not isinstance(intent, Cancel)):
            self._waiting.setdefault(intent.wallet, deque()).append(intent)
        for wallet in self._waiting:
            if wallet not in self._tasks:
                task = asyncio.create_task(self._run(wallet), name=f"send {wallet}")
                self._tasks[wallet] = task

    def drop(self, wallet: str) -> None:
        """Drop a wallet's waiting intents."""
        self._waiting.pop(wallet, None)

    def clear(self) -> None:
        """Drop all waiting intents. Sends in progress continue."""
        self._waiting.clear()

    @property
    def is_idle(self) -> bool:
        return not self._tasks

    async def idle(self, timeout: float) -> bool:
        """Wait until nothing is being sent, at most `timeout` seconds."""
        if self._tasks:
            await asyncio.wait(set(self._tasks.values()), timeout=timeout)
        return self.is_idle

    async def abandon(self) -> None:
        """Abort the sends in progress. The journal has their intents; the result stays unknown."""
        self._waiting.clear()
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # A task that was cancelled before it started did not remove itself.
        self._tasks = {wallet: task for wallet, task in self._tasks.items() if not task.done()}

    async def _run(self, wallet: str) -> None:
        try:
            while queue := self._waiting.get(wallet):
                if not await self._send(queue.popleft()):
                    self._waiting.pop(wallet, None)
        except Exception as error:
            self.failure = self.failure or error
            self._waiting.clear()
        finally:
            del self._tasks[wallet]
