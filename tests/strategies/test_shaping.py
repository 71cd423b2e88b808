"""The packer's optional shaping: sides of their own, price limits, and a pause after a fill."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ama_tui.domain.errors import ParameterError
from ama_tui.domain.money import AMOUNT_UNIT
from ama_tui.domain.order import Side
from ama_tui.domain.plan import Cancel, CancelReason, MarketSnapshot, Place, Plan, SkipReason
from ama_tui.strategies.budget import budget_of
from ama_tui.strategies.packer import PACKER
from ama_tui.strategies.packer_parameters import PackerParameters
from ama_tui.strategies.prices import reachable_prices
from ama_tui.strategies.registry import strategy
from tests.strategies.worlds import USDC, Packer, World, carried_out, market, resting, wallet

BOOK = {"best_bid6": 2499 * USDC, "best_ask6": 2501 * USDC, "others_bid6": 2499 * USDC, "others_ask6": 2501 * USDC}


def placed(plan: Plan, side: Side) -> list[Place]:
    return [one for one in plan.intents if isinstance(one, Place) and one.side is side]


def test_nothing_changes_unless_it_is_set() -> None:
    plain = PackerParameters()
    assert plain.bid_shape == plain.ask_shape
    same = PackerParameters(bids=6, asks=6, ask_size_max=0.25, bid_min_distance_ticks=10)
    assert Packer(same).plan(market(wallet(), **BOOK)) == Packer().plan(market(wallet(), **BOOK))


def test_sides_have_their_own_counts_sizes_and_distances() -> None:
    own = PackerParameters(
        bids=2, asks=5, bid_size_min=0.01, bid_size_max=0.02, ask_min_distance_ticks=200, ask_max_distance_ticks=300
    )
    plan = Packer(own).plan(market(wallet(), **BOOK))
    bids, asks = placed(plan, Side.BUY), placed(plan, Side.SELL)
    assert (len(bids), len(asks)) == (2, 5)
    assert all(one.amount18 < 0.021 * AMOUNT_UNIT for one in bids)
    assert all(200 <= one.distance_ticks < 300 for one in asks)
    targets = PACKER.targets(own)
    assert (targets.bids, targets.asks, targets.largest18, targets.farthest_ticks) == (2, 5, AMOUNT_UNIT // 4, 300)


def test_side_without_orders_stays_empty_and_loses_those_beyond_twice_nothing() -> None:
    left = wallet(orders=(resting(7, Side.BUY, 2490 * USDC, level=1),))
    plan = Packer(PackerParameters(bids=0, asks=1)).plan(market(left, **BOOK))
    assert [(one.order_id, one.reason) for one in plan.intents if isinstance(one, Cancel)] == [(7, CancelReason.EXCESS)]
    assert (len(placed(plan, Side.BUY)), len(placed(plan, Side.SELL))) == (0, 1)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"bidSizeMin": 0.3}, "strategy packer: the smallest size of bids (0.3) is above the largest (0.25)"),
        (
            {"askMaxDistanceTicks": 5},
            "strategy packer: the nearest distance of asks (10) is above the farthest (5)",
        ),
    ],
)
def test_side_whose_range_is_empty_is_refused(values: dict[str, object], said: str) -> None:
    with pytest.raises(ParameterError) as raised:
        strategy("packer", values)
    assert raised.value.message == said


def test_nothing_is_bought_above_the_ceiling_or_sold_below_the_floor() -> None:
    plan = Packer(PackerParameters(price_ceiling=2499.5, price_floor=2500.5)).plan(market(wallet(), **BOOK))
    assert all(one.price6 <= 2499_500_000 for one in placed(plan, Side.BUY))
    assert all(one.price6 >= 2500_500_000 for one in placed(plan, Side.SELL))
    low = Packer(PackerParameters(price_ceiling=2400)).plan(market(wallet(), **BOOK))
    assert (len(placed(low, Side.BUY)), len(placed(low, Side.SELL))) == (0, 6)
    assert {(skip.reason, skip.detail) for skip in low.skips} == {(SkipReason.PRICE_RANGE, "above the price ceiling")}


def test_order_beyond_a_price_limit_is_cancelled_once_it_has_rested() -> None:
    dear = wallet(
        orders=(resting(7, Side.BUY, 2450 * USDC, level=1, placed_at=0), resting(8, Side.SELL, 2550 * USDC, level=1))
    )
    plan = Packer(PackerParameters(orders_per_side=1, price_ceiling=2400)).plan(market(dear, **BOOK))
    assert [(one.order_id, one.reason) for one in plan.intents if isinstance(one, Cancel)] == [
        (7, CancelReason.OUT_OF_BOUNDS)
    ]


class Filled:
    """A packed wallet whose levels wait ten minutes after a fill; its first bid may go."""

    def __init__(self) -> None:
        self.packer = Packer(PackerParameters(orders_per_side=2, fill_delay_s=600.0))
        start = market(wallet(), **BOOK)
        self.now = carried_out(start, self.packer.plan(start), 1)
        assert self.packer.plan(self.now).intents == ()
        self.bid = next(one for one in self.now.wallets[0].orders if one.side is Side.BUY and one.level == 1)

    def later(self, seconds: int, **changes: object) -> Plan:
        (one,) = self.now.wallets
        changed = replace(one, **changes)  # type: ignore[arg-type]  # the names are the snapshot's own
        self.now = replace(self.now, now=self.now.now + seconds, wallets=(changed,))
        return self.packer.plan(self.now)

    def without_bid(self) -> tuple[object, ...]:
        return tuple(one for one in self.now.wallets[0].orders if one is not self.bid)


def test_level_waits_after_its_order_was_filled_and_is_then_filled_again() -> None:
    world = Filled()
    plan = world.later(1, orders=world.without_bid())
    assert plan.intents == ()
    assert [(skip.reason, skip.side, skip.level) for skip in plan.skips] == [(SkipReason.FILLED, Side.BUY, 1)]
    assert world.later(598).intents == ()
    assert [(one.side, one.level) for one in placed(world.later(2), Side.BUY)] == [(Side.BUY, 1)]


def test_level_whose_order_was_cancelled_does_not_wait() -> None:
    world = Filled()
    world.later(1, cancelling=frozenset({world.bid.order_id}))
    plan = world.later(1, orders=world.without_bid(), cancelling=frozenset())
    assert [(one.side, one.level) for one in placed(plan, Side.BUY)] == [(Side.BUY, 1)]


def test_level_that_was_replaced_because_it_was_far_does_not_wait() -> None:
    world = Filled()
    up = {"best_bid6": 2599 * USDC, "best_ask6": 2601 * USDC, "others_bid6": 2599 * USDC, "others_ask6": 2601 * USDC}
    world.now = replace(world.now, **up)  # type: ignore[arg-type]  # the names are the snapshot's own
    (cancel,) = [one for one in world.later(60).intents if isinstance(one, Cancel)]
    left = tuple(one for one in world.now.wallets[0].orders if one.order_id != cancel.order_id)
    plan = world.later(1, orders=left)
    assert [(one.side, one.level) for one in plan.intents if isinstance(one, Place)] == [(cancel.side, cancel.level)]


def test_wallet_that_could_not_be_read_is_not_taken_for_filled() -> None:
    world = Filled()
    orders = world.now.wallets[0].orders
    world.later(1, orders=(), was_read=False)
    assert world.later(1, orders=orders, was_read=True).intents == ()


def crosses(snapshot: MarketSnapshot, one: Place) -> bool:
    best_bid6, best_ask6 = reachable_prices(snapshot)
    if one.side is Side.BUY:
        return best_ask6 is not None and one.price6 >= best_ask6
    return best_bid6 is not None and one.price6 <= best_bid6


@given(st.integers(0, 2**32))
def test_shaped_plans_never_cross_never_pass_a_cap_and_keep_their_counts_and_limits(seed: int) -> None:
    world = World(seed, is_shaped=True)
    own, snapshot = world.packer.parameters, world.market
    plan = world.packer.plan(snapshot)
    bids, asks = placed(plan, Side.BUY), placed(plan, Side.SELL)
    assert not any(crosses(snapshot, one) for one in (*bids, *asks))
    assert not bids or not asks or max(one.price6 for one in bids) < min(one.price6 for one in asks)
    for side, places in ((Side.BUY, bids), (Side.SELL, asks)):
        limit6, count = own.price_limit6(side), own.shapes.on(side).orders
        assert limit6 is None or all(
            (one.price6 <= limit6) if side is Side.BUY else (one.price6 >= limit6) for one in places
        )
        assert all(number <= count for number in Counter(one.wallet for one in places).values())
        assert all(1 <= one.level <= count for one in places)
    for each in snapshot.wallets:
        needed6 = sum(one.margin6 for one in (*bids, *asks) if one.wallet == each.address)
        assert needed6 <= budget_of(each, world.packer.limits, own.rules).remaining6
    again = world.packer.plan(carried_out(snapshot, plan, 10**6))
    assert all(skip.reason is not SkipReason.FILLED for skip in again.skips)
