"""Send queues, one per wallet: wallets send in parallel, each wallet one order at a time.

A plan's intents wait here for their turn. Loading the next plan replaces all waiting intents, so every order is priced
on the latest read, however slow the venue is. Which intent is next is decided when a slot is free: cancels before
placements, then the best level of any wallet.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from heapq import heappop, heappush
from typing import NamedTuple

from ama_tui.domain.order import MAX_TAG_LEVEL
from ama_tui.domain.plan import Cancel, Intent, level_of
from ama_tui.engine.rate_limiter import RateLimiter, Slot
from ama_tui.engine.read_share import ReadShare

Send = Callable[[Intent, Slot], Awaitable[bool]]
"""Sends one intent. False drops the wallet's other waiting intents, including those of a newer plan."""
STARTS_PER_TURN = 8
"""Sends that start in one turn of the event loop. Reads get their turns in between."""


class _Next(NamedTuple):
    """A wallet's next intent. The lowest is sent first."""

    level: int
    number: int
    wallet: str


class SendQueues:
    """One queue per wallet address. A task lives for each send, and for each kind of intent that waits for a slot."""

    def __init__(self, send: Send, limiter: RateLimiter, reads: ReadShare) -> None:
        self.failure: Exception | None = None
        """The first error that the venue did not cause: a failing journal or an internal error."""
        self._send = send
        self._limiter = limiter
        self._reads = reads
        self._waiting: dict[str, deque[Intent]] = {}
        self._numbers: dict[str, int] = {}
        """Where each wallet stands in the plan."""
        self._next: dict[bool, list[_Next]] = {True: [], False: []}
        """The next intents of the wallets that send nothing, by whether they are cancels."""
        self._sends: dict[str, asyncio.Task[None]] = {}
        self._starters: dict[bool, asyncio.Task[None]] = {}

    def load(self, intents: Iterable[Intent]) -> None:
        """Replace all waiting intents. Cancels go before placements."""
        self.clear()
        for intent in sorted(intents, key=lambda intent: not isinstance(intent, Cancel)):
            self._waiting.setdefault(intent.wallet, deque()).append(intent)
        self._numbers = {wallet: number for number, wallet in enumerate(self._waiting)}
        for wallet in self._waiting:
            self._offer(wallet)

    def drop(self, wallet: str) -> None:
        """Drop a wallet's waiting intents."""
        self._waiting.pop(wallet, None)

    def clear(self) -> None:
        """Drop all waiting intents. Sends in progress continue."""
        self._waiting.clear()
        for queue in self._next.values():
            queue.clear()

    @property
    def is_idle(self) -> bool:
        return not self._sends and not self._waiting

    @property
    def orders_wait(self) -> bool:
        """Does any placement wait for its turn?"""
        return any(queue and not isinstance(queue[-1], Cancel) for queue in self._waiting.values())

    async def idle(self, timeout: float) -> bool:
        """Wait until nothing is being sent, at most `timeout` seconds."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while not self.is_idle and (left := deadline - loop.time()) > 0:
            tasks = {*self._sends.values(), *self._starters.values()}
            await asyncio.wait(tasks, timeout=left)
        return self.is_idle

    async def abandon(self) -> None:
        """Abort the sends in progress. The journal has their intents; the result stays unknown."""
        self.clear()
        tasks = [*self._sends.values(), *self._starters.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _offer(self, wallet: str) -> None:
        """Put a wallet's next intent among those that may be sent, unless it is sending."""
        queue = self._waiting.get(wallet)
        if not queue:
            self._waiting.pop(wallet, None)
            return
        if wallet in self._sends:
            return
        is_cancel = isinstance(queue[0], Cancel)
        heappush(self._next[is_cancel], _Next(_rank(queue[0]), self._numbers[wallet], wallet))
        self._ensure_starter(is_cancel)

    def _ensure_starter(self, is_cancel: bool) -> None:
        if self._next[is_cancel] and is_cancel not in self._starters:
            task = asyncio.create_task(self._start_all(is_cancel), name="send cancels" if is_cancel else "send orders")
            self._starters[is_cancel] = task
            task.add_done_callback(partial(self._starter_ended, is_cancel))

    async def _start_all(self, is_cancel: bool) -> None:
        """Start sends of one kind until none waits."""
        started = 0
        while self._next[is_cancel]:
            if not is_cancel:
                await self._reads.turn()
            slot = await self._limiter.enter(is_cancel=is_cancel)
            wallet = self._take(is_cancel)
            if wallet is None:
                self._limiter.leave(slot)
                continue
            task = asyncio.create_task(self._run(wallet, is_cancel, slot), name=f"send {wallet}")
            self._sends[wallet] = task
            task.add_done_callback(partial(self._sent, wallet, slot))
            started += 1
            if started % STARTS_PER_TURN == 0:
                await asyncio.sleep(0)

    def _take(self, is_cancel: bool) -> str | None:
        """The wallet whose next intent is next among those of its kind, None if there is none any more."""
        queue = self._next[is_cancel]
        while queue:
            wallet = heappop(queue).wallet
            if self._waiting.get(wallet) and wallet not in self._sends:
                return wallet
        return None

    async def _run(self, wallet: str, is_cancel: bool, slot: Slot) -> None:
        queue = self._waiting.get(wallet)
        if not queue or isinstance(queue[0], Cancel) is not is_cancel:
            return  # another plan was loaded meanwhile
        try:
            if not await self._send(queue.popleft(), slot):
                self._waiting.pop(wallet, None)
        except Exception as error:
            self.failure = self.failure or error
            self.clear()

    def _sent(self, wallet: str, slot: Slot, _: asyncio.Task[None]) -> None:
        self._limiter.leave(slot)
        del self._sends[wallet]
        self._offer(wallet)

    def _starter_ended(self, is_cancel: bool, _: asyncio.Task[None]) -> None:
        del self._starters[is_cancel]
        self._ensure_starter(is_cancel)


def _rank(intent: Intent) -> int:
    """The lowest is sent first: the levels in turn, then takes."""
    return 0 if isinstance(intent, Cancel) else level_of(intent) or MAX_TAG_LEVEL + 1
