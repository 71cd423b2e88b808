"""The strategies by name, and the interface the engine expects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ama_tui.domain.errors import ParameterError
from ama_tui.domain.parameters import Parameters
from ama_tui.domain.plan import CollateralBasis, MarketSnapshot, Plan, Rules
from ama_tui.domain.session import Methods
from ama_tui.strategies.anchor import NEAREST
from ama_tui.strategies.packer import Packer


class Strategy(Protocol):
    """A pure function from snapshot to plan, without side effects."""

    @property
    def name(self) -> str:
        """The name that selects it."""

    @property
    def methods(self) -> Methods:
        """The session methods that its orders need."""

    def plan(self, market: MarketSnapshot) -> Plan:
        """What to place and cancel now, and why levels stay vacant."""

    def refusal(self, tick6: int, anchor_x2: int | None, distance_name: str = NEAREST) -> str | None:
        """Why this market cannot be quoted with these parameters, in one line; None if it can.

        `tick6` is the market's tick (6 decimals), `anchor_x2` twice its anchor price (6 decimals),
        `distance_name` what the operator calls the nearest distance.
        """


_FACTORIES: dict[str, Callable[[Parameters, Rules, CollateralBasis], Strategy]] = {
    "packer": Packer,
}


def names() -> tuple[str, ...]:
    """The names of all strategies, in display order."""
    return tuple(_FACTORIES)


def strategy(name: str, parameters: Parameters, rules: Rules, basis: CollateralBasis) -> Strategy:
    """Create the strategy with this name. Raises ParameterError for an unknown name."""
    factory = _FACTORIES.get(name)
    if factory is None:
        raise ParameterError(f"unknown strategy {name!r}", f"choose one of: {', '.join(names())}")
    return factory(parameters, rules, basis)
