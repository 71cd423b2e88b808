"""The packer's own parameters."""

from __future__ import annotations

from typing import Annotated

from ama_tui.domain import settings
from ama_tui.domain.plan import Rules
from ama_tui.strategies.definition import StrategyParameters


class PackerParameters(StrategyParameters):
    """How many orders of which size, and how far from the anchor."""

    size_min: Annotated[float, settings.SIZE_MIN] = settings.SIZE_MIN.default
    size_max: Annotated[float, settings.SIZE_MAX] = settings.SIZE_MAX.default
    orders_per_side: Annotated[int, settings.ORDERS_PER_SIDE] = settings.ORDERS_PER_SIDE.default
    min_distance_ticks: Annotated[int, settings.MIN_DISTANCE_TICKS] = settings.MIN_DISTANCE_TICKS.default
    max_distance_ticks: Annotated[int, settings.MAX_DISTANCE_TICKS] = settings.MAX_DISTANCE_TICKS.default
    rules: Annotated[Rules, settings.RULES] = settings.RULES.default
