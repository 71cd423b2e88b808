"""What was read from the venue: the fleet at one block, receipts, trades and API responses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ama_tui.domain.market import Book, BookView, Quote
from ama_tui.domain.order import RestingOrder
from ama_tui.domain.session import SessionRecord


@dataclass(frozen=True, slots=True)
class WalletRead:
    """One wallet as read from the chain."""

    was_read: bool
    """False if any part of the read failed. All other fields except `error` are then empty and mean nothing."""
    error: str = ""
    """What failed, or empty."""
    available6: int = 0
    """Available collateral according to the vault (USDC, 6 decimals)."""
    position18: int = 0
    """Positive when long."""
    locked6: int = 0
    """Margin of the position on this market (USDC, 6 decimals)."""
    orders: tuple[RestingOrder, ...] = ()
    unlisted: int = 0
    """Orders that exist although the book's list of the wallet's orders does not show them."""
    session: SessionRecord | None = None
    """The registry's record of the requested session; None if none was requested."""

    @property
    def reserved6(self) -> int:
        """Margin of the resting margin orders (USDC, 6 decimals)."""
        return sum(order.margin6 for order in self.orders if order.is_margin)

    @property
    def collateral6(self) -> int:
        """All collateral, as far as this market shows it (USDC, 6 decimals); neither resting nor filling changes it."""
        return self.available6 + self.reserved6 + self.locked6


@dataclass(frozen=True, slots=True)
class FleetRead:
    """The market and the fleet at one block."""

    block: int
    block_time: int
    """Unix seconds."""
    pinned: bool
    """False if the node refuses reads at a given block and new blocks came meanwhile. The orders may then be from
    a later block, never earlier."""
    view: BookView
    wallets: Mapping[str, WalletRead]
    """By address in lower case."""
    has_book: bool = True
    """False if the depth could not be read. An empty `view.book` then means nothing."""
    newest_block: int = 0
    """The latest block that any part may be from, if it is not pinned; else 0 or the block itself."""
    fresh: frozenset[str] | None = None
    """The wallets that this read asked for; None for all. Nothing happened to the others since an earlier read, as far
    as the book's events say.
    """
    block_hash: str = ""
    """The hash of `block`, '' if unknown."""

    def is_fresh(self, address: str) -> bool:
        """Was this wallet (address in lower case) asked for? Only then does the read prove what it does not show."""
        return self.fresh is None or address in self.fresh

    @property
    def seen_block(self) -> int:
        """The latest block of which this read shows anything: a read of an earlier one may contradict it."""
        return max(self.block, self.newest_block)


@dataclass(frozen=True, slots=True)
class OrdersRead:
    """The open orders of wallets at one block."""

    block: int
    pinned: bool
    """False if the node refuses reads at a given block and new blocks came meanwhile. The orders may then be from
    a later block, never earlier."""
    orders: Mapping[str, tuple[RestingOrder, ...] | None]
    """By wallet address in lower case; None for a wallet that could not be read."""
    available6: Mapping[str, int | None] = field(default_factory=dict)
    """Available collateral by wallet (USDC, 6 decimals), None where it could not be read; empty if not requested."""


@dataclass(frozen=True, slots=True)
class SessionsRead:
    """Session records of the registry at one block."""

    block: int
    block_time: int
    """Unix seconds."""
    records: Mapping[str, SessionRecord | None]
    """By session id; None for a record that could not be read."""


@dataclass(frozen=True, slots=True)
class OrderPlaced:
    """The book accepted an order. Also emitted for an order that filled immediately (`amount18` is then 0)."""

    order_id: int
    trader: str
    price6: int
    amount18: int
    is_buy: bool
    is_margin: bool


@dataclass(frozen=True, slots=True)
class OrderRested:
    """The unfilled part of an order came to rest on the book."""

    order_id: int
    trader: str
    price6: int
    amount18: int
    is_buy: bool
    is_margin: bool


@dataclass(frozen=True, slots=True)
class OrderCancelled:
    """An order left the book without trading."""

    order_id: int
    trader: str
    price6: int
    amount18: int
    is_buy: bool


@dataclass(frozen=True, slots=True)
class OrderModified:
    """An order was replaced. The replacement has a new id and new priority."""

    old_order_id: int
    new_order_id: int
    trader: str
    price6: int
    """The new price."""
    amount18: int
    """The new amount; what comes to rest is less if the order trades on arrival."""
    block: int = 0
    tx_hash: str = ""


@dataclass(frozen=True, slots=True)
class Trade:
    """One trade. The chain names the two traders, not their orders."""

    block: int
    tx_hash: str
    log_index: int
    buyer: str
    seller: str
    price6: int
    amount18: int


OrderEvent = OrderPlaced | OrderRested | OrderCancelled | OrderModified | Trade


@dataclass(frozen=True, slots=True)
class Receipt:
    """A mined transaction."""

    tx_hash: str
    ok: bool
    """False if it reverted."""
    block: int
    events: tuple[OrderEvent, ...] = ()
    """The events of the requested order book."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """Trades, cancels and receipts of a range of blocks."""

    trades: tuple[Trade, ...] | None
    """None if the node refused the range or sent a bad response. Ask again from the same block."""
    through: int
    """The last block covered."""
    receipts: Mapping[str, Receipt | None]
    """By requested hash. None if not mined yet, or not answered; this never proves that a transaction failed."""
    error: str = ""
    """The first error, or empty."""
    cancels: tuple[OrderCancelled, ...] | None = None
    """Cancelled orders of the requested traders; None if none were requested, or not answered."""
    modifies: tuple[OrderModified, ...] | None = None
    """Moved orders of the same traders; None in the same cases."""


@dataclass(frozen=True, slots=True)
class OrderHistory:
    """What became of some traders' orders, according to the book's events from `from_block` on."""

    from_block: int
    """The first block that was read. Nothing is known of orders that came to rest earlier."""
    rested: tuple[OrderRested, ...]
    """Orders that came to rest and that were neither cancelled nor modified: they rest, or were filled."""
    trades: tuple[Trade, ...]
    """The traders' trades."""
    ended: frozenset[int] = frozenset()
    """Ids of orders that were cancelled or modified."""


@dataclass(frozen=True, slots=True)
class FleetChanges:
    """What happened since an earlier read, and the market and some of the wallets as they are now."""

    read: FleetRead
    """Has only the wallets that were asked for."""
    settlement: Settlement
    """Covers every block up to the read's."""
    touched: Mapping[str, frozenset[int]]
    """The wallets that the book's events name, with the ids of orders that came to rest."""


@dataclass(frozen=True, slots=True)
class LiveQuote:
    """A market's live prices from the API."""

    address: str
    """The order book's address."""
    quote: Quote
    book: Book = field(default_factory=Book)
    """The depth; empty if there was none."""
    cache_age_ms: int = 0


@dataclass(frozen=True, slots=True)
class SessionCreated:
    """The API's response to a permit."""

    session_id: str
    tx_hash: str
    block: int | None = None
    """None if the response did not name it."""


@dataclass(frozen=True, slots=True)
class SessionStatusResponse:
    """The API's view of a session."""

    exists: bool
    active: bool
    revoked: bool
    expiry: int = 0
    """Unix seconds; 0 if the session does not exist."""
    trader: str | None = None
    relayer_set_root: str | None = None


@dataclass(frozen=True, slots=True)
class TradeResponse:
    """The API's response to an order action. It proves nothing about the book; only the receipt does."""

    tx_hash: str
    block: int | None = None
    mined: bool = False
    """The transaction is in a block."""
    pending: bool = False
    """The transaction was broadcast and not waited for."""
