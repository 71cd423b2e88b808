"""The anchor: the reference price that orders are placed around (the packer's rule 2)."""

from __future__ import annotations

from ama_tui.domain.market import BAD_DEFAULT_PRICE6
from ama_tui.domain.money import format_price
from ama_tui.domain.plan import AnchorSource, MarketSnapshot
from ama_tui.domain.settings import MIN_DISTANCE_TICKS

BOOK_MID, API_MARK, VAULT_MARK, LAST_TRADE, EXTERNAL_PRICE = (
    "book mid",
    "API mark",
    "vault mark",
    "last trade",
    "price sources",
)
"""Where a price comes from, in the words of messages."""
_NOT_A_PRICE = (None, 0, BAD_DEFAULT_PRICE6)


_ANCHORS: dict[AnchorSource, tuple[str, ...]] = {
    AnchorSource.BOOK: (BOOK_MID, API_MARK, VAULT_MARK, LAST_TRADE),
    AnchorSource.MARK: (API_MARK, VAULT_MARK),
    AnchorSource.EXTERNAL: (EXTERNAL_PRICE,),
}


def anchor_x2(market: MarketSnapshot) -> int | None:
    """Twice the anchor price (6 decimals), which keeps a mid price whole; None if there is no price.

    Unless the run asks for another source, the first available of: mid price, live mark, vault mark, last trade. A live
    mark or last trade of 1 is the venue's bad default and is skipped. A vault mark of 1 is valid.
    """
    prices = price_sources(market)
    return next((prices[name] for name in _ANCHORS[market.anchor.source] if prices[name] is not None), None)


def price_sources(market: MarketSnapshot) -> dict[str, int | None]:
    """Each source's price by its name, doubled; None where it has none."""
    bid6, ask6, external6 = market.best_bid6, market.best_ask6, market.anchor.external6
    mark6, trade6 = market.mark6, market.last_trade6
    return {
        EXTERNAL_PRICE: None if external6 is None else 2 * external6,
        BOOK_MID: bid6 + ask6 if bid6 is not None and ask6 is not None else None,
        API_MARK: 2 * mark6 if mark6 is not None and mark6 not in _NOT_A_PRICE else None,
        VAULT_MARK: 2 * market.vault_mark6 if market.vault_mark6 else None,
        LAST_TRADE: 2 * trade6 if trade6 is not None and trade6 not in _NOT_A_PRICE else None,
    }


def missing_anchor(market: MarketSnapshot) -> str:
    """Why there is no anchor, in words."""
    if market.price_conflict:
        return market.price_conflict
    if market.anchor.source is AnchorSource.EXTERNAL:
        return market.anchor.problem or "the price sources have no price"
    if market.anchor.source is AnchorSource.MARK:
        return "neither the API nor the vault has a mark price"
    return "the book is not two-sided and there is no mark price or trade"


def price_conflict(market: MarketSnapshot, band_percent: float) -> str:
    """What to report when the anchor is further from the vault's mark than the band, in percent; '' if it is not.

    Without an anchor or a vault mark there is nothing to compare.
    """
    sources = price_sources(market)
    anchor, vault = anchor_x2(market), sources[VAULT_MARK]
    if anchor is None or vault is None or abs(anchor - vault) * 100 <= band_percent * vault:
        return ""
    off_percent = abs(anchor - vault) * 100 / vault
    prices = ", ".join(
        f"{name} {format_price(price // 2, market.tick6)}" for name, price in sources.items() if price is not None
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
