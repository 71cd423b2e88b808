"""The packer: keeps a target number of bids and asks of each wallet resting around the anchor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from ama_tui.domain.money import AMOUNT_UNIT
from ama_tui.domain.order import Side
from ama_tui.domain.plan import (
    Cancel,
    MarketSnapshot,
    Place,
    Plan,
    Rules,
    RunLimits,
    Skip,
    SkipReason,
    Targets,
    WalletBudget,
    WalletSnapshot,
)
from ama_tui.strategies.anchor import anchor_x2, market_problem, missing_anchor
from ama_tui.strategies.budget import CAP_DETAIL, DUST18, OrderRequest, fit, margin_bps
from ama_tui.strategies.cancels import StaleOrders, duplicate, excess
from ama_tui.strategies.definition import Called, StrategyDefinition
from ama_tui.strategies.digest import WalletDigest
from ama_tui.strategies.fills import FillMemory
from ama_tui.strategies.levels import SideOrders
from ama_tui.strategies.packer_parameters import PackerParameters
from ama_tui.strategies.prices import OwnBest, Prices, best_prices
from ama_tui.strategies.spacing import LevelSpacing, WalletSpacing


@dataclass(frozen=True, slots=True)
class PackerMemory:
    """What the packer worked out for its last plan: it spares the work for wallets that look the same."""

    parameters: PackerParameters | None = None
    limits: RunLimits | None = None
    digests: Mapping[str, WalletDigest] = field(default_factory=dict)
    """By address, for these parameters and limits. A digest counts for one snapshot object of its wallet."""
    fills: FillMemory = field(default_factory=FillMemory)


def plan(market: MarketSnapshot, parameters: PackerParameters, memory: PackerMemory) -> tuple[Plan, PackerMemory]:
    """Cancels, then placements wallet by wallet. Every missing level is either placed or skipped."""
    anchor = anchor_x2(market)
    limits = market.limits
    is_same = (memory.parameters, memory.limits) == (parameters, limits)
    known = memory.digests if is_same else {}
    shapes = parameters.shapes
    digests: dict[str, WalletDigest] = {}
    for wallet in market.wallets:
        digest = known.get(wallet.address)
        if digest is None or digest.wallet is not wallet:
            digest = WalletDigest.of(wallet, shapes, limits)
        digests[wallet.address] = digest
    best = best_prices(market, (digest.own_best for digest in digests.values()))
    fills = memory.fills.after(market, parameters.fill_delay_s)
    builder = _PlanBuilder(parameters, market, anchor, best, fills)
    for digest in digests.values():
        builder.add_wallet(digest)
    decided = Plan((*builder.cancels, *builder.places), tuple(builder.skips), anchor, builder.budgets)
    return decided, PackerMemory(parameters, limits, digests, fills.cancelling(builder.cancels))


def _targets(parameters: PackerParameters) -> Targets:
    bids, asks = parameters.bid_shape, parameters.ask_shape
    return Targets(
        bids.orders,
        asks.orders,
        int(Decimal(str(max(bids.size_max, asks.size_max))) * AMOUNT_UNIT),
        max(bids.max_distance_ticks, asks.max_distance_ticks),
    )


def _refusal(parameters: PackerParameters, tick6: int, anchor_x2: int | None, called: Called) -> str | None:
    own = parameters.bid_min_distance_ticks
    name = called("min_distance_ticks" if own is None else "bid_min_distance_ticks")
    return market_problem(parameters.bid_shape.min_distance_ticks, tick6, anchor_x2, name)


PACKER = StrategyDefinition(
    name="packer",
    summary="keeps a target number of bids and asks of each wallet resting around the anchor",
    parameters=PackerParameters,
    plan=plan,
    targets=_targets,
    memory=PackerMemory,
    refusal=_refusal,
)


class _PlanBuilder:
    """Builds a plan wallet by wallet."""

    def __init__(
        self,
        parameters: PackerParameters,
        market: MarketSnapshot,
        anchor: int | None,
        best: OwnBest,
        fills: FillMemory,
    ) -> None:
        self._parameters = parameters
        self._shapes = parameters.shapes
        self._price_limits6 = {side: parameters.price_limit6(side) for side in Side}
        self._fills = fills
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
        if digest.is_complete and not self._may_be_stale(digest):
            return
        if wallet.unusable is not None:
            self.skips.append(Skip(wallet.address, wallet.unusable, wallet.unusable_detail))
            return
        buys, sells = SideOrders.of(wallet, Side.BUY), SideOrders.of(wallet, Side.SELL)
        self._cancel(wallet, buys, sells, digest.spacing)
        self._fill(wallet, budget, buys, sells, digest.spacing)

    def _may_be_stale(self, digest: WalletDigest) -> bool:
        return self._stale_orders is not None and (
            digest.has_remnant or self._stale_orders.may_be_among(digest.lowest6, digest.highest6, digest.own_best)
        )

    def _cancel(self, wallet: WalletSnapshot, buys: SideOrders, sells: SideOrders, spacing: WalletSpacing) -> None:
        """Cancel excess, duplicate and stale orders."""
        surplus = [
            cancel for one in (buys, sells) for cancel in excess(wallet, one.resting, self._shapes.on(one.side).orders)
        ]
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
        spacing: WalletSpacing,
    ) -> None:
        """Fill the vacant levels of both sides within the budget."""
        missing_buys, missing_sells = (
            self._without_waiting(wallet, one.side, one.missing_levels(spacing.on(one.side))) for one in (buys, sells)
        )
        if not missing_buys and not missing_sells:
            return
        standing = self._standing_reason(wallet, budget)
        if standing is not None:
            self.skips.append(standing)
            return
        requests = self._in_turn(
            self._requests(wallet, buys, missing_buys, spacing.bids),
            self._requests(wallet, sells, missing_sells, spacing.asks),
        )
        fitted = fit(wallet, requests, budget.remaining6, self._parameters.rules)
        self.places += fitted.places
        self.skips += fitted.skips
        if fitted.scale != 1.0:
            self.budgets[wallet.address] = replace(budget, scale=fitted.scale)

    def _without_waiting(self, wallet: WalletSnapshot, side: Side, missing: list[int]) -> list[int]:
        """The missing levels, without those whose order was filled a moment ago."""
        if not self._fills.waiting:
            return missing
        ready = []
        for level in missing:
            seconds = self._fills.seconds_left(wallet.address, side, level, self._market.now)
            if seconds > 0:
                self.skips.append(Skip(wallet.address, SkipReason.FILLED, "", side, level))
            else:
                ready.append(level)
        return ready

    def _standing_reason(self, wallet: WalletSnapshot, budget: WalletBudget) -> Skip | None:
        """One Skip for all missing levels if none of them can be filled, else None."""
        if self._prices is None:
            return Skip(wallet.address, SkipReason.NO_ANCHOR, missing_anchor(self._market))
        if wallet.available6 + budget.reserved6 == 0:
            return Skip(wallet.address, SkipReason.NO_COLLATERAL, "nothing available or reserved")
        if budget.remaining6 == 0:
            return Skip(wallet.address, SkipReason.CAP, CAP_DETAIL)
        return None

    def _requests(
        self, wallet: WalletSnapshot, orders: SideOrders, missing: list[int], spacing: LevelSpacing
    ) -> list[OrderRequest]:
        """The missing levels of one side that can be placed at their full size; the others are skipped."""
        if not missing or self._prices is None:
            return []
        side = orders.side
        bps = margin_bps(side, self._market.margin_req_bps, orders.resting)
        requests: list[OrderRequest] = []
        for level in missing:
            distance = spacing.distances[level - 1]
            amount18 = spacing.amounts18[level - 1]
            price = self._prices.at(side, distance)
            limit6 = self._price_limits6[side]
            if limit6 is not None and (price.price6 > limit6 if side is Side.BUY else price.price6 < limit6):
                detail = "above the price ceiling" if side is Side.BUY else "below the price floor"
                self.skips.append(Skip(wallet.address, SkipReason.PRICE_RANGE, detail, side, level))
            elif price.refusal is not None:
                detail = f"{distance} ticks from the anchor"
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
        if self._parameters.rules is Rules.ORIGINAL:
            return buys + sells
        return sorted(buys + sells, key=lambda request: request.level)
