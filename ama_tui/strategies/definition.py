"""What a strategy is: a name, a model of its parameters, and pure functions. Packages can bring their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from ama_tui.domain.plan import MarketSnapshot, Plan, Targets
from ama_tui.domain.session import Methods, methods_of_role
from ama_tui.domain.wallet import Role

MAKER_METHODS = Methods.PLACE_MARGIN_LIMIT | Methods.MODIFY | Methods.CANCEL
"""What the session of a wallet may do that places, moves and cancels orders."""


class StrategyParameters(BaseModel):
    """The base of a strategy's own parameters. A field is one setting: its command-line option, file key and form line
    follow from it (`strategies/declared.py`).

    Give each field a default, a `description`, its range (`ge`, `gt`, `le`) and its unit
    (`json_schema_extra={"unit": "ticks"}`). What every strategy has, such as delays, wallets and the collateral share,
    belongs to the run: `MarketSnapshot.limits`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


Own = TypeVar("Own", bound=StrategyParameters)
"""A strategy's parameters."""
Memory = TypeVar("Memory")
"""What a strategy remembers from one plan to the next. A value: `plan` returns another one and changes none."""

Called = Callable[[str], str]
"""What the operator calls a parameter, from its field's name: `min_distance_ticks` → `--min-distance-ticks`."""


@dataclass(frozen=True, slots=True)
class StrategyDefinition(Generic[Own, Memory]):
    """A strategy. An entry point of the group `ama_tui.strategies` names an object of this class."""

    name: str
    """What `--strategy` calls it: lower case, digits and hyphens."""
    summary: str
    """What it does, in one line without a full stop."""
    parameters: type[Own]
    plan: Callable[[MarketSnapshot, Own, Memory], tuple[Plan, Memory]]
    """What to do now, and what to remember. Pure: the same arguments give the same result. Every vacant level is either
    placed or has a skip, in the order in which they matter.
    """
    targets: Callable[[Own], Targets]
    """What it keeps resting for each maker."""
    memory: Callable[[], Memory]
    """The memory of a run that starts, also after a restart and after a change of parameters."""
    refusal: Callable[[Own, int, int | None, Called], str | None] = lambda own, tick6, anchor_x2, called: None
    """Why a market with this tick and anchor (doubled; None without one), both with 6 decimals, cannot be quoted, or
    None if it can. One line.
    """
    is_flat: bool = False
    """Whether a checkpoint has its parameters beside the run's, as the original tool does, and not under a key of their
    own.
    """
    maker_methods: Methods = MAKER_METHODS
    """The session methods that it needs of a maker. Market orders are never among them: those are for takers."""

    def methods(self, role: Role) -> Methods:
        """The session methods of a wallet with this role, whatever the strategy asks for."""
        return methods_of_role(role, self.maker_methods)
