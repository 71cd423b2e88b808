"""A wallet's ladder: how far from the anchor each of its levels lies, and how large it is.

Two hash functions of the wallet's index and the level (the packer's rules 5 and 6) are the only
floats in planning. What they give is turned into whole ticks and whole amounts here, once.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from math import cos, floor, sin

from ama_tui.domain.order import TAG_UNIT
from ama_tui.domain.parameters import Parameters
from ama_tui.domain.plan import Rules

_WALLET_STEP = 0.6180339887498949
_LEVEL_STEP = 0.4142135623730951
"""The fractional parts of the golden ratio and of the square root of 2: their multiples spread evenly."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """A wallet's levels, both sides alike; entry 0 of `distances` and `amounts18` is level 1.

    `distances` are whole ticks from the anchor. `amounts18` have 18 decimals, are multiples of 10^9
    and carry no tag yet. `nearest_first` lists the level numbers by distance, then by number.
    """

    distances: tuple[int, ...]
    amounts18: tuple[int, ...]
    nearest_first: tuple[int, ...]


@lru_cache(maxsize=8192)
def ladder(parameters: Parameters, rules: Rules, index: int) -> Ladder:
    """The ladder of the wallet at `index` (from 0): `orders_per_side` levels."""
    levels = range(1, parameters.orders_per_side + 1)
    distances = tuple(_distance_ticks(parameters, rules, index + 1, level) for level in levels)
    amounts18 = tuple(_amount18(parameters, index + 1, level) for level in levels)
    nearest_first = tuple(sorted(levels, key=lambda level: distances[level - 1]))
    return Ladder(distances, amounts18, nearest_first)


def _distance_ticks(parameters: Parameters, rules: Rules, wallet: int, level: int) -> int:
    """`wallet` and `level` count from 1."""
    if rules is Rules.EVEN:
        wobble = (wallet * _WALLET_STEP + level * _LEVEL_STEP) % 1.0
    else:
        wobble = (sin(wallet * 999 + level * 1337) + 1) / 2
    span = max(1, parameters.max_distance_ticks - parameters.min_distance_ticks)
    return parameters.min_distance_ticks + floor(wobble * span)


def _amount18(parameters: Parameters, wallet: int, level: int) -> int:
    """`wallet` and `level` count from 1. The size's shortest decimal, cut after nine places for the tag."""
    share = (cos(wallet * 123 + level * 77) + 1) / 2
    size = parameters.size_min + (parameters.size_max - parameters.size_min) * share
    return int(Decimal(str(size)).scaleb(9)) * TAG_UNIT
