"""What planning needs of a wallet whatever the market does: worked out once per snapshot of the wallet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ama_tui.domain.order import Side
from ama_tui.domain.plan import RunLimits, WalletBudget, WalletSnapshot
from ama_tui.strategies.budget import budget_of
from ama_tui.strategies.cancels import duplicate, is_remnant
from ama_tui.strategies.levels import SideOrders
from ama_tui.strategies.packer_parameters import PackerParameters, Shapes
from ama_tui.strategies.prices import OwnBest, best_of, own_best
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


@dataclass(frozen=True, slots=True)
class FleetDigest:
    """The digests of a fleet, and what they add up to."""

    wallets: tuple[WalletSnapshot, ...] = ()
    digests: Mapping[str, WalletDigest] = field(default_factory=dict)
    """By address, in the order of the wallets."""
    own_best: OwnBest = (None, None)
    budgets: Mapping[str, WalletBudget] = field(default_factory=dict)
    """Of every wallet."""
    is_complete: bool = True
    """No wallet needs an order or a cancel, unless an order is too far from the anchor."""
    lowest6: int = 0
    """The lowest and the highest price of all resting orders; both 0 without orders."""
    highest6: int = 0

    @classmethod
    def of(cls, digests: Iterable[WalletDigest]) -> FleetDigest:
        """The sums of these digests."""
        by_address = {digest.wallet.address: digest for digest in digests}
        resting = [digest for digest in by_address.values() if digest.wallet.orders]
        return cls(
            tuple(digest.wallet for digest in by_address.values()),
            by_address,
            best_of([digest.own_best for digest in by_address.values()]),
            {address: digest.budget for address, digest in by_address.items()},
            all(digest.is_complete and not digest.has_remnant for digest in by_address.values()),
            min((digest.lowest6 for digest in resting), default=0),
            max((digest.highest6 for digest in resting), default=0),
        )


@dataclass(frozen=True, slots=True)
class DigestMemory:
    """The latest digests: spares the work for wallets whose snapshot is the same object as in the last plan."""

    parameters: PackerParameters | None = None
    limits: RunLimits | None = None
    fleet: FleetDigest = field(default_factory=FleetDigest)
    """For these parameters and limits."""

    def after(
        self, wallets: tuple[WalletSnapshot, ...], parameters: PackerParameters, limits: RunLimits
    ) -> DigestMemory:
        """The memory with the digests of these wallets."""
        is_same = (self.parameters, self.limits) == (parameters, limits)
        if is_same and self.fleet.wallets == wallets:
            return self
        known = self.fleet.digests if is_same else {}
        shapes = parameters.shapes
        fleet = FleetDigest.of(_digest(wallet, known.get(wallet.address), shapes, limits) for wallet in wallets)
        return DigestMemory(parameters, limits, fleet)


def _digest(wallet: WalletSnapshot, known: WalletDigest | None, shapes: Shapes, limits: RunLimits) -> WalletDigest:
    return known if known is not None and known.wallet is wallet else WalletDigest.of(wallet, shapes, limits)
