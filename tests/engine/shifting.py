"""A strategy for tests that keeps the book packed like the packer, and moves resting orders a little at every plan."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import ClassVar

from ama_tui.domain.money import margin6
from ama_tui.domain.order import MAX_TAG_SEQUENCE, TAG_UNIT, RestingOrder, Side, Tag, encode_tag
from ama_tui.domain.parameters import Parameters
from ama_tui.domain.plan import CollateralBasis, MarketSnapshot, Modify, Place, Plan, Rules, WalletSnapshot
from ama_tui.domain.session import Methods
from ama_tui.strategies.packer import Packer

FARTHEST_TICKS = 15


@dataclass(frozen=True)
class Shifting:
    """Moves each resting order with a certain chance, away from the spread or towards it, but never across."""

    parameters: Parameters
    chance: Callable[[], float]
    seed: int = 0
    packer: Packer = field(init=False)

    name: ClassVar[str] = "shifting"
    methods: ClassVar[Methods] = Packer.methods

    def __post_init__(self) -> None:
        object.__setattr__(self, "packer", Packer(self.parameters, Rules.EVEN, CollateralBasis.NET))

    def plan(self, market: MarketSnapshot) -> Plan:
        """The packer's plan, and moves of orders about which nothing else is pending."""
        plan = self.packer.plan(market)
        dice = random.Random(f"{self.seed} {market.block} {market.now}")
        moves: list[Modify] = []
        for wallet in market.wallets:
            if wallet.unusable is not None or not wallet.was_read:
                continue
            held = {(one.side, one.level) for one in wallet.pending_orders}
            used = sum(isinstance(one, Place) and one.wallet == wallet.address for one in plan.intents)
            for order in wallet.orders:
                is_free = order.order_id not in wallet.cancelling and (order.side, order.level) not in held
                if order.level is None or not is_free or dice.random() >= self.chance():
                    continue
                moved = self._moved(market, wallet, order, used, dice)
                if moved is not None:
                    moves.append(moved)
                    used += 1
        return replace(plan, intents=(*plan.intents, *moves))

    def _moved(
        self, market: MarketSnapshot, wallet: WalletSnapshot, order: RestingOrder, used: int, dice: random.Random
    ) -> Modify | None:
        assert order.level is not None
        ticks = dice.randint(-FARTHEST_TICKS, FARTHEST_TICKS)
        price6 = order.price6 + ticks * market.tick6
        sequence = (wallet.sequence + used) % (MAX_TAG_SEQUENCE + 1)
        amount18 = order.amount18 // TAG_UNIT * TAG_UNIT + encode_tag(Tag(order.level, sequence))
        opposite6 = market.best_ask6 if order.side is Side.BUY else market.best_bid6
        crosses = opposite6 is not None and (price6 >= opposite6 if order.side is Side.BUY else price6 <= opposite6)
        if price6 <= 0 or crosses or not ticks:
            return None
        return Modify(
            wallet=wallet.address,
            order_id=order.order_id,
            side=order.side,
            level=order.level,
            price6=price6,
            amount18=amount18,
            margin6=margin6(amount18, price6, 15_000),
            sequence=sequence,
            old_price6=order.price6,
            old_amount18=order.amount18,
        )

    def refusal(self, tick6: int, anchor_x2: int | None, distance_name: str = "") -> str | None:
        """As the packer."""
        return self.packer.refusal(tick6, anchor_x2, distance_name)
