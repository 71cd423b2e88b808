"""The API's mark price and depth of a market, asked for again once they are a second old."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from time import monotonic

from ama_tui.domain.errors import VenueError
from ama_tui.domain.market import Book
from ama_tui.engine.run_context import RunContext

OLDEST_S = 1.0
"""Up to this age a mark is used again, the time included that the venue had it in its cache."""
PATIENCE_S = 3.0
"""How long a cycle waits for the mark, so that a slow API does not make the chain read stale."""


@dataclass(slots=True)
class LiveMark:
    """Reads the mark price, and keeps the depth that came with it."""

    context: RunContext
    book: Book = field(init=False, default_factory=Book)
    """The depth of the last answer; empty if that failed or had none."""
    _mark6: int | None = field(init=False, default=None)
    _until: float = field(init=False, default=float("-inf"))
    """Until when it may be used again (monotonic clock)."""

    async def read(self) -> tuple[int | None, str]:
        """The mark price (USDC, 6 decimals), or None and the reason. A rate limit is a wait, not a problem."""
        began = monotonic()
        if began < self._until:
            return self._mark6, ""
        context, self.book = self.context, Book()
        try:
            async with asyncio.timeout(PATIENCE_S):
                live = await context.connections.api.live(context.market, waits=False)
        except TimeoutError:
            return None, f"mark price: no response within {PATIENCE_S:g} s"
        except VenueError as error:
            return None, "" if error.is_rate_limit else f"mark price: {error}"
        self.book = live.book
        self._mark6, self._until = live.quote.mark6, began + OLDEST_S - live.cache_age_ms / 1000
        return self._mark6, ""
