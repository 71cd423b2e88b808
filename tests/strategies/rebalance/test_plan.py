"""Whole plans of `rebalance`: packed from nothing, still in a still market, and few requests in a drifting one."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ama_tui.domain.market import Book, BookLevel
from ama_tui.domain.order import Side
from ama_tui.domain.plan import Cancel, MarketSnapshot, Modify, Place, Plan, RunLimits
from ama_tui.domain.reading import Trade
from ama_tui.strategies.chosen import Strategy
from ama_tui.strategies.rebalance.parameters import RebalanceParameters
from ama_tui.strategies.rebalance.plan import REBALANCE
from tests.sizes import examples, size
from tests.strategies.worlds import USDC, World, carried_out, market, orders_of, wallet

TICK6 = 10_000
MID6 = 2500 * USDC


def at_mid(snapshot: MarketSnapshot, mid6: int) -> MarketSnapshot:
    """The same fleet with others quoting as much on each side, 8 ticks around `mid6`."""
    bid6, ask6 = mid6 - 8 * TICK6, mid6 + 8 * TICK6
    own_bids = [order.price6 for one in snapshot.wallets for order in one.orders if order.side is Side.BUY]
    own_asks = [order.price6 for one in snapshot.wallets for order in one.orders if order.side is Side.SELL]
    depth: dict[Side, Counter[int]] = {
        Side.BUY: Counter({bid6: 10**18, bid6 - 5 * TICK6: 10**18}),
        Side.SELL: Counter({ask6: 10**18, ask6 + 5 * TICK6: 10**18}),
    }
    for one in snapshot.wallets:
        for order in one.orders:
            depth[order.side][order.price6] += order.amount18
    return replace(
        snapshot,
        others_bid6=bid6,
        others_ask6=ask6,
        best_bid6=max([bid6, *own_bids]),
        best_ask6=min([ask6, *own_asks]),
        book=Book(
            tuple(BookLevel(*level) for level in sorted(depth[Side.BUY].items(), reverse=True)),
            tuple(BookLevel(*level) for level in sorted(depth[Side.SELL].items())),
        ),
        vault_mark6=mid6,
    )


def packed(wallets: int, strategy: Strategy, **changes: object) -> MarketSnapshot:
    """A market in which the strategy has placed every order."""
    start = at_mid(market(*(wallet(index) for index in range(wallets)), **changes), MID6)
    plan = strategy.plan(start)
    assert len(plan.intents) == wallets * (strategy.targets.bids + strategy.targets.asks)
    return carried_out(start, plan, first_id=1)


def requests(plan: Plan) -> int:
    return len(plan.intents)


def test_an_empty_book_is_packed_with_one_plan() -> None:
    strategy = Strategy(REBALANCE, RebalanceParameters())
    snapshot = packed(10, strategy)
    assert strategy.plan(at_mid(snapshot, MID6)).intents == ()


def test_in_an_hour_of_a_still_market_no_request_is_sent() -> None:
    strategy = Strategy(REBALANCE, RebalanceParameters())
    snapshot = at_mid(packed(5, strategy), MID6)
    for second in range(0, 3600, 2):
        assert strategy.plan(replace(snapshot, now=snapshot.now + second)).intents == ()


def test_a_book_that_trembles_within_the_slack_moves_nothing() -> None:
    strategy, rng = Strategy(REBALANCE, RebalanceParameters(volatility_weight=0.0)), Random(7)
    snapshot = packed(5, strategy)
    for _ in range(300):
        trembling = at_mid(snapshot, MID6 + rng.choice((-1, 0, 1)) * TICK6)
        assert strategy.plan(replace(trembling, now=snapshot.now + 60)).intents == ()


@pytest.mark.parametrize("drift_ticks", [1, -1, 3])
def test_in_a_drifting_market_requests_per_tick_stay_under_the_stated_bound(drift_ticks: int) -> None:
    parameters = RebalanceParameters()
    strategy = Strategy(REBALANCE, parameters)
    snapshot, sent, kept, mid6 = packed(5, strategy), 0, 0, MID6
    orders, steps = 60, 200
    for step in range(steps):
        mid6 += drift_ticks * TICK6
        snapshot = at_mid(replace(snapshot, now=snapshot.now + 60), mid6)
        plan = strategy.plan(snapshot)
        sent += requests(plan)
        kept += plan.kept
        assert all(isinstance(one, Modify) for one in plan.intents)
        snapshot = carried_out(snapshot, plan, first_id=1000 * (step + 2))
    assert 0 < sent <= orders * steps * abs(drift_ticks) / (parameters.slack_ticks + 1)
    assert kept > sent


def test_a_moved_order_takes_one_request_and_keeps_its_level_and_size() -> None:
    strategy = Strategy(REBALANCE, RebalanceParameters())
    snapshot = packed(1, strategy)
    plan = strategy.plan(at_mid(replace(snapshot, now=snapshot.now + 60), MID6 + 40 * TICK6))
    before = {order.order_id: order for order in snapshot.wallets[0].orders}
    assert plan.intents
    for one in plan.intents:
        assert isinstance(one, Modify)
        assert one.level == before[one.order_id].level
        assert one.amount18 // 10**9 == before[one.order_id].amount18 // 10**9


def test_volatility_moves_the_orders_out() -> None:
    strategy = Strategy(REBALANCE, RebalanceParameters())
    snapshot = packed(1, strategy)
    rng = Random(1)
    for second in range(60):
        mid6 = MID6 + rng.choice((-40, 40)) * TICK6
        trade = Trade(1, "0x", 0, "0xa", "0xb", mid6, 10**18)
        plan = strategy.plan(replace(at_mid(snapshot, mid6), trades=(trade,), now=snapshot.now + 60 + second))
        snapshot = carried_out(replace(snapshot, now=snapshot.now + second), plan, first_id=1000 * (second + 2))
    nearest = min(abs(order.price6 - MID6) for order in snapshot.wallets[0].orders) // TICK6
    assert nearest > RebalanceParameters().max_distance_ticks // 2


def test_a_long_wallet_gets_its_asks_nearer_than_its_bids() -> None:
    strategy = Strategy(REBALANCE, RebalanceParameters())
    snapshot = packed(1, strategy)
    long = replace(snapshot.wallets[0], position18=10**18)
    later = at_mid(replace(snapshot, wallets=(long,), now=snapshot.now + 60), MID6)
    after = carried_out(later, strategy.plan(later), first_id=1000)
    asks = [order.price6 - MID6 for order in after.wallets[0].orders if order.side is Side.SELL]
    bids = [MID6 - order.price6 for order in after.wallets[0].orders if order.side is Side.BUY]
    assert sum(asks) < sum(bids) / 2


@settings(max_examples=examples(size(300, 5_000)))
@given(st.integers(min_value=0, max_value=2**40))
def test_whatever_the_book_no_order_crosses_and_no_wallet_exceeds_its_cap(seed: int) -> None:
    world = World(seed)
    own = {name: getattr(world.packer.parameters, name) for name in type(world.packer.parameters).model_fields}
    del own["rules"]
    strategy = Strategy(REBALANCE, RebalanceParameters(**own, slack_ticks=world.rng.choice((0, 5))))
    snapshot = replace(world.market, limits=RunLimits(world.packer.limits.max_utilization))
    plan = strategy.plan(snapshot)
    planned = [one for one in plan.intents if isinstance(one, Place | Modify)]
    everything = [*orders_of(*snapshot.wallets), *planned]
    bids = [one.price6 for one in everything if one.side is Side.BUY]
    asks = [one.price6 for one in everything if one.side is Side.SELL]
    bids += [] if snapshot.best_bid6 is None else [snapshot.best_bid6]
    asks += [] if snapshot.best_ask6 is None else [snapshot.best_ask6]
    for one in planned:
        assert one.price6 > 0
        assert all(one.price6 < ask for ask in asks) if one.side is Side.BUY else all(one.price6 > bid for bid in bids)
    for owner in snapshot.wallets:
        theirs = [one for one in planned if one.wallet == owner.address]
        if not theirs:
            continue
        before = {order.order_id: order.margin6 for order in owner.orders}
        added6 = sum(one.margin6 for one in theirs if isinstance(one, Place))
        added6 += sum(max(0, one.margin6 - before[one.order_id]) for one in theirs if isinstance(one, Modify))
        budget = plan.budgets[owner.address]
        assert added6 <= budget.remaining6
    touched = [one.order_id for one in plan.intents if isinstance(one, Cancel | Modify)]
    assert len(touched) == len(set(touched))
    tags = [(one.wallet, one.sequence) for one in planned]
    assert len(tags) == len(set(tags))
