"""Adaptive limit on concurrent sends: rises on success, halves when the venue pushes back."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic

from ama_tui.domain.event import SendBudget

CANCEL_SHARE = 0.25
WIDEN_EVERY_S = 0.05
"""A venue that limits its clients refuses at once: without a refusal in this time, twice as many may be sent."""


class RateLimiter:
    """Limits how many sends run at once, and delays them after a rate limit.

    Placements share `limit`. Cancels may use a quarter more (at least two), so they never queue behind placements.
    `Retry-After` blocks both until it has passed.
    """

    def __init__(
        self, start: int = 32, lowest: int = 2, highest: int = 256, clock: Callable[[], float] = monotonic
    ) -> None:
        self.limit = float(start)
        self._lowest = lowest
        self._highest = highest
        self._clock = clock
        self._busy = 0
        self._called = 0
        """Sends that were woken for a free slot and have not taken it yet."""
        self._closed_until = 0.0
        self._halved_at = float("-inf")
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._waiting_cancels: deque[asyncio.Future[None]] = deque()

    @property
    def budget(self) -> SendBudget:
        """The limit, the sends in progress, and how long the venue still asks us to wait."""
        return SendBudget(int(self.limit), self._busy, max(0.0, self._closed_until - self._clock()))

    @asynccontextmanager
    async def slot(self, *, is_cancel: bool = False, longest_wait: float | None = None) -> AsyncIterator[None]:
        """Hold one send slot. Waits for a free slot and for `Retry-After` to pass.

        `longest_wait` is the most that `Retry-After` delays this send (seconds; None: no limit).
        """
        await self._enter(is_cancel, longest_wait)
        try:
            yield
        finally:
            self._busy -= 1
            self._wake()

    def succeeded(self) -> None:
        """A send succeeded: raise the limit, quickly until the venue first pushes back."""
        step = 1.0 if self._halved_at == float("-inf") else 1 / self.limit
        self.limit = max(self.limit, min(float(self._highest), self.limit + step))
        self._wake()

    @asynccontextmanager
    async def widening(self, widest: int) -> AsyncIterator[None]:
        """Raise the limit up to `widest` while nothing is refused, without waiting for a first success.

        For requests that the venue answers only once they are in a block, and of which each wallet sends one.
        Afterwards the limit is at most the highest again.
        """
        widener = asyncio.create_task(self._widen(widest), name="widen")
        try:
            yield
        finally:
            widener.cancel()
            self.limit = min(self.limit, float(self._highest))

    async def _widen(self, widest: int) -> None:
        first, began = self.limit, float("inf")
        while self.limit < widest:
            await asyncio.sleep(WIDEN_EVERY_S)
            if self._busy:
                began = min(began, self._clock())
            for _ in range(3):
                await asyncio.sleep(0)  # an answer that has arrived is read first
            if self._halved_at > float("-inf"):
                return
            doublings = max(0.0, min(10.0, (self._clock() - began) / WIDEN_EVERY_S))
            self.limit = max(self.limit, min(float(widest), first * 2**doublings))
            self._wake()

    def pushed_back(self, retry_after: float | None) -> None:
        """The venue returned 429 or 503: halve the limit (at most once a second) and honour `Retry-After`."""
        now = self._clock()
        if now - self._halved_at >= 1.0:
            self.limit = max(float(self._lowest), self.limit / 2)
            self._halved_at = now
        if retry_after is not None:
            self._closed_until = max(self._closed_until, now + retry_after)

    async def _enter(self, is_cancel: bool, longest_wait: float | None) -> None:
        latest = float("inf") if longest_wait is None else self._clock() + longest_wait
        try:
            while True:
                wait = min(self._closed_until, latest) - self._clock()
                if wait > 0:
                    await asyncio.sleep(wait)
                elif self._is_free(is_cancel):
                    self._busy += 1
                    return
                else:
                    await self._turn(self._waiting_cancels if is_cancel else self._waiting)
        except BaseException:
            self._wake()  # this may have been woken for a slot that another send must take now
            raise

    async def _turn(self, queue: deque[asyncio.Future[None]]) -> None:
        """Queue for a free slot. A send that is cancelled meanwhile leaves its place in the queue to be skipped."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            await turn
        finally:
            if turn.done() and not turn.cancelled():
                self._called -= 1

    def _is_free(self, is_cancel: bool) -> bool:
        return self._busy + self._called < self._room(is_cancel)

    def _room(self, is_cancel: bool) -> int:
        limit = int(self.limit)
        return limit + max(2, int(limit * CANCEL_SHARE)) if is_cancel else limit

    def _wake(self) -> None:
        for queue, is_cancel in ((self._waiting_cancels, True), (self._waiting, False)):
            while queue and self._is_free(is_cancel):
                turn = queue.popleft()
                if not turn.done():
                    self._called += 1
                    turn.set_result(None)
