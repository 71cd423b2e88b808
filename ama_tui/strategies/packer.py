"""The packer: keeps a target number of bids and asks of each wallet resting around the anchor."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from ama_tui.domain.money import AMOUNT_UNIT
from ama_tui.domain.order import Side
from ama_tui.domain.plan import Cancel, MarketSnapshot, Plan, Skip, SkipReason, Targets, WalletBudget, WalletSnapshot
from ama_tui.domain.wallet import Role
from ama_tui.strategies.anchor import anchor_x2, market_problem
from ama_tui.strategies.cancels import StaleOrders, duplicate, excess
from ama_tui.strategies.definition import Called, StrategyDefinition
from ama_tui.strategies.digest import DigestMemory, WalletDigest
from ama_tui.strategies.filling import Filling
from ama_tui.strategies.fills import FillMemory
from ama_tui.strategies.levels import SideOrders
from ama_tui.strategies.packer_parameters import PackerParameters
from ama_tui.strategies.prices import OwnBest, Prices, best_prices
from ama_tui.strategies.spacing import WalletSpacing
from ama_tui.strategies.taking import taking


@dataclass(frozen=True, slots=True)
class PackerMemory:
    """What the packer worked out for its last plan, and which levels wait after a fill."""

    digests: DigestMemory = field(default_factory=DigestMemory)
    fills: FillMemory = field(default_factory=FillMemory)


def plan(market: MarketSnapshot, parameters: PackerParameters, memory: PackerMemory) -> tuple[Plan, PackerMemory]:
    """Cancels, then placements wallet by wallet, then what takers do. Every missing level is placed or skipped."""
    anchor = anchor_x2(market)
    taken, not_taken = taking(market)
    digests = memory.digests.after(market.wallets, parameters, market.limits)
    fills = memory.fills.after(market, parameters.fill_delay_s)
    fleet = digests.fleet
    builder = _PlanBuilder(parameters, market, anchor, best_prices(market, fleet.own_best), fills)
    if fleet.is_complete and not builder.may_be_stale(fleet.lowest6, fleet.highest6, fleet.own_best):
        return Plan(tuple(taken), tuple(not_taken), anchor, fleet.budgets), PackerMemory(digests, fills)
    for digest in fleet.digests.values():
        builder.add_wallet(digest)
    filling = builder.filling
    intents = (*builder.cancels, *filling.places, *taken)
    decided = Plan(intents, (*filling.skips, *not_taken), anchor, builder.budgets)
    return decided, PackerMemory(digests, fills.cancelling(builder.cancels))


def packer_targets(parameters: PackerParameters) -> Targets:
    """What the packer keeps resting for each maker."""
    bids, asks = parameters.bid_shape, parameters.ask_shape
    return Targets(
        bids.orders,
        asks.orders,
        int(Decimal(str(max(bids.size_max, asks.size_max))) * AMOUNT_UNIT),
        max(bids.max_distance_ticks, asks.max_distance_ticks),
    )


def market_refusal(parameters: PackerParameters, tick6: int, anchor_x2: int | None, called: Called) -> str | None:
    """Why the nearest distance does not fit a market's price, None if it does."""
    own = parameters.bid_min_distance_ticks
    name = called("min_distance_ticks" if own is None else "bid_min_distance_ticks")
    return market_problem(parameters.bid_shape.min_distance_ticks, tick6, anchor_x2, name)


PACKER = StrategyDefinition(
    name="packer",
    summary="keeps a target number of bids and asks of each wallet resting around the anchor",
    parameters=PackerParameters,
    plan=plan,
    targets=packer_targets,
    memory=PackerMemory,
    refusal=market_refusal,
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
        self._shapes = parameters.shapes
        prices = None if anchor is None else Prices(market, anchor, parameters, best)
        self._stale_orders = None if prices is None else StaleOrders(market, parameters, prices)
        self.filling = Filling(market, parameters, prices, fills)
        self.cancels: list[Cancel] = []
        self.budgets: dict[str, WalletBudget] = {}

    def add_wallet(self, digest: WalletDigest) -> None:
        """Plan one wallet."""
        wallet = digest.wallet
        if not wallet.was_read:
            self.filling.skips.append(Skip(wallet.address, SkipReason.UNREAD, wallet.unusable_detail))
            return
        budget = self.budgets[wallet.address] = digest.budget
        if wallet.role is Role.TAKER:
            return
        is_settled = digest.is_complete and not digest.has_remnant
        if is_settled and not self.may_be_stale(digest.lowest6, digest.highest6, digest.own_best):
            return
        if wallet.unusable is not None:
            self.filling.skips.append(Skip(wallet.address, wallet.unusable, wallet.unusable_detail))
            return
        buys, sells = SideOrders.of(wallet, Side.BUY), SideOrders.of(wallet, Side.SELL)
        self._cancel(wallet, buys, sells, digest.spacing)
        self.budgets[wallet.address] = self.filling.fill(wallet, budget, buys, sells, digest.spacing)

    def may_be_stale(self, lowest6: int, highest6: int, best: OwnBest) -> bool:
        """Whether any order in this range of prices may be stale; False without an anchor. `best` are their best."""
        return self._stale_orders is not None and self._stale_orders.may_be_among(lowest6, highest6, best)

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
