"""The decisions of `classic`: each outcome by its rule, and what it must never do whatever the book."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ama_tui.domain.order import Side
from ama_tui.domain.plan import (
    Cancel,
    CancelReason,
    Intent,
    MarketSnapshot,
    Mode,
    Modify,
    PendingOrder,
    Place,
    RunLimits,
    Skip,
    SkipReason,
    Take,
    TakerLimits,
    WalletSnapshot,
)
from ama_tui.domain.wallet import Role
from ama_tui.strategies.anchor import anchor_x2
from ama_tui.strategies.chosen import Strategy
from ama_tui.strategies.classic import CLASSIC, MODIFY_CHANCE, decide_next_action
from ama_tui.strategies.classic_parameters import ClassicParameters
from tests.sizes import examples, size
from tests.strategies.worlds import NOW, USDC, World, carried_out, market, orders_of, resting, wallet

TICK6 = 10_000
MID6 = 2500 * USDC
QUOTED = {
    "best_bid6": MID6 - 8 * TICK6,
    "best_ask6": MID6 + 8 * TICK6,
    "others_bid6": MID6 - 8 * TICK6,
    "others_ask6": MID6 + 8 * TICK6,
}


LIMITS = TakerLimits(size_max18=10**18, budget6=10_000 * USDC, slippage_ticks=10)


def quoted(*wallets: WalletSnapshot, **changes: object) -> MarketSnapshot:
    return market(*wallets, **{**QUOTED, "takers": LIMITS, **changes})


def decide(
    owner: WalletSnapshot, seed: int = 0, parameters: ClassicParameters | None = None, **changes: object
) -> Intent | Skip:
    snapshot = quoted(owner, **changes)
    return decide_next_action(owner, snapshot, anchor_x2(snapshot), parameters or ClassicParameters(), Random(seed))


def outcomes(owner: WalletSnapshot, tries: int = 400, **changes: object) -> list[Intent | Skip]:
    return [decide(owner, seed, **changes) for seed in range(tries)]  # type: ignore[arg-type]


def resting_at(order_id: int, side: Side, ticks: int, **changes: object) -> WalletSnapshot:
    price6 = MID6 - ticks * TICK6 if side is Side.BUY else MID6 + ticks * TICK6
    return wallet(orders=(resting(order_id, side, price6, **{"level": 1, **changes}),))


def test_without_an_anchor_it_skips() -> None:
    blank = market(wallet(), vault_mark6=None)
    decided = decide_next_action(wallet(), blank, None, ClassicParameters(), Random(0))
    assert isinstance(decided, Skip)
    assert decided.reason is SkipReason.NO_ANCHOR


def test_taker_takes_a_random_size_within_the_bounds_on_a_random_side() -> None:
    taker = wallet(role=Role.TAKER)
    takes = [one for one in outcomes(taker) if isinstance(one, Take)]
    assert len(takes) == 400
    assert {one.side for one in takes} == set(Side)
    assert all(5 * 10**16 <= one.amount18 <= 25 * 10**16 for one in takes)
    assert len({one.amount18 for one in takes}) > 100
    for one in takes:
        worst6 = MID6 + 18 * TICK6 if one.side is Side.BUY else MID6 - 18 * TICK6
        assert one.limit6 == worst6


def test_taker_without_anybody_to_trade_with_skips() -> None:
    decided = decide(wallet(role=Role.TAKER), best_bid6=None, best_ask6=None, mark6=MID6)
    assert isinstance(decided, Skip)
    assert decided.reason is SkipReason.NOTHING_TO_TAKE


def full(ticks: int) -> WalletSnapshot:
    """A maker with all its orders, whose oldest is so many ticks from the anchor."""
    old = resting(1, Side.BUY, MID6 - ticks * TICK6, level=1, placed_at=NOW - 500)
    young = (resting(number, Side.SELL, MID6 + 20 * TICK6, level=number, placed_at=NOW) for number in range(2, 13))
    return wallet(orders=(*young, old))


def test_maker_at_its_most_orders_cancels_its_oldest_beyond_twice_the_farthest_distance() -> None:
    decided = decide(full(241))
    assert isinstance(decided, Cancel)
    assert (decided.order_id, decided.reason) == (1, CancelReason.FAR)


def test_maker_at_its_most_orders_waits_while_its_oldest_is_near() -> None:
    decided = decide(full(240))
    assert isinstance(decided, Skip)
    assert decided.reason is SkipReason.MAX_OPEN_ORDERS
    assert "maker_max_open_orders" in decided.text


def test_maker_without_orders_places_one_to_three_ticks_behind_its_touch() -> None:
    placed = [one for one in outcomes(wallet()) if isinstance(one, Place)]
    assert len(placed) == 400
    behind = {
        (QUOTED["best_bid6"] - one.price6 if one.side is Side.BUY else one.price6 - QUOTED["best_ask6"]) // TICK6
        for one in placed
    }
    assert behind == {1, 2, 3}


def test_maker_with_an_order_moves_its_oldest_beside_the_mid_about_a_third_of_the_time() -> None:
    found = outcomes(resting_at(7, Side.SELL, 90), tries=4000)
    moved = [one for one in found if isinstance(one, Modify)]
    assert len(moved) / len(found) == pytest.approx(MODIFY_CHANCE, abs=0.03)
    assert {one.order_id for one in moved} == {7}
    assert {(one.price6 - MID6) // TICK6 for one in moved} == {1, 2, 3}


@pytest.mark.parametrize(("mode", "sides"), [(Mode.MEAN, set(Side)), (Mode.UP, {Side.BUY}), (Mode.DOWN, {Side.SELL})])
def test_mode_says_which_sides_makers_place_on(mode: Mode, sides: set[Side]) -> None:
    placed = outcomes(wallet(), tries=60, parameters=ClassicParameters(mode=mode))
    assert {one.side for one in placed if isinstance(one, Place)} == sides


def test_mode_does_not_bind_takers() -> None:
    taken = outcomes(wallet(role=Role.TAKER), tries=60, parameters=ClassicParameters(mode=Mode.UP))
    assert {one.side for one in taken if isinstance(one, Take)} == set(Side)


def test_same_seed_makes_the_same_decisions() -> None:
    snapshot = quoted(*(wallet(index) for index in range(5)))

    def run(seed: int) -> list[object]:
        strategy, now = Strategy(CLASSIC, ClassicParameters(random_seed=seed)), snapshot
        found: list[object] = []
        for step in range(50):
            plan = strategy.plan(now)
            found += plan.intents
            now = carried_out(now, plan, first_id=1000 * (step + 1), seconds=1)
        return found

    assert run(3) == run(3) != run(4)


def test_wallets_act_in_turn_one_at_a_time() -> None:
    snapshot = quoted(*(wallet(index) for index in range(5)))
    strategy = Strategy(CLASSIC, ClassicParameters())
    turns = [strategy.plan(snapshot).intents for _ in range(20)]
    assert all(len(intents) == 1 for intents in turns)
    assert set(Counter(intents[0].wallet for intents in turns).values()) == {4}


def test_wallet_that_waits_for_something_sent_skips_its_turn() -> None:
    pending = PendingOrder(Side.BUY, 1, MID6 - 50 * TICK6, 10**17, 25 * USDC)
    strategy = Strategy(CLASSIC, ClassicParameters())
    assert strategy.plan(quoted(wallet(pending_orders=(pending,)))).intents == ()


@settings(max_examples=examples(size(300, 5_000)))
@given(st.integers(min_value=0, max_value=2**40))
def test_whatever_the_book_no_maker_crosses_and_no_wallet_exceeds_its_cap(seed: int) -> None:
    world = World(seed)
    snapshot = replace(world.market, limits=RunLimits(world.packer.limits.max_utilization))
    everything = list(orders_of(*snapshot.wallets))
    bids = [one.price6 for one in everything if one.side is Side.BUY]
    asks = [one.price6 for one in everything if one.side is Side.SELL]
    bids += [] if snapshot.best_bid6 is None else [snapshot.best_bid6]
    asks += [] if snapshot.best_ask6 is None else [snapshot.best_ask6]
    strategy = Strategy(CLASSIC, ClassicParameters(random_seed=world.rng.randrange(2**32)))
    for _ in snapshot.wallets:
        plan = strategy.plan(snapshot)
        for one in plan.intents:
            if not isinstance(one, Place | Modify):
                continue
            assert one.price6 > 0
            reached = min(asks, default=None) if one.side is Side.BUY else max(bids, default=None)
            if reached is not None:
                assert one.price6 < reached if one.side is Side.BUY else one.price6 > reached
            owner = next(owner for owner in snapshot.wallets if owner.address == one.wallet)
            before6 = sum(
                order.margin6 for order in owner.orders if isinstance(one, Modify) and order.order_id == one.order_id
            )
            assert one.margin6 - before6 <= plan.budgets[one.wallet].remaining6
