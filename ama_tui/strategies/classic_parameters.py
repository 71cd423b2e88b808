"""The parameters of `classic`: the original tool's keys."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ama_tui.domain import settings
from ama_tui.domain.plan import Mode
from ama_tui.strategies.definition import StrategyParameters


class ClassicParameters(StrategyParameters):
    """Sizes and the farthest distance are the packer's settings."""

    size_min: Annotated[float, settings.SIZE_MIN] = settings.SIZE_MIN.default
    size_max: Annotated[float, settings.SIZE_MAX] = settings.SIZE_MAX.default
    max_distance_ticks: Annotated[int, settings.MAX_DISTANCE_TICKS] = settings.MAX_DISTANCE_TICKS.default
    mode: Annotated[Mode, settings.MODE] = settings.MODE.default
    max_open_orders: Annotated[int, settings.MAX_OPEN_ORDERS] = settings.MAX_OPEN_ORDERS.default
    random_seed: int = Field(
        default=1,
        ge=0,
        le=2**32,
        description="number from which the random choices follow",
        json_schema_extra={"form": "random seed"},
    )
