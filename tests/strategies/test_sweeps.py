"""A book with the fleet's own orders only, swept again and again: does its spread recover?"""

from __future__ import annotations

from dataclasses import replace
from random import Random
from statistics import median

import pytest

from ama_tui.domain.order import Side
from ama_tui.domain.plan import MarketSnapshot, Rules
from ama_tui.strategies.packer_parameters import PackerParameters
from tests.strategies.worlds import USDC, Packer, carried_out, market, wallet


class FleetOnlyBook:
    """Ten wallets with ample collateral; after every sweep one plan fills what is missing."""

    def __init__(self, rules: Rules, seed: int) -> None:
        self._packer = Packer(PackerParameters(rules=rules))
        self._rng = Random(seed)
        self._looks = 0
        self._market = market(*(wallet(index, 10**6 * USDC) for index in range(10)))
        self._fill()

    @property
    def spread_ticks(self) -> int:
        assert self._market.best_bid6 is not None
        assert self._market.best_ask6 is not None
        return (self._market.best_ask6 - self._market.best_bid6) // self._market.tick6

    def sweep(self, side: Side, prices: int) -> bool:
        """Take the best prices of one side, then fill; False if that emptied the side."""
        on_side = {order.price6 for one in self._market.wallets for order in one.orders if order.side is side}
        taken = sorted(on_side, reverse=side is Side.BUY)[:prices]
        wallets = tuple(
            replace(
                one,
                orders=tuple(order for order in one.orders if order.side is not side or order.price6 not in taken),
            )
            for one in self._market.wallets
        )
        self._market = _seen(replace(self._market, wallets=wallets, last_trade6=taken[-1]))
        self._fill()
        return len(taken) < len(on_side)

    def sweep_at_random(self, times: int, deepest: int) -> list[int]:
        """The spread after each of these sweeps, of 1 to `deepest` prices on either side."""
        spreads = []
        for _ in range(times):
            self.sweep(self._rng.choice((Side.BUY, Side.SELL)), self._rng.randint(1, deepest))
            spreads.append(self.spread_ticks)
        return spreads

    def _fill(self) -> None:
        self._looks += 1
        plan = self._packer.plan(self._market)
        self._market = carried_out(self._market, plan, first_id=1_000 * self._looks, seconds=2)


def _seen(snapshot: MarketSnapshot) -> MarketSnapshot:
    orders = [order for one in snapshot.wallets for order in one.orders]
    return replace(
        snapshot,
        best_bid6=max((order.price6 for order in orders if order.side is Side.BUY), default=None),
        best_ask6=min((order.price6 for order in orders if order.side is Side.SELL), default=None),
    )


@pytest.mark.parametrize("seed", range(3))
def test_even_recovers_the_spread(seed: int) -> None:
    book = FleetOnlyBook(Rules.EVEN, seed)
    at_first = book.spread_ticks
    spreads = book.sweep_at_random(150, deepest=5)
    assert at_first == 20
    assert max(spreads) <= 2 * at_first
    for _ in range(6):
        book.sweep(Side.BUY, 1)
        book.sweep(Side.SELL, 1)
    # a refill is placed around the mid that the sweep left: off by the step taken, and by rounding
    assert book.spread_ticks <= at_first + 6
    book.sweep(Side.BUY, 1_000)
    book.sweep(Side.SELL, 1_000)
    assert book.spread_ticks == at_first


@pytest.mark.parametrize("seed", range(3))
def test_original_loses_the_spread(seed: int) -> None:
    """Its touch is the whole book's, the fleet's own orders included: no refill may improve on what a sweep left."""
    book = FleetOnlyBook(Rules.ORIGINAL, seed)
    at_first = book.spread_ticks
    assert at_first == 20
    assert median(book.sweep_at_random(150, deepest=5)) > 4 * at_first


def test_original_never_narrows_a_spread_while_both_sides_have_orders() -> None:
    book = FleetOnlyBook(Rules.ORIGINAL, seed=0)
    before = book.spread_ticks
    widened = 0
    while book.sweep(Side.SELL, 2):
        assert book.spread_ticks >= before
        widened += book.spread_ticks > before
        before = book.spread_ticks
    assert widened > 10
