"""Sends run side by side across wallets and one after another within a wallet.

A plan's intents wait here until their wallet's turn. Loading the next plan replaces all that still
waits, so that an order is always priced on the newest read however slowly the venue answers.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable

from ama_tui.domain.plan import Cancel, Intent

Send = Callable[[Intent], Awaitable[bool]]
"""Sends one intent; False drops what else the wallet has waiting, also of a plan loaded meanwhile."""


class SendQueues:
    """One lane per wallet address; a lane's task lives while it has something to send."""

    def __init__(self, send: Send) -> None:
        self.failure: Exception | None = None
        """The first error that was no answer of the venue's: the journal can take no more, or a fault of ours."""
        self._send = send
        self._waiting: dict[str, deque[Intent]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def load(self, intents: Iterable[Intent]) -> None:
        """Replace what waits in every lane; cancels go before placements."""
        self._waiting.clear()
        for intent in sorted(intents, key=lambda one: not isinstance(one, Cancel)):
            self._waiting.setdefault(intent.wallet, deque()).append(intent)
        for wallet in self._waiting:
            if wallet not in self._tasks:
                task = asyncio.create_task(self._run(wallet), name=f"lane {wallet}")
                self._tasks[wallet] = task

    def drop(self, wallet: str) -> None:
        """Drop what waits in one lane."""
        self._waiting.pop(wallet, None)

    def clear(self) -> None:
        """Drop all that waits; what is being sent goes on."""
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
        """Cancel what is being sent; its outcome stays unknown to us and known to the journal."""
        self._waiting.clear()
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # A task that was cancelled before it began has not taken itself out.
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
