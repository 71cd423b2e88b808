"""A strategy that fails, hangs or returns nonsense holds its market with the reason; the engine goes on."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from ama_tui.domain.errors import PreflightError
from ama_tui.domain.event import EngineState
from ama_tui.domain.plan import MarketSnapshot, Place, Plan
from ama_tui.engine.run.planner import Planner
from ama_tui.strategies.chosen import Strategy
from ama_tui.strategies.packer import PACKER
from ama_tui.strategies.packer_parameters import PackerParameters
from tests.engine.rig import Rig, run_of, ticking, until
from tests.strategies.plug_ins import fails, installed, other
from tests.strategies.worlds import market, wallet

MARKET = market(wallet())


def leaves(market: MarketSnapshot, parameters: Any, memory: Any) -> Any:
    raise SystemExit(3)


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (fails, "it failed with RuntimeError: no idea at all"),
        (leaves, "it failed with SystemExit: 3"),
        (lambda market, parameters, memory: None, "it returned no plan and memory"),
        (lambda market, parameters, memory: (None, memory), "it returned no plan"),
        (lambda market, parameters: (Plan(), 0), "it failed with TypeError"),
    ],
)
async def test_strategy_that_does_not_work_is_held_with_the_reason(plan: Any, said: str) -> None:
    planner = Planner()
    held = await planner.plan(other(plan), MARKET)
    assert planner.problem.startswith(f"strategy lots: {said}")
    assert held.intents == ()
    assert said in held.skips[0].text


async def test_strategy_that_works_again_is_believed_and_keeps_its_memory() -> None:
    planner, answers = Planner(), iter([True, False, True])

    def moody(market: MarketSnapshot, parameters: Any, memory: int) -> Any:
        return (Plan(), memory + 1) if next(answers) else None

    strategy, problems = other(moody), []
    for _ in range(3):
        await planner.plan(strategy, MARKET)
        problems.append(bool(planner.problem))
    assert problems == [False, True, False]
    assert strategy._memory == 2


async def test_strategy_that_hangs_is_left_alone_until_it_is_done() -> None:
    planner, go, calls = Planner(limit_s=0.05), threading.Event(), []

    def slow(market: MarketSnapshot, parameters: Any, memory: int) -> Any:
        calls.append(threading.current_thread())
        go.wait(30)
        return Plan(), 99

    strategy = other(slow)
    for _ in range(5):
        await planner.plan(strategy, MARKET)
        assert planner.problem == "strategy lots: it takes longer than 0.05 s for a plan"
    assert len(calls) == 1
    assert calls[0].daemon
    go.set()
    await asyncio.to_thread(calls[0].join)
    await planner.plan(strategy, MARKET)
    assert (planner.problem, len(calls)) == ("", 2)
    assert strategy._memory == 99


async def test_event_loop_runs_while_a_strategy_takes_its_time() -> None:
    planner, go = Planner(), threading.Event()

    def slow(market: MarketSnapshot, parameters: Any, memory: int) -> Any:
        assert go.wait(30)
        return Plan(), 0

    planning = asyncio.create_task(planner.plan(other(slow), MARKET))
    await asyncio.sleep(0.01)
    go.set()
    await planning
    assert planner.problem == ""


async def test_built_in_strategy_plans_at_once_on_the_same_thread() -> None:
    plan = await Planner().plan(Strategy(PACKER, PackerParameters(orders_per_side=2)), MARKET)
    assert len([intent for intent in plan.intents if isinstance(intent, Place)]) == 4


async def test_market_holds_while_its_strategy_fails_and_goes_on_once_it_works(rig: Rig) -> None:
    engine = await rig.packed()
    run = run_of(engine)
    packer = run.context.strategy
    async with ticking(rig.venue):
        run.context.strategy = other(fails)
        await until(lambda: run.state is EngineState.NO_NEW, "the run to hold")
        assert run.reason == "strategy lots: it failed with RuntimeError: no idea at all"
        assert engine.publisher.latest.reason == run.reason
        run.context.strategy = packer
        await until(lambda: run.state is EngineState.RUNNING, "the run to go on")
    lines = [line["error"] for line in rig.journal() if "no idea" in str(line.get("error"))]
    assert len(lines) == 1
    assert run.context.counters.errors_by_kind["strategy failed"] == 1


async def test_strategy_that_fails_at_the_start_is_a_clear_error_before_anything_is_signed(rig: Rig) -> None:
    with installed(failing="FAILING"):
        engine = await rig.open(strategy="failing", orders_per_side=None)
        resolved, resume = await engine.resolved_for(await rig.market(engine), None)
        with pytest.raises(PreflightError, match="strategy failing: it failed with RuntimeError: no idea at all"):
            await engine.begin(await rig.market(engine), resolved, resume=resume)
    assert await rig.sessions_made(rig.wallets[0]) == 0
