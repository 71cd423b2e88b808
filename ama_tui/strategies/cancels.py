"""Which resting orders of a wallet are cancelled (the packer's rules 3 and 4)."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from operator import attrgetter

from ama_tui.domain.order import MAX_TAG_SEQUENCE, RestingOrder, Side, decode_tag
from ama_tui.domain.plan import Cancel, CancelReason, MarketSnapshot, WalletSnapshot
from ama_tui.strategies.packer_parameters import PackerParameters
from ama_tui.strategies.prices import OwnBest, Prices
from ama_tui.strategies.spacing import LevelSpacing, WalletSpacing

MIN_REST_SECONDS = 30
"""How long an order must rest before it may count as stale."""

REMNANT_DIVISOR = 10
"""An order with less than this fraction (1/10) of its original size left is a remnant."""

_age = attrgetter("placed_at", "order_id")


def excess(wallet: WalletSnapshot, side: Sequence[RestingOrder], target: int) -> list[Cancel]:
    """Cancels of the oldest orders on one side beyond twice the target, not counting pending cancels."""
    if len(side) <= 2 * target:
        return []
    remaining = sorted((order for order in side if order.order_id not in wallet.cancelling), key=_age)
    surplus = max(0, len(remaining) - 2 * target)
    return [_cancel(wallet, order, CancelReason.EXCESS) for order in remaining[:surplus]]


def duplicate(wallet: WalletSnapshot) -> Cancel | None:
    """The cancel of the newer of two orders at the same level and side; None while such a cancel is pending.

    Duplicates arise when an order that was written off comes to rest after all. The newer order is the one decided
    later according to its tag's sequence number, or else the one that has rested for less time.
    """
    by_level: dict[tuple[Side, int], list[RestingOrder]] = {}
    for order in wallet.orders:
        if order.level is not None:
            by_level.setdefault((order.side, order.level), []).append(order)
    duplicates = [orders for orders in by_level.values() if len(orders) > 1]
    if not duplicates or any(order.order_id in wallet.cancelling for orders in duplicates for order in orders):
        return None
    first, *others = duplicates[0]
    newest = first
    for order in others:
        if _is_newer(order, newest):
            newest = order
    return _cancel(wallet, newest, CancelReason.DUPLICATE)


def _is_newer(order: RestingOrder, than: RestingOrder) -> bool:
    """Whether it was decided later. Sequence numbers wrap around, so half of them count as later."""
    tags = decode_tag(order.placed18 or 0), decode_tag(than.placed18 or 0)
    if tags[0] is not None and tags[1] is not None and tags[0] != tags[1]:
        return (tags[0].sequence - tags[1].sequence) % (MAX_TAG_SEQUENCE + 1) <= MAX_TAG_SEQUENCE // 2
    return _age(order) > _age(than)


class StaleOrders:
    """Finds a wallet's oldest order that is a remnant, too far from the anchor, or beyond the price floor or ceiling.
    Only one is replaced at a time.
    """

    __slots__ = ("_cancels_far", "_limits6", "_nearest_reach_x2", "_placed_by", "_prices", "_reach_x2")

    def __init__(
        self, market: MarketSnapshot, parameters: PackerParameters, prices: Prices, *, cancels_far: bool = True
    ) -> None:
        """Without `cancels_far`, orders too far from the anchor are kept: the strategy moves them."""
        self._cancels_far = cancels_far
        shapes = parameters.shapes
        self._reach_x2 = {side: 4 * shapes.on(side).max_distance_ticks * market.tick6 for side in Side}
        self._nearest_reach_x2 = min(self._reach_x2.values())
        self._limits6 = parameters.price_limit6(Side.BUY), parameters.price_limit6(Side.SELL)
        self._placed_by = market.now - MIN_REST_SECONDS
        self._prices = prices

    def may_be_among(self, lowest6: int, highest6: int, best: OwnBest) -> bool:
        """Whether any of a wallet's orders in this range of prices, none of which is a remnant, may be stale.

        `best` are its best bid and ask.
        """
        anchor_x2, (ceiling6, floor6) = self._prices.anchor_x2, self._limits6
        if max(anchor_x2 - 2 * lowest6, 2 * highest6 - anchor_x2) > self._nearest_reach_x2:
            return True
        is_dear = ceiling6 is not None and best[0] is not None and best[0] > ceiling6
        return is_dear or (floor6 is not None and best[1] is not None and best[1] < floor6)

    def oldest(self, wallet: WalletSnapshot, cancelled: AbstractSet[int], spacing: WalletSpacing) -> Cancel | None:
        """The cancel to send; None if no order is stale. Orders whose ids are in `cancelled` are ignored."""
        anchor_x2, placed_by = self._prices.anchor_x2, self._placed_by
        oldest: RestingOrder | None = None
        for order in wallet.orders:
            if order.placed_at > placed_by or order.order_id in cancelled:
                continue
            is_far = self._cancels_far and abs(2 * order.price6 - anchor_x2) > self._reach_x2[order.side]
            is_stale = is_remnant(order) or self._is_out_of_bounds(order)
            if not is_stale and not (is_far and self._would_come_nearer(order, spacing.on(order.side))):
                continue
            if oldest is None or _age(order) < _age(oldest):
                oldest = order
        if oldest is None:
            return None
        if self._is_out_of_bounds(oldest):
            return _cancel(wallet, oldest, CancelReason.OUT_OF_BOUNDS)
        return _cancel(wallet, oldest, CancelReason.REMNANT if is_remnant(oldest) else CancelReason.FAR)

    def _is_out_of_bounds(self, order: RestingOrder) -> bool:
        """Whether it buys for more than the ceiling or sells for less than the floor."""
        ceiling6, floor6 = self._limits6
        if order.side is Side.BUY:
            return ceiling6 is not None and order.price6 > ceiling6
        return floor6 is not None and order.price6 < floor6

    def _would_come_nearer(self, order: RestingOrder, spacing: LevelSpacing) -> bool:
        """Whether a new order at its level would be closer to the anchor.

        If a clamp keeps the level far away, the new order would have the same price and be replaced in turn, forever.
        """
        if order.level is None or order.level > len(spacing.distances):
            return True
        price = self._prices.at(order.side, spacing.distances[order.level - 1])
        anchor_x2 = self._prices.anchor_x2
        return abs(2 * price.price6 - anchor_x2) < abs(2 * order.price6 - anchor_x2)


def is_remnant(order: RestingOrder) -> bool:
    """Whether less than a tenth of its original size is left. False if the original size is unknown."""
    return order.placed18 is not None and order.amount18 * REMNANT_DIVISOR < order.placed18


def _cancel(wallet: WalletSnapshot, order: RestingOrder, reason: CancelReason) -> Cancel:
    return Cancel(wallet.address, order.order_id, order.side, order.price6, order.amount18, reason, order.level)
