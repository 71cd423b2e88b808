"""Prices: converts a distance into a price on a tick that cannot cross (the packer's rule 5)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ama_tui.domain.order import Side
from ama_tui.domain.plan import MarketSnapshot, Rules, SkipReason, WalletSnapshot
from ama_tui.strategies.packer_parameters import PackerParameters

OwnBest = tuple[int | None, int | None]
"""A best bid and a best ask (USDC, 6 decimals); None for a side without orders."""


@dataclass(frozen=True, slots=True)
class Price:
    """The price of a level."""

    price6: int
    distance_ticks: int
    """Whole ticks from the anchor, after clamping."""
    refusal: SkipReason | None
    """Why no order may be placed at this price; None if one may."""


class Prices:
    """Prices around one anchor in one snapshot, cached by distance.

    Two orders of the same plan can never cross: buys are at least a tick below the anchor and sells as far above,
    because a clamp only moves a price away from the anchor.
    """

    __slots__ = (
        "_ask_buffer6",
        "_ask_from",
        "_best_ask6",
        "_best_bid6",
        "_bid_buffer6",
        "_bid_from",
        "_buys",
        "_sells",
        "_spreads_at_touch",
        "_tick6",
        "_touch_ask6",
        "_touch_bid6",
        "anchor_x2",
    )

    def __init__(self, market: MarketSnapshot, anchor_x2: int, parameters: PackerParameters, best: OwnBest) -> None:
        """`best` are the prices that a new order could trade with."""
        self.anchor_x2 = anchor_x2
        self._tick6 = market.tick6
        self._bid_from, self._ask_from = (
            parameters.bid_shape.min_distance_ticks,
            parameters.ask_shape.min_distance_ticks,
        )
        self._bid_buffer6 = max(2, self._bid_from // 4) * market.tick6
        self._ask_buffer6 = max(2, self._ask_from // 4) * market.tick6
        self._best_bid6, self._best_ask6 = best
        self._spreads_at_touch = parameters.rules is Rules.EVEN
        if parameters.rules is Rules.EVEN:
            self._touch_bid6, self._touch_ask6 = market.others_bid6, market.others_ask6
        else:
            self._touch_bid6, self._touch_ask6 = market.best_bid6, market.best_ask6
        self._buys: dict[int, Price] = {}
        self._sells: dict[int, Price] = {}

    def at(self, side: Side, distance: int) -> Price:
        """The price of an order `distance` ticks from the anchor, clamped, rounded and checked."""
        cache = self._buys if side is Side.BUY else self._sells
        price = cache.get(distance)
        if price is None:
            price = self._buy(distance) if side is Side.BUY else self._sell(distance)
            cache[distance] = price
        return price

    def _buy(self, distance: int) -> Price:
        price_x2 = self.anchor_x2 - 2 * distance * self._tick6
        if self._touch_bid6 is not None and price_x2 > 2 * self._touch_bid6:
            price_x2 = 2 * (self._touch_bid6 - self._beyond_touch6(distance - self._bid_from))
        if self._best_ask6 is not None:
            price_x2 = min(price_x2, 2 * (self._best_ask6 - self._bid_buffer6))
        price6 = price_x2 // (2 * self._tick6) * self._tick6
        ticks = (self.anchor_x2 - 2 * price6) // (2 * self._tick6)
        return Price(price6, ticks, refusal_of(Side.BUY, price6, self._best_ask6))

    def _sell(self, distance: int) -> Price:
        price_x2 = self.anchor_x2 + 2 * distance * self._tick6
        if self._touch_ask6 is not None and price_x2 < 2 * self._touch_ask6:
            price_x2 = 2 * (self._touch_ask6 + self._beyond_touch6(distance - self._ask_from))
        if self._best_bid6 is not None:
            price_x2 = max(price_x2, 2 * (self._best_bid6 + self._ask_buffer6))
        price6 = -(-price_x2 // (2 * self._tick6)) * self._tick6
        ticks = (2 * price6 - self.anchor_x2) // (2 * self._tick6)
        return Price(price6, ticks, refusal_of(Side.SELL, price6, self._best_bid6))

    def _beyond_touch6(self, beyond_nearest: int) -> int:
        """Distance behind the touch after a clamp: `even` keeps levels apart, `original` puts all at the touch."""
        return beyond_nearest * self._tick6 if self._spreads_at_touch else 0


def best_prices(market: MarketSnapshot, own: OwnBest) -> OwnBest:
    """The best bid and ask that a new order could trade with: the book's and those of the fleet's own orders.

    Pending orders are not in the book yet. Resting orders may be newer than the book's best prices if the node could
    not read both at one block.
    """
    return best_of([(market.best_bid6, market.best_ask6), own])


def reachable_prices(market: MarketSnapshot) -> OwnBest:
    """The same for a whole snapshot, from the orders of its wallets."""
    return best_prices(market, best_of([own_best(wallet) for wallet in market.wallets]))


def best_of(prices: Collection[OwnBest]) -> OwnBest:
    """The highest bid and the lowest ask."""
    bids = [bid6 for bid6, _ in prices if bid6 is not None]
    asks = [ask6 for _, ask6 in prices if ask6 is not None]
    return max(bids, default=None), min(asks, default=None)


def own_best(wallet: WalletSnapshot) -> OwnBest:
    """The best bid and ask among a wallet's resting and pending orders."""
    bids: list[int] = []
    asks: list[int] = []
    for order in wallet.orders:
        (bids if order.side is Side.BUY else asks).append(order.price6)
    for pending in wallet.pending_orders:
        (bids if pending.side is Side.BUY else asks).append(pending.price6)
    return max(bids, default=None), min(asks, default=None)


def refusal_of(side: Side, price6: int, opposite_best6: int | None) -> SkipReason | None:
    """The final check: an order must rest, at a price above zero."""
    if price6 <= 0:
        return SkipReason.PRICE_RANGE
    if opposite_best6 is None:
        return None
    crosses = price6 >= opposite_best6 if side is Side.BUY else price6 <= opposite_best6
    return SkipReason.WOULD_CROSS if crosses else None
