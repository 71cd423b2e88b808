"""What planning needs of a wallet whatever the market does: worked out once per snapshot of the wallet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ama_tui.domain.order import Side
from ama_tui.domain.parameters import Parameters
from ama_tui.domain.plan import CollateralBasis, Rules, WalletBudget, WalletSnapshot
from ama_tui.strategies.budget import budget_of
from ama_tui.strategies.cancels import duplicate, is_remnant
from ama_tui.strategies.levels import SideOrders
from ama_tui.strategies.prices import OwnBest, best_of, own_best
from ama_tui.strategies.spacing import level_spacing


@dataclass(frozen=True, slots=True)
class WalletDigest:
    """A wallet's part of a plan that does not depend on the market."""

    wallet: WalletSnapshot
    own_best: OwnBest
    budget: WalletBudget
    is_complete: bool
    """It needs no order and no cancel, unless an order is stale."""
    has_remnant: bool
    lowest6: int
    """The lowest and the highest price of its resting orders; both 0 without orders."""
    highest6: int

    @classmethod
    def of(cls, wallet: WalletSnapshot, parameters: Parameters, rules: Rules, basis: CollateralBasis) -> WalletDigest:
        buys, sells = SideOrders.of(wallet, Side.BUY), SideOrders.of(wallet, Side.SELL)
        spacing = level_spacing(parameters, rules, wallet.index)
        prices = [order.price6 for order in wallet.orders]
        most = 2 * parameters.orders_per_side
        return cls(
            wallet,
            own_best(wallet),
            budget_of(wallet, parameters, rules, basis),
            is_complete=(
                wallet.was_read
                and wallet.unusable is None
                and max(len(buys.resting), len(sells.resting)) <= most
                and duplicate(wallet) is None
                and not buys.missing_levels(spacing)
                and not sells.missing_levels(spacing)
            ),
            has_remnant=any(map(is_remnant, wallet.orders)),
            lowest6=min(prices, default=0),
            highest6=max(prices, default=0),
        )


@dataclass(frozen=True, slots=True)
class FleetDigest:
    """The digests of a fleet, and what they add up to."""

    wallets: tuple[WalletSnapshot, ...]
    digests: tuple[WalletDigest, ...]
    own_best: OwnBest
    budgets: Mapping[str, WalletBudget]
    """Of every wallet."""
    is_complete: bool
    """No wallet needs an order or a cancel, unless an order is too far from the anchor."""
    lowest6: int
    """The lowest and the highest price of all resting orders; both 0 without orders."""
    highest6: int

    @classmethod
    def of(cls, wallets: tuple[WalletSnapshot, ...], digests: Iterable[WalletDigest]) -> FleetDigest:
        """The sums of these digests of these wallets."""
        all_digests = tuple(digests)
        resting = [digest for digest in all_digests if digest.wallet.orders]
        return cls(
            wallets,
            all_digests,
            best_of([digest.own_best for digest in all_digests]),
            {digest.wallet.address: digest.budget for digest in all_digests},
            all(digest.is_complete and not digest.has_remnant for digest in all_digests),
            min((digest.lowest6 for digest in resting), default=0),
            max((digest.highest6 for digest in resting), default=0),
        )


@dataclass(slots=True)
class DigestMemory:
    """The latest digests: spares the work for wallets whose snapshot is the same object as in the last plan."""

    _wallets: dict[str, WalletDigest] = field(default_factory=dict, init=False)
    """By address."""
    _fleet: FleetDigest | None = field(default=None, init=False)

    def fleet(
        self,
        wallets: tuple[WalletSnapshot, ...],
        parameters: Parameters,
        rules: Rules,
        basis: CollateralBasis,
    ) -> FleetDigest:
        """The digest of these wallets."""
        if self._fleet is None or self._fleet.wallets != wallets:
            digests = (self._wallet(wallet, parameters, rules, basis) for wallet in wallets)
            self._fleet = FleetDigest.of(wallets, digests)
        return self._fleet

    def _wallet(
        self, wallet: WalletSnapshot, parameters: Parameters, rules: Rules, basis: CollateralBasis
    ) -> WalletDigest:
        known = self._wallets.get(wallet.address)
        if known is None or known.wallet is not wallet:
            known = self._wallets[wallet.address] = WalletDigest.of(wallet, parameters, rules, basis)
        return known
