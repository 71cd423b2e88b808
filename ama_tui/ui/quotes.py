"""Live quotes for a list of markets: only for the rows in sight, a few at a time, none more often than it helps.

`QuoteFeed` decides and remembers; whoever owns it asks the venue. It knows no screen and no clock of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ama_tui.domain.errors import AmaError, RefusedError
from ama_tui.domain.market import Market, Quote
from ama_tui.domain.money import format_price

IN_FLIGHT = 4
"""Requests that may be under way at once."""
FRESH_SECONDS = 5.0
"""A market is not asked for again before its last answer is this old."""
FAILED_SECONDS = 10.0
"""Nor this soon after it failed; each further failure doubles the wait."""
LONGEST_WAIT = 60.0
STALE_SECONDS = 20.0
"""A quote this old is shown as old."""


def quote_text(quote: Quote, market: Market) -> str:
    """'bid 2,499.90   ask 2,500.10   mark 2,499.97   last 2,500.10'."""
    prices = {
        "bid": quote.best_bid6, "ask": quote.best_ask6, "mark": quote.mark6, "last": quote.last_trade6,
    }  # fmt: skip
    return "   ".join(f"{name} {format_price(price6, market.tick6)}" for name, price6 in prices.items())


@dataclass(frozen=True, slots=True)
class Answer:
    """What a market's last answer was, and when (Unix seconds). `quote` is the last good one.

    `failures` counts those in a row; `error` is the latest one's message.
    """

    at: float
    quote: Quote | None = None
    good_at: float = 0.0
    error: str = ""
    failures: int = 0

    @property
    def due_at(self) -> float:
        """When the market may be asked for again."""
        if not self.failures:
            return self.at + FRESH_SECONDS
        return self.at + min(LONGEST_WAIT, FAILED_SECONDS * 2.0 ** min(10, self.failures - 1))


class QuoteFeed:
    """The answers by order book, and what to ask for next."""

    def __init__(self) -> None:
        self._answers: dict[str, Answer] = {}
        self._asking: set[str] = set()
        self._closed_until = 0.0

    @property
    def asking(self) -> frozenset[str]:
        """The order books that are being asked for."""
        return frozenset(self._asking)

    def answer(self, market: Market) -> Answer | None:
        return self._answers.get(market.address)

    def due(self, in_sight: Iterable[Market], now: float) -> list[Market]:
        """The markets to ask for now, the longest unasked first; they count as being asked for from here on."""
        if now < self._closed_until:
            return []
        room = IN_FLIGHT - len(self._asking)
        waiting: list[tuple[float, int, Market]] = []
        for place, market in enumerate(in_sight):
            known = self._answers.get(market.address)
            if market.address not in self._asking and (known is None or now >= known.due_at):
                waiting.append((0.0 if known is None else known.at, place, market))
        chosen = [market for _, _, market in sorted(waiting, key=lambda one: one[:2])[: max(0, room)]]
        self._asking.update(market.address for market in chosen)
        return chosen

    def arrived(self, market: Market, quote: Quote, now: float) -> None:
        """The venue answered."""
        self._asking.discard(market.address)
        self._answers[market.address] = Answer(now, quote, now)

    def failed(self, market: Market, error: AmaError, now: float) -> None:
        """It did not; after a refusal for too many requests nobody is asked for a while."""
        self._asking.discard(market.address)
        known = self._answers.get(market.address) or Answer(now)
        self._answers[market.address] = Answer(now, known.quote, known.good_at, error.message, known.failures + 1)
        if isinstance(error, RefusedError) and error.is_rate_limit:
            self._closed_until = max(self._closed_until, now + (error.retry_after or FAILED_SECONDS))

    def given_up(self, market: Market) -> None:
        """The request was taken back; the market may be asked for again at once."""
        self._asking.discard(market.address)

    def forget_times(self) -> None:
        """Ask for everything in sight again, soon, though its answer is fresh; what failed keeps its wait."""
        for address, known in self._answers.items():
            if not known.failures:
                self._answers[address] = Answer(0.0, known.quote, known.good_at)
