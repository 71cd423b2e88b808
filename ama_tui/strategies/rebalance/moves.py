"""Which of a wallet's orders are moved, and where to. An order is kept unless it is wrong. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ama_tui.domain.money import margin6
from ama_tui.domain.order import TAG_UNIT, RestingOrder, Side, Tag, encode_tag
from ama_tui.domain.plan import MarketSnapshot, Modify, WalletSnapshot
from ama_tui.strategies.budget import DUST18, SEQUENCES
from ama_tui.strategies.prices import Price
from ama_tui.strategies.rebalance.bands import Band

SOON_TICKS = 2
"""An order this near to the best opposite order of others would soon cross."""

LevelPrice = Callable[[Side, int], Price | None]
"""The price at which a level would be placed now; None for a level that the run does not have."""


@dataclass(frozen=True, slots=True)
class MoveRules:
    """What decides whether an order moves, for all wallets of a plan."""

    market: MarketSnapshot
    anchor_x2: int
    slack_ticks: int
    min_rest_s: int

    def wrong(self, order: RestingOrder, band: Band) -> str:
        """Why an order must move, '' if it may stay."""
        if self.would_soon_cross(order):
            return "would soon cross"
        if self.market.now - order.placed_at < self.min_rest_s:
            return ""
        distance_x2 = self.distance_x2(order.side, order.price6)
        if distance_x2 < 2 * (band.near - self.slack_ticks) * self.market.tick6:
            return f"nearer than {band.near} ticks"
        if distance_x2 > 2 * (band.far + self.slack_ticks) * self.market.tick6:
            return f"further than {band.far} ticks"
        return ""

    def would_soon_cross(self, order: RestingOrder) -> bool:
        """Has the best opposite order of others come within two ticks? Waiting would get it filled at a bad price."""
        near6 = SOON_TICKS * self.market.tick6
        if order.side is Side.BUY:
            return self.market.others_ask6 is not None and order.price6 > self.market.others_ask6 - near6
        return self.market.others_bid6 is not None and order.price6 < self.market.others_bid6 + near6

    def distance_x2(self, side: Side, price6: int) -> int:
        """Twice the distance from the anchor (6 decimals), below 0 on the wrong side of it."""
        return self.anchor_x2 - 2 * price6 if side is Side.BUY else 2 * price6 - self.anchor_x2

    def helps(self, order: RestingOrder, price6: int, band: Band) -> bool:
        """Would a new price bring the order nearer to its band? A clamp may keep a level where it is."""
        near, far = (2 * ticks * self.market.tick6 for ticks in (band.near, band.far))
        before = self.distance_x2(order.side, order.price6)
        after = self.distance_x2(order.side, price6)
        return max(near - after, after - far, 0) < max(near - before, before - far, 0) or (
            self.would_soon_cross(order) and after > before
        )


def moves(
    wallet: WalletSnapshot,
    rules: MoveRules,
    bands: Mapping[Side, Band],
    price_of: LevelPrice,
    bps: Callable[[Side], int],
    remaining6: int,
) -> list[Modify]:
    """The wallet's orders to move, the one that the market came closest to first.

    Orders that are being cancelled or moved already, and those without a level, are left alone. `bps` is the margin
    ratio per side, `remaining6` the margin that may be added (USDC, 6 decimals); an order that would need more is made
    smaller.
    """
    busy = {(order.side, order.level) for order in wallet.pending_orders}
    wrong = [
        (rules.distance_x2(order.side, order.price6), order, reason)
        for order in wallet.orders
        if order.level is not None
        and order.order_id not in wallet.cancelling
        and (order.side, order.level) not in busy
        and (reason := rules.wrong(order, bands[order.side]))
    ]
    found: list[Modify] = []
    for _, order, reason in sorted(wrong, key=lambda one: (one[0], one[1].order_id)):
        level = order.level or 0
        price = price_of(order.side, level)
        if price is None or price.refusal is not None or not rules.helps(order, price.price6, bands[order.side]):
            continue
        sequence = (wallet.sequence + len(found)) % SEQUENCES
        tag = encode_tag(Tag(level, sequence))
        amount18 = order.amount18 // TAG_UNIT * TAG_UNIT
        room6 = order.margin6 + remaining6
        need6 = margin6(amount18 + tag, price.price6, bps(order.side))
        if need6 > room6:
            amount18 = amount18 * room6 * 9 // (10 * need6 * TAG_UNIT) * TAG_UNIT
            need6 = margin6(amount18 + tag, price.price6, bps(order.side))
        if amount18 < DUST18 or need6 > room6:
            continue
        remaining6 -= max(0, need6 - order.margin6)
        found.append(
            Modify(
                wallet=wallet.address,
                order_id=order.order_id,
                side=order.side,
                level=level,
                price6=price.price6,
                amount18=amount18 + tag,
                margin6=need6,
                sequence=sequence,
                old_price6=order.price6,
                old_amount18=order.amount18,
                reason=reason,
            )
        )
    return found
