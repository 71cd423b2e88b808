"""The run's counters, and which of its placements traded on arrival."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Container, Iterable
from dataclasses import dataclass, field, replace
from statistics import median
from time import monotonic
from typing import TypeVar

from ama_tui.domain.event import Totals
from ama_tui.domain.order import Side
from ama_tui.domain.plan import Place
from ama_tui.domain.reading import Trade

KEPT_HASHES = 20_000
KEPT_SAMPLES = 1_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A placement's transaction, and the opposite price at the time of sending."""

    wallet: str
    place: Place
    best_opposite6: int | None


@dataclass(slots=True)
class Counters:
    """Keeps the run's totals and detects placements that traded on arrival.

    A maker order that trades in its own transaction *crossed* if its price reached the opposite price known at sending,
    and was *overtaken* if the book moved towards it afterwards.
    """

    totals: Totals = field(default_factory=Totals)
    """The totals for the screen and the summary, without the request counts, which the connections keep."""
    errors_by_kind: Counter[str] = field(default_factory=Counter)
    _error_times: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT_SAMPLES))
    _lifetimes: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT_SAMPLES))
    _arrivals: OrderedDict[str, _Arrival] = field(default_factory=OrderedDict)
    _traded: OrderedDict[str, frozenset[str]] = field(default_factory=OrderedDict)
    _takes: OrderedDict[str, None] = field(default_factory=OrderedDict)
    """The transactions of takes."""
    _fills: OrderedDict[str, int] = field(default_factory=OrderedDict)
    """Our trades by transaction."""

    def add(self, **amounts: int) -> None:
        """Add to totals by name, as in `add(sent=1)`."""
        self.totals = replace(
            self.totals, **{name: getattr(self.totals, name) + amount for name, amount in amounts.items()}
        )

    def restart_cycles(self) -> None:
        """Start counting cycles: earlier ones only checked the market."""
        self.totals = replace(self.totals, cycles=0)

    def used(self, utilization: float) -> None:
        """Note the share of its collateral that a wallet has reserved."""
        if utilization > self.totals.max_utilization:
            self.totals = replace(self.totals, max_utilization=utilization)

    def error(self, kind: str) -> None:
        """Count an error by kind, named as the operator sees it."""
        self.errors_by_kind[kind] += 1
        self.add(errors=1)
        self._error_times.append(monotonic())

    def errors_last_minute(self) -> int:
        """Errors in the last 60 seconds (of the latest thousand)."""
        since = monotonic() - 60.0
        return sum(1 for moment in self._error_times if moment >= since)

    def order_gone(self, seconds: float) -> None:
        """Note how long an order rested that left the book."""
        self._lifetimes.append(seconds)

    @property
    def order_lifetime_s(self) -> float | None:
        """The median lifetime of the last thousand orders that left the book, None before the first."""
        return median(self._lifetimes) if self._lifetimes else None

    def placed(self, tx_hash: str, wallet: str, place: Place, best_opposite6: int | None) -> None:
        """Note the transaction hash of a placement."""
        self._arrivals[tx_hash] = _Arrival(wallet, place, best_opposite6)
        self._judge(tx_hash)
        _trim(self._arrivals)

    def took(self, tx_hash: str) -> None:
        """Note the transaction hash of a take: its trades are taker trades."""
        if tx_hash not in self._takes:
            self._takes[tx_hash] = None
            self.add(taker_trades=self._fills.get(tx_hash, 0))
            _trim(self._takes)

    def traded(self, trades: Iterable[Trade], fleet: Container[str]) -> None:
        """Count trades read from the chain; `fleet` knows our addresses."""
        for trade in trades:
            ends = frozenset((trade.buyer, trade.seller))
            ours = sum(end in fleet for end in ends)
            if not ours:
                continue
            self.add(fills=1)
            if ours == len(ends):
                self.add(self_trades=1)
            self._traded[trade.tx_hash] = self._traded.get(trade.tx_hash, frozenset()) | ends
            self._judge(trade.tx_hash)
            self._fills[trade.tx_hash] = self._fills.get(trade.tx_hash, 0) + 1
            self.add(taker_trades=int(trade.tx_hash in self._takes))
        _trim(self._traded)
        _trim(self._fills)

    def _judge(self, tx_hash: str) -> None:
        arrival = self._arrivals.get(tx_hash)
        if arrival is None or arrival.wallet not in self._traded.get(tx_hash, ()):
            return
        del self._arrivals[tx_hash]
        opposite, price = arrival.best_opposite6, arrival.place.price6
        reached = opposite is not None and (price >= opposite if arrival.place.side is Side.BUY else price <= opposite)
        if reached:
            self.add(crossed=1)
        else:
            self.add(overtaken=1)


def _trim(kept: OrderedDict[str, T]) -> None:
    while len(kept) > KEPT_HASHES:
        kept.popitem(last=False)
