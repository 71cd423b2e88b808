"""The packer's own parameters."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, TypeVar

from pydantic import model_validator

from ama_tui.domain import packer_settings, settings
from ama_tui.domain.money import PRICE_UNIT
from ama_tui.domain.order import Side
from ama_tui.domain.plan import Rules
from ama_tui.strategies.definition import StrategyParameters

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SideShape:
    """What the packer keeps on one side."""

    orders: int
    size_min: float
    size_max: float
    min_distance_ticks: int
    max_distance_ticks: int


@dataclass(frozen=True, slots=True)
class Shapes:
    """What the packer keeps on both sides: worked out of the parameters once for all wallets."""

    bid: SideShape
    ask: SideShape
    rules: Rules

    def on(self, side: Side) -> SideShape:
        return self.bid if side is Side.BUY else self.ask


class PackerParameters(StrategyParameters):
    """How many orders of which size, and how far from the anchor; for either side on its own where that is set."""

    size_min: Annotated[float, settings.SIZE_MIN] = settings.SIZE_MIN.default
    size_max: Annotated[float, settings.SIZE_MAX] = settings.SIZE_MAX.default
    orders_per_side: Annotated[int, settings.ORDERS_PER_SIDE] = settings.ORDERS_PER_SIDE.default
    min_distance_ticks: Annotated[int, settings.MIN_DISTANCE_TICKS] = settings.MIN_DISTANCE_TICKS.default
    max_distance_ticks: Annotated[int, settings.MAX_DISTANCE_TICKS] = settings.MAX_DISTANCE_TICKS.default
    rules: Annotated[Rules, settings.RULES] = settings.RULES.default
    bids: Annotated[int | None, packer_settings.BIDS] = None
    asks: Annotated[int | None, packer_settings.ASKS] = None
    bid_size_min: Annotated[float | None, packer_settings.BID_SIZE_MIN] = None
    bid_size_max: Annotated[float | None, packer_settings.BID_SIZE_MAX] = None
    ask_size_min: Annotated[float | None, packer_settings.ASK_SIZE_MIN] = None
    ask_size_max: Annotated[float | None, packer_settings.ASK_SIZE_MAX] = None
    bid_min_distance_ticks: Annotated[int | None, packer_settings.BID_MIN_DISTANCE_TICKS] = None
    bid_max_distance_ticks: Annotated[int | None, packer_settings.BID_MAX_DISTANCE_TICKS] = None
    ask_min_distance_ticks: Annotated[int | None, packer_settings.ASK_MIN_DISTANCE_TICKS] = None
    ask_max_distance_ticks: Annotated[int | None, packer_settings.ASK_MAX_DISTANCE_TICKS] = None
    price_floor: Annotated[float | None, packer_settings.PRICE_FLOOR] = None
    price_ceiling: Annotated[float | None, packer_settings.PRICE_CEILING] = None
    fill_delay_s: Annotated[float | None, packer_settings.FILL_DELAY] = None

    @model_validator(mode="after")
    def _has_ranges(self) -> PackerParameters:
        for name, shape in (("bids", self.bid_shape), ("asks", self.ask_shape)):
            if shape.size_min > shape.size_max:
                sizes = f"({shape.size_min:g}) is above the largest ({shape.size_max:g})"
                raise ValueError(f"the smallest size of {name} {sizes}")
            if shape.min_distance_ticks > shape.max_distance_ticks:
                ticks = f"({shape.min_distance_ticks}) is above the farthest ({shape.max_distance_ticks})"
                raise ValueError(f"the nearest distance of {name} {ticks}")
        return self

    @property
    def shapes(self) -> Shapes:
        """What the packer keeps on both sides."""
        return Shapes(self.bid_shape, self.ask_shape, self.rules)

    @property
    def bid_shape(self) -> SideShape:
        """What the packer keeps as bids."""
        return SideShape(
            _or(self.bids, self.orders_per_side),
            _or(self.bid_size_min, self.size_min),
            _or(self.bid_size_max, self.size_max),
            _or(self.bid_min_distance_ticks, self.min_distance_ticks),
            _or(self.bid_max_distance_ticks, self.max_distance_ticks),
        )

    @property
    def ask_shape(self) -> SideShape:
        """What the packer keeps as asks."""
        return SideShape(
            _or(self.asks, self.orders_per_side),
            _or(self.ask_size_min, self.size_min),
            _or(self.ask_size_max, self.size_max),
            _or(self.ask_min_distance_ticks, self.min_distance_ticks),
            _or(self.ask_max_distance_ticks, self.max_distance_ticks),
        )

    def price_limit6(self, side: Side) -> int | None:
        """The highest price of a bid, or the lowest of an ask (6 decimals); None without one."""
        limit = self.price_ceiling if side is Side.BUY else self.price_floor
        return None if limit is None else int(Decimal(str(limit)) * PRICE_UNIT)


def _or(value: T | None, shared: T) -> T:
    return shared if value is None else value
