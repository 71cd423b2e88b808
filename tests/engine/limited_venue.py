"""Venues in virtual time that limit their clients in the usual ways, and clients that send to them."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil
from typing import Protocol

from ama_tui.engine.rate_limiter import RateLimiter

ROUND_TRIP_S = 0.05
BLOCK_S = 1.0


class Limit(Protocol):
    def wait(self, now: float) -> float:
        """Count a request. 0 if it is accepted, else the seconds until one would be."""


@dataclass
class SlidingWindow:
    most: int
    seconds: float
    _times: deque[float] = field(default_factory=deque)

    def wait(self, now: float) -> float:
        while self._times and now - self._times[0] >= self.seconds:
            self._times.popleft()
        if len(self._times) >= self.most:
            return self._times[0] + self.seconds - now
        self._times.append(now)
        return 0.0


@dataclass
class FixedWindow:
    most: int
    seconds: float
    _window: int = -1
    _count: int = 0

    def wait(self, now: float) -> float:
        window = int(now // self.seconds)
        if window != self._window:
            self._window, self._count = window, 0
        if self._count >= self.most:
            return (window + 1) * self.seconds - now
        self._count += 1
        return 0.0


@dataclass
class TokenBucket:
    per_second: float
    size: int
    _tokens: float = -1.0
    _at: float = 0.0

    def wait(self, now: float) -> float:
        tokens = self.size if self._tokens < 0 else self._tokens + (now - self._at) * self.per_second
        self._tokens, self._at = min(float(self.size), tokens), now
        if self._tokens < 1:
            return (1 - self._tokens) / self.per_second
        self._tokens -= 1
        return 0.0


@dataclass
class Chance:
    """No limit: a share of the requests is refused by chance."""

    share: float
    _dice: random.Random = field(default_factory=lambda: random.Random(5))

    def wait(self, now: float) -> float:
        return float(self._dice.random() < self.share)


@dataclass
class LimitedVenue:
    """Accepts at the next block and refuses at once. Says how long to wait if it `tells`."""

    clock: Callable[[], float]
    limit: Limit
    tells: bool
    accepted: list[float] = field(default_factory=list)
    refused_after: list[int] = field(default_factory=list)
    """How many had been accepted at each refusal."""

    async def post(self) -> float | None:
        """None if it is accepted, else its Retry-After, 0 if it does not say."""
        await asyncio.sleep(ROUND_TRIP_S / 2)
        wait = self.limit.wait(self.clock())
        if wait > 0:
            self.refused_after.append(len(self.accepted))
            await asyncio.sleep(ROUND_TRIP_S / 2)
            return float(ceil(wait)) if self.tells else 0.0
        self.accepted.append(self.clock())
        await asyncio.sleep(ROUND_TRIP_S / 2 + BLOCK_S - self.clock() % BLOCK_S)
        return None


async def send_all(venue: LimitedVenue, limiter: RateLimiter, orders: int, wallets: int = 10) -> None:
    """Each wallet sends one order after another, a refused one again, until this many are accepted."""

    async def wallet() -> None:
        while len(venue.accepted) < orders:
            async with limiter.slot() as slot:
                if not await limiter.onto_wire(slot):
                    continue
                answer = await venue.post()
                if answer is None:
                    limiter.succeeded(slot)
                else:
                    limiter.rate_limited(slot, answer or None)

    await asyncio.gather(*(wallet() for _ in range(wallets)))
