"""What takers do, whatever the strategy of the makers: now and then a market order, on a schedule that looks random.

Pure: who takes when, on which side and how much follows from address and time. What of it may be sent is decided by the
engine, which lets no take reach an order of the fleet.
"""

from __future__ import annotations

from hashlib import sha256

from ama_tui.domain.money import AMOUNT_UNIT
from ama_tui.domain.order import Side
from ama_tui.domain.plan import Cancel, CancelReason, Intent, MarketSnapshot, Skip, Take, WalletSnapshot
from ama_tui.domain.wallet import Role

TAKE_EVERY_S = 20
"""Each taker takes once in so many seconds, at a moment of its own."""
SMALLEST_PERCENT = 10
"""The smallest order, as a part of the largest."""
UNIT18 = 10**9


def taking(market: MarketSnapshot) -> tuple[list[Intent], list[Skip]]:
    """The takes that are due now, and cancels of what takers have resting from before they took."""
    intents: list[Intent] = []
    skips: list[Skip] = []
    for wallet in market.wallets:
        if wallet.role is not Role.TAKER or not wallet.was_read:
            continue
        if wallet.unusable is not None:
            skips.append(Skip(wallet.address, wallet.unusable, wallet.unusable_detail))
            continue
        intents += cancel_before_taking(wallet)
        take = due_take(wallet, market)
        if take is not None and not wallet.orders:
            intents.append(take)
    return intents, skips


def due_take(wallet: WalletSnapshot, market: MarketSnapshot) -> Take | None:
    """The take of a wallet that is due, on either side, of a tenth up to all of the largest size; None if none is."""
    begins = market.now // TAKE_EVERY_S * TAKE_EVERY_S
    dice = sha256(f"{wallet.address} {begins}".encode()).digest()
    due_at = begins + int.from_bytes(dice[:4]) % TAKE_EVERY_S
    if market.now < due_at or wallet.taken_at >= due_at:
        return None
    side = Side.BUY if dice[4] % 2 else Side.SELL
    percent = SMALLEST_PERCENT + int.from_bytes(dice[5:9]) % (101 - SMALLEST_PERCENT)
    return take_from(wallet, market, side, market.takers.size_max18 * percent // (100 * UNIT18) * UNIT18)


def take_from(wallet: WalletSnapshot, market: MarketSnapshot, side: Side, amount18: int) -> Take | None:
    """A take of this amount, or of what an hour's budget buys, down to the slippage that the operator allows; None
    without anything to take.
    """
    best6 = market.best_ask6 if side is Side.BUY else market.best_bid6
    if best6 is None:
        return None
    slippage6 = market.takers.slippage_ticks * market.tick6
    limit6 = best6 + slippage6 if side is Side.BUY else max(market.tick6, best6 - slippage6)
    affordable18 = market.takers.budget6 * AMOUNT_UNIT // max(best6, limit6) // UNIT18 * UNIT18
    most18 = min(amount18, affordable18)
    return Take(wallet.address, side, most18, limit6) if most18 > 0 else None


def cancel_before_taking(wallet: WalletSnapshot) -> list[Cancel]:
    """Cancels of what a taker has resting from before it took."""
    return [
        Cancel(wallet.address, one.order_id, one.side, one.price6, one.amount18, CancelReason.TAKER, one.level)
        for one in wallet.orders
        if one.order_id not in wallet.cancelling
    ]
