"""The prices of the fleet's own orders, updated as orders come and go, so that sends need not search for them."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Hashable, Iterable
from heapq import heappop, heappush
from itertools import count
from typing import NamedTuple

from ama_tui.domain.order import RestingOrder, Side

LATE_GRACE_S = 60.0
"""For this long the fleet's orders avoid the price of a placement that was written off: it could still reach the book.
"""


class _Passing(NamedTuple):
    """A price that counts until `LATE_GRACE_S` after `since` (monotonic clock)."""

    side: Side
    price6: int
    wallet: str
    since: float


class _PriceLevels:
    """One side's prices in order, and how many orders each wallet has at each."""

    __slots__ = ("_holders", "_prices")

    def __init__(self) -> None:
        self._holders: dict[int, dict[str, int]] = {}
        self._prices: list[int] = []

    def __len__(self) -> int:
        return len(self._prices)

    def add(self, price6: int, wallet: str) -> None:
        holders = self._holders.get(price6)
        if holders is None:
            self._holders[price6] = {wallet: 1}
            insort(self._prices, price6)
        else:
            holders[wallet] = holders.get(wallet, 0) + 1

    def remove(self, price6: int, wallet: str) -> None:
        holders = self._holders[price6]
        if holders[wallet] > 1:
            holders[wallet] -= 1
            return
        del holders[wallet]
        if not holders:
            del self._holders[price6]
            del self._prices[bisect_left(self._prices, price6)]

    def best(self, *, highest: bool, without: str) -> int | None:
        """The best price at which a wallet other than `without` has an order."""
        for price6 in reversed(self._prices) if highest else self._prices:
            holders = self._holders[price6]
            if len(holders) > 1 or without not in holders:
                return price6
        return None


class OwnPrices:
    """The prices of a fleet's resting, pending and unknown orders on both sides (USDC, 6 decimals).

    Adding, removing and asking take the same time however many wallets there are.
    """

    def __init__(self) -> None:
        self._levels = {side: _PriceLevels() for side in Side}
        self._resting18: dict[tuple[Side, int], int] = {}
        self._passing: dict[Hashable, _Passing] = {}
        self._takes: set[Hashable] = set()
        self._avoided: dict[Side, list[int]] = {side: [] for side in Side}
        self._ends: list[tuple[float, int, Hashable]] = []
        self._numbers = count()

    def add(self, side: Side, price6: int, wallet: str) -> None:
        """Add an order of a wallet at a price."""
        self._levels[side].add(price6, wallet)

    def remove(self, side: Side, price6: int, wallet: str) -> None:
        """Remove an order of a wallet at a price."""
        self._levels[side].remove(price6, wallet)

    def rests(self, side: Side, price6: int, amount18: int) -> None:
        """So much more rests at a price; less if it is negative."""
        key = side, price6
        left18 = self._resting18.get(key, 0) + amount18
        if left18:
            self._resting18[key] = left18
        else:
            self._resting18.pop(key, None)

    def resting18(self, side: Side, price6: int) -> int:
        """How much of the fleet's orders rests at a price (18 decimals)."""
        return self._resting18.get((side, price6), 0)

    def add_passing(self, key: Hashable, side: Side, price6: int, wallet: str, since: float) -> None:
        """Add an order that counts for `LATE_GRACE_S` after `since` (monotonic clock), or until `end(key)`."""
        self.end(key)
        self._passing[key] = _Passing(side, price6, wallet, since)
        self._levels[side].add(price6, wallet)
        heappush(self._ends, (since, next(self._numbers), key))

    def end(self, key: Hashable) -> None:
        """Drop a passing price, if it is still there."""
        passing = self._passing.pop(key, None)
        if passing is not None:
            self._levels[passing.side].remove(passing.price6, passing.wallet)

    def best(self, side: Side, now: float, *, without: str = "") -> int | None:
        """The best price on a side, without one wallet's. `now` is on the monotonic clock."""
        while self._ends and now - self._ends[0][0] >= LATE_GRACE_S:
            since, _, key = heappop(self._ends)
            passing = self._passing.get(key)
            if passing is not None and passing.since == since:
                self.end(key)
        return self._levels[side].best(highest=side.is_buy, without=without)

    def began_taking(self, key: Hashable) -> None:
        """A take is in flight."""
        self._takes.add(key)

    def ended_taking(self, key: Hashable) -> None:
        """A take is settled."""
        self._takes.discard(key)

    @property
    def is_taking(self) -> bool:
        """Is any take in flight?"""
        return bool(self._takes)

    def avoid(self, side: Side, price6: int) -> None:
        """No take may ever reach this price: an order rests there that is not followed."""
        insort(self._avoided[side], price6)

    def best_untakable(self, side: Side, now: float) -> int | None:
        """The best price on a side that no take of the fleet may reach. `now` is on the monotonic clock."""
        avoided = self._avoided[side]
        prices = [self.best(side, now), (avoided[-1] if side.is_buy else avoided[0]) if avoided else None]
        known = [price6 for price6 in prices if price6 is not None]
        return (max(known) if side.is_buy else min(known)) if known else None

    def levels(self, side: Side) -> int:
        """The number of prices on a side."""
        return len(self._levels[side])


class WalletPrices:
    """One wallet's prices among those of its fleet; without a fleet nothing is kept.

    A wallet in the fleet counts with everything that rests or may come to rest. One that is `missing` from the run
    counts with what it sent less than `LATE_GRACE_S` ago.
    """

    __slots__ = ("_fleet", "_is_missing", "_wallet")

    def __init__(self, fleet: OwnPrices | None = None, wallet: str = "", *, is_missing: bool = False) -> None:
        self._fleet = fleet
        self._wallet = wallet
        self._is_missing = is_missing

    def pending(self, intent_id: str, side: Side, price6: int, sent_at: float) -> None:
        """A placement is pending from now on."""
        if self._fleet is None:
            return
        if self._is_missing:
            self._fleet.add_passing((self._wallet, intent_id), side, price6, self._wallet, sent_at)
        else:
            self._fleet.add(side, price6, self._wallet)

    def not_pending(self, intent_id: str, side: Side, price6: int) -> None:
        """A placement is not pending any more."""
        if self._fleet is None:
            return
        if self._is_missing:
            self._fleet.end((self._wallet, intent_id))
        else:
            self._fleet.remove(side, price6, self._wallet)

    def taking(self, intent_id: str, side: Side, reach6: int, sent_at: float) -> None:
        """A take may trade up to a price from now on: the fleet's orders must stay beyond it."""
        self.pending(intent_id, side, reach6, sent_at)
        if self._fleet is not None and not self._is_missing:
            self._fleet.began_taking((self._wallet, intent_id))

    def not_taking(self, intent_id: str, side: Side, reach6: int) -> None:
        """A take is settled, or was not sent."""
        self.not_pending(intent_id, side, reach6)
        if self._fleet is not None:
            self._fleet.ended_taking((self._wallet, intent_id))

    def lapsed(self, intent_id: str, side: Side, price6: int, given_up_at: float) -> None:
        """A placement was written off, or is over for another reason (`given_up_at` is 0 then)."""
        if self._fleet is not None and given_up_at and not self._is_missing:
            self._fleet.add_passing((self._wallet, intent_id), side, price6, self._wallet, given_up_at)

    def not_lapsed(self, intent_id: str) -> None:
        """A placement that was written off is known to be over, or rests."""
        if self._fleet is not None and not self._is_missing:
            self._fleet.end((self._wallet, intent_id))

    def rest(self, before: Iterable[RestingOrder], after: Iterable[RestingOrder]) -> None:
        """The wallet's resting orders changed from one read to the next."""
        if self._fleet is None or self._is_missing:
            return
        old = [(order.side, order.price6, order.amount18) for order in before]
        new = [(order.side, order.price6, order.amount18) for order in after]
        if old == new:
            return
        for side, price6, amount18 in old:
            self._fleet.remove(side, price6, self._wallet)
            self._fleet.rests(side, price6, -amount18)
        for side, price6, amount18 in new:
            self._fleet.add(side, price6, self._wallet)
            self._fleet.rests(side, price6, amount18)
