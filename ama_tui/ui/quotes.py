"""Live quotes for a list of markets: only for visible rows, a few at a time, and not more often than useful.

`QuoteFeed` decides what to request and keeps the results; its owner sends the requests.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ama_tui.domain.errors import AmaError, VenueError
from ama_tui.domain.market import Market, Quote
from ama_tui.domain.money import format_price

CONCURRENT_REQUESTS = 4

FRESH_SECONDS = 5.0
"""A market is not requested again before its last quote is this old."""
FAILED_SECONDS = 10.0
"""The wait after a failure; each further failure doubles it."""
LONGEST_WAIT = 60.0
STALE_SECONDS = 20.0
"""A quote this old is marked as old."""


def quote_text(quote: Quote, market: Market) -> str:
    """'bid 2,499.90   ask 2,500.10   mark 2,499.97   last 2,500.10'."""
    prices = {
        "bid": quote.best_bid6, "ask": quote.best_ask6, "mark": quote.mark6, "last": quote.last_trade6,
    }  # fmt: skip
    return "   ".join(f"{name} {format_price(price6, market.tick6)}" for name, price6 in prices.items())


@dataclass(frozen=True, slots=True)
class QuoteResult:
    """The result of a market's latest request."""

    at: float
    """When it arrived (Unix seconds)."""
    quote: Quote | None = None
    """The last good quote."""
    good_at: float = 0.0
    """When that quote arrived."""
    error: str = ""
    """Message of the latest failure; '' after a success."""
    failures: int = 0
    """Failures in a row."""

    @property
    def due_at(self) -> float:
        """When the market may be requested again."""
        if not self.failures:
            return self.at + FRESH_SECONDS
        return self.at + min(LONGEST_WAIT, FAILED_SECONDS * 2.0 ** min(10, self.failures - 1))


class QuoteFeed:
    """The results by order book, and which markets to request next."""

    def __init__(self) -> None:
        self._results: dict[str, QuoteResult] = {}
        self._pending: set[str] = set()
        self._paused_until = 0.0

    @property
    def pending(self) -> frozenset[str]:
        """The order books with a request under way."""
        return frozenset(self._pending)

    def result(self, market: Market) -> QuoteResult | None:
        return self._results.get(market.address)

    def due(self, visible: Iterable[Market], now: float) -> list[Market]:
        """The markets to request now, the oldest results first. They count as pending from now on."""
        if now < self._paused_until:
            return []
        room = CONCURRENT_REQUESTS - len(self._pending)
        waiting: list[tuple[float, int, Market]] = []
        for position, market in enumerate(visible):
            last = self._results.get(market.address)
            if market.address not in self._pending and (last is None or now >= last.due_at):
                waiting.append((0.0 if last is None else last.at, position, market))
        chosen = [market for _, _, market in sorted(waiting, key=lambda candidate: candidate[:2])[: max(0, room)]]
        self._pending.update(market.address for market in chosen)
        return chosen

    def arrived(self, market: Market, quote: Quote, now: float) -> None:
        """A quote arrived."""
        self._pending.discard(market.address)
        self._results[market.address] = QuoteResult(now, quote, now)

    def failed(self, market: Market, error: AmaError, now: float) -> None:
        """A request failed; after a rate limit nothing is requested for a while."""
        self._pending.discard(market.address)
        last = self._results.get(market.address) or QuoteResult(now)
        self._results[market.address] = QuoteResult(now, last.quote, last.good_at, error.message, last.failures + 1)
        if isinstance(error, VenueError) and error.is_rate_limit:
            self._paused_until = max(self._paused_until, now + (error.retry_after or FAILED_SECONDS))

    def cancelled(self, address: str) -> None:
        """The request of an order book was cancelled; it may be requested again immediately."""
        self._pending.discard(address)

    def expire_all(self) -> None:
        """Request every visible market again, even with a fresh quote; failed ones keep their wait."""
        for address, last in self._results.items():
            if not last.failures:
                self._results[address] = QuoteResult(0.0, last.quote, last.good_at)
