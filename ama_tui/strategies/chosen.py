"""The strategy of a run: a definition with its parameters and its memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ama_tui.domain.plan import NO_TARGETS, MarketSnapshot, Plan, Targets
from ama_tui.domain.session import Methods
from ama_tui.domain.wallet import Role
from ama_tui.strategies.definition import Called, StrategyDefinition, StrategyParameters


def as_it_is(field_name: str) -> str:
    """A parameter's field name, where nobody calls it anything else."""
    return field_name


@dataclass(slots=True)
class Strategy:
    """A strategy with parameters. It remembers what its last plan returned."""

    definition: StrategyDefinition[Any, Any]
    parameters: StrategyParameters
    is_built_in: bool = True
    """Whether it is part of ama-tui. The engine checks the plans of others and limits their time."""
    targets: Targets = field(init=False)
    """What it keeps resting for each maker."""
    _memory: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Raises whatever the definition raises, and ValueError for targets that are none."""
        self.targets = self.definition.targets(self.parameters)
        counts = (self.targets.bids, self.targets.asks, self.targets.largest18, self.targets.farthest_ticks)
        if not all(isinstance(count, int) and count >= 0 for count in counts):
            raise ValueError(f"its targets are {self.targets}")
        self._memory = self.definition.memory()

    @property
    def name(self) -> str:
        return self.definition.name

    def targets_of(self, role: Role) -> Targets:
        """What it keeps resting for a wallet with this role."""
        return self.targets if role is Role.MAKER else NO_TARGETS

    def methods(self, role: Role) -> Methods:
        """The session methods that it needs of a wallet with this role."""
        return self.definition.methods(role)

    def plan(self, market: MarketSnapshot) -> Plan:
        """What to do now. `market.tick6` must be positive."""
        plan, memory = self.decide(market)
        self.remember(memory)
        return plan

    def decide(self, market: MarketSnapshot) -> tuple[Plan, Any]:
        """What to do now, and what to remember if that is done."""
        return self.definition.plan(market, self.parameters, self._memory)

    def remember(self, memory: Any) -> None:
        """Plan with this memory from now on."""
        self._memory = memory

    def refusal(self, tick6: int, anchor_x2: int | None, called: Called = as_it_is) -> str | None:
        """Why this market cannot be quoted with these parameters, in one line; None if it can.

        `tick6` is the market's tick, `anchor_x2` twice its anchor price, both with 6 decimals; `called` is what the
        operator calls a parameter.
        """
        if tick6 <= 0:
            return "the market's tick is not a positive multiple of 0.000001; choose another market"
        try:
            return self.definition.refusal(self.parameters, tick6, anchor_x2, called)
        except Exception as error:
            if self.is_built_in:
                raise
            return f"the strategy {self.name} failed with {type(error).__name__}: {error}"
