from __future__ import annotations

from ama_tui.domain.order import Side
from ama_tui.domain.plan import PendingOrder
from ama_tui.strategies.levels import SideOrders
from ama_tui.strategies.packer_parameters import PackerParameters
from tests.strategies.worlds import resting, spacing_of, wallet

SPACING = spacing_of(PackerParameters(), 0)
"""Six levels; by distance they come in the order 1, 6, 4, 2, 5, 3."""


def missing(*levels: int | None, pending_orders: tuple[int, ...] = ()) -> list[int]:
    orders = tuple(resting(number, Side.BUY, 10**9, level=level) for number, level in enumerate(levels))
    pending = tuple(PendingOrder(Side.BUY, level, 10**9, 10**17, 1) for level in pending_orders)
    return SideOrders.of(wallet(orders=orders, pending_orders=pending), Side.BUY).missing_levels(SPACING)


def test_empty_side_misses_every_level() -> None:
    assert missing() == [1, 2, 3, 4, 5, 6]


def test_full_side_misses_none() -> None:
    assert missing(1, 2, 3, 4, 5, 6) == []


def test_refill_takes_the_vacant_level() -> None:
    assert missing(1, 2, 4, 6) == [3, 5]


def test_pending_order_keeps_its_level() -> None:
    assert missing(1, 2, pending_orders=(3, 4)) == [5, 6]


def test_order_and_its_move_count_for_one_level() -> None:
    orders = tuple(resting(number, Side.BUY, 10**9, level=number) for number in (1, 2))
    moving = PendingOrder(Side.BUY, 2, 10**9, 10**17, 1, moves=2)
    moved_away = PendingOrder(Side.BUY, 3, 10**9, 10**17, 1, moves=99)
    held = SideOrders.of(wallet(orders=orders, pending_orders=(moving, moved_away)), Side.BUY)
    assert held.missing_levels(SPACING) == [4, 5, 6]


def test_orders_of_unknown_level_take_the_vacant_levels_nearest_the_anchor() -> None:
    assert missing(None, None) == [2, 3, 4, 5]
    assert missing(1, None, None, pending_orders=(6,)) == [3, 5]


def test_two_orders_at_one_level_count_as_two() -> None:
    assert missing(1, 1, 1) == [2, 3, 4]


def test_order_beyond_the_last_level_counts_too() -> None:
    assert missing(9, 1) == [2, 3, 4, 5]


def test_more_orders_than_levels_miss_none() -> None:
    assert missing(*([None] * 9)) == []


def test_other_side_does_not_count() -> None:
    sells = tuple(resting(number, Side.SELL, 10**9, level=number) for number in range(1, 7))
    assert SideOrders.of(wallet(orders=sells), Side.BUY).missing_levels(SPACING) == [1, 2, 3, 4, 5, 6]
