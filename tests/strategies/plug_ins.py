"""Strategies as another package would bring them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import EntryPoint
from typing import Any, Final
from unittest.mock import patch

from pydantic import Field, model_validator

from ama_tui.domain.plan import MarketSnapshot, Plan, Targets
from ama_tui.strategies import registry
from ama_tui.strategies.chosen import Strategy
from ama_tui.strategies.definition import StrategyDefinition, StrategyParameters

GAP: Final = {"unit": "ticks", "form": "gap, ticks"}


class LotParameters(StrategyParameters):
    """Two lines of the form, one of which is a range, and a parameter that only options and files have."""

    lots: int = Field(default=2, ge=1, le=9, description="lots on each side", json_schema_extra={"unit": "lots"})
    gap_min: int = Field(
        default=1,
        ge=1,
        le=99,
        description="least gap",
        json_schema_extra={"unit": "ticks", "form": "gap, ticks", "end": "least"},
    )
    gap_max: int = Field(
        default=9,
        ge=1,
        le=99,
        description="most gap",
        json_schema_extra={"unit": "ticks", "form": "gap, ticks", "end": "most"},
    )
    size_min: float = Field(default=0.5, gt=0, description="size of a lot")
    ceiling: float | None = Field(default=None, gt=0, description="highest price")

    @model_validator(mode="after")
    def _is_even(self) -> LotParameters:
        if self.lots == 7:
            raise ValueError("7 lots are unlucky")
        return self


def nothing(market: MarketSnapshot, parameters: Any, memory: int) -> tuple[Plan, int]:
    """Does nothing, and counts its plans."""
    return Plan(), memory + 1


LOTS = StrategyDefinition(
    name="lots",
    summary="does nothing with lots",
    parameters=LotParameters,
    plan=nothing,
    targets=lambda own: Targets(own.lots, own.lots, 10**18),
    memory=int,
)


def fails(market: MarketSnapshot, parameters: Any, memory: Any) -> tuple[Plan, Any]:
    """Never makes a plan."""
    raise RuntimeError("no idea\nat all")


FAILING = replace(LOTS, name="failing", plan=fails)


class SeededParameters(StrategyParameters):
    """Has a parameter with the name of an option of the demo."""

    seed: int = Field(default=1, description="seed")


SEEDED = StrategyDefinition(
    name="seeded",
    summary="does nothing from a seed",
    parameters=SeededParameters,
    plan=nothing,
    targets=lambda own: Targets(0, 0, 0),
    memory=int,
)
BROKEN = "no definition"


def other(plan: Callable[[MarketSnapshot, Any, Any], Any]) -> Strategy:
    """A strategy of another package that plans like this."""
    return Strategy(replace(LOTS, plan=plan), LotParameters(), is_built_in=False)


@contextmanager
def installed(**attributes: str) -> Iterator[None]:
    """Packages that bring strategies: by name, the attribute of this module."""
    points = tuple(
        EntryPoint(name, f"{__name__}:{attribute}" if ":" not in attribute else attribute, registry.GROUP)
        for name, attribute in attributes.items()
    )
    registry.forget()
    with patch("ama_tui.strategies.registry.entry_points", lambda group: points):
        yield
    registry.forget()
