"""When a host may be asked again: a rate limit closes the gate for a client's requests."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from time import monotonic

from ama_tui.domain.errors import RateLimitError
from ama_tui.venue.http import HttpStats

LONGEST_WAIT = 5.0
"""Seconds. A read waits no longer than this for the gate: it fails at once."""

FIRST_PAUSE = 0.25
"""Seconds that the gate stays closed after a rate limit without a Retry-After. Doubles each time."""
LONGEST_PAUSE = 2.0


@dataclass(slots=True)
class HostGate:
    """The rate limit of one host. Counts in `stats`, which the engine shows."""

    name: str
    stats: HttpStats
    _pause: float = 0.0
    _closed_until: float = 0.0

    def refused(self, retry_after: float | None, *, closes: bool = True) -> None:
        """Note a response that reports a rate limit. `retry_after` is in seconds, None if it names no time.

        Unless it `closes` the gate, only the counters change: a limit on orders does not stop reads.
        """
        now = monotonic()
        self.stats.rate_limited += 1
        if retry_after is None:
            if now >= self.stats.closed_until:  # of requests that were refused together, only the first counts
                self._pause = min(LONGEST_PAUSE, max(FIRST_PAUSE, 2 * self._pause))
            retry_after = self._pause
        self.stats.asked_s = retry_after
        self.stats.closed_until = max(self.stats.closed_until, now + retry_after)
        if closes:
            self._closed_until = self.stats.closed_until

    def answered(self) -> None:
        """Note a response without a rate limit."""
        self._pause = 0.0

    async def passed(self, longest_wait: float = LONGEST_WAIT) -> None:
        """Wait until the host may be asked. Raises RateLimitError, without a request, if that takes too long."""
        while (seconds := self._closed_until - monotonic()) > 0:
            if seconds > longest_wait:
                raise RateLimitError(
                    f"{self.name} limits requests: asking again in {seconds:.0f} s", "wait", retry_after=seconds
                )
            await asyncio.sleep(seconds)
