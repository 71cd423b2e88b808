"""Which orders `rebalance` moves: those outside their band, the nearest first, and those that would soon cross."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ama_tui.domain.order import RestingOrder, Side, decode_tag
from ama_tui.domain.plan import MarketSnapshot, Modify, PendingOrder, WalletSnapshot
from ama_tui.strategies.prices import Price
from ama_tui.strategies.rebalance.bands import Band
from ama_tui.strategies.rebalance.moves import MoveRules, moves
from tests.strategies.worlds import NOW, USDC, market, resting, wallet

TICK6 = 10_000
ANCHOR6 = 2500 * USDC
BAND = Band(10, 120)
BPS = {Side.BUY: 10_000, Side.SELL: 15_000}.__getitem__


def at(order_id: int, side: Side, ticks: int, level: int = 1, **changes: object) -> RestingOrder:
    """An order that has long rested `ticks` from the anchor."""
    price6 = ANCHOR6 - ticks * TICK6 if side is Side.BUY else ANCHOR6 + ticks * TICK6
    return resting(order_id, side, price6, **{"level": level, "placed_at": NOW - 100, **changes})


def middle_of_the_band(side: Side, level: int) -> Price:
    price6 = ANCHOR6 - 60 * TICK6 if side is Side.BUY else ANCHOR6 + 60 * TICK6
    return Price(price6, 60, None)


def moved(
    *orders: RestingOrder, snapshot: MarketSnapshot | None = None, remaining6: int = 1000 * USDC, **changes: object
) -> list[Modify]:
    rules = MoveRules(snapshot or market(), 2 * ANCHOR6, slack_ticks=5, min_rest_s=5)
    owner: WalletSnapshot = replace(wallet(sequence=7), orders=orders, **changes)  # type: ignore[arg-type]
    return moves(owner, rules, dict.fromkeys(Side, BAND), middle_of_the_band, BPS, remaining6)


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("ticks", [5, 10, 60, 120, 125])
def test_an_order_within_its_band_and_the_slack_is_kept(side: Side, ticks: int) -> None:
    assert moved(at(1, side, ticks)) == []


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("ticks", [4, 126, 5000])
def test_an_order_beyond_the_slack_is_moved_to_its_levels_price(side: Side, ticks: int) -> None:
    (one,) = moved(at(1, side, ticks, level=3))
    assert (one.order_id, one.level, one.price6) == (1, 3, middle_of_the_band(side, 3).price6)
    tag = decode_tag(one.amount18)
    assert tag is not None
    assert (tag.level, tag.sequence) == (3, 7)


def test_the_order_that_the_market_came_closest_to_goes_first() -> None:
    orders = at(1, Side.BUY, 200, 1), at(2, Side.SELL, 3, 1), at(3, Side.BUY, 4, 2), at(4, Side.SELL, 150, 2)
    found = moved(*orders)
    assert [one.order_id for one in found] == [2, 3, 4, 1]
    assert [one.sequence for one in found] == [7, 8, 9, 10]


def test_a_young_order_is_not_moved_for_leaving_its_band() -> None:
    assert moved(at(1, Side.BUY, 200, placed_at=NOW - 4)) == []
    assert len(moved(at(1, Side.BUY, 200, placed_at=NOW - 5))) == 1


def test_an_order_that_would_soon_cross_is_moved_however_young() -> None:
    bid = at(1, Side.BUY, 4, placed_at=NOW)
    (one,) = moved(bid, snapshot=market(others_ask6=bid.price6 + TICK6))
    assert one.reason == "would soon cross"
    ask = at(1, Side.SELL, 4, placed_at=NOW)
    assert len(moved(ask, snapshot=market(others_bid6=ask.price6 - TICK6))) == 1


def test_an_order_being_cancelled_moved_or_without_a_level_is_left_alone() -> None:
    far = at(1, Side.BUY, 200)
    assert moved(far, cancelling=frozenset((1,))) == []
    pending = PendingOrder(Side.BUY, 1, ANCHOR6 - 60 * TICK6, 10**17, 25 * USDC)
    assert moved(far, pending_orders=(pending,)) == []
    assert moved(at(1, Side.BUY, 200, level=None)) == []  # type: ignore[arg-type]


def test_an_order_whose_level_a_clamp_keeps_away_is_not_moved_again_and_again() -> None:
    rules = MoveRules(market(), 2 * ANCHOR6, slack_ticks=5, min_rest_s=5)
    far = at(1, Side.BUY, 300)

    def clamped(side: Side, level: int) -> Price:
        return Price(far.price6, 300, None)

    owner = replace(wallet(), orders=(far,))
    assert moves(owner, rules, dict.fromkeys(Side, BAND), clamped, BPS, 1000 * USDC) == []


def test_a_move_that_needs_more_margin_than_is_left_makes_the_order_smaller() -> None:
    far = at(1, Side.BUY, 5000)
    (whole,) = moved(far)
    assert whole.amount18 // 10**9 == far.amount18 // 10**9
    (smaller,) = moved(far, remaining6=0)
    assert smaller.margin6 <= far.margin6
    assert smaller.amount18 < whole.amount18
