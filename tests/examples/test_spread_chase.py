"""The example strategy of CONTRIBUTING.md, installed from its own wheel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from textual.widgets import Input

from ama_tui.domain.errors import ParameterError
from ama_tui.domain.order import Side
from ama_tui.domain.parameters import Parameters
from ama_tui.domain.plan import Cancel, Place, SkipReason, Take, TakerLimits
from ama_tui.domain.wallet import Role
from ama_tui.engine.run.plan_check import plan_problem
from ama_tui.strategies import registry
from ama_tui.strategies.budget import budget_of
from ama_tui.strategies.prices import reachable_prices
from ama_tui.strategies.taking import TAKE_EVERY_S
from tests.engine.rig import Rig, run_of, ticking, until
from tests.strategies.worlds import NOW, World, carried_out, market, wallet
from tests.ui.stage import WIDE, dashboard

ROOT = Path(__file__).parents[2]
BOOK: dict[str, Any] = {
    "best_bid6": 2_499_900_000,
    "best_ask6": 2_500_100_000,
    "others_bid6": 2_499_900_000,
    "others_ask6": 2_500_100_000,
}

pytestmark = pytest.mark.usefixtures("spread_chase")


def places(plan: Any) -> list[Place]:
    return [intent for intent in plan.intents if isinstance(intent, Place)]


def test_orders_are_behind_the_touch_of_others() -> None:
    chase = registry.strategy("spread-chase", {"orders": 2, "behindTicks": 2, "stepTicks": 3})
    found = {(one.side, one.level): one.price6 for one in places(chase.plan(market(wallet(), **BOOK)))}
    assert found == {
        (Side.BUY, 1): 2_499_880_000,
        (Side.BUY, 2): 2_499_850_000,
        (Side.SELL, 1): 2_500_120_000,
        (Side.SELL, 2): 2_500_150_000,
    }


def test_orders_are_for_makers_only_and_a_taker_takes() -> None:
    chase = registry.strategy("spread-chase", {"orders": 1})
    limits = TakerLimits(size_max18=10**17, budget6=10**9, slippage_ticks=20)
    maker, taker = wallet(0), wallet(1, role=Role.TAKER)
    end_of_interval = NOW // TAKE_EVERY_S * TAKE_EVERY_S + TAKE_EVERY_S - 1
    snapshot = market(maker, taker, takers=limits, now=end_of_interval, **BOOK)
    plan = chase.plan(snapshot)
    assert {one.wallet for one in places(plan)} == {maker.address}
    assert [type(one) for one in plan.intents if one.wallet == taker.address] == [Take]
    assert plan_problem(plan, snapshot) == ""


def test_taker_that_was_not_read_is_reported_and_does_nothing() -> None:
    plan = registry.strategy("spread-chase", {}).plan(market(wallet(role=Role.TAKER, was_read=False), **BOOK))
    assert not plan.intents
    assert [skip.reason for skip in plan.skips] == [SkipReason.UNREAD]


def test_touch_is_followed_once_two_plans_have_seen_it_and_only_within_the_limits() -> None:
    chase = registry.strategy("spread-chase", {"orders": 1, "farthestTicks": 60, "restSeconds": 5})
    first = market(wallet(), **BOOK)
    resting = carried_out(first, chase.plan(first), 1)
    assert chase.plan(resting).intents == ()
    moved = replace(resting, now=resting.now + 10, best_bid6=2_498_000_000, best_ask6=None, others_bid6=2_498_000_000)
    (left,) = [one for one in chase.plan(moved).intents if isinstance(one, Cancel)]
    assert left.side is Side.BUY
    after = carried_out(moved, chase.plan(moved), 9)
    refilled = [one for one in places(chase.plan(after)) if one.side is Side.BUY]
    assert [one.price6 for one in refilled] == [(2_498_000_000 + 2_500_100_000) // 2 - 60 * 10_000]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32))
def test_plans_are_sound_never_cross_and_never_pass_a_cap(seed: int) -> None:
    world = World(seed)
    snapshot = replace(world.market, limits=world.packer.limits)
    chase = registry.strategy("spread-chase", {"orders": 3, "size": 0.5})
    for _ in range(2):
        plan = chase.plan(snapshot)
        assert plan_problem(plan, snapshot) == ""
        best_bid6, best_ask6 = reachable_prices(snapshot)
        for one in places(plan):
            opposite6 = best_ask6 if one.side is Side.BUY else best_bid6
            assert opposite6 is None or (one.price6 < opposite6) is (one.side is Side.BUY)
        bids = [one.price6 for one in places(plan) if one.side is Side.BUY]
        asks = [one.price6 for one in places(plan) if one.side is Side.SELL]
        assert not bids or not asks or max(bids) < min(asks)
        for each in snapshot.wallets:
            needed6 = sum(one.margin6 for one in places(plan) if one.wallet == each.address)
            assert needed6 <= budget_of(each, snapshot.limits).remaining6


def test_orders_that_do_not_fit_between_the_limits_are_refused_in_its_words() -> None:
    with pytest.raises(ParameterError, match="20 orders 100 ticks apart do not fit between the limits"):
        registry.strategy("spread-chase", {"orders": 20, "stepTicks": 100})


async def test_dashboard_asks_for_its_parameters_and_shows_its_plan() -> None:
    defaults = Parameters.of(registry.settings_for("spread-chase"))
    async with dashboard(WIDE, defaults=defaults) as stage:
        await stage.to_setup()
        await stage.shows("Parameters of spread-chase")
        for label in ("behind ticks", "distance, ticks", "slack ticks", "collateral share", "delay, ms", "wallets"):
            assert label in stage.text()
        await stage.shows("40 orders to place")
        field = stage.app.screen.query_one("#field-orders", Input)
        field.focus()
        await stage.shows("orders: orders a wallet keeps on each side · 1…20 orders")
        field.value = "3"
        await stage.shows("60 orders to place")
        field.value = "20"
        stage.app.screen.query_one("#field-step_ticks", Input).value = "100"
        await stage.shows("✗ strategy spread-chase: 20 orders 100 ticks apart")
        field.value = "4"
        stage.app.screen.query_one("#field-step_ticks", Input).value = "3"
        await stage.shows("80 orders to place")
        await stage.press("f2")
        await stage.until(lambda: bool(stage.engine.requests), "the start")
        assert stage.engine.requests[0].parameters == defaults.changed(orders=4)


async def test_run_is_saved_and_resumed_with_the_strategy_unless_it_is_gone(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await rig.packed(strategy="spread-chase", orders_per_side=None, orders=1)
    assert len(await rig.orders()) == 6
    await engine.stop()
    config = rig.checkpoint()["config"]
    assert config["strategy"] == "spread-chase"
    assert config["strategyParameters"]["spread-chase"]["orders"] == 1
    again = await rig.packed(resume=True, orders_per_side=None)
    assert (again.publisher.latest.target_orders, run_of(again).context.strategy.name) == (6, "spread-chase")
    async with ticking(rig.venue):
        await until(lambda: run_of(again).context.counters.totals.cycles > 3, "a few cycles")
    await again.stop()
    monkeypatch.setattr("ama_tui.strategies.registry.entry_points", lambda group: ())
    registry.forget()
    gone = await rig.open(orders_per_side=None)
    with pytest.raises(ParameterError, match="strategy is 'spread-chase', which is not installed"):
        await gone.resolved_for(await rig.market(gone), None)


@pytest.mark.e2e
def test_demo_packs_with_the_installed_strategy(spread_chase: Path) -> None:
    environ = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{spread_chase}"}
    options = ("--headless", "--json", "--until", "packed", "--within", "120", "--wallets", "3", "--block-time", "0.2")
    done = subprocess.run(
        [sys.executable, "-m", "ama_tui", "demo", "--strategy", "spread-chase", *options, "--orders", "3"],
        env=environ,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout.splitlines()[-1])
    shown = {key: summary[key] for key in ("strategy", "packed", "target_orders", "crossed", "self_trades", "unknown")}
    assert shown == {
        "strategy": "spread-chase",
        "packed": True,
        "target_orders": 18,
        "crossed": 0,
        "self_trades": 0,
        "unknown": 0,
    }
