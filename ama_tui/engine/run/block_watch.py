"""Wakes the cycle when the chain changes: by WebSocket where there is one, else by polling the block number."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from time import monotonic

from ama_tui.domain.errors import VenueError
from ama_tui.engine.connections import Connections
from ama_tui.engine.outage import Outage
from ama_tui.engine.run_context import RunContext
from ama_tui.venue.push import BlockHead, ContractLog, PushHandlers, PushStream

SHORTEST_STALE_S = 2.0
LONGEST_STALE_S = 60.0
"""A stream without a new head for four block intervals, within these bounds, is checked against the node."""
GRACE_S = 1.5
"""A stream may report a block this much later than the node: web3 first formats every log of a busy book."""
SHORTEST_POLL_S = 0.05
LONGEST_POLL_S = 0.25
IDLE_POLL_S = 1.0
"""The time between two polls: shortest around the time at which a block is due, longest on a chain without blocks."""
EARLY_S = 0.06
"""Frequent polling begins this long before a block is expected."""
AFTER_ERROR_S = 1.0
LONGEST_ASK_S = 3.0


class News(Enum):
    """How new blocks are noticed."""

    PUSH = "push"
    POLLING = "polling"


@dataclass(frozen=True, slots=True)
class Listener:
    """One market's run."""

    context: RunContext
    wake: Callable[[], None]
    outage: Outage
    """Of the stream."""
    may_connect: Callable[[], Awaitable[None]] = lambda: asyncio.sleep(0)
    """Returns once the stream may connect. Until then the block number is polled."""


@dataclass(slots=True)
class BlockWatch:
    """Wakes every listener for a new block, and for a log that concerns its fleet.

    A stream is only believed to be alive, never to be right: a silent one is checked against the node's block number,
    and while it is behind the number is polled.
    """

    connections: Connections
    listeners: list[Listener] = field(default_factory=list)
    news: News = News.POLLING
    height: int = 0
    """The highest block seen."""
    _hash: str = ""
    _heard_at: float = 0.0
    """When the latest block was first seen."""
    _pushed_at: float = 0.0
    """When the stream last delivered anything or was found to be up to date."""
    _interval_s: float = 0.0
    """The usual time between two blocks, 0 before it is known."""
    _is_connected: bool = False
    _changed: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    _doubted_at: float = 0.0
    """When something was noticed that no earlier read covers, whatever its block."""
    _users: int = 0
    _task: asyncio.Task[None] | None = None

    def add(self, listener: Listener) -> None:
        """Wake another run. A stream that is open already tells nothing of its market: add it before."""
        self.listeners.append(listener)

    @asynccontextmanager
    async def watching(self, listener: Listener) -> AsyncIterator[None]:
        """Watch for this run meanwhile: from the first run that begins to the last one that ends."""
        self._users += 1
        self._task = self._task or asyncio.create_task(self.watch(), name="block watch")
        try:
            yield
        finally:
            self.listeners.remove(listener)
            self._users -= 1
            if not self._users:
                task, self._task = self._task, None
                task.cancel()

    def needs_read(self, block: int, began: float) -> bool:
        """Has something happened that a read of this block, begun at this time, does not show?"""
        return self.height > block or self._doubted_at > began

    async def watch(self) -> None:
        """Watch until cancelled."""
        self._use(self.news)
        push = self.connections.push
        async with asyncio.TaskGroup() as tasks:
            if push is not None:
                handlers = PushHandlers(self._connected, self._lost, self._head, self._log)
                tasks.create_task(self._listen(push, handlers), name="push")
            tasks.create_task(self._poll(), name="polling")

    # ---- the stream ----

    async def _listen(self, push: PushStream, handlers: PushHandlers) -> None:
        await asyncio.gather(*(listener.may_connect() for listener in self.listeners))
        await push.listen([listener.context.market.address for listener in self.listeners], handlers)

    def _connected(self) -> None:
        self._is_connected = True
        self._alive()
        self._doubt()  # there is no telling which blocks were missed

    def _lost(self, why: str) -> None:
        self._is_connected = False
        self._report(f"{why}: asking for new blocks instead")
        self._fall_back()

    def _head(self, head: BlockHead) -> None:
        self._alive()
        is_new, is_other = head.number > self.height, bool(self._hash) and head.hash != self._hash
        self._hash = head.hash
        if is_new:
            self._heard(head.number)
        elif is_other:
            self._doubt()  # a reorg

    def _log(self, log: ContractLog) -> None:
        self._alive()
        concerned = [listener for listener in self.listeners if listener.context.market.address.lower() == log.contract]
        if all(log.addresses.isdisjoint(listener.context.fleet.books) for listener in concerned):
            return
        if log.is_removed:
            self._doubt()
        elif log.block > self.height:
            self._hash = ""
            self._heard(log.block)

    def _doubt(self) -> None:
        self._doubted_at = monotonic()
        self._wake()

    def _alive(self) -> None:
        self._pushed_at = monotonic()
        if self.news is not News.PUSH:
            self._use(News.PUSH)
            for listener in self.listeners:
                listener.outage.end()

    def _fall_back(self) -> None:
        self._use(News.POLLING)
        self._changed.set()

    def _use(self, news: News) -> None:
        self.news = news
        for listener in self.listeners:
            listener.context.news = news.value

    def _report(self, text: str) -> None:
        for listener in self.listeners:
            listener.outage.begin(text)

    def _wake(self) -> None:
        for listener in self.listeners:
            listener.wake()

    # ---- polling ----

    async def _poll(self) -> None:
        while True:
            is_pushed = self.news is News.PUSH
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._silence_left_s() if is_pushed else self._poll_pause_s()):
                    await self._changed.wait()
            if self.news is News.PUSH and self._silence_left_s() > 0:
                continue
            await self._ask()

    async def _ask(self) -> None:
        """Ask the node for its height. A silent stream is believed only if the node has no newer block."""
        try:
            async with asyncio.timeout(LONGEST_ASK_S):
                number = await self.connections.chain.block_number()
        except (VenueError, TimeoutError):
            self._doubt_stream("the node's WebSocket is silent")
            await asyncio.sleep(AFTER_ERROR_S)  # the cycle reports a node that does not respond
            return
        if self.news is News.PUSH:
            if number > self.height:
                await asyncio.sleep(GRACE_S)
            if number > self.height:
                self._doubt_stream("the node's WebSocket is behind its block number")
            else:
                self._pushed_at = monotonic()
        if number > self.height:
            self._hash = ""
            self._heard(number)

    def _doubt_stream(self, why: str) -> None:
        """Poll until the stream delivers again."""
        if self.news is News.PUSH:
            self._report(f"{why}: asking for new blocks instead")
            self._fall_back()

    def _heard(self, number: int) -> None:
        """Note a new block."""
        now = monotonic()
        blocks = number - self.height
        if self.height:
            sample = (now - self._heard_at) / blocks
            self._interval_s = sample if not self._interval_s else 0.8 * self._interval_s + 0.2 * sample
        self.height, self._heard_at = number, now
        self._wake()

    def _silence_left_s(self) -> float:
        """How long the stream may still be silent before it is checked against the node."""
        stale_after = min(LONGEST_STALE_S, max(SHORTEST_STALE_S, 4 * self._interval_s))
        return self._pushed_at + stale_after - monotonic()

    def _poll_pause_s(self) -> float:
        """Short around the time at which the next block is due, longer before that and on a stalled chain."""
        if not self._interval_s:
            return LONGEST_POLL_S
        overdue = monotonic() - self._heard_at - self._interval_s
        if overdue < -EARLY_S:
            return min(LONGEST_POLL_S, max(SHORTEST_POLL_S / 10, -overdue - EARLY_S))
        if overdue < 2 * self._interval_s + 1:
            return SHORTEST_POLL_S
        return IDLE_POLL_S
