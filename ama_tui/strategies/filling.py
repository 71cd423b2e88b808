"""What it takes to fill vacant levels: prices, sizes and margins, or the reason why not. Shared by strategies."""

from __future__ import annotations

from ama_tui.domain.plan import MarketSnapshot, Skip, SkipReason, WalletBudget, WalletSnapshot
from ama_tui.strategies.anchor import missing_anchor
from ama_tui.strategies.budget import CAP_DETAIL, DUST18, OrderRequest, margin_bps
from ama_tui.strategies.levels import SideOrders
from ama_tui.strategies.prices import Prices
from ama_tui.strategies.spacing import LevelSpacing


def standing_reason(
    market: MarketSnapshot, wallet: WalletSnapshot, budget: WalletBudget, *, has_anchor: bool
) -> Skip | None:
    """One Skip for all missing levels of a wallet if none of them can be filled, else None."""
    if not has_anchor:
        return Skip(wallet.address, SkipReason.NO_ANCHOR, missing_anchor(market))
    if wallet.available6 + budget.reserved6 == 0:
        return Skip(wallet.address, SkipReason.NO_COLLATERAL, "nothing available or reserved")
    if budget.remaining6 == 0:
        return Skip(wallet.address, SkipReason.CAP, CAP_DETAIL)
    return None


def requests_of(
    wallet: WalletSnapshot,
    orders: SideOrders,
    missing: list[int],
    spacing: LevelSpacing,
    prices: Prices,
    margin_req_bps: int,
) -> tuple[list[OrderRequest], list[Skip]]:
    """The missing levels of one side that can be placed at their full size, and why the others cannot."""
    if not missing:
        return [], []
    side = orders.side
    bps = margin_bps(side, margin_req_bps, orders.resting)
    requests: list[OrderRequest] = []
    skips: list[Skip] = []
    for level in missing:
        distance = spacing.distances[level - 1]
        amount18 = spacing.amounts18[level - 1]
        price = prices.at(side, distance)
        if price.refusal is not None:
            skips.append(Skip(wallet.address, price.refusal, f"{distance} ticks from the anchor", side, level))
        elif amount18 < DUST18:
            detail = "its size would be less than 0.00001"
            skips.append(Skip(wallet.address, SkipReason.DUST, detail, side, level))
        else:
            requests.append(OrderRequest(side, level, price, amount18, bps))
    return requests, skips
