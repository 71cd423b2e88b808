"""The strategy `rebalance`: where the distances go, what is moved, and what is filled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ama_tui.domain.order import Side
from ama_tui.domain.plan import (
    Cancel,
    Intent,
    MarketSnapshot,
    Modify,
    Plan,
    Skip,
    SkipReason,
    WalletBudget,
    WalletSnapshot,
)
from ama_tui.domain.wallet import Role
from ama_tui.strategies.anchor import anchor_x2
from ama_tui.strategies.budget import SEQUENCES, margin_bps
from ama_tui.strategies.cancels import StaleOrders, duplicate, excess
from ama_tui.strategies.definition import StrategyDefinition
from ama_tui.strategies.digest import DigestMemory, WalletDigest
from ama_tui.strategies.filling import Filling
from ama_tui.strategies.fills import FillMemory
from ama_tui.strategies.levels import SideOrders
from ama_tui.strategies.packer import market_refusal, packer_targets
from ama_tui.strategies.packer_parameters import Shapes
from ama_tui.strategies.prices import Price, Prices, best_prices
from ama_tui.strategies.rebalance.bands import Band, Lean, band, wanted_lean
from ama_tui.strategies.rebalance.moves import MoveRules, moves
from ama_tui.strategies.rebalance.parameters import RebalanceParameters
from ama_tui.strategies.rebalance.signals import Volatility, imbalance, inventory
from ama_tui.strategies.spacing import LevelSpacing, WalletSpacing, level_distances
from ama_tui.strategies.taking import taking


@dataclass(frozen=True, slots=True)
class RebalanceMemory:
    """What the signals were, and what the last plan was made for."""

    volatility: Volatility = field(default_factory=Volatility)
    lean: Lean = field(default_factory=Lean)
    quoted: tuple[int, Lean] | None = None
    """The anchor in whole ticks and the lean of the last plan with an anchor."""
    digests: DigestMemory = field(default_factory=DigestMemory)
    fills: FillMemory = field(default_factory=FillMemory)


def plan(
    market: MarketSnapshot, parameters: RebalanceParameters, memory: RebalanceMemory
) -> tuple[Plan, RebalanceMemory]:
    """Cancels, then moves, then placements of vacant levels, then what takers do. Every vacant level is either placed
    or skipped.
    """
    anchor = anchor_x2(market)
    digests = memory.digests.after(market.wallets, parameters, market.limits)
    fills = memory.fills.after(market, parameters.fill_delay_s)
    volatility, lean = memory.volatility, memory.lean
    if anchor is not None:
        volatility = volatility.after(len(market.trades), anchor, market.tick6, parameters.volatility_trades)
        wanted = wanted_lean(parameters, imbalance(market), volatility.ticks)
        lean = lean.followed(wanted, parameters.slack_ticks)
    quoted = memory.quoted if anchor is None else (anchor // (2 * market.tick6), lean)
    best = best_prices(market, digests.fleet.own_best)
    prices = None if anchor is None else Prices(market, anchor, parameters, best)
    filling = Filling(market, parameters, prices, fills)
    builder = _PlanBuilder(parameters, lean, filling, counts_kept=quoted != memory.quoted)
    for digest in digests.fleet.digests.values():
        builder.add_wallet(digest)
    taken, not_taken = taking(market)
    intents: tuple[Intent, ...] = (*builder.cancels, *builder.moves, *filling.places, *taken)
    decided = Plan(intents, (*filling.skips, *not_taken), anchor, builder.budgets, kept=builder.kept)
    return decided, RebalanceMemory(volatility, lean, quoted, digests, fills.cancelling(builder.cancels))


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
    spacing: WalletSpacing
    filling: Filling
    rules: MoveRules

    def of(self, side: Side, level: int) -> Price | None:
        """The price at which a level would be placed, None for a level that the run does not have."""
        distances = self.spacing.on(side).distances
        return self.filling.price(side, distances[level - 1]) if 1 <= level <= len(distances) else None


@dataclass(slots=True)
class _PlanBuilder:
    """Builds a plan wallet by wallet."""

    parameters: RebalanceParameters
    lean: Lean
    filling: Filling
    counts_kept: bool
    """Whether levels have other prices than in the last plan."""
    cancels: list[Cancel] = field(default_factory=list)
    moves: list[Modify] = field(default_factory=list)
    budgets: dict[str, WalletBudget] = field(default_factory=dict)
    kept: int = 0
    _shapes: Shapes = field(init=False)
    _full18: int = field(init=False)
    _rules: MoveRules | None = field(init=False, default=None)
    _stale_orders: StaleOrders | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        own = self.parameters
        self._shapes, self._full18 = own.shapes, own.full18
        if self.filling.prices is not None:
            market, prices = self.filling.market, self.filling.prices
            self._rules = MoveRules(market, prices.anchor_x2, own.slack_ticks, own.min_rest_seconds)
            self._stale_orders = StaleOrders(market, self.parameters, prices, cancels_far=False)

    def add_wallet(self, digest: WalletDigest) -> None:
        """Plan one wallet."""
        wallet, skips = digest.wallet, self.filling.skips
        if not wallet.was_read:
            skips.append(Skip(wallet.address, SkipReason.UNREAD, wallet.unusable_detail))
            return
        budget = self.budgets[wallet.address] = digest.budget
        if wallet.role is Role.TAKER:
            return
        if wallet.unusable is not None:
            skips.append(Skip(wallet.address, wallet.unusable, wallet.unusable_detail))
            return
        quotes = self._quotes(digest)
        moved: list[Modify] = []
        if wallet.orders:
            cancelled = self._cancel(wallet, digest)
            moved = [] if quotes is None else self._move(wallet, quotes, budget, cancelled)
        if not digest.is_complete:
            spacing = digest.spacing if quotes is None else quotes.spacing
            self._fill(wallet, budget, spacing, moved)

    def _quotes(self, digest: WalletDigest) -> _Quotes | None:
        own, filling, wallet = self.parameters, self.filling, digest.wallet
        if self._rules is None:
            return None
        skew = own.inventory_weight * inventory(wallet, self._full18)
        bands = {side: band(self._shapes.on(side), side, self.lean, skew) for side in Side}
        spacing = WalletSpacing(
            self._spacing(digest, Side.BUY, bands[Side.BUY]), self._spacing(digest, Side.SELL, bands[Side.SELL])
        )
        return _Quotes(bands, spacing, filling, self._rules)

    def _spacing(self, digest: WalletDigest, side: Side, where: Band) -> LevelSpacing:
        """The wallet's levels of one side, spread over its band."""
        plain = digest.spacing.on(side)
        index, levels = digest.wallet.index, len(plain.distances)
        distances = level_distances(self.parameters.rules, where.near, where.far, index, levels)
        return LevelSpacing(distances, plain.amounts18, plain.nearest_first)

    def _cancel(self, wallet: WalletSnapshot, digest: WalletDigest) -> frozenset[int]:
        """Cancel excess and duplicate orders, and the oldest that is a remnant or out of bounds. Returns their ids."""
        shapes, stale = self._shapes, self._stale_orders
        may_be_stale = stale is not None and (
            digest.has_remnant or stale.may_be_among(digest.lowest6, digest.highest6, digest.own_best)
        )
        if digest.is_complete and not may_be_stale:
            return frozenset()
        found: dict[int, Cancel] = {}
        for side in Side:
            surplus = excess(wallet, SideOrders.of(wallet, side).resting, shapes.on(side).orders)
            found.update((cancel.order_id, cancel) for cancel in surplus)
        newer = duplicate(wallet)
        if newer is not None:
            found.setdefault(newer.order_id, newer)
        oldest = None if stale is None else stale.oldest(wallet, wallet.cancelling.union(found), digest.spacing)
        if oldest is not None:
            found[oldest.order_id] = oldest
        self.cancels += found.values()
        return frozenset(found)

    def _move(
        self, wallet: WalletSnapshot, quotes: _Quotes, budget: WalletBudget, cancelled: frozenset[int]
    ) -> list[Modify]:
        """Move the orders that are wrong, and count those that are kept elsewhere than they would now be placed."""
        margin_req_bps = self.filling.market.margin_req_bps
        moved = moves(
            replace(wallet, cancelling=wallet.cancelling | cancelled) if cancelled else wallet,
            quotes.rules,
            quotes.bands,
            quotes.of,
            lambda side: margin_bps(side, margin_req_bps, (one for one in wallet.orders if one.side is side)),
            budget.remaining6,
        )
        self.moves += moved
        if self.counts_kept:
            gone = cancelled.union(one.order_id for one in moved)
            for order in wallet.orders:
                if order.level is None or order.order_id in gone:
                    continue
                price = quotes.of(order.side, order.level)
                self.kept += price is not None and price.price6 != order.price6
        return moved

    def _fill(self, wallet: WalletSnapshot, budget: WalletBudget, spacing: WalletSpacing, moved: list[Modify]) -> None:
        """Fill the vacant levels of both sides with what the moves leave of the budget."""
        left, later = budget, wallet
        if moved:
            before6 = {order.order_id: order.margin6 for order in wallet.orders}
            added6 = sum(max(0, one.margin6 - before6[one.order_id]) for one in moved)
            left = replace(budget, pending6=budget.pending6 + added6)
            later = replace(wallet, sequence=(wallet.sequence + len(moved)) % SEQUENCES)
        sides = SideOrders.of(wallet, Side.BUY), SideOrders.of(wallet, Side.SELL)
        filled = self.filling.fill(later, left, *sides, spacing)
        if filled.scale != 1.0:
            self.budgets[wallet.address] = replace(budget, scale=filled.scale)
