"""Nonsense of a strategy is found before any of it is carried out, and the packer's plans are none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ama_tui.domain.order import Side, Tag, encode_tag
from ama_tui.domain.plan import Cancel, CancelReason, Modify, Place, Plan, Skip, SkipReason, Take, WalletBudget
from ama_tui.domain.wallet import Role
from ama_tui.engine.run.plan_check import held_plan, plan_problem, trusted
from tests.strategies.worlds import USDC, World, market, resting, wallet

MAKER = wallet(0, orders=(resting(7, Side.BUY, 2_490 * USDC),))
TAKER = wallet(1, role=Role.TAKER)
MARKET = market(MAKER, TAKER)
AMOUNT18 = 10**17 + encode_tag(Tag(1, 5))
PLACE = Place(MAKER.address, Side.BUY, 1, 2_400 * USDC, AMOUNT18, 240_000_001, 5)
CANCEL = Cancel(MAKER.address, 7, Side.BUY, 2_490 * USDC, 10**17, CancelReason.FAR)
MODIFY = Modify(
    MAKER.address, 7, Side.BUY, 1, 2_400 * USDC, AMOUNT18, 240_000_001, 5, 2_490 * USDC, 10**17
)  # fmt: skip
TAKE = Take(TAKER.address, Side.BUY, 10**17, 2_510 * USDC)


@pytest.mark.parametrize("intent", [PLACE, CANCEL, MODIFY, TAKE], ids=lambda intent: type(intent).__name__)
def test_sound_intent_has_no_problem(intent: Any) -> None:
    assert plan_problem(Plan((intent,)), MARKET) == ""


@pytest.mark.parametrize(
    ("intent", "said"),
    [
        (replace(PLACE, wallet="0xdead"), "a place is for a wallet that is not in the fleet"),
        (replace(PLACE, side=cast(Any, "buy")), "a place has no side"),
        (replace(PLACE, price6=0), "a place has 0 as its price"),
        (replace(PLACE, price6=-10_000), "a place has -10000 as its price"),
        (replace(PLACE, price6=cast(Any, 2400.5)), "a place has 2400.5 as its price"),
        (replace(PLACE, price6=2_400 * USDC + 1), "a place is not on a tick"),
        (replace(PLACE, amount18=0), "a place has 0 as its amount"),
        (replace(PLACE, amount18=True), "a place has True as its amount"),
        (replace(PLACE, amount18=10**17), "a place has an amount without the tag of its level and sequence"),
        (replace(PLACE, level=0), "a place has 0 as its level"),
        (replace(PLACE, level=100), "a place has 100 as its level"),
        (replace(PLACE, level=2), "a place has an amount without the tag of its level and sequence"),
        (replace(PLACE, sequence=100_000), "a place has 100000 as its sequence"),
        (replace(PLACE, margin6=1), "a place reckons with a margin of 1 instead of 240000001"),
        (replace(PLACE, wallet=TAKER.address), "a place is for a taker"),
        (replace(CANCEL, order_id=8), "a cancel is of an order that the wallet does not have"),
        (replace(CANCEL, side=Side.SELL), "a cancel is of an order that the wallet does not have"),
        (replace(CANCEL, reason=cast(Any, "why not")), "a cancel has no reason"),
        (replace(MODIFY, order_id=8), "a modify is of an order that the wallet does not have"),
        (replace(MODIFY, price6=2_400 * USDC + 1), "a modify is not on a tick"),
        (replace(TAKE, wallet=MAKER.address), "a take is for a wallet that is not a taker"),
        (replace(TAKE, limit6=0), "a take has 0 as its limit"),
        ("place", "it decided a str"),
        (None, "it decided a NoneType"),
    ],
)
def test_nonsense_is_named(intent: Any, said: str) -> None:
    assert plan_problem(Plan((intent,)), MARKET).startswith(said)


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (None, "it returned no plan"),
        ([PLACE], "it returned no plan"),
        (Plan(cast(Any, [PLACE])), "it returned no plan"),
        (Plan((PLACE, PLACE)), "a place uses a wallet's buy level 1 twice"),
        (Plan(cast(Any, (CANCEL, MODIFY))), "a modify is of an order that the plan cancels or moves already"),
        (
            Plan((), (Skip("0xdead", SkipReason.CAP),)),
            "a skip has no reason or is for a wallet that is not in the fleet",
        ),
        (Plan((), cast(Any, ("late",))), "a skip has no reason"),
    ],
)
def test_plan_that_is_none_or_contradicts_itself_is_named(plan: Any, said: str) -> None:
    assert plan_problem(plan, MARKET).startswith(said)


@given(st.integers(0, 2**32))
def test_packers_plans_have_no_problem(seed: int) -> None:
    world = World(seed)
    assert plan_problem(world.packer.plan(world.market), world.market) == ""


def test_budgets_and_anchor_are_the_runs_whatever_a_strategy_says() -> None:
    rich = WalletBudget(10**15, 10**15, 0, 0, scale=0.5)
    plan = trusted(Plan((), (), 1, {MAKER.address: rich}), MARKET)
    assert plan.anchor_x2 == 5_000 * USDC
    assert plan.budgets[MAKER.address].scale == 0.5
    assert plan.budgets[MAKER.address].cap6 == 2_000 * USDC + MAKER.orders[0].margin6 // 5


def test_held_plan_gives_every_wallet_the_reason_and_does_nothing() -> None:
    plan = held_plan(MARKET, "it failed")
    assert plan.intents == ()
    assert [(skip.wallet, skip.text) for skip in plan.skips] == [
        (one.address, "the strategy does not work: it failed") for one in MARKET.wallets
    ]
    assert set(plan.budgets) == {MAKER.address, TAKER.address}
