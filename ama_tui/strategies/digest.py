"""What planning needs of a wallet whatever the market does: worked out once per snapshot of the wallet."""

from __future__ import annotations

from dataclasses import dataclass

from ama_tui.domain.order import Side
from ama_tui.domain.plan import RunLimits, WalletBudget, WalletSnapshot
from ama_tui.strategies.budget import budget_of
from ama_tui.strategies.cancels import duplicate, is_remnant
from ama_tui.strategies.levels import SideOrders
from ama_tui.strategies.packer_parameters import Shapes
from ama_tui.strategies.prices import OwnBest, own_best
from ama_tui.strategies.spacing import WalletSpacing, wallet_spacing


@dataclass(frozen=True, slots=True)
class WalletDigest:
    """A wallet's part of a plan that does not depend on the market."""

    wallet: WalletSnapshot
    own_best: OwnBest
    budget: WalletBudget
    spacing: WalletSpacing
    is_complete: bool
    """It needs no order and no cancel, unless an order is stale."""
    has_remnant: bool
    lowest6: int
    """The lowest and the highest price of its resting orders; both 0 without orders."""
    highest6: int

    @classmethod
    def of(cls, wallet: WalletSnapshot, shapes: Shapes, limits: RunLimits) -> WalletDigest:
        buys, sells = SideOrders.of(wallet, Side.BUY), SideOrders.of(wallet, Side.SELL)
        spacing = wallet_spacing(shapes, wallet.index)
        prices = [order.price6 for order in wallet.orders]
        return cls(
            wallet,
            own_best(wallet),
            budget_of(wallet, limits, shapes.rules),
            spacing,
            is_complete=(
                wallet.was_read
                and wallet.unusable is None
                and len(buys.resting) <= 2 * shapes.bid.orders
                and len(sells.resting) <= 2 * shapes.ask.orders
                and duplicate(wallet) is None
                and not buys.missing_levels(spacing.bids)
                and not sells.missing_levels(spacing.asks)
            ),
            has_remnant=any(map(is_remnant, wallet.orders)),
            lowest6=min(prices, default=0),
            highest6=max(prices, default=0),
        )
