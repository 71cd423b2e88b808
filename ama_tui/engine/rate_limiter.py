"""Adaptive limit on sends: how many run at once, and how fast they start once the venue has limited its clients."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from resource import RLIM_INFINITY, RLIMIT_NOFILE, getrlimit
from typing import NamedTuple

from ama_tui.domain.event import SendBudget
from ama_tui.engine.send_pace import SendPace

CANCEL_SHARE = 0.25
WIDEST = 1024
"""The most sends at once. Each takes a connection, and all of them at most half of the files that may be open."""
WIDEN_EVERY_S = 0.05
"""A venue that is too busy refuses at once: without a refusal in this time, twice as many may be sent."""
FEWEST_AHEAD, SHARE_AHEAD = 1, 0.02
"""While no limit is known, at most this many sends, or this share of all sends so far, start before a refusal of the
first could be back. So only a few are refused when a limit is first met.
"""
TIMER_S = 0.0005
"""Timers may fire this early."""
OVERDUE_GAP_S = 0.25
"""The time between two sends that no longer wait for a rate limit."""


def widest() -> int:
    """The most sends at once that the limit on open files allows."""
    files, _ = getrlimit(RLIMIT_NOFILE)
    return WIDEST if files == RLIM_INFINITY else min(WIDEST, files // 2)


@dataclass(slots=True)
class Slot:
    """A send's permission to start."""

    started_at: float
    """When it was given, or when its request went onto the wire (the limiter's clock)."""
    is_counted: bool = False
    """The pace counts it."""
    is_used: bool = False
    """Its request is on the wire."""


class _Turn(NamedTuple):
    granted: asyncio.Future[Slot]
    latest: float
    """The time from which it no longer waits for the venue."""


class RateLimiter:
    """Limits how many sends run at once, and how fast they start.

    Placements share `limit`. Cancels may use a quarter more (at least two) and go first, so they never queue behind
    placements. `Retry-After` blocks both until it has passed, and so does the pace that a rate limit allows.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        start: int = 32,
        lowest: int = 2,
        highest: int | None = None,
        round_trip: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.limit = float(start)
        self.pace = SendPace()
        self.round_trip = round_trip
        """The shortest time in which the venue has responded (seconds), 0 if it is not known."""
        self._lowest = lowest
        self._highest = widest() if highest is None else highest
        self._clock = clock
        self._busy = 0
        self._halved_at = float("-inf")
        self._closed_until = float("-inf")
        self._last_start = float("-inf")
        self._ramp = asyncio.Lock()
        """Taken in turn by requests while no limit is known."""
        self._last_on_wire = float("-inf")
        self._held_at = float("-inf")
        self._waiting: deque[_Turn] = deque()
        self._waiting_cancels: deque[_Turn] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._widening: asyncio.Task[None] | None = None

    @property
    def budget(self) -> SendBudget:
        """The limit, the sends in progress, and how long the venue still asks us to wait."""
        return SendBudget(int(self.limit), self._busy, max(0.0, self._closed_for()))

    @property
    def held_at(self) -> float:
        """When a rate limit last refused a send or held one back (the limiter's clock), minus infinity for never."""
        return self._held_at

    @asynccontextmanager
    async def slot(self, *, is_cancel: bool = False, longest_wait: float | None = None) -> AsyncIterator[Slot]:
        """Hold one send slot. Waits for a free slot, for `Retry-After` to pass and for the pace.

        `longest_wait` is the most that the venue delays this send (seconds; None: no limit).
        """
        slot = await self.enter(is_cancel=is_cancel, longest_wait=longest_wait)
        try:
            yield slot
        finally:
            self.leave(slot)

    async def enter(self, *, is_cancel: bool = False, longest_wait: float | None = None) -> Slot:
        """Take a slot, as `slot` does. The caller has to `leave` it."""
        latest = float("inf") if longest_wait is None else self._clock() + longest_wait
        queue = self._waiting_cancels if is_cancel else self._waiting
        turn = self._turn(latest)
        queue.append(turn)
        while True:
            self._wake()
            try:
                slot = await turn.granted
            except BaseException:
                if turn.granted.done() and not turn.granted.cancelled():
                    self.leave(turn.granted.result())
                self._wake()  # somebody else takes the turn
                raise
            if self._busy <= self._room(is_cancel) and self._closed_for(latest) <= 0:
                return slot
            turn = self._turn(latest)  # the venue pushed back meanwhile
            queue.appendleft(turn)
            self.leave(slot)

    def leave(self, slot: Slot) -> None:
        """Give a slot back."""
        if slot.is_counted and not slot.is_used:
            self.pace.not_sent(slot.started_at)
        self._busy -= 1
        self._wake()

    async def onto_wire(self, slot: Slot) -> bool:
        """Wait for this send's turn on the wire, right before its request. False if the venue has begun to limit
        requests meanwhile: then it must not be sent.

        As long as no limit is known, only a few requests start within the time in which a refusal would come back.
        """
        if not slot.is_counted:
            async with self._ramp:
                wait = self._last_on_wire + self._gap() - self._clock()
                if wait > 0:
                    await asyncio.sleep(wait)
                self._last_on_wire = self._clock()
            if not self.pace.is_free or self._closed_for() > 0:
                return False
            slot.started_at, slot.is_counted = self._clock(), True
            self.pace.started(slot.started_at)
        slot.is_used = True
        return True

    def succeeded(self, slot: Slot) -> None:
        """A send succeeded: raise the limit, quickly until the venue first pushes back."""
        self.pace.succeeded(slot.started_at, self._clock(), others_wait=bool(self._waiting or self._waiting_cancels))
        step = 1.0 if self._halved_at == float("-inf") else 1 / self.limit
        self.limit = max(self.limit, min(float(self._highest), self.limit + step))
        self._wake()

    def rate_limited(self, slot: Slot, retry_after: float | None) -> None:
        """The venue refused a send because of a rate limit: find the pace that it allows."""
        self._held_at = self._clock()
        self.pace.refused(slot.started_at, self._held_at, retry_after)

    def pushed_back(self, retry_after: float | None) -> None:
        """The venue returned 503: halve the limit (at most once a second) and honour `Retry-After`."""
        now = self._clock()
        if now - self._halved_at >= 1.0:
            self.limit = max(float(self._lowest), self.limit / 2)
            self._halved_at = now
        if retry_after is not None:
            self._closed_until = max(self._closed_until, now + retry_after)

    def _wake(self) -> None:
        """Give slots to those who wait, cancels first, as far as there are any."""
        now = self._clock()
        soonest = float("inf")
        for queue, is_cancel in ((self._waiting_cancels, True), (self._waiting, False)):
            while queue:
                turn = queue[0]
                if turn.granted.done():
                    queue.popleft()
                    continue
                if self._busy >= self._room(is_cancel):
                    self._widen_soon()
                    break
                ready = self._ready_at(turn)
                if ready > now:
                    soonest = min(soonest, ready)
                    break
                queue.popleft()
                self._busy += 1
                self._last_start = now
                slot = Slot(now, is_counted=not self.pace.is_free)
                if slot.is_counted:
                    self.pace.started(now)
                turn.granted.set_result(slot)
        self._wake_at(soonest, now)

    def _wake_at(self, moment: float, now: float) -> None:
        """Look again at this time, instead of at any other."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if moment < float("inf"):
            if self.pace.is_limited:
                self._held_at = now
            self._timer = asyncio.get_running_loop().call_later(moment - now + TIMER_S, self._wake)

    def _ready_at(self, turn: _Turn) -> float:
        """When a send may start. Those that wait no longer for a rate limit start one by one."""
        gap = 0.0 if self.pace.is_free else OVERDUE_GAP_S
        ready = max(self._closed_until, self.pace.next_start())
        return min(ready, max(turn.latest, self._last_start + gap))

    def _gap(self) -> float:
        """The time between two requests while no limit is known."""
        round_trip = self.round_trip()
        known = self.pace.started_until(self._clock() - 2 * round_trip)
        return round_trip / max(FEWEST_AHEAD, SHARE_AHEAD * known)

    def _closed_for(self, latest: float = float("inf")) -> float:
        """How long the venue still asks to wait; from `latest` on that does not count."""
        return min(max(self._closed_until, self.pace.closed_until), latest) - self._clock()

    def _turn(self, latest: float) -> _Turn:
        return _Turn(asyncio.get_running_loop().create_future(), latest)

    def _room(self, is_cancel: bool) -> int:
        limit = int(self.limit)
        return limit + max(2, int(limit * CANCEL_SHARE)) if is_cancel else limit

    def _widen_soon(self) -> None:
        if self._widening is None and self._halved_at == float("-inf") and self.limit < self._highest:
            self._widening = asyncio.create_task(self._widen(), name="widen")

    async def _widen(self) -> None:
        """Raise the limit while sends wait for it and nothing is refused, without waiting for a first success.

        A venue may respond only once an order is in a block.
        """
        first, began = self.limit, self._clock()
        try:
            while self.limit < self._highest and (self._waiting or self._waiting_cancels):
                await asyncio.sleep(WIDEN_EVERY_S)
                for _ in range(3):
                    await asyncio.sleep(0)  # a response that has arrived is read first
                if self._halved_at > float("-inf"):
                    return
                doublings = min(10.0, (self._clock() - began) / WIDEN_EVERY_S)
                self.limit = max(self.limit, min(float(self._highest), first * 2**doublings))
                self._wake()
        finally:
            self._widening = None
