"""The strategy `spread-chase`: follows the touch within limits."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from pydantic import Field, model_validator

from ama_tui.domain.money import AMOUNT_UNIT
from ama_tui.domain.order import TAG_UNIT, RestingOrder, Side
from ama_tui.domain.plan import (
    Cancel,
    CancelReason,
    Intent,
    MarketSnapshot,
    Plan,
    Skip,
    SkipReason,
    Targets,
    WalletSnapshot,
)
from ama_tui.domain.wallet import Role
from ama_tui.strategies.anchor import anchor_x2, market_problem, missing_anchor
from ama_tui.strategies.budget import OrderRequest, budget_of, fit, margin_bps
from ama_tui.strategies.cancels import duplicate
from ama_tui.strategies.definition import Called, StrategyDefinition, StrategyParameters
from ama_tui.strategies.prices import OwnBest, Price, reachable_prices, refusal_of
from ama_tui.strategies.taking import taking


class ChaseParameters(StrategyParameters):
    """Each field is a setting: `--behind-ticks`, `behindTicks` in files, and a line of the form."""

    orders: int = Field(
        default=2, ge=1, le=20, description="orders a wallet keeps on each side", json_schema_extra={"unit": "orders"}
    )
    size: float = Field(default=0.05, gt=0, description="size of an order", json_schema_extra={"unit": "base"})
    behind_ticks: int = Field(
        default=2,
        ge=0,
        le=10_000,
        description="distance of the first order to the touch",
        json_schema_extra={"unit": "ticks"},
    )
    step_ticks: int = Field(
        default=3,
        ge=1,
        le=10_000,
        description="distance from one order to the next",
        json_schema_extra={"unit": "ticks"},
    )
    nearest_ticks: int = Field(
        default=2,
        ge=1,
        le=100_000,
        description="nearest that it follows the touch to the anchor",
        json_schema_extra={"unit": "ticks", "form": "distance, ticks", "end": "nearest"},
    )
    farthest_ticks: int = Field(
        default=400,
        ge=1,
        le=100_000,
        description="farthest that it follows the touch from the anchor",
        json_schema_extra={"unit": "ticks", "form": "distance, ticks", "end": "farthest"},
    )
    slack_ticks: int = Field(
        default=4,
        ge=0,
        le=10_000,
        description="how far off an order may be before it moves",
        json_schema_extra={"unit": "ticks"},
    )
    rest_seconds: int = Field(
        default=5, ge=0, le=86_400, description="how long an order rests at least", json_schema_extra={"unit": "s"}
    )

    @model_validator(mode="after")
    def _has_room(self) -> ChaseParameters:
        if self.nearest_ticks + (self.orders - 1) * self.step_ticks > self.farthest_ticks:
            raise ValueError(f"{self.orders} orders {self.step_ticks} ticks apart do not fit between the limits")
        return self


@dataclass(frozen=True, slots=True)
class ChaseMemory:
    """The touch of others in the last plan: a flicker that is gone in the next plan is not followed."""

    bid6: int | None = None
    ask6: int | None = None


def plan(market: MarketSnapshot, parameters: ChaseParameters, memory: ChaseMemory) -> tuple[Plan, ChaseMemory]:
    """Cancels of orders that the touch has left behind, then placements of the missing ones. Takers only take."""
    anchor = anchor_x2(market)
    best = reachable_prices(market)
    intents, skips = taking(market)
    for wallet in market.wallets:
        if wallet.role is Role.TAKER and wallet.was_read:
            continue
        if not wallet.was_read or wallet.unusable is not None:
            reason = SkipReason.UNREAD if wallet.unusable is None else wallet.unusable
            skips.append(Skip(wallet.address, reason, wallet.unusable_detail))
        elif anchor is None:
            skips.append(Skip(wallet.address, SkipReason.NO_ANCHOR, missing_anchor(market)))
        else:
            chase = _Chase(market, parameters, anchor, memory, best)
            cancel = chase.cancel_of(wallet)
            intents += [] if cancel is None else [cancel]
            placed, skipped = chase.fill(wallet)
            intents += placed
            skips += skipped
    return Plan(tuple(intents), tuple(skips)), ChaseMemory(market.others_bid6, market.others_ask6)


@dataclass(frozen=True, slots=True)
class _Chase:
    """Prices of one plan. `anchor_x2` is twice the anchor, which keeps a mid price whole."""

    market: MarketSnapshot
    parameters: ChaseParameters
    anchor_x2: int
    memory: ChaseMemory
    best: OwnBest
    """The best bid and ask that a new order could trade with, the fleet's own included."""

    def price6(self, side: Side, level: int) -> int:
        """Behind the worse of the last two touches of others, within the limits, on a tick away from the spread."""
        own, tick6 = self.parameters, self.market.tick6
        behind6 = (own.behind_ticks + (level - 1) * own.step_ticks) * tick6
        apart6 = (level - 1) * own.step_ticks * tick6
        nearest6, farthest6 = own.nearest_ticks * tick6 + apart6, own.farthest_ticks * tick6
        if side is Side.BUY:
            seen = [bid6 for bid6 in (self.market.others_bid6, self.memory.bid6) if bid6 is not None]
            wanted6 = min(seen, default=self.anchor_x2 // 2) - behind6
            lowest6, highest6 = self.anchor_x2 // 2 - farthest6, self.anchor_x2 // 2 - nearest6
            return max(lowest6, min(highest6, wanted6)) // tick6 * tick6
        seen = [ask6 for ask6 in (self.market.others_ask6, self.memory.ask6) if ask6 is not None]
        wanted6 = max(seen, default=-(-self.anchor_x2 // 2)) + behind6
        lowest6, highest6 = -(-self.anchor_x2 // 2) + nearest6, -(-self.anchor_x2 // 2) + farthest6
        return -(-min(highest6, max(lowest6, wanted6)) // tick6) * tick6

    def cancel_of(self, wallet: WalletSnapshot) -> Cancel | None:
        """A duplicate, or the oldest order that is too far off; at most one for a wallet and plan."""
        twin = duplicate(wallet)
        if twin is not None:
            return twin
        if wallet.cancelling:
            return None
        off = [order for order in wallet.orders if self._is_off(order)]
        if not off:
            return None
        order = min(off, key=lambda order: (order.placed_at, order.order_id))
        return Cancel(
            wallet.address, order.order_id, order.side, order.price6, order.amount18, CancelReason.FAR, order.level
        )

    def _is_off(self, order: RestingOrder) -> bool:
        if order.placed_at > self.market.now - self.parameters.rest_seconds:
            return False
        if order.level is None or order.level > self.parameters.orders:
            return True
        slack6 = self.parameters.slack_ticks * self.market.tick6
        return abs(order.price6 - self.price6(order.side, order.level)) > slack6

    def fill(self, wallet: WalletSnapshot) -> tuple[list[Intent], list[Skip]]:
        """Placements of the wallet's missing levels, lowest first, scaled together to its budget."""
        own, skips = self.parameters, list[Skip]()
        taken = {(order.side, order.level) for order in wallet.orders}
        taken |= {(order.side, order.level) for order in wallet.pending_orders}
        amount18 = int(Decimal(str(own.size)) * AMOUNT_UNIT) // TAG_UNIT * TAG_UNIT
        requests: list[OrderRequest] = []
        for level in range(1, own.orders + 1):
            for side, opposite6 in ((Side.BUY, self.best[1]), (Side.SELL, self.best[0])):
                if (side, level) in taken:
                    continue
                price6 = self.price6(side, level)
                refusal = refusal_of(side, price6, opposite6)
                if refusal is not None:
                    skips.append(Skip(wallet.address, refusal, "behind the touch", side, level))
                    continue
                bps = margin_bps(side, self.market.margin_req_bps, wallet.orders)
                distance = abs(2 * price6 - self.anchor_x2) // (2 * self.market.tick6)
                requests.append(OrderRequest(side, level, Price(price6, distance, None), amount18, bps))
        if not requests:
            return [], skips
        budget = budget_of(wallet, self.market.limits)
        if budget.basis6 == 0:
            return [], [Skip(wallet.address, SkipReason.NO_COLLATERAL, "nothing available or reserved")]
        if budget.remaining6 == 0:
            return [], [Skip(wallet.address, SkipReason.CAP, "its orders use all that the collateral share allows")]
        fitted = fit(wallet, requests, budget.remaining6)
        return list(fitted.places), [*skips, *fitted.skips]


def targets(parameters: ChaseParameters) -> Targets:
    largest18 = int(Decimal(str(parameters.size)) * AMOUNT_UNIT)
    return Targets(parameters.orders, parameters.orders, largest18, parameters.farthest_ticks)


def refusal(parameters: ChaseParameters, tick6: int, anchor_x2: int | None, called: Called) -> str | None:
    return market_problem(parameters.nearest_ticks, tick6, anchor_x2, called("nearest_ticks"))


SPREAD_CHASE = StrategyDefinition(
    name="spread-chase",
    summary="follows the best bid and ask of others within limits",
    parameters=ChaseParameters,
    plan=plan,
    targets=targets,
    memory=ChaseMemory,
    refusal=refusal,
)
