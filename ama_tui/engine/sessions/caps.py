"""How much a session may trade: enough for the run's settings, with some room, and no more. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ama_tui.domain.money import BPS_UNIT, notional6
from ama_tui.domain.plan import TakerLimits, Targets
from ama_tui.domain.session import Caps

TRADE_ROOM = 2
"""Prices or planned orders may double before a session is too small."""
FIRST_FILLS = 4
"""How often any session may fill a wallet's whole target."""
FILLS_PER_HOUR = 12
"""How often more per hour: each order is filled or replaced every five minutes."""
SMALLEST6 = 1
"""The cap of a wallet that cannot place orders yet; 0 would mean no cap."""
LARGEST6 = 2**256 - 1


@dataclass(frozen=True, slots=True)
class CapForecast:
    """A wallet and its market when a session is created; amounts in USDC with 6 decimals."""

    tick6: int
    margin_req_bps: int
    anchor_x2: int | None
    """Twice the anchor price, None without one."""
    basis6: int
    """The collateral that the maximum utilization refers to."""
    largest6: int = 0
    """Notional of the largest planned order."""
    planned6: int = 0
    """Notional of all planned orders."""


def allowance(max_utilization: float, targets: Targets, forecast: CapForecast, seconds: float) -> Caps:
    """The caps of a session that lasts `seconds`; never 0, which would be no cap."""
    cap6 = forecast.basis6 * round(max_utilization * BPS_UNIT) // BPS_UNIT
    restable6 = cap6 * BPS_UNIT // forecast.margin_req_bps
    order6 = max(forecast.largest6, min(restable6, _largest_order6(targets, forecast)))
    target6 = max(forecast.planned6, min(restable6, (targets.bids + targets.asks) * order6))
    per_trade6 = max(SMALLEST6, TRADE_ROOM * order6)
    fills = FIRST_FILLS + int(FILLS_PER_HOUR * seconds / 3600)
    return Caps(min(LARGEST6, per_trade6), min(LARGEST6, max(per_trade6, TRADE_ROOM * fills * target6)))


def taker_allowance(limits: TakerLimits, anchor_x2: int | None, seconds: float) -> Caps:
    """The caps of a taker's session that lasts `seconds`: its largest order and its budget, with room to spare."""
    largest6 = LARGEST6 if anchor_x2 is None else notional6(limits.size_max18, -(-anchor_x2 // 2))
    per_trade6 = max(SMALLEST6, TRADE_ROOM * min(largest6, max(limits.budget6, SMALLEST6)))
    hours = 1 + -(-int(seconds) // 3600)
    return Caps(min(LARGEST6, per_trade6), min(LARGEST6, max(per_trade6, TRADE_ROOM * hours * limits.budget6)))


def are_alike(one: Caps, other: Caps) -> bool:
    """Is neither more than twice the other, and does neither lack a cap that the other has?"""
    pairs = ((one.per_trade6, other.per_trade6), (one.per_session6, other.per_session6))
    return all(low <= 2 * high and high <= 2 * low for low, high in pairs)


def _largest_order6(targets: Targets, forecast: CapForecast) -> int:
    """The notional of the largest size at the farthest price; without a price, as much as the collateral allows."""
    if forecast.anchor_x2 is None:
        return LARGEST6
    farthest6 = -(-forecast.anchor_x2 // 2) + targets.farthest_ticks * forecast.tick6
    return notional6(targets.largest18, farthest6)
