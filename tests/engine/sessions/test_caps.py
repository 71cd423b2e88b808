"""What a session may trade: more than the run needs, never unlimited, and never far more than needed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ama_tui.domain.money import BPS_UNIT
from ama_tui.domain.plan import Place, TakerLimits
from ama_tui.domain.session import Caps
from ama_tui.engine.sessions.caps import SMALLEST6, TRADE_ROOM, CapForecast, allowance, are_alike, taker_allowance
from ama_tui.strategies.packer import PACKER
from ama_tui.strategies.packer_parameters import PackerParameters
from tests.strategies.worlds import World

TARGETS = PACKER.targets(PackerParameters())
DAY, HOUR, SIX_MINUTES = 86_400, 3_600, 360
USDC = 10**6
OUTLOOK = CapForecast(tick6=10_000, margin_req_bps=10_000, anchor_x2=5_000 * USDC, basis6=10_000 * USDC)


def test_caps_for_a_day_at_the_defaults() -> None:
    """0.25 at 2,501.20 is 625.30; the wallet may reserve 2,000, which buys as much, 292 times over a day."""
    assert allowance(0.2, TARGETS, OUTLOOK, DAY) == Caps(2 * 625_300_000, 2 * (4 + 12 * 24) * 2_000 * USDC)


def test_short_session_still_allows_a_few_complete_fills() -> None:
    assert allowance(0.2, TARGETS, OUTLOOK, SIX_MINUTES).per_session6 == 2 * (4 + 1) * 2_000 * USDC


def test_market_too_expensive_for_the_wallet_is_limited_by_its_collateral() -> None:
    dear = replace(OUTLOOK, anchor_x2=200_000 * USDC)
    assert allowance(0.2, TARGETS, dear, HOUR).per_trade6 == TRADE_ROOM * 2_000 * USDC


def test_without_a_price_the_caps_follow_from_the_collateral() -> None:
    unpriced = replace(OUTLOOK, anchor_x2=None)
    assert allowance(0.2, TARGETS, unpriced, HOUR) == allowance(
        0.2, TARGETS, replace(OUTLOOK, anchor_x2=200_000 * USDC), HOUR
    )


def test_wallet_without_collateral_gets_the_smallest_caps_not_none() -> None:
    assert allowance(0.2, TARGETS, replace(OUTLOOK, basis6=0), DAY) == Caps(1, 1)


def test_larger_size_or_utilization_gives_larger_caps() -> None:
    usual = allowance(0.2, TARGETS, OUTLOOK, HOUR)
    larger = allowance(0.2, PACKER.targets(PackerParameters(size_max=0.5)), OUTLOOK, HOUR)
    fuller = allowance(0.4, TARGETS, OUTLOOK, HOUR)
    assert larger.per_trade6 == 2 * usual.per_trade6
    assert fuller.per_session6 == 2 * usual.per_session6


def test_takers_caps_allow_its_largest_order_and_its_budget_with_room_to_spare() -> None:
    limits = TakerLimits(size_max18=10**17, budget6=1_000 * USDC, slippage_ticks=20)
    assert taker_allowance(limits, 5_000 * USDC, DAY) == Caps(2 * 250 * USDC, 2 * 25 * 1_000 * USDC)
    assert taker_allowance(limits, None, HOUR).per_trade6 == 2 * 1_000 * USDC
    assert taker_allowance(TakerLimits(), 5_000 * USDC, HOUR) == Caps(SMALLEST6, SMALLEST6), "0 would be no cap"


@given(st.integers(0, 2**32), st.sampled_from([SIX_MINUTES, HOUR, DAY]), st.booleans())
def test_every_plan_fits_the_caps_with_room_to_spare(seed: int, seconds: int, is_known: bool) -> None:
    world = World(seed)
    plan = world.packer.plan(world.market)
    for wallet in world.market.wallets:
        budget = plan.budgets.get(wallet.address)
        planned = [one.notional6 for one in plan.intents if isinstance(one, Place) and one.wallet == wallet.address]
        outlook = CapForecast(
            tick6=world.market.tick6,
            margin_req_bps=world.market.margin_req_bps,
            anchor_x2=plan.anchor_x2,
            basis6=0 if budget is None else budget.basis6,
            largest6=max(planned, default=0) if is_known else 0,
            planned6=sum(planned) if is_known else 0,
        )
        caps = allowance(world.packer.limits.max_utilization, PACKER.targets(world.packer.parameters), outlook, seconds)
        assert 0 < caps.per_trade6 <= caps.per_session6 < 2**256
        if is_known and planned:
            assert TRADE_ROOM * max(planned) <= caps.per_trade6
            assert TRADE_ROOM * 4 * sum(planned) <= caps.per_session6
        if not is_known and budget is not None:
            restable6 = budget.cap6 * BPS_UNIT // world.market.margin_req_bps
            assert caps.per_trade6 <= max(1, TRADE_ROOM * restable6)


@pytest.mark.parametrize(
    ("one", "other", "verdict"),
    [
        (Caps(100, 1_000), Caps(100, 1_000), True),
        (Caps(100, 1_000), Caps(199, 501), True),
        (Caps(100, 1_000), Caps(201, 1_000), False),
        (Caps(100, 1_000), Caps(100, 499), False),
        (Caps(0, 1_000), Caps(100, 1_000), False),
        (Caps(100, 1_000), Caps(100, 0), False),
        (Caps(), Caps(), True),
    ],
)
def test_caps_are_alike_when_neither_is_more_than_twice_the_other(one: Caps, other: Caps, verdict: bool) -> None:
    assert (are_alike(one, other), are_alike(other, one)) == (verdict, verdict)
