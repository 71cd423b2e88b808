"""The strategy `rebalance`: where the distances go, what is moved, and what is filled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ama_tui.domain.order import Side
from ama_tui.domain.plan import (
    Cancel,
    CancelReason,
    Intent,
    MarketSnapshot,
    Modify,
    Place,
    Plan,
    Skip,
    SkipReason,
    WalletBudget,
    WalletSnapshot,
)
from ama_tui.strategies.anchor import anchor_x2
from ama_tui.strategies.budget import SEQUENCES, fit, margin_bps
from ama_tui.strategies.cancels import MIN_REST_SECONDS, duplicate, excess, is_remnant
from ama_tui.strategies.definition import StrategyDefinition
from ama_tui.strategies.digest import DigestMemory, WalletDigest
from ama_tui.strategies.filling import requests_of, standing_reason
from ama_tui.strategies.levels import SideOrders
from ama_tui.strategies.packer import market_refusal, packer_targets
from ama_tui.strategies.prices import Price, Prices, best_prices
from ama_tui.strategies.rebalance.bands import Band, Lean, band, wanted_lean
from ama_tui.strategies.rebalance.moves import MoveRules, moves
from ama_tui.strategies.rebalance.parameters import RebalanceParameters
from ama_tui.strategies.rebalance.signals import Volatility, imbalance, inventory
from ama_tui.strategies.spacing import LevelSpacing, level_distances, level_spacing


@dataclass(frozen=True, slots=True)
class RebalanceMemory:
    """What the signals were, and what the last plan was made for."""

    volatility: Volatility = field(default_factory=Volatility)
    lean: Lean = field(default_factory=Lean)
    quoted: tuple[int, Lean] | None = None
    """The anchor in whole ticks and the lean of the last plan with an anchor."""
    wallets: DigestMemory = field(default_factory=DigestMemory)


def plan(
    market: MarketSnapshot, parameters: RebalanceParameters, memory: RebalanceMemory
) -> tuple[Plan, RebalanceMemory]:
    """Cancels, then moves, then placements of vacant levels. Every vacant level is either placed or skipped."""
    anchor = anchor_x2(market)
    wallets = memory.wallets.after(market.wallets, parameters, market.limits)
    volatility, lean = memory.volatility, memory.lean
    if anchor is not None:
        volatility = volatility.after(len(market.trades), anchor, market.tick6, parameters.volatility_trades)
        wanted = wanted_lean(parameters, imbalance(market), volatility.ticks)
        lean = lean.followed(wanted, parameters.slack_ticks)
    quoted = memory.quoted if anchor is None else (anchor // (2 * market.tick6), lean)
    best = best_prices(market, wallets.fleet.own_best)
    prices = None if anchor is None else Prices(market, anchor, parameters, best)
    builder = _PlanBuilder(market, parameters, lean, prices, counts_kept=quoted != memory.quoted)
    for digest in wallets.fleet.digests.values():
        builder.add_wallet(digest)
    intents: tuple[Intent, ...] = (*builder.cancels, *builder.moves, *builder.places)
    decided = Plan(intents, tuple(builder.skips), anchor, builder.budgets, kept=builder.kept)
    return decided, RebalanceMemory(volatility, lean, quoted, wallets)


REBALANCE = StrategyDefinition(
    name="rebalance",
    summary="the packer with distances that follow depth, volatility and inventory; moves only orders that are wrong",
    parameters=RebalanceParameters,
    plan=plan,
    targets=packer_targets,
    memory=RebalanceMemory,
    refusal=market_refusal,
)


@dataclass(frozen=True, slots=True)
class _Quotes:
    """Where a wallet's levels belong now."""

    bands: Mapping[Side, Band]
    spacings: Mapping[Side, LevelSpacing]
    prices: Prices
    rules: MoveRules

    def of(self, side: Side, level: int) -> Price | None:
        """The price at which a level would be placed, None for a level that the run does not have."""
        distances = self.spacings[side].distances
        return self.prices.at(side, distances[level - 1]) if 1 <= level <= len(distances) else None


@dataclass(slots=True)
class _PlanBuilder:
    """Builds a plan wallet by wallet."""

    market: MarketSnapshot
    parameters: RebalanceParameters
    lean: Lean
    prices: Prices | None
    counts_kept: bool
    """Whether levels have other prices than in the last plan."""
    cancels: list[Cancel] = field(default_factory=list)
    moves: list[Modify] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    skips: list[Skip] = field(default_factory=list)
    budgets: dict[str, WalletBudget] = field(default_factory=dict)
    kept: int = 0

    def add_wallet(self, digest: WalletDigest) -> None:
        """Plan one wallet."""
        wallet = digest.wallet
        if not wallet.was_read:
            self.skips.append(Skip(wallet.address, SkipReason.UNREAD, wallet.unusable_detail))
            return
        budget = self.budgets[wallet.address] = digest.budget
        if wallet.unusable is not None:
            self.skips.append(Skip(wallet.address, wallet.unusable, wallet.unusable_detail))
            return
        cancelled = frozenset() if digest.is_complete and not digest.has_remnant else self._cancel(wallet)
        quotes = self._quotes(wallet)
        moved = [] if quotes is None else self._move(wallet, quotes, budget, cancelled)
        if not digest.is_complete:
            self._fill(wallet, quotes, budget, moved)

    def _quotes(self, wallet: WalletSnapshot) -> _Quotes | None:
        if self.prices is None:
            return None
        own = self.parameters
        rules = MoveRules(self.market, self.prices.anchor_x2, own.slack_ticks, own.min_rest_seconds)
        held = inventory(wallet, own.full18)
        bands = {side: band(own, side, self.lean, held) for side in Side}
        plain = level_spacing(own, wallet.index)
        spacings = {
            side: replace(
                plain, distances=level_distances(own.rules, one.near, one.far, wallet.index, own.orders_per_side)
            )
            for side, one in bands.items()
        }
        return _Quotes(bands, spacings, self.prices, rules)

    def _cancel(self, wallet: WalletSnapshot) -> frozenset[int]:
        """Cancel excess and duplicate orders, and the oldest remnant. Returns their ids."""
        target = self.parameters.orders_per_side
        found: dict[int, Cancel] = {}
        for side in Side:
            surplus = excess(wallet, SideOrders.of(wallet, side).resting, target)
            found.update((cancel.order_id, cancel) for cancel in surplus)
        newer = duplicate(wallet)
        if newer is not None:
            found.setdefault(newer.order_id, newer)
        remnants = [
            order
            for order in wallet.orders
            if is_remnant(order)
            and order.placed_at <= self.market.now - MIN_REST_SECONDS
            and order.order_id not in wallet.cancelling
            and order.order_id not in found
        ]
        if remnants and self.prices is not None:
            order = min(remnants, key=lambda one: (one.placed_at, one.order_id))
            found[order.order_id] = Cancel(
                wallet.address,
                order.order_id,
                order.side,
                order.price6,
                order.amount18,
                CancelReason.REMNANT,
                order.level,
            )
        self.cancels += found.values()
        return frozenset(found)

    def _move(
        self, wallet: WalletSnapshot, quotes: _Quotes, budget: WalletBudget, cancelled: frozenset[int]
    ) -> list[Modify]:
        """Move the orders that are wrong, and count those that are kept elsewhere than they would now be placed."""
        moved = moves(
            replace(wallet, cancelling=wallet.cancelling | cancelled) if cancelled else wallet,
            quotes.rules,
            quotes.bands,
            quotes.of,
            lambda side: margin_bps(
                side, self.market.margin_req_bps, (order for order in wallet.orders if order.side is side)
            ),
            budget.remaining6,
        )
        self.moves += moved
        if self.counts_kept:
            gone = cancelled | {one.order_id for one in moved}
            for order in wallet.orders:
                if order.level is None or order.order_id in gone:
                    continue
                price = quotes.of(order.side, order.level)
                self.kept += price is not None and price.price6 != order.price6
        return moved

    def _fill(self, wallet: WalletSnapshot, quotes: _Quotes | None, budget: WalletBudget, moved: list[Modify]) -> None:
        """Fill the vacant levels of both sides with what the moves leave of the budget."""
        plain = level_spacing(self.parameters, wallet.index)
        sides = {side: SideOrders.of(wallet, side) for side in Side}
        missing = {side: orders.missing_levels(plain) for side, orders in sides.items()}
        if not any(missing.values()):
            return
        standing = standing_reason(self.market, wallet, budget, has_anchor=quotes is not None)
        if standing is not None or quotes is None:
            self.skips += [standing] if standing is not None else []
            return
        requests = []
        for side, orders in sides.items():
            asked, skipped = requests_of(
                wallet, orders, missing[side], quotes.spacings[side], quotes.prices, self.market.margin_req_bps
            )
            requests += asked
            self.skips += skipped
        by_id = {order.order_id: order for order in wallet.orders}
        added6 = sum(max(0, one.margin6 - by_id[one.order_id].margin6) for one in moved)
        later = replace(wallet, sequence=(wallet.sequence + len(moved)) % SEQUENCES) if moved else wallet
        requests.sort(key=lambda request: request.level)
        fitted = fit(later, requests, max(0, budget.remaining6 - added6), self.parameters.rules)
        self.places += fitted.places
        self.skips += fitted.skips
        if fitted.scale != 1.0:
            self.budgets[wallet.address] = replace(budget, scale=fitted.scale)
