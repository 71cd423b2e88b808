"""The list of markets: its columns, how they sort, and how a market is found by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ama_tui.domain.errors import ConfigError
from ama_tui.domain.market import Market, Quote, short_address
from ama_tui.domain.money import format_price
from ama_tui.ui.format import pad, plain
from ama_tui.ui.panels.fragments import spread_points
from ama_tui.ui.quotes import STALE_SECONDS, QuoteResult
from ama_tui.ui.widgets.columns import Cell, Column
from ama_tui.ui.widgets.styled_text import Ink


@dataclass(frozen=True, slots=True)
class MarketRow:
    """One market of the list."""

    market: Market
    answer: QuoteResult | None = None
    is_resumable: bool = False
    ranked: Quote | None = None
    """The quote used for sorting; older than the shown one, so that rows do not jump on every update."""
    is_marked: bool = False
    """Marked for a run on several markets."""

    @property
    def quote(self) -> Quote | None:
        return None if self.answer is None else self.answer.quote

    def ink(self, ink: Ink, now: float) -> Ink:
        """The ink of a price: muted once the price is stale."""
        if self.answer is None or now - self.answer.good_at > STALE_SECONDS:
            return "label"
        return ink


def _quote_spread(quote: Quote | None) -> float | None:
    return None if quote is None else spread_points(quote.best_bid6, quote.best_ask6)


def _symbol(row: MarketRow, width: int, now: float) -> Cell:
    if row.is_marked:
        return (("✓ ", "ours"), (pad(plain(row.market.symbol), width - 2), "strong"))
    return ((pad(plain(row.market.symbol), width), "strong"),)


def _identifier(row: MarketRow, width: int, now: float) -> Cell:
    return ((pad(plain(row.market.identifier or "–"), width), "plain"),)


def _price(row: MarketRow, price6: int | None, ink: Ink, now: float) -> Cell:
    """A price; '–' when the venue has none, '·' before the first response, '✗' after a failed one."""
    if row.quote is None:
        return (("✗", "warn"),) if row.answer is not None else (("·", "label"),)
    if price6 is None:
        return (("–", "label"),)
    return ((format_price(price6, row.market.tick6), row.ink(ink, now)),)


def _bid(row: MarketRow, width: int, now: float) -> Cell:
    return _price(row, None if row.quote is None else row.quote.best_bid6, "bid", now)


def _ask(row: MarketRow, width: int, now: float) -> Cell:
    return _price(row, None if row.quote is None else row.quote.best_ask6, "ask", now)


def _mark(row: MarketRow, width: int, now: float) -> Cell:
    return _price(row, None if row.quote is None else row.quote.mark6, "plain", now)


def _spread(row: MarketRow, width: int, now: float) -> Cell:
    points = _quote_spread(row.quote)
    if points is None:
        return (("·" if row.answer is None else "–", "label"),)
    return ((f"{points:,.1f}", row.ink("plain", now)),)


def _tick(row: MarketRow, width: int, now: float) -> Cell:
    text = format_price(row.market.tick6, row.market.tick6)
    return ((f"{text} *" if row.market.tick_is_default else f"{text}  ", "plain"),)


def _chain(row: MarketRow, width: int, now: float) -> Cell:
    return ((str(row.market.chain_id), "label"),)


def _stored(row: MarketRow, width: int, now: float) -> Cell:
    return (("resumable", "ours"),) if row.is_resumable else ()


def _book(row: MarketRow, width: int, now: float) -> Cell:
    address = row.market.address
    return ((address if width >= len(address) else short_address(address), "label"),)


def _ranked(row: MarketRow, name: str) -> int | None:
    value = None if row.ranked is None else getattr(row.ranked, name)
    return value if isinstance(value, int) else None


COLUMNS: tuple[Column[MarketRow], ...] = (
    Column("symbol", "symbol", 12, _symbol, sort=lambda row: row.market.symbol.casefold()),
    Column("identifier", "identifier", 16, _identifier, rank=4, sort=lambda row: row.market.identifier),
    Column("bid", "bid", 11, _bid, right=True, sort=lambda row: _ranked(row, "best_bid6")),
    Column("ask", "ask", 11, _ask, right=True, sort=lambda row: _ranked(row, "best_ask6")),
    Column("spread", "spread bp", 9, _spread, right=True, rank=1, sort=lambda row: _quote_spread(row.ranked)),
    Column("mark", "mark", 11, _mark, right=True, rank=2, sort=lambda row: _ranked(row, "mark6")),
    Column("tick", "tick  ", 10, _tick, right=True, rank=3, sort=lambda row: row.market.tick6),
    Column("chain", "chain", 7, _chain, right=True, rank=6, sort=lambda row: row.market.chain_id),
    Column("stored", "run", 9, _stored, sort=lambda row: None if not row.is_resumable else row.market.symbol),
    Column("book", "order book", 13, _book, rank=5, grows=True, sort=lambda row: row.market.address),
)


def matches(market: Market, words: list[str]) -> bool:
    """Whether every word occurs in the market's symbol, identifier or address."""
    text = f"{market.symbol} {market.identifier or ''} {market.address}".lower()
    return all(word in text for word in words)


def find_markets(markets: tuple[Market, ...], selectors: Sequence[str]) -> tuple[Market, ...]:
    """The markets with these symbols, identifiers or addresses. Raises ConfigError if one is unknown or named twice."""
    found: list[Market] = []
    for selector in selectors:
        market = find_market(markets, selector)
        if market is None:
            raise ConfigError(f"No such market: {selector}", "pick one from the list")
        if market in found:
            raise ConfigError(f"{market.symbol} is given twice", "name each market once")
        found.append(market)
    return tuple(found)


def find_market(markets: tuple[Market, ...], selector: str) -> Market | None:
    """The market with this symbol, identifier or address, ignoring case."""
    name = selector.strip().lower()
    by_address = [market for market in markets if market.address == name]
    by_symbol = [market for market in markets if market.symbol.lower() == name]
    by_identifier = [market for market in markets if (market.identifier or "").lower() == name]
    return next(iter((*by_address, *by_symbol, *by_identifier)), None)
