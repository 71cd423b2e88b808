"""A market, its book as last read, and the price that quotes are laid around."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ama_tui.domain.money import PRICE_UNIT

DEFAULT_TICK6 = 10_000
"""The tick of a market whose row names none: 0.01."""

BAD_DEFAULT_PRICE6 = PRICE_UNIT
"""A mark or last trade of exactly 1 is a known bad default of the venue, not a price."""


@dataclass(frozen=True, slots=True)
class Market:
    """One row of the venue's market list. `address` is the order book's, in lower case."""

    symbol: str
    address: str
    market_id: str
    chain_id: int
    tick6: int
    identifier: str | None = None
    tick_is_default: bool = False

    @property
    def label(self) -> str:
        """`ETH (ETH-USD)  orderBook=0x1234…abcd  chain=999`."""
        name = self.symbol if self.identifier is None else f"{self.symbol} ({self.identifier})"
        return f"{name}  orderBook={short_address(self.address)}  chain={self.chain_id}"


def find_market(markets: Iterable[Market], selector: str) -> Market | None:
    """The market of a symbol, an identifier or an address, in any case; None when there is none."""
    wanted = selector.lower()
    for market in markets:
        if wanted in (market.symbol.lower(), market.address, (market.identifier or "").lower()):
            return market
    return None


@dataclass(frozen=True, slots=True)
class BookLevel:
    """One price of the book and the amount that rests there."""

    price6: int
    amount18: int


@dataclass(frozen=True, slots=True)
class Book:
    """Both sides of a book, best first."""

    bids: tuple[BookLevel, ...] = ()
    asks: tuple[BookLevel, ...] = ()


@dataclass(frozen=True, slots=True)
class Quote:
    """What the venue's API says of a market's prices; None where it does not know."""

    best_bid6: int | None = None
    best_ask6: int | None = None
    last_trade6: int | None = None
    mark6: int | None = None


@dataclass(frozen=True, slots=True)
class MarketTerms:
    """What a market's contracts say once and for all. `margin_req_bps` is what a buy reserves."""

    vault: str
    market_id: str
    margin_req_bps: int


@dataclass(frozen=True, slots=True)
class BookView:
    """The book at one block. Best prices are None on an empty side; marks are as the sources gave them."""

    best_bid6: int | None = None
    best_ask6: int | None = None
    last_trade6: int | None = None
    vault_mark6: int | None = None
    book: Book = field(default_factory=Book)


def short_address(address: str) -> str:
    """`0x1234…abcd`."""
    return f"{address[:6]}…{address[-4:]}"
