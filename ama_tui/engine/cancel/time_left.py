"""How long a cancel-all may take, and how it hurries once the operator wants to stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

LAST_READ_S = 10.0
LAST_READ_SHARE = 0.25
"""How much time a hanging read leaves for another, which lists the remaining orders: seconds, and share."""
LONGEST_STOP_S = 9.0
"""The most that pending requests and the last read may take once the operator wants to stop."""


@dataclass(slots=True)
class TimeLeft:
    """Times are on the event loop's clock."""

    hang_until: float = float("inf")
    """A read may hang until then, so that another is possible."""
    ends_at: float = float("inf")
    """The last read ends by then."""
    _reading: asyncio.Timeout | None = None

    def allow(self, seconds: float) -> None:
        """Limit the time left, the last read included."""
        now = asyncio.get_running_loop().time()
        last_read = min(LAST_READ_S, LAST_READ_SHARE * seconds)
        self.ends_at = min(self.ends_at, now + seconds)
        self.hang_until = min(self.hang_until, now + seconds - last_read)

    async def hurry_after(self, stop: asyncio.Event) -> None:
        """Shorten what is left, and the read in progress, when the operator wants to stop."""
        await stop.wait()
        self.allow(LONGEST_STOP_S)
        if self._reading is not None:
            soon = asyncio.get_running_loop().time() + LONGEST_STOP_S / 3
            self._reading.reschedule(min(self._reading.when() or soon, soon))

    @asynccontextmanager
    async def reading_until(self, until: float) -> AsyncIterator[None]:
        """Raise TimeoutError at that time, or sooner if the operator wants to stop."""
        async with asyncio.timeout_at(until) as self._reading:
            try:
                yield
            finally:
                self._reading = None
