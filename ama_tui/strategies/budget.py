"""Budgets: how much margin a wallet may tie up, and how its missing orders are cut to fit (rules 1 and 7)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ama_tui.domain.money import BPS_UNIT, SHORT_MARGIN_BPS, margin6
from ama_tui.domain.order import MAX_TAG_SEQUENCE, TAG_UNIT, RestingOrder, Side, Tag, encode_tag
from ama_tui.domain.parameters import Parameters
from ama_tui.domain.plan import (
    CollateralBasis,
    Place,
    Rules,
    Skip,
    SkipReason,
    WalletBudget,
    WalletSnapshot,
)
from ama_tui.strategies.prices import Price

DUST18 = 10**13
"""An amount below this is not worth placing."""

SEQUENCES = MAX_TAG_SEQUENCE + 1
"""Sequence numbers start over after this many orders."""

CAP_DETAIL = "its orders tie up all that maxWalletUtilization allows"
DUST_DETAIL = "less than 0.00001 of it fits the cap"


class OrderRequest(NamedTuple):
    """A missing level that has a price: its whole size (a multiple of 10^9, untagged) and margin ratio."""

    side: Side
    level: int
    price: Price
    amount18: int
    bps: int


class ScaledOrder(NamedTuple):
    """What amounts are cut to so that `need6` of margin takes nine tenths of `room6` (USDC, 6 decimals).

    The tenth that stays free is for the tags, for fees, and for what moves meanwhile.
    """

    room6: int
    need6: int

    def of(self, amount18: int) -> int:
        """The cut amount, floored to make room for the tag."""
        return amount18 * self.room6 * 9 // (10 * self.need6 * TAG_UNIT) * TAG_UNIT

    @property
    def factor(self) -> float:
        return self.room6 * 9 / (10 * self.need6)


@dataclass(frozen=True, slots=True)
class Fit:
    """What of the wishes fits the budget; `scale` is placed over wished margin where they were cut."""

    places: list[Place]
    skips: list[Skip]
    scale: float


def budget_of(wallet: WalletSnapshot, parameters: Parameters, rules: Rules, basis: CollateralBasis) -> WalletBudget:
    """A wallet's cap and what of it is in use, in USDC with 6 decimals.

    The cap is a share of all its free collateral. Under `even`, a venue whose available collateral is
    net has what resting orders reserve added back; `original` never adds it.
    """
    reserved6 = 0
    for order in wallet.orders:
        if order.is_margin:
            reserved6 += order.margin6
    in_flight6 = sum(order.margin6 for order in wallet.pending_orders)
    basis6 = wallet.available6
    if rules is Rules.EVEN and basis is CollateralBasis.NET:
        basis6 += reserved6
    cap6 = basis6 * round(parameters.max_utilization * BPS_UNIT) // BPS_UNIT
    return WalletBudget(basis6, cap6, reserved6, in_flight6)


def margin_bps(side: Side, margin_req_bps: int, resting: Iterable[RestingOrder]) -> int:
    """The margin ratio to reckon with on one side: the market's, or a larger one that `resting` orders show.

    An order shows the smallest ratio that explains its margin to within one unit of rounding, so that
    rounding alone raises nothing. Orders under the dust limit, where a unit is a large part, show none.
    """
    bps = margin_req_bps if side is Side.BUY else max(margin_req_bps, SHORT_MARGIN_BPS)
    for order in resting:
        value = order.amount18 * order.price6
        if order.is_margin and order.amount18 >= DUST18 and value > 0:
            bps = max(bps, -((1 - order.margin6) * 10**22 // value))
    return bps


def fit(wallet: WalletSnapshot, requests: Sequence[OrderRequest], remaining6: int, rules: Rules) -> Fit:
    """Orders for the wishes that fit `remaining6` (USDC, 6 decimals) with their tags; a Skip for each other.

    `even` cuts all by one factor when they do not fit together. `original` takes them one after the
    other and cuts each to what is left. What still does not fit, or is dust, is skipped.
    """
    tagged = [(request, _tag(wallet, request, position)) for position, request in enumerate(requests)]
    wished6 = 0
    for request, tag in tagged:
        wished6 += margin6(request.amount18 + tag, request.price.price6, request.bps)
    share = ScaledOrder(remaining6, wished6) if rules is Rules.EVEN and wished6 > remaining6 else None
    places: list[Place] = []
    skips: list[Skip] = []
    left6 = remaining6
    for request, tag in tagged:
        side, level, price, amount18, bps = request
        position = len(places)
        if skips:
            # what was skipped before it has moved it up, and its sequence number with it
            tag = _tag(wallet, request, position)
        if share is not None:
            amount18 = share.of(amount18)
        need6 = margin6(amount18 + tag, price.price6, bps)
        if share is None and need6 > left6:
            amount18 = ScaledOrder(left6, need6).of(amount18)
            need6 = margin6(amount18 + tag, price.price6, bps)
        if amount18 < DUST18 or need6 > left6:
            skips.append(_refused(wallet, request, need6, left6))
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
    if share is not None:
        return Fit(places, skips, share.factor)
    return Fit(places, skips, placed6 / wished6 if placed6 < wished6 else 1.0)


def _tag(wallet: WalletSnapshot, request: OrderRequest, position: int) -> int:
    """The tag of the order that is number `position` (from 0) of its wallet's in this plan."""
    return encode_tag(Tag(request.level, (wallet.sequence + position) % SEQUENCES))


def _refused(wallet: WalletSnapshot, request: OrderRequest, need6: int, left6: int) -> Skip:
    """The cap is to blame when what is left holds no order at all, however small."""
    if need6 > left6 or margin6(DUST18, request.price.price6, request.bps) > left6:
        return Skip(wallet.address, SkipReason.CAP, CAP_DETAIL, request.side, request.level)
    return Skip(wallet.address, SkipReason.DUST, DUST_DETAIL, request.side, request.level)
