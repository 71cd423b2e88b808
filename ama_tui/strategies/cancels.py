"""Cancels: which resting orders a wallet takes off the book (the packer's rules 3 and 4)."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from operator import attrgetter

from ama_tui.domain.order import MAX_TAG_SEQUENCE, RestingOrder, Side, decode_tag
from ama_tui.domain.parameters import Parameters
from ama_tui.domain.plan import Cancel, CancelReason, MarketSnapshot, WalletSnapshot
from ama_tui.strategies.ladder import Ladder
from ama_tui.strategies.prices import Prices

MIN_REST_SECONDS = 30
"""How long an order rests before it may be found worn down or out of place."""

REMNANT_DIVISOR = 10
"""An order below this part of what it was placed with is a remnant."""

_age = attrgetter("placed_at", "order_id")


def excess(wallet: WalletSnapshot, side: Sequence[RestingOrder], target: int) -> list[Cancel]:
    """The oldest of one side's orders beyond twice its target; those already going are not counted."""
    if len(side) <= 2 * target:
        return []
    staying = sorted((order for order in side if order.order_id not in wallet.cancelling), key=_age)
    too_many = max(0, len(staying) - 2 * target)
    return [_cancel(wallet, order, CancelReason.EXCESS) for order in staying[:too_many]]


def doubled(wallet: WalletSnapshot) -> Cancel | None:
    """Of two orders that rest at one level of one side, the newer; None while such a cancel is under way.

    One comes about when an order that had been given up rests after all. The newer is the one that was
    decided later, as the tags' sequence numbers tell, else the one that rests for less long.
    """
    by_level: dict[tuple[Side, int], list[RestingOrder]] = {}
    for order in wallet.orders:
        if order.level is not None:
            by_level.setdefault((order.side, order.level), []).append(order)
    doubles = [orders for orders in by_level.values() if len(orders) > 1]
    if not doubles or any(order.order_id in wallet.cancelling for orders in doubles for order in orders):
        return None
    first, *others = doubles[0]
    newest = first
    for order in others:
        if _is_newer(order, newest):
            newest = order
    return _cancel(wallet, newest, CancelReason.DOUBLE)


def _is_newer(order: RestingOrder, than: RestingOrder) -> bool:
    """Was it decided after the other one? Sequence numbers start over, so half of them lie behind any."""
    tags = decode_tag(order.placed18 or 0), decode_tag(than.placed18 or 0)
    if tags[0] is not None and tags[1] is not None and tags[0] != tags[1]:
        return (tags[0].sequence - tags[1].sequence) % (MAX_TAG_SEQUENCE + 1) <= MAX_TAG_SEQUENCE // 2
    return _age(order) > _age(than)


class StaleOrders:
    """Finds a wallet's oldest order that is a remnant or too far from the anchor: one goes at a time."""

    __slots__ = ("_placed_by", "_prices", "_reach_x2")

    def __init__(self, market: MarketSnapshot, parameters: Parameters, prices: Prices) -> None:
        self._reach_x2 = 4 * parameters.max_distance_ticks * market.tick6
        self._placed_by = market.now - MIN_REST_SECONDS
        self._prices = prices

    def oldest(self, wallet: WalletSnapshot, going: AbstractSet[int], rungs: Ladder) -> Cancel | None:
        """The cancel to send, None when every order is fit or too young; ids in `going` are left alone."""
        anchor_x2, reach_x2, placed_by = self._prices.anchor_x2, self._reach_x2, self._placed_by
        found: RestingOrder | None = None
        for order in wallet.orders:
            if order.placed_at > placed_by or order.order_id in going:
                continue
            is_far = abs(2 * order.price6 - anchor_x2) > reach_x2
            if not is_remnant(order) and not (is_far and self._would_come_nearer(order, rungs)):
                continue
            if found is None or _age(order) < _age(found):
                found = order
        if found is None:
            return None
        return _cancel(wallet, found, CancelReason.REMNANT if is_remnant(found) else CancelReason.FAR)

    def _would_come_nearer(self, order: RestingOrder, rungs: Ladder) -> bool:
        """Whether its level would now be filled nearer the anchor.

        Where a clamp keeps the level far away, the refill would land where the order already is, and
        the two would replace each other for ever.
        """
        if order.level is None or order.level > len(rungs.distances):
            return True
        price = self._prices.at(order.side, rungs.distances[order.level - 1])
        anchor_x2 = self._prices.anchor_x2
        return abs(2 * price.price6 - anchor_x2) < abs(2 * order.price6 - anchor_x2)


def is_remnant(order: RestingOrder) -> bool:
    """Whether under a tenth is left of what it was placed with; an unknown placement leaves no remnant."""
    return order.placed18 is not None and order.amount18 * REMNANT_DIVISOR < order.placed18


def _cancel(wallet: WalletSnapshot, order: RestingOrder, reason: CancelReason) -> Cancel:
    return Cancel(wallet.address, order.order_id, order.side, order.price6, order.amount18, reason, order.level)
