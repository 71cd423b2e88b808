"""The band of distances in which a wallet's orders on one side belong. Pure; whole ticks."""

from __future__ import annotations

from dataclasses import dataclass

from ama_tui.domain.order import Side
from ama_tui.strategies.packer_parameters import SideShape
from ama_tui.strategies.rebalance.parameters import RebalanceParameters


@dataclass(frozen=True, slots=True)
class Band:
    """Distances from the anchor, in ticks."""

    near: int
    far: int


@dataclass(frozen=True, slots=True)
class Lean:
    """How the whole fleet's bands differ from the set distances, in ticks."""

    toward_asks: int = 0
    """Asks go this much further out and bids this much nearer, when others bid more than they ask; below 0, the other
    way round."""
    wider: int = 0
    """Every band goes this much further out."""

    def followed(self, wanted: Lean, slack: int) -> Lean:
        """What to use once the signals want another lean: this one, until one of its parts is off by more than `slack`.

        Signals that tremble thus move nothing.
        """
        return Lean(
            wanted.toward_asks if abs(wanted.toward_asks - self.toward_asks) > slack else self.toward_asks,
            wanted.wider if abs(wanted.wider - self.wider) > slack else self.wider,
        )


def wanted_lean(parameters: RebalanceParameters, imbalance: float, volatility_ticks: float) -> Lean:
    """The lean that the signals of the market ask for. Rounded half to even, once."""
    span = _span(parameters)
    most = 10 * span
    return Lean(
        round(parameters.imbalance_weight * imbalance * span),
        min(most, round(parameters.volatility_weight * volatility_ticks)),
    )


def band(shape: SideShape, side: Side, lean: Lean, skew: float) -> Band:
    """Where a wallet's orders of one side belong. `skew` is its position as a share of the full one, times its weight.

    A long wallet bids further away and asks nearer. No band comes nearer than the smallest distance that is set: what
    moves inward draws the far end in, to half of the span at most.
    """
    span = max(1, shape.max_distance_ticks - shape.min_distance_ticks)
    away = round(skew * span) - lean.toward_asks
    outward = away if side is Side.BUY else -away
    near = shape.min_distance_ticks + lean.wider + max(0, outward)
    far = shape.min_distance_ticks + span + lean.wider + outward
    return Band(near, max(far, near + max(1, span // 2)))


def _span(parameters: RebalanceParameters) -> int:
    return max(1, parameters.max_distance_ticks - parameters.min_distance_ticks)
