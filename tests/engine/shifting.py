"""A strategy for tests that keeps the book packed like the packer, and moves resting orders a little at every plan."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace

from ama_tui.domain.money import margin6
from ama_tui.domain.order import MAX_TAG_SEQUENCE, TAG_UNIT, RestingOrder, Side, Tag, encode_tag
from ama_tui.domain.plan import MarketSnapshot, Modify, Place, Plan, WalletSnapshot
from ama_tui.strategies import registry
from ama_tui.strategies.chosen import Strategy
from ama_tui.strategies.packer import PACKER, PackerMemory
from ama_tui.strategies.packer_parameters import PackerParameters

FARTHEST_TICKS = 15


def shifting(values: Mapping[str, object], chance: Callable[[], float], seed: int = 0) -> Strategy:
    """Moves each resting order with a certain chance, away from the spread or towards it, but never across. `values`
    are the packer's parameters by file key.
    """

    def plan(market: MarketSnapshot, own: PackerParameters, memory: PackerMemory) -> tuple[Plan, PackerMemory]:
        packed, memory = PACKER.plan(market, own, memory)
        return replace(packed, intents=(*packed.intents, *_moves(market, packed, chance, seed))), memory

    own = registry.strategy(PACKER.name, values).parameters
    return Strategy(replace(PACKER, name="shifting", plan=plan), own)


def _moves(market: MarketSnapshot, plan: Plan, chance: Callable[[], float], seed: int) -> list[Modify]:
    """Moves of orders about which nothing else is pending."""
    dice = random.Random(f"{seed} {market.block} {market.now}")
    moves: list[Modify] = []
    for wallet in market.wallets:
        if wallet.unusable is not None or not wallet.was_read:
            continue
        held = {(one.side, one.level) for one in wallet.pending_orders}
        used = sum(isinstance(one, Place) and one.wallet == wallet.address for one in plan.intents)
        for order in wallet.orders:
            is_free = order.order_id not in wallet.cancelling and (order.side, order.level) not in held
            if order.level is None or not is_free or dice.random() >= chance():
                continue
            moved = _moved(market, wallet, order, order.level, used, dice)
            if moved is not None:
                moves.append(moved)
                used += 1
    return moves


def _moved(
    market: MarketSnapshot, wallet: WalletSnapshot, order: RestingOrder, level: int, used: int, dice: random.Random
) -> Modify | None:
    ticks = dice.randint(-FARTHEST_TICKS, FARTHEST_TICKS)
    price6 = order.price6 + ticks * market.tick6
    sequence = (wallet.sequence + used) % (MAX_TAG_SEQUENCE + 1)
    amount18 = order.amount18 // TAG_UNIT * TAG_UNIT + encode_tag(Tag(level, sequence))
    opposite6 = market.best_ask6 if order.side is Side.BUY else market.best_bid6
    crosses = opposite6 is not None and (price6 >= opposite6 if order.side is Side.BUY else price6 <= opposite6)
    if price6 <= 0 or crosses or not ticks:
        return None
    return Modify(
        wallet=wallet.address,
        order_id=order.order_id,
        side=order.side,
        level=level,
        price6=price6,
        amount18=amount18,
        margin6=margin6(amount18, price6, 15_000),
        sequence=sequence,
        old_price6=order.price6,
        old_amount18=order.amount18,
    )
