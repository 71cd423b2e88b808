"""The strategy `classic`: the original tool's older decisions, one action of one wallet at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random

from ama_tui.domain.money import AMOUNT_UNIT, margin6
from ama_tui.domain.order import TAG_UNIT, RestingOrder, Side, Tag, encode_tag
from ama_tui.domain.plan import (
    Cancel,
    CancelReason,
    Intent,
    MarketSnapshot,
    Mode,
    Modify,
    Plan,
    Rules,
    Skip,
    SkipReason,
    Targets,
    WalletSnapshot,
)
from ama_tui.domain.wallet import Role
from ama_tui.strategies.anchor import anchor_x2, market_problem
from ama_tui.strategies.budget import OrderRequest, budget_of, fit, margin_bps
from ama_tui.strategies.classic_parameters import ClassicParameters
from ama_tui.strategies.definition import Called, StrategyDefinition
from ama_tui.strategies.prices import OwnBest, Price, reachable_prices, refusal_of
from ama_tui.strategies.taking import cancel_before_taking, take_from

MODIFY_CHANCE = 0.35
"""How often a maker with a resting order moves its oldest instead of placing another."""
TICKS_AWAY = (1, 3)
"""How far behind the touch an order is placed, or beside the mid it is moved: at least and at most."""


@dataclass(frozen=True, slots=True)
class ClassicMemory:
    """How many plans were made: the random choices of the next follow from it and the seed."""

    step: int = 0


def plan(market: MarketSnapshot, parameters: ClassicParameters, memory: ClassicMemory) -> tuple[Plan, ClassicMemory]:
    """One action of one wallet, the wallets in turn. A wallet with something pending waits for its next turn."""
    anchor = anchor_x2(market)
    budgets = {one.address: budget_of(one, market.limits, Rules.EVEN) for one in market.wallets if one.was_read}
    skips = [Skip(one.address, SkipReason.UNREAD, one.unusable_detail) for one in market.wallets if not one.was_read]
    skips += [
        Skip(one.address, one.unusable, one.unusable_detail)
        for one in market.wallets
        if one.was_read and one.unusable is not None
    ]
    ready = [one for one in market.wallets if one.was_read and one.unusable is None]
    following = ClassicMemory(memory.step + 1)
    if not ready:
        return Plan((), tuple(skips), anchor, budgets), following
    wallet = ready[memory.step % len(ready)]
    if wallet.pending_orders or wallet.cancelling:
        return Plan((), tuple(skips), anchor, budgets), following
    decided = decide_next_action(wallet, market, anchor, parameters, Random(f"{parameters.random_seed}:{memory.step}"))
    if isinstance(decided, Skip):
        return Plan((), (*skips, decided), anchor, budgets), following
    return Plan((decided,), tuple(skips), anchor, budgets), following


def decide_next_action(
    wallet: WalletSnapshot, market: MarketSnapshot, anchor: int | None, parameters: ClassicParameters, rng: Random
) -> Intent | Skip:
    """What one wallet does next: skip with a reason, place, take, move its oldest order, or cancel one.

    `anchor` is twice the anchor price (6 decimals), None without one. The rules are stated in docs/STRATEGIES.md.
    """
    if anchor is None:
        detail = market.price_conflict or "the book is not two-sided and there is no mark price or trade"
        return Skip(wallet.address, SkipReason.NO_ANCHOR, detail)
    if wallet.role is Role.TAKER:
        side, amount18 = rng.choice((Side.BUY, Side.SELL)), _size18(parameters, rng)
        earlier = cancel_before_taking(wallet)
        nothing = Skip(wallet.address, SkipReason.NOTHING_TO_TAKE, "", side)
        return earlier[0] if earlier else take_from(wallet, market, side, amount18) or nothing
    oldest = min(wallet.orders, key=lambda order: (order.placed_at, order.order_id), default=None)
    if len(wallet.orders) >= parameters.max_open_orders:
        return _at_most_orders(wallet, market, anchor, parameters, oldest)
    prices = _RestingPrices(market, anchor, reachable_prices(market))
    if oldest is not None and rng.random() < MODIFY_CHANCE:
        return _moved(wallet, oldest, prices, rng)
    return _placed(wallet, prices, parameters, rng)


def _at_most_orders(
    wallet: WalletSnapshot,
    market: MarketSnapshot,
    anchor: int,
    parameters: ClassicParameters,
    oldest: RestingOrder | None,
) -> Cancel | Skip:
    """With all the orders it may have, a maker cancels its oldest if that is far away, or waits."""
    if oldest is not None and abs(2 * oldest.price6 - anchor) > 4 * parameters.max_distance_ticks * market.tick6:
        return Cancel(
            wallet.address,
            oldest.order_id,
            oldest.side,
            oldest.price6,
            oldest.amount18,
            CancelReason.FAR,
            oldest.level,
        )
    detail = f"it has {len(wallet.orders)} of {parameters.max_open_orders} orders"
    return Skip(wallet.address, SkipReason.MAX_OPEN_ORDERS, detail)


@dataclass(frozen=True, slots=True)
class _RestingPrices:
    """Prices that rest: never at or beyond the best opposite order of anybody."""

    market: MarketSnapshot
    anchor: int
    best: OwnBest

    def behind_touch(self, side: Side, ticks: int) -> Price:
        """Some ticks behind the touch of a side; behind the anchor where that side is empty."""
        touch6 = self.best[0] if side is Side.BUY else self.best[1]
        return self._at(side, self.anchor if touch6 is None else 2 * touch6, ticks)

    def beside_mid(self, side: Side, ticks: int) -> Price:
        """Some ticks from the anchor, on a side's own side of it."""
        return self._at(side, self.anchor, ticks)

    def _at(self, side: Side, from_x2: int, ticks: int) -> Price:
        tick6, (bid6, ask6) = self.market.tick6, self.best
        if side is Side.BUY:
            price6 = (from_x2 - 2 * ticks * tick6) // (2 * tick6) * tick6
            if ask6 is not None and price6 >= ask6:
                price6 = (ask6 - 1) // tick6 * tick6
            distance_x2 = self.anchor - 2 * price6
            return Price(price6, distance_x2 // (2 * tick6), refusal_of(side, price6, ask6))
        price6 = -(-(from_x2 + 2 * ticks * tick6) // (2 * tick6)) * tick6
        if bid6 is not None and price6 <= bid6:
            price6 = (bid6 // tick6 + 1) * tick6
        distance_x2 = 2 * price6 - self.anchor
        return Price(price6, distance_x2 // (2 * tick6), refusal_of(side, price6, bid6))


def _moved(wallet: WalletSnapshot, oldest: RestingOrder, prices: _RestingPrices, rng: Random) -> Modify | Skip:
    """The oldest order, moved beside the mid."""
    side, market = oldest.side, prices.market
    price = prices.beside_mid(side, rng.randint(*TICKS_AWAY))
    if price.refusal is not None:
        return Skip(wallet.address, price.refusal, "beside the mid", side)
    if price.price6 == oldest.price6:
        return Skip(wallet.address, SkipReason.IN_PLACE, f"its oldest {side.value} order", side)
    level = oldest.level or _vacant_level(wallet, side)
    if level is None:
        return Skip(wallet.address, SkipReason.MAX_OPEN_ORDERS, "no level is vacant", side)
    amount18 = oldest.amount18 // TAG_UNIT * TAG_UNIT + encode_tag(Tag(level, wallet.sequence))
    bps = margin_bps(side, market.margin_req_bps, (order for order in wallet.orders if order.side is side))
    need6 = margin6(amount18, price.price6, bps)
    if need6 > oldest.margin6 + budget_of(wallet, market.limits, Rules.EVEN).remaining6:
        return Skip(wallet.address, SkipReason.CAP, "moving its oldest order needs more margin", side)
    return Modify(
        wallet.address,
        oldest.order_id,
        side,
        level,
        price.price6,
        amount18,
        need6,
        wallet.sequence,
        oldest.price6,
        oldest.amount18,
        "beside the mid",
    )


def _placed(
    wallet: WalletSnapshot, prices: _RestingPrices, parameters: ClassicParameters, rng: Random
) -> Intent | Skip:
    """A new order behind the touch, on the side that the mode says."""
    side = {Mode.UP: Side.BUY, Mode.DOWN: Side.SELL}.get(parameters.mode) or rng.choice((Side.BUY, Side.SELL))
    price = prices.behind_touch(side, rng.randint(*TICKS_AWAY))
    amount18 = _size18(parameters, rng)
    if price.refusal is not None:
        return Skip(wallet.address, price.refusal, "behind the touch", side)
    level = _vacant_level(wallet, side)
    if level is None:
        return Skip(wallet.address, SkipReason.MAX_OPEN_ORDERS, "no level is vacant", side)
    market = prices.market
    bps = margin_bps(side, market.margin_req_bps, (order for order in wallet.orders if order.side is side))
    budget = budget_of(wallet, market.limits, Rules.EVEN)
    fitted = fit(wallet, [OrderRequest(side, level, price, amount18, bps)], budget.remaining6, Rules.EVEN)
    if fitted.places:
        return fitted.places[0]
    return replace(fitted.skips[0], level=None)


def _vacant_level(wallet: WalletSnapshot, side: Side) -> int | None:
    """The lowest level without an order of the wallet on this side, None if there is none."""
    taken = {order.level for order in wallet.orders if order.side is side}
    return next((level for level in range(1, 100) if level not in taken), None)


def _size18(parameters: ClassicParameters, rng: Random) -> int:
    """A random size within the bounds, cut after nine decimals to leave room for the tag."""
    size = parameters.size_min + (parameters.size_max - parameters.size_min) * rng.random()
    return int(Decimal(str(size)).scaleb(9)) * TAG_UNIT


def _targets(parameters: ClassicParameters) -> Targets:
    return Targets(0, 0, int(Decimal(str(parameters.size_max)) * AMOUNT_UNIT), parameters.max_distance_ticks)


def _refusal(parameters: ClassicParameters, tick6: int, anchor_x2: int | None, called: Called) -> str | None:
    return market_problem(TICKS_AWAY[1], tick6, anchor_x2, "the farthest distance of")


CLASSIC = StrategyDefinition(
    name="classic",
    summary="the original tool's older way: one random action of one wallet at a time, close to the touch",
    parameters=ClassicParameters,
    plan=plan,
    targets=_targets,
    memory=ClassicMemory,
    refusal=_refusal,
    is_flat=True,
)
