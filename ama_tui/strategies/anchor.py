"""The anchor: the reference price that orders are placed around (the packer's rule 2)."""

from __future__ import annotations

from ama_tui.domain.market import BAD_DEFAULT_PRICE6
from ama_tui.domain.money import format_price
from ama_tui.domain.plan import MarketSnapshot
from ama_tui.domain.settings import MIN_DISTANCE_TICKS

_NOT_A_PRICE = (None, 0, BAD_DEFAULT_PRICE6)


def anchor_x2(market: MarketSnapshot) -> int | None:
    """Twice the anchor price (6 decimals), which keeps a mid price whole; None if there is no price.

    The first available of: mid price, live mark, vault mark, last trade. A live mark or last trade of 1 is the
    venue's bad default and is skipped. A vault mark of 1 is valid.
    """
    return next((price for _, price in price_sources(market) if price is not None), None)


def price_sources(market: MarketSnapshot) -> tuple[tuple[str, int | None], ...]:
    """Each source's name and price, doubled; None where it has none. The first with a price is the anchor's."""
    bid6, ask6 = market.best_bid6, market.best_ask6
    return (
        ("book mid", bid6 + ask6 if bid6 is not None and ask6 is not None else None),
        ("API mark", 2 * market.mark6 if market.mark6 is not None and market.mark6 not in _NOT_A_PRICE else None),
        ("vault mark", 2 * market.vault_mark6 if market.vault_mark6 else None),
        (
            "last trade",
            2 * market.last_trade6
            if market.last_trade6 is not None and market.last_trade6 not in _NOT_A_PRICE
            else None,
        ),
    )


def price_conflict(market: MarketSnapshot, band_percent: float) -> str:
    """What to report when the anchor is further from the vault's mark than the band, in percent; '' if it is not.

    Without an anchor or a vault mark there is nothing to compare.
    """
    sources = price_sources(market)
    anchor, vault = anchor_x2(market), dict(sources)["vault mark"]
    if anchor is None or vault is None or abs(anchor - vault) * 100 <= band_percent * vault:
        return ""
    off_percent = abs(anchor - vault) * 100 / vault
    prices = ", ".join(
        f"{name} {format_price(price // 2, market.tick6)}" for name, price in sources if price is not None
    )
    return f"prices are {off_percent:,.1f} % apart, more than --price-band {band_percent:g}: {prices}"


NEAREST = MIN_DISTANCE_TICKS.form_name
"""What the form calls the nearest distance."""


def market_problem(
    min_distance_ticks: int, tick6: int, anchor_x2: int | None, distance_name: str = NEAREST
) -> str | None:
    """Why this market cannot be quoted, in one line; None if it can. `distance_name` is what the operator calls the
    nearest distance.

    The anchor price must be at least twice the smallest distance. Without an anchor this is not checked; it is
    checked again once there is one.
    """
    if tick6 <= 0:
        return "the market's tick is not a positive multiple of 0.000001; choose another market"
    if anchor_x2 is None or anchor_x2 >= 4 * min_distance_ticks * tick6:
        return None
    anchor_ticks = anchor_x2 // (2 * tick6)
    fits = anchor_x2 // (4 * tick6)
    problem = f"{distance_name} {min_distance_ticks} does not fit a price of {anchor_ticks} ticks"
    if fits == 0:
        return f"{problem}, and no other value does; choose another market"
    return f"{problem}; use {fits} or less"
