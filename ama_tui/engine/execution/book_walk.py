"""What a market order would trade with, and how much of it stays clear of the fleet's own orders. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ama_tui.domain.market import BookLevel
from ama_tui.domain.order import Side

THINNING = 2
"""A take is so small that it would still not reach the fleet if the best price gave way as far as it may, which
removes all orders up to there, and the rest of the book before the fleet lost this part of its depth: a factor of 2
stands for a half. A market order has no limit price, and the book may change while the order is on its way.
"""
UNIT18 = 10**9
"""Amounts are whole multiples of this."""


@dataclass(frozen=True, slots=True)
class BookWalk:
    """What may be taken. `amount18` is 0 if nothing may be."""

    amount18: int
    reach6: int
    """The price that it may reach if the book gets thinner (6 decimals)."""
    reason: str = ""
    """What cuts the amount, '' if nothing does."""


def walk(
    levels: Sequence[BookLevel], side: Side, wanted18: int, *, limit6: int, own6: int | None, give6: int
) -> BookWalk:
    """How much of a market order on `side` may be sent.

    `levels` are the opposite side of the book, best first; `give6` is how far its best price may give way (6 decimals).
    It stops before `own6`, the best price at which an order of the fleet rests or may come to rest: at a shared price
    the fleet's may be first. It trades nothing beyond `limit6`.
    """
    before = [level for level in levels if own6 is None or _is_better(side, level.price6, own6)]
    before18 = sum(level.amount18 for level in before)
    within18 = sum(level.amount18 for level in before if not _is_better(side, limit6, level.price6))
    staying = [level for level in before if abs(level.price6 - levels[0].price6) >= give6]
    limits = [(wanted18, ""), (within18, "slippage" if within18 < before18 else _depth_reason(own6))]
    if own6 is not None:
        limits.append((sum(level.amount18 for level in staying) // THINNING, _depth_reason(own6)))
    most18, reason = min(limits, key=lambda limit: limit[0])
    amount18 = most18 // UNIT18 * UNIT18
    return BookWalk(amount18, _reach6(staying or before, THINNING * amount18, limit6), reason)


def _reach6(levels: Sequence[BookLevel], amount18: int, default6: int) -> int:
    """The price of the level at which this amount is filled, else that of the last level."""
    filled18, price6 = 0, default6
    for level in levels:
        filled18, price6 = filled18 + level.amount18, level.price6
        if filled18 >= amount18:
            break
    return price6


def _is_better(side: Side, price6: int, than6: int) -> bool:
    """Is it the better price to trade at for an order on this side?"""
    return price6 < than6 if side.is_buy else price6 > than6


def _depth_reason(own6: int | None) -> str:
    return "the book has no more" if own6 is None else "it would come too close to an order of the fleet"
