"""The anchor: the price that quotes are laid around (the packer's rule 2)."""

from __future__ import annotations

from ama_tui.domain.market import BAD_DEFAULT_PRICE6
from ama_tui.domain.plan import MarketSnapshot

_NOT_A_PRICE = (None, 0, BAD_DEFAULT_PRICE6)


def anchor_x2(market: MarketSnapshot) -> int | None:
    """Twice the anchor price (6 decimals), so that a mid stays whole; None when nothing tells a price.

    The first of: the mid of the book's two sides, the live mark, the vault's mark, the last trade.
    A live mark or last trade of 1 is the venue's bad default and is skipped; the vault's mark is
    right even when it is 1.
    """
    if market.best_bid6 is not None and market.best_ask6 is not None:
        return market.best_bid6 + market.best_ask6
    if market.mark6 is not None and market.mark6 not in _NOT_A_PRICE:
        return 2 * market.mark6
    if market.vault_mark6 is not None and market.vault_mark6 != 0:
        return 2 * market.vault_mark6
    if market.last_trade6 is not None and market.last_trade6 not in _NOT_A_PRICE:
        return 2 * market.last_trade6
    return None


def misfit(min_distance_ticks: int, tick6: int, anchor_x2: int | None) -> str | None:
    """Why quotes cannot be laid on this market, in one line; None when they can.

    The anchor must be at least twice the nearest distance away from zero. An unknown anchor refuses
    nothing: the market is checked again when it has one.
    """
    if tick6 <= 0:
        return "the market's tick is not a positive multiple of 0.000001: choose another market"
    if anchor_x2 is None or anchor_x2 >= 4 * min_distance_ticks * tick6:
        return None
    anchor_ticks = anchor_x2 // (2 * tick6)
    fits = anchor_x2 // (4 * tick6)
    problem = f"minDistanceTicks {min_distance_ticks} does not fit a price of {anchor_ticks} ticks"
    if fits == 0:
        return f"{problem}: no distance does, choose another market"
    return f"{problem}: use {fits} or less"
