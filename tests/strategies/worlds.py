"""Random books and fleets from a seed, and what the chain would show once a plan is carried out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from random import Random

from ama_tui.domain.order import RestingOrder, Side
from ama_tui.domain.plan import (
    Cancel,
    CollateralBasis,
    MarketSnapshot,
    Modify,
    PendingOrder,
    Place,
    Plan,
    Rules,
    RunLimits,
    SkipReason,
    WalletSnapshot,
)
from ama_tui.strategies.chosen import Strategy
from ama_tui.strategies.packer import PACKER
from ama_tui.strategies.packer_parameters import PackerParameters
from ama_tui.strategies.spacing import LevelSpacing, wallet_spacing

NOW = 1_700_000_000
USDC = 10**6


def wallet(index: int = 0, available6: int = 10_000 * USDC, **changes: object) -> WalletSnapshot:
    """A wallet without orders; any field can be set by name."""
    blank = WalletSnapshot(index=index, address=f"0x{index + 1:040x}", available6=available6)
    return replace(blank, **changes)  # type: ignore[arg-type]  # the names are the snapshot's own


def market(*wallets: WalletSnapshot, **changes: object) -> MarketSnapshot:
    """A market at 2,500 with a tick of 0.01 and an empty book; any field can be set by name."""
    blank = MarketSnapshot(tick6=10_000, margin_req_bps=10_000, now=NOW, vault_mark6=2500 * USDC, wallets=wallets)
    return replace(blank, **changes)  # type: ignore[arg-type]  # the names are the snapshot's own


def resting(order_id: int, side: Side, price6: int, **changes: object) -> RestingOrder:
    """A fresh order of 0.1 that reserves the default margin."""
    amount18 = 10**17
    margin6 = amount18 * price6 * (10 if side is Side.BUY else 15) // 10**19
    blank = RestingOrder(order_id, wallet().address, side, price6, amount18, margin6, placed_at=NOW)
    return replace(blank, **changes)  # type: ignore[arg-type]  # the names are the order's own


def orders_of(*wallets: WalletSnapshot) -> Iterable[RestingOrder | PendingOrder]:
    """All resting and pending orders of some wallets."""
    for one in wallets:
        yield from one.orders
        yield from one.pending_orders


class Packer:
    """The packer as a run uses it, with its parameters and limits: it plans one snapshot after another."""

    def __init__(self, parameters: PackerParameters | None = None, limits: RunLimits | None = None) -> None:
        self.parameters, self.limits = parameters or PackerParameters(), limits or RunLimits()
        self._strategy = Strategy(PACKER, self.parameters)

    def plan(self, snapshot: MarketSnapshot) -> Plan:
        return self._strategy.plan(replace(snapshot, limits=self.limits))

    def refusal(self, tick6: int, anchor_x2: int | None) -> str | None:
        return self._strategy.refusal(tick6, anchor_x2, lambda name: {"min_distance_ticks": "nearest distance"}[name])


def spacing_of(parameters: PackerParameters, index: int, side: Side = Side.BUY) -> LevelSpacing:
    """The levels of a wallet on one side."""
    return wallet_spacing(parameters.shapes, index).on(side)


class World:
    """One random market with a fleet and a packer for it; the same seed makes the same world.

    Books are two-sided (thin or wide, on or off the tick), one-sided or empty. Marks are sane, missing,
    bad defaults or absurd. Fleets have partial fills, unknown and doubled levels, working orders,
    cancels in flight, margins beyond the market's, and little or no collateral.
    """

    def __init__(self, seed: int, *, is_shaped: bool = False) -> None:
        """With `is_shaped` the packer has sides of its own, price limits and a pause after fills."""
        rng = self.rng = Random(seed)
        self.tick6 = rng.choice((1, 100, 333, 10_000, 10_000, 50_000, 1_000_000))
        self.fair6 = self.tick6 * rng.choice((5, 40, 300, 5_000, 250_000, 6_000_000)) + rng.randrange(self.tick6)
        own, max_utilization = self._parameters()
        own = own.model_copy(update={"rules": rng.choice(list(Rules))})
        if is_shaped:
            own = self._shaped(own, Random(seed + 1))
        basis = rng.choice((CollateralBasis.NET, CollateralBasis.NET, CollateralBasis.GROSS))
        self.packer = Packer(own, RunLimits(max_utilization, basis))
        self._next_id = 1
        wallets = tuple(self._wallet(index) for index in range(rng.randint(1, 4)))
        self.market = self._market(wallets)

    def _parameters(self) -> tuple[PackerParameters, float]:
        rng = self.rng
        nearest = rng.choice((1, 1, 2, 10, 10, 30))
        size = rng.choice((0.05, 0.05, 1e-9, 0.00002, 3.0, 1e7))
        size_max = size * rng.choice((1, 5))
        orders_per_side = rng.choice((1, 2, 4, 6, 6, 50 if rng.random() < 0.02 else 5))
        max_utilization = rng.choice((0.02, 0.2, 0.2, 0.9))
        own = PackerParameters(
            size_min=size,
            size_max=size_max,
            orders_per_side=orders_per_side,
            min_distance_ticks=nearest,
            max_distance_ticks=nearest + rng.choice((0, 1, 20, 110)),
        )
        return own, max_utilization

    def _shaped(self, own: PackerParameters, rng: Random) -> PackerParameters:
        fair = self.fair6 / USDC
        changes: dict[str, object] = {"fill_delay_s": rng.choice((None, 0, 30, 600))}
        for side in ("bid", "ask"):
            nearest = rng.choice((1, 3, 12))
            changes[f"{side}s"] = rng.choice((None, 0, 1, 4, 9))
            changes |= (
                {f"{side}_size_min": 0.01, f"{side}_size_max": rng.choice((0.01, 2.0))} if rng.random() < 0.5 else {}
            )
            changes |= {
                f"{side}_min_distance_ticks": nearest,
                f"{side}_max_distance_ticks": nearest + rng.choice((0, 40)),
            }
        changes["price_floor"] = rng.choice((None, fair * 0.9, fair, fair * 1.1))
        changes["price_ceiling"] = rng.choice((None, fair * 0.9, fair, fair * 1.1))
        return PackerParameters(**{**own.model_dump(), **changes})

    def _price6(self, side: Side) -> int:
        """A price on the right side of the fair one, sometimes off the tick."""
        away = self.rng.randint(1, 260) * self.tick6 + self.rng.choice((0, 0, self.rng.randrange(self.tick6)))
        return max(1, self.fair6 - away) if side is Side.BUY else self.fair6 + away

    def _resting(self, address: str) -> RestingOrder:
        rng = self.rng
        side = rng.choice((Side.BUY, Side.SELL))
        price6 = self._price6(side)
        placed18 = rng.choice((10**13, 10**16, 10**17, 3 * 10**18))
        amount18 = max(1, int(placed18 * rng.choice((1, 1, 1, 0.5, 0.09, 1e-12))))
        bps = rng.choice((10_000, 10_000, 15_000, 20_000))
        self._next_id += 1
        return RestingOrder(
            self._next_id,
            address,
            side,
            price6,
            amount18,
            amount18 * price6 * bps // 10**22 + rng.choice((0, 0, 1)),
            NOW - rng.choice((0, 29, 30, 500)),
            rng.random() < 0.95,
            rng.choice((None, rng.randint(1, 7))),
            rng.choice((None, placed18)),
        )

    def _working(self) -> PendingOrder:
        side = self.rng.choice((Side.BUY, Side.SELL))
        price6 = self._price6(side)
        return PendingOrder(side, self.rng.randint(1, 6), price6, 10**17, price6 // 8)

    def _wallet(self, index: int) -> WalletSnapshot:
        rng = self.rng
        address = f"0x{index + 1:040x}"
        orders = tuple(self._resting(address) for _ in range(rng.choice((0, 0, 2, 5, 9, 30))))
        ids = [order.order_id for order in orders]
        return WalletSnapshot(
            index=rng.choice((index, 997 + index)),
            address=address,
            available6=rng.choice((0, 1, 2_000, 50 * USDC, 10_000 * USDC, 10_000 * USDC, 10**15)),
            orders=orders,
            pending_orders=tuple(self._working() for _ in range(rng.choice((0, 0, 1, 4)))),
            cancelling=frozenset(rng.sample(ids, rng.randint(0, len(ids)) // 3)),
            sequence=rng.choice((0, 7, 99_998)),
            was_read=rng.random() < 0.95,
            unusable=rng.choice((SkipReason.NO_SESSION, SkipReason.WALLET_PAUSED)) if rng.random() < 0.05 else None,
        )

    def _market(self, wallets: tuple[WalletSnapshot, ...]) -> MarketSnapshot:
        """The fleet's resting orders are part of the book, together with others' orders."""
        rng = self.rng
        kind = rng.choice(("two-sided", "two-sided", "thin", "bids only", "asks only", "empty"))
        others_bid6 = None if kind in ("asks only", "empty") else self._price6(Side.BUY)
        others_ask6 = None if kind in ("bids only", "empty") else self._price6(Side.SELL)
        if kind == "thin":
            others_bid6 = max(1, self.fair6 - self.tick6)
            others_ask6 = others_bid6 + self.tick6
        resting_orders = [order for one in wallets for order in one.orders]
        bids = [order.price6 for order in resting_orders if order.side is Side.BUY]
        asks = [order.price6 for order in resting_orders if order.side is Side.SELL]
        marks = (None, None, None, 0, USDC, 1, self.fair6, self.fair6, self.fair6, self.fair6 * 3, 10**30)
        return MarketSnapshot(
            tick6=self.tick6,
            margin_req_bps=rng.choice((10_000, 10_000, 500, 18_000)),
            now=NOW,
            best_bid6=max((*bids, others_bid6) if others_bid6 is not None else bids, default=None),
            best_ask6=min((*asks, others_ask6) if others_ask6 is not None else asks, default=None),
            others_bid6=others_bid6,
            others_ask6=others_ask6,
            mark6=rng.choice(marks),
            vault_mark6=rng.choice(marks),
            last_trade6=rng.choice(marks),
            wallets=wallets,
        )


def carried_out(snapshot: MarketSnapshot, plan: Plan, first_id: int, seconds: int = 60) -> MarketSnapshot:
    """The market some seconds later, when every intent was carried out and whatever worked rests.

    New orders get ids from `first_id` on. The venue's available collateral is net of reservations.
    """
    gone = {intent.order_id for intent in plan.intents if isinstance(intent, Cancel | Modify)}
    now = snapshot.now + seconds
    wallets: list[WalletSnapshot] = []
    for one in snapshot.wallets:
        new = [
            RestingOrder(
                first_id + number,
                one.address,
                intent.side,
                intent.price6,
                intent.amount18,
                intent.margin6,
                now,
                level=intent.level,
                placed18=intent.amount18,
            )
            for number, intent in enumerate(plan.intents)
            if isinstance(intent, Place | Modify) and intent.wallet == one.address
        ]
        freed6 = sum(order.margin6 for order in one.orders if order.order_id in gone and order.is_margin)
        wallets.append(
            replace(
                one,
                available6=max(0, one.available6 + freed6 - sum(order.margin6 for order in new)),
                orders=(*(order for order in one.orders if order.order_id not in gone), *new),
                sequence=(one.sequence + len(new)) % 100_000,
            )
        )
    bids = [order.price6 for one in wallets for order in one.orders if order.side is Side.BUY]
    asks = [order.price6 for one in wallets for order in one.orders if order.side is Side.SELL]
    if snapshot.others_bid6 is not None:
        bids.append(snapshot.others_bid6)
    if snapshot.others_ask6 is not None:
        asks.append(snapshot.others_ask6)
    return replace(
        snapshot,
        now=now,
        best_bid6=max(bids, default=None),
        best_ask6=min(asks, default=None),
        wallets=tuple(wallets),
    )
