"""Stops every send at once, from any thread: on one market, or on all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Switch(Protocol):
    """Says whether nothing may be sent."""

    def is_set(self) -> bool: ...

    def set(self) -> None: ...

    def clear(self) -> None: ...


class Freeze:
    """Which markets are frozen. Every change is one operation on a set, so no thread sees half of one."""

    def __init__(self) -> None:
        self._frozen: set[str | None] = set()

    def set(self, market: str | None = None) -> None:
        """Freeze one market (its order book's address), by default all of them."""
        self._frozen.add(market)

    def clear(self, market: str | None = None) -> None:
        """Take back what `set` did with the same market."""
        self._frozen.discard(market)

    def is_set(self, market: str | None = None) -> bool:
        """Is this market frozen, by itself or with all of them?"""
        return None in self._frozen or market in self._frozen

    def of(self, market: str) -> MarketFreeze:
        """The switch of one market."""
        return MarketFreeze(self, market)


@dataclass(frozen=True, slots=True)
class MarketFreeze:
    """The switch of one market."""

    freeze: Freeze
    market: str

    def is_set(self) -> bool:
        return self.freeze.is_set(self.market)

    def set(self) -> None:
        self.freeze.set(self.market)

    def clear(self) -> None:
        self.freeze.clear(self.market)
