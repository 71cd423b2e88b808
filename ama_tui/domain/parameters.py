"""The eight parameters of a run: their ranges, units and checks (the packer's rules)."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TypeGuard

from ama_tui.domain.errors import ParameterError


def _is_number(value: object) -> TypeGuard[int | float]:
    """Whether a value is a number that a float can hold: no bool, no NaN, no infinity."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return -sys.float_info.max <= value <= sys.float_info.max


@dataclass(frozen=True, slots=True)
class ParameterSpec:
    """One parameter: its attribute, its key in files and on the command line, range, unit and meaning."""

    name: str
    key: str
    default: float
    low: float
    high: float
    unit: str
    meaning: str
    is_integer: bool
    low_is_exclusive: bool = False

    @property
    def option(self) -> str:
        """The command-line option, `--min-delay-ms`."""
        return "--" + self.name.replace("_", "-")

    @property
    def range_text(self) -> str:
        if self.high == float("inf"):
            return f"above {self.low:g}"
        return f"{self.low:g}…{self.high:g}"

    def problem(self, value: object) -> str | None:
        """Why a value is not allowed, in one line, or None."""
        if not _is_number(value):
            return f"{self.key} must be a number"
        if self.is_integer and value != int(value):
            return f"{self.key} must be a whole number"
        too_low = value <= self.low if self.low_is_exclusive else value < self.low
        if too_low or value > self.high:
            return f"{self.key} is {value:g}, but must be {self.range_text}"
        return None


SPECS: tuple[ParameterSpec, ...] = (
    ParameterSpec("min_delay_ms", "minDelayMs", 250, 0, 600_000, "ms", "shortest pause between two cycles", True),
    ParameterSpec("max_delay_ms", "maxDelayMs", 1200, 0, 600_000, "ms", "longest pause between two cycles", True),
    ParameterSpec("size_min", "sizeMin", 0.05, 0, float("inf"), "base", "smallest order", False, low_is_exclusive=True),
    ParameterSpec("size_max", "sizeMax", 0.25, 0, float("inf"), "base", "largest order", False, low_is_exclusive=True),
    ParameterSpec(
        "orders_per_side",
        "ordersPerSidePerWallet",
        6,
        1,
        50,
        "orders",
        "orders a wallet keeps on each side",
        True,
    ),
    ParameterSpec(
        "max_utilization",
        "maxWalletUtilization",
        0.20,
        0.02,
        0.90,
        "share",
        "largest share of a wallet's collateral that its orders may tie up",
        False,
    ),
    ParameterSpec(
        "min_distance_ticks",
        "minDistanceTicks",
        10,
        1,
        100_000,
        "ticks",
        "nearest distance to the anchor",
        True,
    ),
    ParameterSpec(
        "max_distance_ticks",
        "maxDistanceTicks",
        120,
        1,
        100_000,
        "ticks",
        "farthest distance to the anchor",
        True,
    ),
)

SPEC_BY_KEY: Mapping[str, ParameterSpec] = {spec.key: spec for spec in SPECS}
_PAIRS = (("minDelayMs", "maxDelayMs"), ("sizeMin", "sizeMax"), ("minDistanceTicks", "maxDistanceTicks"))


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of a run. Build them with `checked()` wherever the values come from outside."""

    min_delay_ms: int = 250
    max_delay_ms: int = 1200
    size_min: float = 0.05
    size_max: float = 0.25
    orders_per_side: int = 6
    max_utilization: float = 0.20
    min_distance_ticks: int = 10
    max_distance_ticks: int = 120

    @classmethod
    def checked(cls, values: Mapping[str, object]) -> Parameters:
        """Parameters from values by file key; what is missing takes its default.

        Raises ParameterError that names everything out of range at once.
        """
        problems = problems_of(values)
        if problems:
            raise ParameterError("; ".join(problems), "correct the values and start again")
        whole = {spec.key: values.get(spec.key, spec.default) for spec in SPECS}
        numbers: dict[str, int | float] = {}
        for spec in SPECS:
            value = whole[spec.key]
            assert isinstance(value, int | float)  # noqa: S101 - problems_of has checked it
            numbers[spec.name] = int(value) if spec.is_integer else float(value)
        return cls(**numbers)  # type: ignore[arg-type]  # the specs say which are whole numbers

    def as_keys(self) -> dict[str, int | float]:
        """The values by file key, in the order of the specs."""
        by_name = {field.name: getattr(self, field.name) for field in fields(self)}
        return {spec.key: by_name[spec.name] for spec in SPECS}


def problems_of(values: Mapping[str, object]) -> list[str]:
    """Everything that is wrong with values by file key, one line each; missing ones take their defaults."""
    problems: list[str] = []
    whole = {spec.key: values.get(spec.key, spec.default) for spec in SPECS}
    for spec in SPECS:
        problem = spec.problem(whole[spec.key])
        if problem is not None:
            problems.append(problem)
    for low, high in _PAIRS:
        below, above = whole[low], whole[high]
        if _is_number(below) and _is_number(above) and below > above:
            problems.append(f"{low} ({below:g}) must not be above {high} ({above:g})")
    return problems
