from __future__ import annotations

from dataclasses import replace

import pytest

from ama_tui.domain.order import Side
from ama_tui.domain.plan import Cancel, PendingOrder, Place, Plan, Rules, Skip, SkipReason
from ama_tui.strategies.packer_parameters import PackerParameters
from tests.strategies.worlds import USDC, Packer, carried_out, market, resting, wallet

EVEN = Packer()
ORIGINAL = Packer(PackerParameters(rules=Rules.ORIGINAL))
RICH6 = 10**6 * USDC


def places(plan: Plan) -> list[Place]:
    return [one for one in plan.intents if isinstance(one, Place)]


def test_ten_fresh_wallets_get_sixty_bids_and_sixty_asks() -> None:
    plan = EVEN.plan(market(*(wallet(index) for index in range(10))))
    assert len(places(plan)) == 120
    assert sum(one.side.is_buy for one in places(plan)) == 60
    assert plan.skips == ()
    assert plan.anchor_x2 == 5_000 * USDC


def test_order_has_its_levels_size_and_reserves_its_sides_margin() -> None:
    """A rich wallet on an empty book: the planned distances and sizes, 100 % margin for buys, 150 % for sells."""
    plan = EVEN.plan(market(wallet(available6=RICH6)))
    sizes9 = [198_718_767, 235_778_759, 95_967_232, 67_568_573, 209_139_399, 228_767_737]
    for side in Side:
        mine = sorted((one for one in places(plan) if one.side is side), key=lambda one: one.level)
        assert [one.amount18 // 10**9 for one in mine] == sizes9
        for one in mine:
            value12 = one.amount18 * one.price6 * (2 if side is Side.BUY else 3)
            assert one.margin6 == -(-value12 // (2 * 10**18))


def test_bitcoin_at_60000_is_quoted_on_all_levels_within_the_cap() -> None:
    one = wallet()
    plan = EVEN.plan(market(one, vault_mark6=60_000 * USDC))
    assert sorted((two.side.value, two.level) for two in places(plan)) == [
        (side, level) for side in ("buy", "sell") for level in range(1, 7)
    ]
    assert plan.skips == ()
    assert sum(two.margin6 for two in places(plan)) <= 2_000 * USDC
    budget = plan.budgets[one.address]
    assert budget.cap6 == 2_000 * USDC
    assert 0 < budget.scale < 0.05


def test_original_spends_the_same_cap_on_a_few_buys() -> None:
    """Nine tenths of what is left each time: 1,800, 180, 18, 1.8, and then less than the smallest order."""
    plan = ORIGINAL.plan(market(wallet(), vault_mark6=60_000 * USDC))
    assert [(one.side, one.level) for one in places(plan)] == [(Side.BUY, level) for level in (1, 2, 3, 4)]
    assert len(plan.skips) == 8
    assert {skip.reason for skip in plan.skips} == {SkipReason.CAP}


def test_even_alternates_between_the_sides() -> None:
    turn = [(one.side, one.level) for one in places(EVEN.plan(market(wallet())))]
    assert turn == [(side, level) for level in range(1, 7) for side in (Side.BUY, Side.SELL)]


def test_even_takes_the_lowest_level_of_either_side_first() -> None:
    pending_orders = tuple(PendingOrder(Side.BUY, level, 2_499_000_000, 10**17, 1) for level in (1, 2, 3, 4, 6))
    turn = [(one.side, one.level) for one in places(EVEN.plan(market(wallet(pending_orders=pending_orders))))]
    sells = [(Side.SELL, level) for level in range(1, 7)]
    assert turn == [*sells[:4], (Side.BUY, 5), *sells[4:]]


def test_original_places_all_buys_first() -> None:
    turn = [(one.side, one.level) for one in places(ORIGINAL.plan(market(wallet(available6=RICH6))))]
    assert turn == [(side, level) for side in (Side.BUY, Side.SELL) for level in range(1, 7)]


def test_only_the_swept_level_is_filled_again() -> None:
    first = market(wallet())
    full = carried_out(first, EVEN.plan(first), first_id=1)
    one = full.wallets[0]
    swept = tuple(order for order in one.orders if (order.side, order.level) != (Side.SELL, 4))
    plan = EVEN.plan(replace(full, wallets=(replace(one, orders=swept),)))
    assert [(two.side, two.level, two.sequence) for two in places(plan)] == [(Side.SELL, 4, 12)]


def test_full_fleet_is_left_alone_until_the_price_moves_away_or_an_order_is_nearly_filled() -> None:
    packer = Packer()
    first = market(wallet(0), wallet(1))
    full = carried_out(first, packer.plan(first), first_id=1)
    later = replace(full, now=full.now + 60)
    assert packer.plan(full).intents == packer.plan(later).intents == ()
    moved = packer.plan(replace(later, best_bid6=None, best_ask6=None, vault_mark6=2510 * USDC))
    assert {one.wallet for one in moved.intents if isinstance(one, Cancel)} == {wallet(0).address, wallet(1).address}
    assert packer.plan(later).intents == ()
    one, two = later.wallets
    oldest, *others = two.orders
    remnant = replace(oldest, amount18=oldest.amount18 // 20)
    filled = packer.plan(replace(later, wallets=(one, replace(two, orders=(remnant, *others)))))
    assert [(cancel.wallet, cancel.order_id) for cancel in filled.intents if isinstance(cancel, Cancel)] == [
        (two.address, remnant.order_id)
    ]
    assert packer.plan(later).budgets == packer.plan(full).budgets


def only_skip(plan: Plan) -> Skip:
    assert plan.intents == ()
    (skip,) = plan.skips
    assert (skip.side, skip.level) == (None, None)
    return skip


def test_unread_wallet_is_left_alone_and_has_no_budget() -> None:
    plan = EVEN.plan(market(wallet(was_read=False, unusable_detail="timed out")))
    assert only_skip(plan).text == "could not be read: timed out"
    assert plan.budgets == {}


@pytest.mark.parametrize("reason", [SkipReason.NO_SESSION, SkipReason.WALLET_PAUSED])
def test_unusable_wallet_is_skipped_with_the_reason_and_still_shows_its_budget(reason: SkipReason) -> None:
    one = wallet(unusable=reason, unusable_detail="session revoked")
    plan = EVEN.plan(market(one))
    skip = only_skip(plan)
    assert (skip.reason, skip.detail) == (reason, "session revoked")
    assert plan.budgets[one.address].cap6 == 2_000 * USDC


def test_unusable_wallet_does_not_stop_the_others() -> None:
    plan = EVEN.plan(market(wallet(0), wallet(1, unusable=SkipReason.NO_SESSION), wallet(2, was_read=False), wallet(3)))
    assert {one.wallet for one in places(plan)} == {wallet(0).address, wallet(3).address}


def test_missing_anchor_is_reported_once_per_wallet() -> None:
    plan = EVEN.plan(market(wallet(0), wallet(1), vault_mark6=None, mark6=USDC, last_trade6=0))
    assert plan.anchor_x2 is None
    assert [skip.wallet for skip in plan.skips] == [wallet(0).address, wallet(1).address]
    assert {skip.text for skip in plan.skips} == {
        "no anchor price: the book is not two-sided and there is no mark price or trade"
    }


def test_empty_wallet_has_no_collateral() -> None:
    skip = only_skip(EVEN.plan(market(wallet(available6=0))))
    assert skip.text == "no collateral: nothing available or reserved"


def test_wallet_that_reserves_everything_it_has_available_is_at_its_cap() -> None:
    order = resting(1, Side.BUY, 2_499_000_000, level=1)
    assert only_skip(EVEN.plan(market(wallet(available6=order.margin6, orders=(order,))))).reason is SkipReason.CAP


def test_wallet_whose_cap_is_in_use_is_skipped_for_the_cap() -> None:
    pending_orders = (PendingOrder(Side.BUY, 1, 2_499_000_000, 10**17, 2_000 * USDC),)
    skip = only_skip(EVEN.plan(market(wallet(pending_orders=pending_orders))))
    assert (
        skip.text == "cap reached: its orders use all the margin that the collateral share allows (--max-utilization)"
    )


@pytest.mark.parametrize("packer", [EVEN, ORIGINAL])
def test_wallet_whose_collateral_is_all_reserved_is_at_its_cap(packer: Packer) -> None:
    order = resting(1, Side.BUY, 2_499_000_000, level=1)
    assert only_skip(packer.plan(market(wallet(available6=0, orders=(order,))))).reason is SkipReason.CAP


def test_sizes_below_the_dust_limit_are_skipped_level_by_level() -> None:
    plan = Packer(PackerParameters(size_min=1e-6, size_max=1e-6)).plan(market(wallet()))
    assert places(plan) == []
    assert {skip.text for skip in plan.skips} == {"too small to place: its size would be less than 0.00001"}
    assert len({(skip.side, skip.level) for skip in plan.skips}) == 12


def test_size_at_the_dust_limit_is_placed() -> None:
    plan = Packer(PackerParameters(size_min=1e-5, size_max=1e-5)).plan(market(wallet()))
    assert len(places(plan)) == 12


def test_buys_that_would_reach_zero_are_out_of_range_and_sells_are_placed() -> None:
    plan = EVEN.plan(market(wallet(), vault_mark6=60 * 10_000))
    buys = {one.level for one in places(plan) if one.side is Side.BUY}
    assert buys == {1, 2, 4, 6}
    assert {(skip.side, skip.level, skip.text) for skip in plan.skips} == {
        (Side.BUY, 3, "price out of range: 104 ticks from the anchor"),
        (Side.BUY, 5, "price out of range: 85 ticks from the anchor"),
    }
    assert sum(one.side is Side.SELL for one in places(plan)) == 6


def test_full_wallet_has_a_budget_and_no_skips() -> None:
    first = market(wallet())
    plan = EVEN.plan(carried_out(first, EVEN.plan(first), first_id=1))
    assert plan.intents == ()
    assert plan.skips == ()
    assert plan.budgets[wallet().address].scale == 1.0


def test_distances_of_the_plan_match_the_level_spacing_on_an_empty_book() -> None:
    found = {(one.side, one.level): one.distance_ticks for one in places(EVEN.plan(market(wallet())))}
    assert [found[Side.SELL, level] for level in range(1, 7)] == [13, 59, 104, 40, 85, 21]
    assert [found[Side.BUY, level] for level in range(1, 7)] == [13, 59, 104, 40, 85, 21]


def test_absurd_mark_only_makes_orders_too_small() -> None:
    plan = EVEN.plan(market(wallet(), vault_mark6=10**40))
    assert places(plan) == []
    assert {skip.reason for skip in plan.skips} == {SkipReason.CAP}
