"""How much a session may trade: enough for what the run is configured to do, with room to spare, and no more. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from ama_tui.domain.money import AMOUNT_UNIT, BPS_UNIT, notional6
from ama_tui.domain.parameters import Parameters
from ama_tui.domain.session import Caps

TRADE_ROOM = 2
"""The price may double, and so may the orders that are wanted, before a session is too small."""
FIRST_FILLS = 4
"""How often a session may fill a wallet's whole target at once, however short it lasts."""
FILLS_PER_HOUR = 12
"""How often it may do so again in an hour: each order is taken, or left behind by the price, every five minutes."""
SMALLEST6 = 1
"""A wallet that can place nothing yet gets the smallest caps there are: 0 would be none."""
LARGEST6 = 2**256 - 1


@dataclass(frozen=True, slots=True)
class CapForecast:
    """What is known of a wallet and its market when a session is made for it; money in USDC with 6 decimals.

    `anchor_x2` is twice the anchor price (6 decimals), None without one; `basis6` the wallet's collateral that the
    utilization is a share of; `largest6` and `planned6` the notionals of the largest and of all planned orders.
    """

    tick6: int
    margin_req_bps: int
    anchor_x2: int | None
    basis6: int
    largest6: int = 0
    planned6: int = 0


def allowance(parameters: Parameters, outlook: CapForecast, seconds: float) -> Caps:
    """The caps of a session that lasts `seconds`; never 0, which would be no cap."""
    cap6 = outlook.basis6 * round(parameters.max_utilization * BPS_UNIT) // BPS_UNIT
    restable6 = cap6 * BPS_UNIT // outlook.margin_req_bps
    order6 = max(outlook.largest6, min(restable6, _largest_order6(parameters, outlook)))
    target6 = max(outlook.planned6, min(restable6, 2 * parameters.orders_per_side * order6))
    per_trade6 = max(SMALLEST6, TRADE_ROOM * order6)
    fills = FIRST_FILLS + int(FILLS_PER_HOUR * seconds / 3600)
    return Caps(min(LARGEST6, per_trade6), min(LARGEST6, max(per_trade6, TRADE_ROOM * fills * target6)))


def are_alike(one: Caps, other: Caps) -> bool:
    """Is neither more than twice the other, and neither without a cap that the other has?"""
    pairs = ((one.per_trade6, other.per_trade6), (one.per_session6, other.per_session6))
    return all(low <= 2 * high and high <= 2 * low for low, high in pairs)


def _largest_order6(parameters: Parameters, outlook: CapForecast) -> int:
    """The notional of the largest size at the farthest price; without a price, whatever the collateral allows."""
    if outlook.anchor_x2 is None:
        return LARGEST6
    farthest6 = -(-outlook.anchor_x2 // 2) + parameters.max_distance_ticks * outlook.tick6
    return notional6(int(Decimal(str(parameters.size_max)) * AMOUNT_UNIT), farthest6)
