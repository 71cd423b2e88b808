"""Fills vacant levels: with placements that fit the budget, or the reason why not. Shared by strategies."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ama_tui.domain.order import Side
from ama_tui.domain.plan import MarketSnapshot, Place, Rules, Skip, SkipReason, WalletBudget, WalletSnapshot
from ama_tui.strategies.anchor import missing_anchor
from ama_tui.strategies.budget import CAP_DETAIL, DUST18, OrderRequest, fit, margin_bps
from ama_tui.strategies.fills import FillMemory
from ama_tui.strategies.levels import SideOrders
from ama_tui.strategies.packer_parameters import PackerParameters
from ama_tui.strategies.prices import Price, Prices
from ama_tui.strategies.spacing import LevelSpacing, WalletSpacing


@dataclass(slots=True)
class Filling:
    """Fills the vacant levels of one plan, wallet by wallet."""

    market: MarketSnapshot
    parameters: PackerParameters
    prices: Prices | None
    """None without an anchor."""
    fills: FillMemory
    """Levels that wait after a fill."""
    places: list[Place] = field(default_factory=list)
    skips: list[Skip] = field(default_factory=list)
    _limits6: dict[Side, int | None] = field(init=False)

    def __post_init__(self) -> None:
        self._limits6 = {side: self.parameters.price_limit6(side) for side in Side}

    def price(self, side: Side, distance: int) -> Price | None:
        """The price this far from the anchor, refused beyond the price floor or ceiling; None without an anchor."""
        if self.prices is None:
            return None
        price, limit6 = self.prices.at(side, distance), self._limits6[side]
        if limit6 is None or (price.price6 <= limit6 if side is Side.BUY else price.price6 >= limit6):
            return price
        return replace(price, refusal=SkipReason.PRICE_RANGE)

    def fill(
        self, wallet: WalletSnapshot, budget: WalletBudget, buys: SideOrders, sells: SideOrders, spacing: WalletSpacing
    ) -> WalletBudget:
        """Fill the vacant levels of both sides within the budget. Returns it with the factor applied to their sizes."""
        missing_buys, missing_sells = (
            self._without_waiting(wallet, one.side, one.missing_levels(spacing.on(one.side))) for one in (buys, sells)
        )
        if not missing_buys and not missing_sells:
            return budget
        standing = self._standing_reason(wallet, budget)
        if standing is not None:
            self.skips.append(standing)
            return budget
        requests = self._in_turn(
            self._requests(wallet, buys, missing_buys, spacing.bids),
            self._requests(wallet, sells, missing_sells, spacing.asks),
        )
        fitted = fit(wallet, requests, budget.remaining6, self.parameters.rules)
        self.places += fitted.places
        self.skips += fitted.skips
        return budget if fitted.scale == 1.0 else replace(budget, scale=fitted.scale)

    def _without_waiting(self, wallet: WalletSnapshot, side: Side, missing: list[int]) -> list[int]:
        """The missing levels, without those whose order was filled a moment ago."""
        if not self.fills.waiting:
            return missing
        ready = []
        for level in missing:
            if self.fills.seconds_left(wallet.address, side, level, self.market.now) > 0:
                self.skips.append(Skip(wallet.address, SkipReason.FILLED, "", side, level))
            else:
                ready.append(level)
        return ready

    def _standing_reason(self, wallet: WalletSnapshot, budget: WalletBudget) -> Skip | None:
        """One Skip for all missing levels if none of them can be filled, else None."""
        if self.prices is None:
            return Skip(wallet.address, SkipReason.NO_ANCHOR, missing_anchor(self.market))
        if wallet.available6 + budget.reserved6 == 0:
            return Skip(wallet.address, SkipReason.NO_COLLATERAL, "nothing available or reserved")
        if budget.remaining6 == 0:
            return Skip(wallet.address, SkipReason.CAP, CAP_DETAIL)
        return None

    def _requests(
        self, wallet: WalletSnapshot, orders: SideOrders, missing: list[int], spacing: LevelSpacing
    ) -> list[OrderRequest]:
        """The missing levels of one side that can be placed at their full size; the others are skipped."""
        if not missing:
            return []
        side = orders.side
        bps = margin_bps(side, self.market.margin_req_bps, orders.resting)
        requests: list[OrderRequest] = []
        for level in missing:
            distance = spacing.distances[level - 1]
            amount18 = spacing.amounts18[level - 1]
            price = self.price(side, distance)
            if price is None:
                continue
            if price.refusal is not None:
                detail = f"{distance} ticks from the anchor"
                if price.refusal is SkipReason.PRICE_RANGE and price.price6 > 0:
                    detail = "above the price ceiling" if side is Side.BUY else "below the price floor"
                self.skips.append(Skip(wallet.address, price.refusal, detail, side, level))
            elif amount18 < DUST18:
                detail = "its size would be less than 0.00001"
                self.skips.append(Skip(wallet.address, SkipReason.DUST, detail, side, level))
            else:
                requests.append(OrderRequest(side, level, price, amount18, bps))
        return requests

    def _in_turn(self, buys: list[OrderRequest], sells: list[OrderRequest]) -> list[OrderRequest]:
        """The requests in placing order: `even` takes the lowest levels first, buys and sells in turn; `original` takes
        all buys first.

        At a slow venue a plan is replaced before much of it is sent, so what is first in it is all that counts.
        """
        if self.parameters.rules is Rules.ORIGINAL:
            return buys + sells
        return sorted(buys + sells, key=lambda request: request.level)
