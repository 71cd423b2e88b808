"""Budgets: how much margin a wallet may use, and how its missing orders are scaled to fit (rules 1 and 7)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor
from typing import NamedTuple

from ama_tui.domain.money import BPS_UNIT, SHORT_MARGIN_BPS, margin6
from ama_tui.domain.order import MAX_TAG_SEQUENCE, TAG_UNIT, RestingOrder, Side, Tag, encode_tag
from ama_tui.domain.plan import (
    CollateralBasis,
    Place,
    Rules,
    RunLimits,
    Skip,
    SkipReason,
    WalletBudget,
    WalletSnapshot,
)
from ama_tui.strategies.prices import Price

DUST18 = 10**13
"""Amounts below this are not placed."""

SEQUENCES = MAX_TAG_SEQUENCE + 1
"""Sequence numbers wrap around after this many orders."""

CAP_DETAIL = "its orders use all the margin that the collateral share allows (--max-utilization)"
DUST_DETAIL = "less than 0.00001 fits the cap"


class OrderRequest(NamedTuple):
    """A missing level with a price and its full size."""

    side: Side
    level: int
    price: Price
    amount18: int
    """A multiple of 10^9, without tag."""
    bps: int
    """Margin in basis points of the notional."""


class SizeScale(NamedTuple):
    """Scales amounts so that their margin uses nine tenths of what is left.

    The remaining tenth covers tags, fees and price moves.
    """

    room6: int
    """The margin left (USDC, 6 decimals)."""
    need6: int
    """The margin of the full sizes (USDC, 6 decimals)."""

    def of(self, amount18: int) -> int:
        """The scaled amount, floored to make room for the tag."""
        return amount18 * self.room6 * 9 // (10 * self.need6 * TAG_UNIT) * TAG_UNIT

    @property
    def factor(self) -> float:
        return self.room6 * 9 / (10 * self.need6)


@dataclass(frozen=True, slots=True)
class FittedOrders:
    """The orders that fit the budget."""

    places: list[Place]
    skips: list[Skip]
    scale: float
    """The factor by which sizes were reduced; 1.0 if they were not."""


def budget_of(wallet: WalletSnapshot, limits: RunLimits, rules: Rules = Rules.EVEN) -> WalletBudget:
    """A wallet's cap and how much of it is in use, in USDC with 6 decimals.

    The cap is a share of its collateral. With rules `even` and net collateral, the margin of resting orders is added
    back first; `original` never adds it. Where several markets share the collateral, each has its share of the cap, and
    no market uses what the others' orders still hold of theirs.
    """
    reserved6 = 0
    for order in wallet.orders:
        if order.is_margin:
            reserved6 += order.margin6
    pending6 = sum(order.margin6 for order in wallet.pending_orders)
    basis6 = wallet.available6
    shared = wallet.shared
    if rules is Rules.EVEN and limits.basis is CollateralBasis.NET:
        basis6 += reserved6 + (0 if shared is None else shared.elsewhere6)
    utilization = Fraction(round(limits.max_utilization * BPS_UNIT), BPS_UNIT)
    if shared is None:
        return WalletBudget(basis6, floor(basis6 * utilization), reserved6, pending6)
    limit6 = floor(basis6 * shared.limit)
    cap6 = min(floor(basis6 * utilization * shared.share), max(0, limit6 - shared.held6))
    return WalletBudget(basis6, cap6, reserved6, pending6, limit6=limit6)


def margin_bps(side: Side, margin_req_bps: int, resting: Iterable[RestingOrder]) -> int:
    """The margin ratio of one side in basis points: the market's, or a larger one that `resting` orders imply.

    An order implies the smallest ratio that explains its margin within one unit of rounding, so rounding alone never
    raises the ratio. Orders below the dust limit are ignored because one unit is a large part of their margin.
    """
    bps = margin_req_bps if side is Side.BUY else max(margin_req_bps, SHORT_MARGIN_BPS)
    for order in resting:
        value = order.amount18 * order.price6
        if order.is_margin and order.amount18 >= DUST18 and value > 0:
            bps = max(bps, -((1 - order.margin6) * 10**22 // value))
    return bps


def fit(
    wallet: WalletSnapshot, requests: Sequence[OrderRequest], remaining6: int, rules: Rules = Rules.EVEN
) -> FittedOrders:
    """Fit requested orders into `remaining6` of margin (USDC, 6 decimals), and add their tags.

    If they do not fit together, `even` scales all of them by one factor; `original` takes them in turn and scales
    each to what is left. Orders that still do not fit, or become dust, are skipped.
    """
    tagged = [(request, _tag(wallet, request, position)) for position, request in enumerate(requests)]
    requested6 = 0
    for request, tag in tagged:
        requested6 += margin6(request.amount18 + tag, request.price.price6, request.bps)
    scale = SizeScale(remaining6, requested6) if rules is Rules.EVEN and requested6 > remaining6 else None
    places: list[Place] = []
    skips: list[Skip] = []
    left6 = remaining6
    for request, tag in tagged:
        side, level, price, amount18, bps = request
        position = len(places)
        if skips:
            # Skipped orders take no sequence number, so this order's number changes.
            tag = _tag(wallet, request, position)
        if scale is not None:
            amount18 = scale.of(amount18)
        need6 = margin6(amount18 + tag, price.price6, bps)
        if scale is None and need6 > left6:
            amount18 = SizeScale(left6, need6).of(amount18)
            need6 = margin6(amount18 + tag, price.price6, bps)
        if amount18 < DUST18 or need6 > left6:
            skips.append(_skip(wallet, request, need6, left6))
            continue
        left6 -= need6
        sequence = (wallet.sequence + position) % SEQUENCES
        places.append(
            Place(
                wallet.address,
                side,
                level,
                price.price6,
                amount18 + tag,
                need6,
                sequence,
                price.distance_ticks,
            )
        )
    placed6 = remaining6 - left6
    if scale is not None:
        return FittedOrders(places, skips, scale.factor)
    return FittedOrders(places, skips, placed6 / requested6 if placed6 < requested6 else 1.0)


def _tag(wallet: WalletSnapshot, request: OrderRequest, position: int) -> int:
    """The tag of a request that becomes the wallet's order number `position` (from 0) in this plan."""
    return encode_tag(Tag(request.level, (wallet.sequence + position) % SEQUENCES))


def _skip(wallet: WalletSnapshot, request: OrderRequest, need6: int, left6: int) -> Skip:
    """The reason is the cap if not even the smallest order would fit."""
    if need6 > left6 or margin6(DUST18, request.price.price6, request.bps) > left6:
        return Skip(wallet.address, SkipReason.CAP, CAP_DETAIL, request.side, request.level)
    return Skip(wallet.address, SkipReason.DUST, DUST_DETAIL, request.side, request.level)
