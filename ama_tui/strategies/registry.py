"""The strategies by name, and what the engine expects of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ama_tui.domain.errors import ParameterError
from ama_tui.domain.parameters import Parameters
from ama_tui.domain.plan import CollateralBasis, MarketSnapshot, Plan, Rules
from ama_tui.domain.session import Methods
from ama_tui.strategies.packer import Packer


class Strategy(Protocol):
    """A pure decision: the same snapshot always gives the same plan, and planning acts on nothing."""

    @property
    def name(self) -> str:
        """The name it is chosen by."""

    @property
    def methods(self) -> Methods:
        """The session methods that its orders need, as permit bits."""

    def plan(self, market: MarketSnapshot) -> Plan:
        """What to place and to cancel now, and why whatever is missing stays missing."""

    def refusal(self, tick6: int, anchor_x2: int | None) -> str | None:
        """Why this market cannot be quoted with these parameters, in one line; None when it can.

        `tick6` is the market's tick (6 decimals), `anchor_x2` twice its anchor price (6 decimals).
        """


_FACTORIES: dict[str, Callable[[Parameters, Rules, CollateralBasis], Strategy]] = {
    "packer": Packer,
}


def names() -> tuple[str, ...]:
    """The names that `strategy()` knows, in the order they are offered."""
    return tuple(_FACTORIES)


def strategy(name: str, parameters: Parameters, rules: Rules, basis: CollateralBasis) -> Strategy:
    """The strategy of that name. Raises ParameterError, which names the known ones, when there is none."""
    factory = _FACTORIES.get(name)
    if factory is None:
        raise ParameterError(f"no strategy is called {name!r}", f"choose one of: {', '.join(names())}")
    return factory(parameters, rules, basis)
