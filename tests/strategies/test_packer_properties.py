"""What a plan must never do, whatever the book and the fleet: ten thousand random worlds and more.

The expected values are computed here from the rules, not with the packer's own functions.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from fractions import Fraction
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from ama_tui.domain.order import Side, Tag, decode_tag
from ama_tui.domain.plan import Cancel, CancelReason, CollateralBasis, Place, Plan, Rules, WalletSnapshot
from tests.sizes import examples, size
from tests.strategies.worlds import Packer, World, carried_out, orders_of

worlds = st.integers(min_value=0, max_value=2**40).map(World)
often = settings(max_examples=examples(size(500, 10_000)))
sometimes = settings(max_examples=examples(size(250, 5_000)))


def places_of(plan: Plan, wallet: WalletSnapshot) -> list[Place]:
    return [one for one in plan.intents if isinstance(one, Place) and one.wallet == wallet.address]


def cancels_of(plan: Plan, wallet: WalletSnapshot) -> list[Cancel]:
    return [one for one in plan.intents if isinstance(one, Cancel) and one.wallet == wallet.address]


def short_of(world: World, wallet: WalletSnapshot, side: Side) -> int:
    has = sum(order.side is side for order in orders_of(wallet))
    return max(0, world.packer.parameters.orders_per_side - has)


@often
@given(worlds)
def test_no_order_can_match_the_book_the_fleet_or_another_order_of_the_plan(world: World) -> None:
    plan = world.packer.plan(world.market)
    everything = [*orders_of(*world.market.wallets), *(one for one in plan.intents if isinstance(one, Place))]
    bids = [order.price6 for order in everything if order.side is Side.BUY]
    asks = [order.price6 for order in everything if order.side is Side.SELL]
    if world.market.best_bid6 is not None:
        bids.append(world.market.best_bid6)
    if world.market.best_ask6 is not None:
        asks.append(world.market.best_ask6)
    for order in plan.intents:
        if isinstance(order, Place) and order.side is Side.BUY:
            assert all(order.price6 < ask for ask in asks)
        elif isinstance(order, Place):
            assert all(order.price6 > bid for bid in bids)


@often
@given(worlds)
def test_resting_pending_and_planned_margin_stay_within_the_cap(world: World) -> None:
    plan = world.packer.plan(world.market)
    packer = world.packer
    for wallet in world.market.wallets:
        planned = places_of(plan, wallet)
        if not planned:
            continue
        reserved6 = sum(order.margin6 for order in wallet.orders if order.is_margin)
        is_net = packer.parameters.rules is Rules.EVEN and packer.limits.basis is CollateralBasis.NET
        basis6 = wallet.available6 + (reserved6 if is_net else 0)
        used6 = reserved6 + sum(order.margin6 for order in wallet.pending_orders) + sum(one.margin6 for one in planned)
        assert used6 <= Fraction(round(packer.limits.max_utilization * 10_000), 10_000) * basis6


@often
@given(worlds)
def test_no_margin_is_below_what_the_market_or_the_resting_orders_require(world: World) -> None:
    plan = world.packer.plan(world.market)
    for wallet in world.market.wallets:
        for one in places_of(plan, wallet):
            ratio = Fraction(world.market.margin_req_bps, 10_000)
            if one.side is Side.SELL:
                ratio = max(ratio, Fraction(3, 2))
            for order in wallet.orders:
                if order.side is one.side and order.is_margin and order.amount18 >= 10**13:
                    ratio = max(ratio, Fraction(order.margin6 - 1, 1) * 10**18 / (order.amount18 * order.price6))
            assert one.margin6 >= Fraction(one.amount18 * one.price6, 10**18) * ratio


@often
@given(worlds)
def test_every_price_is_a_positive_tick_and_no_nearer_than_requested(world: World) -> None:
    plan = world.packer.plan(world.market)
    for one in plan.intents:
        if not isinstance(one, Place):
            continue
        assert one.price6 > 0
        assert one.price6 % world.tick6 == 0
        assert plan.anchor_x2 is not None
        away = Fraction(plan.anchor_x2, 2) - one.price6
        if one.side is Side.SELL:
            away = -away
        assert away >= world.packer.parameters.min_distance_ticks * world.tick6
        assert one.distance_ticks == away // world.tick6


@often
@given(worlds)
def test_no_level_is_filled_twice_and_no_side_beyond_its_target(world: World) -> None:
    plan = world.packer.plan(world.market)
    for wallet in world.market.wallets:
        for side in Side:
            levels = Counter(one.level for one in places_of(plan, wallet) if one.side is side)
            assert all(count == 1 for count in levels.values())
            assert levels.total() <= short_of(world, wallet, side)
            taken = {order.level for order in orders_of(wallet) if order.side is side}
            assert not taken & levels.keys()
            assert all(1 <= level <= world.packer.parameters.orders_per_side for level in levels)


@often
@given(worlds)
def test_every_missing_level_is_placed_or_explained(world: World) -> None:
    plan = world.packer.plan(world.market)
    for wallet in world.market.wallets:
        skips = [skip for skip in plan.skips if skip.wallet == wallet.address]
        placed = places_of(plan, wallet)
        if any(skip.level is None for skip in skips):
            assert len(skips) == 1
            assert placed == []
            continue
        for side in Side:
            levels = [one.level for one in placed if one.side is side]
            levels += [skip.level for skip in skips if skip.side is side and skip.level is not None]
            assert len(levels) == len(set(levels)) == short_of(world, wallet, side)


@often
@given(worlds)
def test_amounts_carry_their_tags_and_sequences_continue(world: World) -> None:
    plan = world.packer.plan(world.market)
    for wallet in world.market.wallets:
        for number, one in enumerate(places_of(plan, wallet)):
            assert one.sequence == (wallet.sequence + number) % 100_000
            assert decode_tag(one.amount18) == Tag(one.level, one.sequence)
            assert one.amount18 >= 10**13


@sometimes
@given(worlds)
def test_unread_or_unusable_wallet_is_left_alone(world: World) -> None:
    plan = world.packer.plan(world.market)
    for wallet in world.market.wallets:
        if wallet.was_read and wallet.unusable is None:
            continue
        assert not places_of(plan, wallet)
        assert not cancels_of(plan, wallet)
        assert [skip.wallet for skip in plan.skips].count(wallet.address) == 1
        assert (wallet.address in plan.budgets) is wallet.was_read


@sometimes
@given(worlds)
def test_cancels_name_own_orders_once_and_one_stale_order_at_a_time(world: World) -> None:
    plan = world.packer.plan(world.market)
    for wallet in world.market.wallets:
        cancels = cancels_of(plan, wallet)
        ids = [cancel.order_id for cancel in cancels]
        assert len(ids) == len(set(ids))
        assert set(ids) <= {order.order_id for order in wallet.orders} - wallet.cancelling
        assert sum(cancel.reason in (CancelReason.REMNANT, CancelReason.FAR) for cancel in cancels) <= 1
        assert sum(cancel.reason is CancelReason.DUPLICATE for cancel in cancels) <= 1
        for side in Side:
            stays = sum(order.side is side and order.order_id not in wallet.cancelling for order in wallet.orders)
            excess = sum(one.side is side and one.reason is CancelReason.EXCESS for one in cancels)
            expected = max(0, stays - 2 * world.packer.parameters.orders_per_side)
            may_trade = wallet.was_read and wallet.unusable is None
            assert excess == (expected if may_trade else 0)


@sometimes
@given(worlds, st.integers(0, 2**32))
def test_plans_do_not_depend_on_the_order_of_the_wallets(world: World, seed: int) -> None:
    wallets = list(world.market.wallets)
    Random(seed).shuffle(wallets)
    once = world.packer.plan(world.market)
    again = world.packer.plan(world.market)
    shuffled = world.packer.plan(replace(world.market, wallets=tuple(wallets)))
    assert once == again
    assert once.anchor_x2 == shuffled.anchor_x2
    assert once.budgets == shuffled.budgets
    for wallet in wallets:
        assert places_of(once, wallet) == places_of(shuffled, wallet)
        assert cancels_of(once, wallet) == cancels_of(shuffled, wallet)


@sometimes
@given(worlds)
def test_plan_that_was_carried_out_leaves_nothing_to_do(world: World) -> None:
    bare = [replace(one, orders=(), pending_orders=(), cancelling=frozenset()) for one in world.market.wallets]
    others = world.market
    snapshot = replace(others, wallets=tuple(bare), best_bid6=others.others_bid6, best_ask6=others.others_ask6)
    plan = world.packer.plan(snapshot)
    then = world.packer.plan(carried_out(snapshot, plan, first_id=1))
    for wallet in snapshot.wallets:
        if not any(skip.wallet == wallet.address for skip in plan.skips):
            assert not places_of(then, wallet)
            assert not cancels_of(then, wallet)


@sometimes
@given(worlds, st.lists(st.tuples(st.integers(-300, 300), st.integers(0, 2)), max_size=4))
def test_plan_does_not_depend_on_earlier_plans(world: World, moves: list[tuple[int, int]]) -> None:
    """A fleet that has its orders, in a market that moves away and while single wallets change."""
    bare = [replace(one, orders=(), pending_orders=(), cancelling=frozenset()) for one in world.market.wallets]
    market = replace(world.market, wallets=tuple(bare))
    market = carried_out(market, world.packer.plan(market), first_id=1)
    for ticks, changed in moves:
        wallets = [
            replace(one, orders=one.orders[1:]) if number < changed else one
            for number, one in enumerate(market.wallets)
        ]
        market = replace(
            market,
            wallets=tuple(wallets),
            best_bid6=None,
            best_ask6=None,
            mark6=max(1, (market.mark6 or 10**9) + ticks * market.tick6),
        )
        new = Packer(world.packer.parameters, world.packer.limits)
        assert world.packer.plan(market) == new.plan(market)


@sometimes
@given(worlds)
def test_planning_settles_in_a_book_that_nobody_else_moves(world: World) -> None:
    """Whatever the fleet's initial state; a minute passes between plans, so that no order is spared for its age.

    All its wallets may trade: the stray orders of a parked one, alone on their side, keep moving the mid.
    """
    snapshot = replace(
        world.market,
        wallets=tuple(
            replace(one, pending_orders=(), cancelling=frozenset(), was_read=True, unusable=None)
            for one in world.market.wallets
        ),
    )
    for round_ in range(1, 100):
        plan = world.packer.plan(snapshot)
        if not plan.intents:
            return
        snapshot = carried_out(snapshot, plan, first_id=1_000 * round_)
    raise AssertionError("still at work after a hundred looks")
