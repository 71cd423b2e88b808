"""The packer: keeps a target number of bids and asks of each wallet resting around the anchor."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

from ama_tui.domain.order import Side
from ama_tui.domain.parameters import Parameters
from ama_tui.domain.plan import (
    Cancel,
    CollateralBasis,
    MarketSnapshot,
    Place,
    Plan,
    Rules,
    Skip,
    SkipReason,
    WalletBudget,
    WalletSnapshot,
)
from ama_tui.domain.session import Methods
from ama_tui.domain.wallet import Role
from ama_tui.strategies.anchor import NEAREST, anchor_x2, market_problem
from ama_tui.strategies.budget import CAP_DETAIL, DUST18, OrderRequest, fit, margin_bps
from ama_tui.strategies.cancels import StaleOrders, duplicate, excess
from ama_tui.strategies.digest import WalletDigest
from ama_tui.strategies.levels import SideOrders
from ama_tui.strategies.prices import OwnBest, Prices, best_prices
from ama_tui.strategies.spacing import LevelSpacing, level_spacing
from ama_tui.strategies.taking import taking


@dataclass(frozen=True, slots=True)
class Packer:
    """The strategy `packer`."""

    parameters: Parameters
    rules: Rules = Rules.EVEN
    basis: CollateralBasis = CollateralBasis.NET
    """Whether available collateral already excludes order margin; ignored by the rules `original`."""
    _digests: dict[str, WalletDigest] = field(default_factory=dict, init=False, repr=False, compare=False)
    """By address: spares the work for wallets whose snapshot is the same object as in the last plan."""

    name: ClassVar[str] = "packer"
    methods: ClassVar[Methods] = Methods.PLACE_MARGIN_LIMIT | Methods.MODIFY | Methods.CANCEL

    def plan(self, market: MarketSnapshot) -> Plan:
        """Cancels, then placements wallet by wallet, then what takers do. Every missing level is placed or skipped.

        `market.tick6` must be positive; `refusal()` checks this at set-up.
        """
        anchor = anchor_x2(market)
        digests = [self._digest_of(wallet) for wallet in market.wallets]
        best = best_prices(market, (digest.own_best for digest in digests))
        plan = _PlanBuilder(self, market, anchor, best)
        for digest in digests:
            plan.add_wallet(digest)
        intents, skips = taking(market)
        return Plan((*plan.cancels, *plan.places, *intents), (*plan.skips, *skips), anchor, plan.budgets)

    def _digest_of(self, wallet: WalletSnapshot) -> WalletDigest:
        known = self._digests.get(wallet.address)
        if known is None or known.wallet is not wallet:
            known = WalletDigest.of(wallet, self.parameters, self.rules, self.basis)
            self._digests[wallet.address] = known
        return known

    def refusal(self, tick6: int, anchor_x2: int | None, distance_name: str = NEAREST) -> str | None:
        """Why a market with this tick and anchor (doubled), both with 6 decimals, cannot be quoted; None if it can.

        `distance_name` is what the operator calls the nearest distance.
        """
        return market_problem(self.parameters.min_distance_ticks, tick6, anchor_x2, distance_name)


class _PlanBuilder:
    """Builds a plan wallet by wallet."""

    def __init__(self, packer: Packer, market: MarketSnapshot, anchor: int | None, best: OwnBest) -> None:
        self._packer = packer
        self._market = market
        self._prices = None if anchor is None else Prices(market, anchor, packer.parameters, packer.rules, best)
        self._stale_orders = None if self._prices is None else StaleOrders(market, packer.parameters, self._prices)
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
        packer = self._packer
        budget = self.budgets[wallet.address] = digest.budget
        if wallet.role is Role.TAKER:
            return
        if digest.is_complete and not self._may_be_stale(digest):
            return
        if wallet.unusable is not None:
            self.skips.append(Skip(wallet.address, wallet.unusable, wallet.unusable_detail))
            return
        buys, sells = SideOrders.of(wallet, Side.BUY), SideOrders.of(wallet, Side.SELL)
        spacing = level_spacing(packer.parameters, packer.rules, wallet.index)
        self._cancel(wallet, buys, sells, spacing)
        self._fill(wallet, budget, buys, sells, spacing)

    def _may_be_stale(self, digest: WalletDigest) -> bool:
        return self._stale_orders is not None and (
            digest.has_remnant or self._stale_orders.may_be_among(digest.lowest6, digest.highest6)
        )

    def _cancel(self, wallet: WalletSnapshot, buys: SideOrders, sells: SideOrders, spacing: LevelSpacing) -> None:
        """Cancel excess, duplicate and stale orders."""
        target = self._packer.parameters.orders_per_side
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
        standing = self._standing_reason(wallet, budget)
        if standing is not None:
            self.skips.append(standing)
            return
        requests = self._in_turn(
            self._requests(wallet, buys, missing_buys, spacing),
            self._requests(wallet, sells, missing_sells, spacing),
        )
        fitted = fit(wallet, requests, budget.remaining6, self._packer.rules)
        self.places += fitted.places
        self.skips += fitted.skips
        if fitted.scale != 1.0:
            self.budgets[wallet.address] = replace(budget, scale=fitted.scale)

    def _standing_reason(self, wallet: WalletSnapshot, budget: WalletBudget) -> Skip | None:
        """One Skip for all missing levels if none of them can be filled, else None."""
        if self._prices is None:
            detail = self._market.price_conflict or "the book is not two-sided and there is no mark price or trade"
            return Skip(wallet.address, SkipReason.NO_ANCHOR, detail)
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
            if price.refusal is not None:
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
        if self._packer.rules is Rules.ORIGINAL:
            return buys + sells
        return sorted(buys + sells, key=lambda request: request.level)
