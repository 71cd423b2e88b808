"""What the venue was read to say: the fleet at one block, receipts, trades, and the API's answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ama_tui.domain.market import Book, BookView, Quote
from ama_tui.domain.order import RestingOrder
from ama_tui.domain.session import SessionRecord


@dataclass(frozen=True, slots=True)
class WalletRead:
    """One wallet as the chain showed it.

    `known` is False when any part of its read failed: then every other field is empty and means nothing,
    and `error` says what failed. `available6` is as the vault gives it, `position18` positive when long.
    `session` is the registry's record of the session that was asked for, None when none was asked for.
    """

    known: bool
    error: str = ""
    available6: int = 0
    position18: int = 0
    orders: tuple[RestingOrder, ...] = ()
    session: SessionRecord | None = None


@dataclass(frozen=True, slots=True)
class FleetRead:
    """The market and the fleet, by address in lower case, at block `block` (`block_time` in Unix seconds).

    `pinned` is False when the node refuses reads at a given block: then the orders may be of a later
    block than the rest, never of an earlier one. `book_known` is False when the depth could not be read,
    so that an empty `view.book` is not taken for an empty book.
    """

    block: int
    block_time: int
    pinned: bool
    view: BookView
    wallets: Mapping[str, WalletRead]
    book_known: bool = True


@dataclass(frozen=True, slots=True)
class OrdersRead:
    """Open orders by wallet address in lower case at block `block`; None where a wallet could not be read."""

    block: int
    pinned: bool
    orders: Mapping[str, tuple[RestingOrder, ...] | None]


@dataclass(frozen=True, slots=True)
class SessionsRead:
    """The registry's records by session id at block `block` (`block_time` in Unix seconds).

    A record is None where it could not be read.
    """

    block: int
    block_time: int
    records: Mapping[str, SessionRecord | None]


@dataclass(frozen=True, slots=True)
class OrderPlaced:
    """The book accepted an order; it is emitted also for one that filled at once (then `amount18` is 0)."""

    order_id: int
    trader: str
    price6: int
    amount18: int
    is_buy: bool
    is_margin: bool


@dataclass(frozen=True, slots=True)
class OrderRested:
    """What was left of an order came to rest on the book."""

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
    """An order was replaced by one with a new id and new priority."""

    old_order_id: int
    new_order_id: int
    trader: str
    price6: int
    amount18: int


@dataclass(frozen=True, slots=True)
class Trade:
    """One execution. The chain names the two traders, not their orders."""

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
    """A mined transaction; `ok` is False when it reverted. `events` are those of the order book asked for."""

    tx_hash: str
    ok: bool
    block: int
    events: tuple[OrderEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class Settlement:
    """What happened up to block `through`.

    `trades` is None when the node refused the range or answered it badly: ask again from the same block.
    `cancels` are those of the traders that were asked for, None when none were, or not answered.
    `receipts` has every hash that was asked for; None means not mined yet, or not answered, and is never
    a proof that a transaction failed. `error` is the first thing that went wrong, or ''.
    """

    trades: tuple[Trade, ...] | None
    through: int
    receipts: Mapping[str, Receipt | None]
    error: str = ""
    cancels: tuple[OrderCancelled, ...] | None = None


@dataclass(frozen=True, slots=True)
class LiveQuote:
    """The API's live prices of a market. `address` is the order book's; no depth is an empty `book`."""

    address: str
    quote: Quote
    book: Book = field(default_factory=Book)
    cache_age_ms: int = 0


@dataclass(frozen=True, slots=True)
class SessionCreated:
    """The API's answer to a permit; `block` is None when it did not say."""

    session_id: str
    tx_hash: str
    block: int | None = None


@dataclass(frozen=True, slots=True)
class SessionStatusResponse:
    """The API's view of a session; `expiry` in Unix seconds, 0 when the session does not exist."""

    exists: bool
    active: bool
    revoked: bool
    expiry: int = 0
    trader: str | None = None
    relayer_set_root: str | None = None


@dataclass(frozen=True, slots=True)
class TradeResponse:
    """The API's answer to an order action. It is no proof of anything on the book: the receipt settles it.

    `pending` means that the transaction was broadcast and not awaited; `mined` that a block had it.
    """

    tx_hash: str
    block: int | None = None
    mined: bool = False
    pending: bool = False
