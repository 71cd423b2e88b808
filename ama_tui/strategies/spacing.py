"""Level spacing: each level's distance from the anchor and its size (the packer's rules 5 and 6).

Both come from hash functions of the wallet's index and the level. These are the only floats in planning; they are
converted to whole ticks and whole amounts here.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from math import cos, floor, sin

from ama_tui.domain.order import TAG_UNIT, Side
from ama_tui.domain.plan import Rules
from ama_tui.strategies.packer_parameters import Shapes, SideShape

_WALLET_STEP = 0.6180339887498949
_LEVEL_STEP = 0.4142135623730951
"""The fractional parts of the golden ratio and of the square root of 2. Their multiples spread evenly."""


@dataclass(frozen=True, slots=True)
class LevelSpacing:
    """A wallet's levels on one side."""

    distances: tuple[int, ...]
    """Ticks from the anchor; the first entry is level 1."""
    amounts18: tuple[int, ...]
    """Sizes as multiples of 10^9, without tags; the first entry is level 1."""
    nearest_first: tuple[int, ...]
    """Level numbers by distance, then by number."""


@dataclass(frozen=True, slots=True)
class WalletSpacing:
    """A wallet's levels on both sides."""

    bids: LevelSpacing
    asks: LevelSpacing

    def on(self, side: Side) -> LevelSpacing:
        return self.bids if side is Side.BUY else self.asks


@lru_cache(maxsize=8192)
def wallet_spacing(shapes: Shapes, index: int) -> WalletSpacing:
    """The levels of the wallet with this index (from 0)."""
    bids = level_spacing(shapes.bid, shapes.rules, index)
    return WalletSpacing(bids, bids if shapes.ask == shapes.bid else level_spacing(shapes.ask, shapes.rules, index))


def level_spacing(shape: SideShape, rules: Rules, index: int) -> LevelSpacing:
    """The levels on one side of the wallet with this index (from 0)."""
    levels = range(1, shape.orders + 1)
    distances = level_distances(rules, shape.min_distance_ticks, shape.max_distance_ticks, index, shape.orders)
    amounts18 = tuple(_amount18(shape, index + 1, level) for level in levels)
    nearest_first = tuple(sorted(levels, key=lambda level: distances[level - 1]))
    return LevelSpacing(distances, amounts18, nearest_first)


@lru_cache(maxsize=16384)
def level_distances(rules: Rules, nearest: int, farthest: int, index: int, levels: int) -> tuple[int, ...]:
    """How many ticks from the anchor the levels of the wallet with this index (from 0) are, level 1 first."""
    span = max(1, farthest - nearest)
    return tuple(nearest + floor(_wobble(rules, index + 1, level) * span) for level in range(1, levels + 1))


def _wobble(rules: Rules, wallet: int, level: int) -> float:
    """Where a level is in its range, 0 to 1. `wallet` and `level` count from 1."""
    if rules is Rules.EVEN:
        return (wallet * _WALLET_STEP + level * _LEVEL_STEP) % 1.0
    return (sin(wallet * 999 + level * 1337) + 1) / 2


def _amount18(shape: SideShape, wallet: int, level: int) -> int:
    """`wallet` and `level` count from 1. The size is cut after nine decimals, which leaves room for the tag."""
    fraction = (cos(wallet * 123 + level * 77) + 1) / 2
    size = shape.size_min + (shape.size_max - shape.size_min) * fraction
    return int(Decimal(str(size)).scaleb(9)) * TAG_UNIT
