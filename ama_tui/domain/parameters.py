"""The parameters of a run: those that every strategy has and its strategy's own, and their checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ama_tui.domain.errors import ParameterError
from ama_tui.domain.setting import Setting, is_number, plain
from ama_tui.domain.settings import MAX_DELAY_MS, MAX_UTILIZATION, MIN_DELAY_MS, PACKER
from ama_tui.domain.strategy_settings import StrategySettings

STRATEGY_PARAMETERS = "strategyParameters"
"""The key of a checkpoint's `config` that has, for each strategy, its own parameters by file key."""

Naming = Callable[[Setting[Any]], str]
"""What the source of the values calls a setting."""


class ValueProblem(NamedTuple):
    """Something that is wrong with values."""

    text: str
    """One line that begins with the name of a setting."""
    settings: tuple[Setting[Any], ...]
    """What it is about."""


def key_of(setting: Setting[Any]) -> str:
    """A setting's name in files."""
    return setting.key


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of a run. Build them with `checked()` wherever the values come from outside."""

    strategy: StrategySettings = PACKER
    values: tuple[Any, ...] = tuple(setting.default for setting in PACKER.all)
    """In the order of `strategy.all`."""

    @classmethod
    def of(cls, strategy: StrategySettings = PACKER, /, **by_name: object) -> Parameters:
        """Parameters by their names, unchecked; the others have their defaults. Raises KeyError for an unknown name."""
        return cls(strategy, tuple(setting.default for setting in strategy.all)).changed(**by_name)

    @classmethod
    def checked(
        cls, values: Mapping[str, object], strategy: StrategySettings = PACKER, name: Naming = key_of
    ) -> Parameters:
        """Parameters from values by file key; what is missing takes its default. `name` is how their source calls them.

        Raises ParameterError that names everything out of range at once.
        """
        problems = problems_of(values, strategy, name)
        if problems:
            raise ParameterError("; ".join(problem.text for problem in problems), "fix the values and try again")
        return cls(strategy, tuple(setting.read(values) for setting in strategy.all))

    def __getitem__(self, name: str) -> Any:
        """The value of a parameter by its name, `orders_per_side`. Raises KeyError for an unknown name."""
        for setting, value in zip(self.strategy.all, self.values, strict=True):
            if setting.name == name:
                return value
        raise KeyError(name)

    def changed(self, **by_name: object) -> Parameters:
        """These parameters with other values for some names, unchecked. Raises KeyError for an unknown name."""
        unknown = by_name.keys() - {setting.name for setting in self.strategy.all}
        if unknown:
            raise KeyError(", ".join(sorted(unknown)))
        pairs = zip(self.strategy.all, self.values, strict=True)
        return Parameters(self.strategy, tuple(by_name.get(setting.name, value) for setting, value in pairs))

    @property
    def min_delay_ms(self) -> int:
        value: int = self[MIN_DELAY_MS.name]
        return value

    @property
    def max_delay_ms(self) -> int:
        value: int = self[MAX_DELAY_MS.name]
        return value

    @property
    def max_utilization(self) -> float:
        value: float = self[MAX_UTILIZATION.name]
        return value

    def as_keys(self) -> dict[str, object]:
        """The values as files have them, by file key, in the order of files."""
        pairs = zip(self.strategy.all, self.values, strict=True)
        return {setting.key: plain(value) for setting, value in pairs}

    def form_name(self, name: str) -> str:
        """What messages about the form call a parameter, by its name."""
        setting = next(setting for setting in self.strategy.all if setting.name == name)
        return setting.form_name or setting.short_option

    def asked(self) -> dict[str, object]:
        """The values that the set-up form asks for, by name."""
        return {setting.name: self[setting.name] for setting in self.strategy.asked}


def problems_of(
    values: Mapping[str, object], strategy: StrategySettings = PACKER, name: Naming = key_of
) -> list[ValueProblem]:
    """Everything that is wrong with values by file key; missing ones take their defaults."""
    problems = []
    for setting in strategy.all:
        text = setting.problem(values.get(setting.key, setting.plain_default), name(setting))
        if text is not None:
            problems.append(ValueProblem(text, (setting,)))
    for lower, upper in strategy.ranges:
        text = range_problem(lower, upper, values, name(lower), name(upper))
        if text is not None:
            problems.append(ValueProblem(text, (lower, upper)))
    return problems


def range_problem(
    lower: Setting[Any], upper: Setting[Any], values: Mapping[str, object], lower_label: str, upper_label: str
) -> str | None:
    """Why two ends do not make a range: the lower one is above the upper one. None when they do."""
    low, high = values.get(lower.key, lower.default), values.get(upper.key, upper.default)
    if is_number(low) and is_number(high) and low > high:
        return f"{lower_label} ({low:g}) must not be above {upper_label} ({high:g})"
    return None
