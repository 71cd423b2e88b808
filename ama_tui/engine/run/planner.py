"""Asks the run's strategy for plans, and holds the market while the strategy does not work."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from ama_tui.domain.plan import MarketSnapshot, Plan
from ama_tui.domain.text import shortened
from ama_tui.engine.run.plan_check import held_plan, plan_problem, trusted
from ama_tui.strategies.chosen import Strategy

PLAN_LIMIT_S = 1.0
"""The longest that a strategy of another package may take for a plan."""
LONGEST_REASON = 160


@dataclass(frozen=True, slots=True)
class Answer:
    """What a strategy returned, or the error that it raised."""

    decided: object = None
    error: BaseException | None = None


class StrategyError(Exception):
    """A strategy of another package did not work."""


@dataclass(slots=True)
class Planner:
    """Plans with the strategies of ama-tui at once, and with those of other packages on a thread of their own.

    A thread that takes too long is left alone and its plan is dropped: Python cannot end it. Until it is done the
    strategy is not asked again, so at most one such thread exists. It slows the engine down while it computes; only C
    code that never lets other threads run could stop it.
    """

    limit_s: float = PLAN_LIMIT_S
    problem: str = ""
    """Why the last plan was none of the strategy's, '' if it was."""
    _late: Future[Answer] | None = field(init=False, default=None)

    async def plan(self, strategy: Strategy, market: MarketSnapshot) -> Plan:
        """The strategy's plan, or one that does nothing and says why."""
        if strategy.is_built_in:
            self.problem = ""
            return strategy.plan(market)
        try:
            plan, memory = await self._decide(strategy, market)
        except StrategyError as error:
            self.problem = f"strategy {strategy.name}: {error}"
            return held_plan(market, str(error))
        strategy.remember(memory)
        self.problem = ""
        return trusted(plan, market)

    async def _decide(self, strategy: Strategy, market: MarketSnapshot) -> tuple[Plan, Any]:
        """Raises StrategyError."""
        late = f"it takes longer than {self.limit_s:g} s for a plan"
        if self._late is not None and not self._late.done():
            raise StrategyError(late)
        self._late = None
        deciding = _on_thread(strategy, market)
        done, _ = await asyncio.wait({asyncio.wrap_future(deciding)}, timeout=self.limit_s)
        if not done:
            self._late = deciding
            raise StrategyError(late)
        answer = deciding.result()
        if answer.error is not None:
            text = " ".join(f"{type(answer.error).__name__}: {answer.error}".split())
            raise StrategyError(f"it failed with {shortened(text, LONGEST_REASON)}")
        if not isinstance(answer.decided, tuple) or len(answer.decided) != 2:
            raise StrategyError("it returned no plan and memory")
        plan, memory = answer.decided
        problem = plan_problem(plan, market)
        if problem:
            raise StrategyError(problem)
        return plan, memory


def _on_thread(strategy: Strategy, market: MarketSnapshot) -> Future[Answer]:
    """Decide on a thread that does not keep the process alive."""
    result: Future[Answer] = Future()

    def decide() -> None:
        try:
            answer = Answer(strategy.decide(market))
        except BaseException as error:  # also a SystemExit, which would only end this thread
            answer = Answer(error=error)
        result.set_result(answer)

    threading.Thread(target=decide, name=f"strategy {strategy.name}", daemon=True).start()
    return result
