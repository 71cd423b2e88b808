"""The price of sources outside the venue: the median of those that answer, never an old one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median_low
from time import monotonic

from ama_tui.config.price_sources import price_source
from ama_tui.domain.errors import VenueError
from ama_tui.domain.plan import AnchorChoice, AnchorSource
from ama_tui.domain.price_source import PriceSource
from ama_tui.venue.http import HttpClient
from ama_tui.venue.price_feed import feed_client, read_price6

BETWEEN_S = 0.5
"""The pause between two requests to a source."""


def external_price(source: AnchorSource, sources: Sequence[str], max_age_s: float) -> ExternalPrice | None:
    """The price sources that a run asks, None if its anchor is another price."""
    return ExternalPrice(tuple(map(price_source, sources)), max_age_s) if source is AnchorSource.EXTERNAL else None


def anchor_choice(source: AnchorSource, external: ExternalPrice | None) -> AnchorChoice:
    """Which price the anchor is now."""
    return AnchorChoice(source) if external is None else AnchorChoice(source, external.price6, external.problem)


@dataclass(slots=True)
class ExternalPrice:
    """Asks all sources side by side. A source counts while its latest price is young enough, so one that fails or hangs
    is left out after that time and the others go on.
    """

    sources: tuple[PriceSource, ...]
    max_age_s: float
    clock: Callable[[], float] = monotonic
    _prices: dict[int, tuple[int, float]] = field(init=False, default_factory=dict)
    """By the position of the source: its latest price (6 decimals) and when it was asked for."""
    _problems: dict[int, str] = field(init=False, default_factory=dict)

    @property
    def price6(self) -> int | None:
        """The median of the sources' prices (6 decimals), of two in the middle the lower; None if all are too old."""
        now = self.clock()
        young = [price6 for price6, asked_at in self._prices.values() if now - asked_at <= self.max_age_s]
        return median_low(young) if young else None

    @property
    def problem(self) -> str:
        """Why there is no price, '' if there is one."""
        if self.price6 is not None:
            return ""
        reasons = "; ".join(dict.fromkeys(self._problems.values())) or "no response yet"
        return f"no price source has a price younger than {self.max_age_s:g} s: {reasons}"

    async def refresh(self) -> None:
        """Ask every source once. Never raises."""

        async def ask(position: int) -> None:
            async with feed_client(self.sources[position]) as client:
                await self._ask(position, client)

        await asyncio.gather(*map(ask, range(len(self.sources))))

    async def watch(self) -> None:
        """Keep asking every source, each at its own pace, until cancelled."""

        async def follow(position: int) -> None:
            async with feed_client(self.sources[position]) as client:
                while True:
                    await self._ask(position, client)
                    await asyncio.sleep(BETWEEN_S)

        await asyncio.gather(*map(follow, range(len(self.sources))))

    async def _ask(self, position: int, client: HttpClient) -> None:
        asked_at = self.clock()
        try:
            self._prices[position] = (await read_price6(client, self.sources[position]), asked_at)
        except VenueError as error:
            self._problems[position] = error.message
        else:
            self._problems.pop(position, None)
