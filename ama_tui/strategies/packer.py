"""The packer: keeps a target of bids and asks of every wallet resting around the anchor."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain, zip_longest
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
from ama_tui.strategies.anchor import anchor_x2, misfit
from ama_tui.strategies.budget import CAP_DETAIL, DUST18, OrderRequest, budget_of, fit, margin_bps
from ama_tui.strategies.cancels import StaleOrders, doubled, excess
from ama_tui.strategies.ladder import Ladder, ladder
from ama_tui.strategies.levels import SideOrders
from ama_tui.strategies.prices import Prices


@dataclass(frozen=True, slots=True)
class Packer:
    """The strategy `packer`.

    `rules` picks the rule set: `even` spreads levels and cuts sizes together, `original` follows the
    reference document. `basis` says whether the venue's available collateral is net of reservations;
    `original` does not ask.
    """

    parameters: Parameters
    rules: Rules = Rules.EVEN
    basis: CollateralBasis = CollateralBasis.NET

    name: ClassVar[str] = "packer"
    methods: ClassVar[Methods] = Methods.PLACE_MARGIN_LIMIT | Methods.MODIFY | Methods.CANCEL

    def plan(self, market: MarketSnapshot) -> Plan:
        """Cancels first, then placements wallet by wallet; every missing level is placed or skipped.

        `market.tick6` must be positive, as `refusal()` checks at set-up.
        """
        anchor = anchor_x2(market)
        look = _WalletPlanInput(self, market, anchor)
        for wallet in market.wallets:
            look.at(wallet)
        return Plan((*look.cancels, *look.places), tuple(look.skips), anchor, look.budgets)

    def refusal(self, tick6: int, anchor_x2: int | None) -> str | None:
        """Why a market with this tick and twice this anchor (6 decimals) cannot be quoted, or None."""
        return misfit(self.parameters.min_distance_ticks, tick6, anchor_x2)


class _WalletPlanInput:
    """One pass over the fleet, wallet by wallet; the lists are the plan in the making."""

    def __init__(self, packer: Packer, market: MarketSnapshot, anchor: int | None) -> None:
        self._packer = packer
        self._market = market
        self._prices = None if anchor is None else Prices(market, anchor, packer.parameters, packer.rules)
        self._wear = None if self._prices is None else StaleOrders(market, packer.parameters, self._prices)
        self.cancels: list[Cancel] = []
        self.places: list[Place] = []
        self.skips: list[Skip] = []
        self.budgets: dict[str, WalletBudget] = {}

    def at(self, wallet: WalletSnapshot) -> None:
        """Decide on one wallet."""
        if not wallet.known:
            self.skips.append(Skip(wallet.address, SkipReason.UNREAD, wallet.unusable_detail))
            return
        packer = self._packer
        budget = budget_of(wallet, packer.parameters, packer.rules, packer.basis)
        self.budgets[wallet.address] = budget
        if wallet.unusable is not None:
            self.skips.append(Skip(wallet.address, wallet.unusable, wallet.unusable_detail))
            return
        buys, sells = SideOrders.of(wallet, Side.BUY), SideOrders.of(wallet, Side.SELL)
        rungs = ladder(packer.parameters, packer.rules, wallet.index)
        self._cancel(wallet, buys, sells, rungs)
        self._fill(wallet, budget, buys, sells, rungs)

    def _cancel(self, wallet: WalletSnapshot, buys: SideOrders, sells: SideOrders, rungs: Ladder) -> None:
        """Take off what is too many, stands twice at a level, is worn down or out of place."""
        target = self._packer.parameters.orders_per_side
        surplus = [*excess(wallet, buys.resting, target), *excess(wallet, sells.resting, target)]
        double = doubled(wallet)
        if double is not None and all(cancel.order_id != double.order_id for cancel in surplus):
            surplus.append(double)
        self.cancels += surplus
        if self._wear is None:
            # without an anchor the level could not be filled again
            return
        going = wallet.cancelling.union(cancel.order_id for cancel in surplus)
        worn = self._wear.oldest(wallet, going, rungs)
        if worn is not None:
            self.cancels.append(worn)

    def _fill(
        self,
        wallet: WalletSnapshot,
        budget: WalletBudget,
        buys: SideOrders,
        sells: SideOrders,
        rungs: Ladder,
    ) -> None:
        """Fill both sides' vacant levels as far as the budget goes."""
        missing_buys, missing_sells = buys.missing_levels(rungs), sells.missing_levels(rungs)
        if not missing_buys and not missing_sells:
            return
        standing = self._standing_reason(wallet, budget)
        if standing is not None:
            self.skips.append(standing)
            return
        requests = self._in_turn(
            self._requests(wallet, buys, missing_buys, rungs),
            self._requests(wallet, sells, missing_sells, rungs),
        )
        fitted = fit(wallet, requests, budget.remaining6, self._packer.rules)
        self.places += fitted.places
        self.skips += fitted.skips
        if fitted.scale != 1.0:
            self.budgets[wallet.address] = replace(budget, scale=fitted.scale)

    def _standing_reason(self, wallet: WalletSnapshot, budget: WalletBudget) -> Skip | None:
        """Why none of a wallet's missing levels can be filled, in one Skip for all of them."""
        if self._prices is None:
            detail = "the book is not two-sided, and no mark or trade is known"
            return Skip(wallet.address, SkipReason.NO_ANCHOR, detail)
        if wallet.available6 + budget.reserved6 == 0:
            return Skip(wallet.address, SkipReason.NO_COLLATERAL, "nothing available and nothing reserved")
        if budget.remaining6 == 0:
            return Skip(wallet.address, SkipReason.CAP, CAP_DETAIL)
        return None

    def _requests(
        self, wallet: WalletSnapshot, orders: SideOrders, missing: list[int], rungs: Ladder
    ) -> list[OrderRequest]:
        """The missing levels of one side that have a price and are not dust whole; the others are skipped."""
        if not missing or self._prices is None:
            return []
        side = orders.side
        bps = margin_bps(side, self._market.margin_req_bps, orders.resting)
        requests: list[OrderRequest] = []
        for level in missing:
            distance = rungs.distances[level - 1]
            amount18 = rungs.amounts18[level - 1]
            price = self._prices.at(side, distance)
            if price.refusal is not None:
                detail = f"{distance} ticks from the anchor"
                self.skips.append(Skip(wallet.address, price.refusal, detail, side, level))
            elif amount18 < DUST18:
                detail = "sizeMin and sizeMax make it less than 0.00001"
                self.skips.append(Skip(wallet.address, SkipReason.DUST, detail, side, level))
            else:
                requests.append(OrderRequest(side, level, price, amount18, bps))
        return requests

    def _in_turn(self, buys: list[OrderRequest], sells: list[OrderRequest]) -> list[OrderRequest]:
        """The order they are placed in: `even` takes the sides in turn, `original` all buys first."""
        if self._packer.rules is Rules.ORIGINAL:
            return buys + sells
        pairs = chain.from_iterable(zip_longest(buys, sells))
        return [request for request in pairs if request is not None]
