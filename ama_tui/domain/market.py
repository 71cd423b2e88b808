"""A market, its order book as last read, and its prices."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ama_tui.domain.money import PRICE_UNIT

DEFAULT_TICK6 = 10_000
"""The tick of a market whose row states none: 0.01."""

BAD_DEFAULT_PRICE6 = PRICE_UNIT
"""A mark or last trade of exactly 1 is a known bad default of the venue, not a price."""


@dataclass(frozen=True, slots=True)
class Market:
    """One row of the venue's market list."""

    symbol: str
    address: str
    """The order book's address, lower case."""
    market_id: str
    """32 bytes as hexadecimal with 0x."""
    chain_id: int
    tick6: int
    """The price step (6 decimals)."""
    identifier: str | None = None
    tick_is_default: bool = False
    """The row states no tick, so `tick6` is the default."""

    @property
    def label(self) -> str:
        """`ETH (ETH-USD)  orderBook=0x1234…abcd  chain=999`."""
        name = self.symbol if self.identifier is None else f"{self.symbol} ({self.identifier})"
        return f"{name}  orderBook={short_address(self.address)}  chain={self.chain_id}"


def find_market(markets: Iterable[Market], selector: str) -> Market | None:
    """The market with this symbol, identifier or address, ignoring case; None if there is none."""
    wanted = selector.lower()
    for market in markets:
        if wanted in (market.symbol.lower(), market.address, (market.identifier or "").lower()):
            return market
    return None


@dataclass(frozen=True, slots=True)
class BookLevel:
    """One price level of an order book."""

    price6: int
    amount18: int
    """The total amount resting at this price."""


@dataclass(frozen=True, slots=True)
class Book:
    """Both sides of an order book, best price first."""

    bids: tuple[BookLevel, ...] = ()
    asks: tuple[BookLevel, ...] = ()


@dataclass(frozen=True, slots=True)
class Quote:
    """A market's prices according to the venue's API; None for a price it does not have."""

    best_bid6: int | None = None
    best_ask6: int | None = None
    last_trade6: int | None = None
    mark6: int | None = None


@dataclass(frozen=True, slots=True)
class MarketTerms:
    """The fixed properties of a market, read from its contracts."""

    vault: str
    market_id: str
    margin_req_bps: int
    """The margin that a buy reserves, in basis points of its notional."""


@dataclass(frozen=True, slots=True)
class BookView:
    """The order book and its prices at one block. A best price is None when its side is empty."""

    best_bid6: int | None = None
    best_ask6: int | None = None
    last_trade6: int | None = None
    vault_mark6: int | None = None
    book: Book = field(default_factory=Book)


def short_address(address: str) -> str:
    """`0x1234…abcd`."""
    return f"{address[:6]}…{address[-4:]}"
