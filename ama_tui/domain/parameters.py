"""The eight parameters of a run, which the strategy follows, and their checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ama_tui.domain import settings
from ama_tui.domain.errors import ParameterError
from ama_tui.domain.setting import Setting, is_number
from ama_tui.domain.settings import PARAMETERS

RANGES: tuple[tuple[Setting[Any], Setting[Any]], ...] = (
    (settings.MIN_DELAY_MS, settings.MAX_DELAY_MS),
    (settings.SIZE_MIN, settings.SIZE_MAX),
    (settings.MIN_DISTANCE_TICKS, settings.MAX_DISTANCE_TICKS),
)
"""The two ends of each range."""

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

    min_delay_ms: int = settings.MIN_DELAY_MS.default
    max_delay_ms: int = settings.MAX_DELAY_MS.default
    size_min: float = settings.SIZE_MIN.default
    size_max: float = settings.SIZE_MAX.default
    orders_per_side: int = settings.ORDERS_PER_SIDE.default
    max_utilization: float = settings.MAX_UTILIZATION.default
    min_distance_ticks: int = settings.MIN_DISTANCE_TICKS.default
    max_distance_ticks: int = settings.MAX_DISTANCE_TICKS.default

    @classmethod
    def checked(cls, values: Mapping[str, object], name: Naming = key_of) -> Parameters:
        """Parameters from values by file key; what is missing takes its default. `name` is how their source calls them.

        Raises ParameterError that names everything out of range at once.
        """
        problems = problems_of(values, name)
        if problems:
            raise ParameterError("; ".join(problem.text for problem in problems), "fix the values and try again")
        return cls(**{setting.name: setting.read(values) for setting in PARAMETERS})

    def as_keys(self) -> dict[str, int | float]:
        """The values by file key, in the order of the checkpoint."""
        return {setting.key: getattr(self, setting.name) for setting in PARAMETERS}


def problems_of(values: Mapping[str, object], name: Naming = key_of) -> list[ValueProblem]:
    """Everything that is wrong with values by file key; missing ones take their defaults."""
    problems = []
    for setting in PARAMETERS:
        text = setting.problem(values.get(setting.key, setting.default), name(setting))
        if text is not None:
            problems.append(ValueProblem(text, (setting,)))
    for lower, upper in RANGES:
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
