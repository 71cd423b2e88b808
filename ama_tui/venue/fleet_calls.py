"""The calls of a steady cycle, and what their latest results were decoded to.

Most wallets look the same from one read to the next. Their calls are encoded once, and results that are the same bytes
as before are not decoded again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from ama_tui.domain.market import BookView
from ama_tui.domain.reading import WalletRead
from ama_tui.venue import fleet_reader
from ama_tui.venue.fleet_reader import Contracts, WalletQuery
from ama_tui.venue.multicall import CallGroup, GroupResults

MARKET = 0
"""The number of the market's group of calls. The wallets' groups follow in the order of their queries."""

MarketView = tuple[BookView, bool]
"""A market, and whether its depth could be read."""

T = TypeVar("T")


@dataclass(slots=True)
class Asked(Generic[T]):
    """A group of calls, and the latest results that could be decoded without any others."""

    query: object
    """What the calls were made from."""
    group: CallGroup
    _results: GroupResults | None = field(init=False, default=None)
    _value: T | None = field(init=False, default=None)

    def known(self, results: GroupResults | None) -> T | None:
        """What these results decode to, if they are the same as last time."""
        return self._value if results == self._results else None

    def remember(self, results: GroupResults, value: T) -> None:
        """Note what results were decoded to."""
        self._results, self._value = results, value


class KnownResults(NamedTuple):
    """What the same results were decoded to before."""

    market: MarketView | None
    wallets: Mapping[int, WalletRead]
    """By the number of the wallet's group."""

    def has(self, number: int) -> bool:
        """Is this group's value known?"""
        return number in self.wallets if number != MARKET else self.market is not None


@dataclass(frozen=True, slots=True)
class FleetCalls:
    """The calls of one read."""

    market: Asked[MarketView]
    wallets: Sequence[Asked[WalletRead]]

    @property
    def groups(self) -> list[CallGroup]:
        """The groups of calls by number."""
        return [self.market.group, *(wallet.group for wallet in self.wallets)]

    def known(self, results: Mapping[int, GroupResults]) -> KnownResults:
        """What is known of these results by number."""
        found = ((number, asked.known(results.get(number))) for number, asked in enumerate(self.wallets, MARKET + 1))
        reads = {number: read for number, read in found if read is not None}
        return KnownResults(self.market.known(results.get(MARKET)), reads)

    def remember(
        self, results: Mapping[int, GroupResults], market: MarketView, reads: Mapping[int, WalletRead]
    ) -> None:
        """Note what results by number were decoded to. Wallets that could not be read are decoded again."""
        if MARKET in results:
            self.market.remember(results[MARKET], market)
        for number, read in reads.items():
            if number in results and read.was_read:
                self.wallets[number - MARKET - 1].remember(results[number], read)


class CallMemory:
    """The calls for a market and for the wallets of a fleet, and their latest results."""

    def __init__(self) -> None:
        self._contracts: Contracts | None = None
        self._market: Asked[MarketView] | None = None
        self._wallets: dict[str, Asked[WalletRead]] = {}

    def calls(self, contracts: Contracts, depth_levels: int, queries: Sequence[WalletQuery]) -> FleetCalls:
        """The calls for the market and these wallets."""
        if contracts != self._contracts:
            self._contracts, self._market = contracts, None
            self._wallets.clear()
        market = self._market
        if market is None or market.query != depth_levels:
            group = CallGroup.of(fleet_reader.market_calls(contracts, depth_levels))
            market = self._market = Asked(depth_levels, group)
        return FleetCalls(market, [self._wallet(contracts, query) for query in queries])

    def _wallet(self, contracts: Contracts, query: WalletQuery) -> Asked[WalletRead]:
        asked = self._wallets.get(query.address)
        if asked is None or asked.query != query:
            asked = Asked(query, CallGroup.of(fleet_reader.whole_calls(contracts, query)))
            self._wallets[query.address] = asked
        return asked
