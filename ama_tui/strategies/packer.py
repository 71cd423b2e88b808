"""The packer: keeps a target number of bids and asks of each wallet resting around the anchor."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from ama_tui.domain.money import AMOUNT_UNIT
from ama_tui.domain.order import Side
from ama_tui.domain.plan import (
    Cancel,
    MarketSnapshot,
    Place,
    Plan,
    Rules,
    Skip,
    SkipReason,
    Targets,
    WalletBudget,
    WalletSnapshot,
)
from ama_tui.strategies.anchor import anchor_x2, market_problem
from ama_tui.strategies.budget import OrderRequest, fit
from ama_tui.strategies.cancels import StaleOrders, duplicate, excess
from ama_tui.strategies.definition import Called, StrategyDefinition
from ama_tui.strategies.digest import DigestMemory, WalletDigest
from ama_tui.strategies.filling import requests_of, standing_reason
from ama_tui.strategies.levels import SideOrders
from ama_tui.strategies.packer_parameters import PackerParameters
from ama_tui.strategies.prices import OwnBest, Prices, best_prices
from ama_tui.strategies.spacing import LevelSpacing, level_spacing


def plan(market: MarketSnapshot, parameters: PackerParameters, memory: DigestMemory) -> tuple[Plan, DigestMemory]:
    """Cancels, then placements wallet by wallet. Every missing level is either placed or skipped."""
    anchor = anchor_x2(market)
    memory = memory.after(market.wallets, parameters, market.limits)
    fleet = memory.fleet
    builder = _PlanBuilder(parameters, market, anchor, best_prices(market, fleet.own_best))
    if fleet.is_complete and not builder.may_be_far(fleet.lowest6, fleet.highest6):
        return Plan(anchor_x2=anchor, budgets=fleet.budgets), memory
    for digest in fleet.digests.values():
        builder.add_wallet(digest)
    return Plan((*builder.cancels, *builder.places), tuple(builder.skips), anchor, builder.budgets), memory


def packer_targets(parameters: PackerParameters) -> Targets:
    """What the packer keeps resting for each maker."""
    return Targets(
        parameters.orders_per_side,
        parameters.orders_per_side,
        int(Decimal(str(parameters.size_max)) * AMOUNT_UNIT),
        parameters.max_distance_ticks,
    )


def market_refusal(parameters: PackerParameters, tick6: int, anchor_x2: int | None, called: Called) -> str | None:
    """Why the nearest distance does not fit a market's price, None if it does."""
    return market_problem(parameters.min_distance_ticks, tick6, anchor_x2, called("min_distance_ticks"))


PACKER = StrategyDefinition(
    name="packer",
    summary="keeps a target number of bids and asks of each wallet resting around the anchor",
    parameters=PackerParameters,
    plan=plan,
    targets=packer_targets,
    memory=DigestMemory,
    refusal=market_refusal,
)


class _PlanBuilder:
    """Builds a plan wallet by wallet."""

    def __init__(self, parameters: PackerParameters, market: MarketSnapshot, anchor: int | None, best: OwnBest) -> None:
        self._parameters = parameters
        self._market = market
        self._prices = None if anchor is None else Prices(market, anchor, parameters, best)
        self._stale_orders = None if self._prices is None else StaleOrders(market, parameters, self._prices)
        self.cancels: list[Cancel] = []
        self.places: list[Place] = []
        self.skips: list[Skip] = []
        self.budgets: dict[str, WalletBudget] = {}

    def add_wallet(self, digest: WalletDigest) -> None:
        """Plan one wallet."""
        wallet = digest.wallet
        if not wallet.was_read:
            self.skips.append(Skip(wallet.address, SkipReason.UNREAD, wallet.unusable_detail))
            return
        budget = self.budgets[wallet.address] = digest.budget
        if digest.is_complete and not digest.has_remnant and not self.may_be_far(digest.lowest6, digest.highest6):
            return
        if wallet.unusable is not None:
            self.skips.append(Skip(wallet.address, wallet.unusable, wallet.unusable_detail))
            return
        buys, sells = SideOrders.of(wallet, Side.BUY), SideOrders.of(wallet, Side.SELL)
        spacing = level_spacing(self._parameters, wallet.index)
        self._cancel(wallet, buys, sells, spacing)
        self._fill(wallet, budget, buys, sells, spacing)

    def may_be_far(self, lowest6: int, highest6: int) -> bool:
        """Whether any order in this range of prices may be too far from the anchor; False without an anchor."""
        return self._stale_orders is not None and self._stale_orders.may_be_among(lowest6, highest6)

    def _cancel(self, wallet: WalletSnapshot, buys: SideOrders, sells: SideOrders, spacing: LevelSpacing) -> None:
        """Cancel excess, duplicate and stale orders."""
        target = self._parameters.orders_per_side
        surplus = [*excess(wallet, buys.resting, target), *excess(wallet, sells.resting, target)]
        newer = duplicate(wallet)
        if newer is not None and all(cancel.order_id != newer.order_id for cancel in surplus):
            surplus.append(newer)
        self.cancels += surplus
        if self._stale_orders is None:
            # Without an anchor the level could not be refilled.
            return
        cancelled = wallet.cancelling.union(cancel.order_id for cancel in surplus)
        stale = self._stale_orders.oldest(wallet, cancelled, spacing)
        if stale is not None:
            self.cancels.append(stale)

    def _fill(
        self,
        wallet: WalletSnapshot,
        budget: WalletBudget,
        buys: SideOrders,
        sells: SideOrders,
        spacing: LevelSpacing,
    ) -> None:
        """Fill the vacant levels of both sides within the budget."""
        missing_buys, missing_sells = buys.missing_levels(spacing), sells.missing_levels(spacing)
        if not missing_buys and not missing_sells:
            return
        prices, market = self._prices, self._market
        standing = standing_reason(market, wallet, budget, has_anchor=prices is not None)
        if standing is not None or prices is None:
            self.skips += [standing] if standing is not None else []
            return
        bids, no_bids = requests_of(wallet, buys, missing_buys, spacing, prices, market.margin_req_bps)
        asks, no_asks = requests_of(wallet, sells, missing_sells, spacing, prices, market.margin_req_bps)
        self.skips += (*no_bids, *no_asks)
        requests = self._in_turn(bids, asks)
        fitted = fit(wallet, requests, budget.remaining6, self._parameters.rules)
        self.places += fitted.places
        self.skips += fitted.skips
        if fitted.scale != 1.0:
            self.budgets[wallet.address] = replace(budget, scale=fitted.scale)

    def _in_turn(self, buys: list[OrderRequest], sells: list[OrderRequest]) -> list[OrderRequest]:
        """The requests in placing order: `even` takes the lowest levels first, buys and sells in turn; `original` takes
        all buys first.

        At a slow venue a plan is replaced before much of it is sent, so what is first in it is all that counts.
        """
        if self._parameters.rules is Rules.ORIGINAL:
            return buys + sells
        return sorted(buys + sells, key=lambda request: request.level)
