"""The contract calls of a fleet read, and the decoding of their results.

Round one reads the market and every wallet's collateral, position, order ids and session. Round two reads the orders.
A failed or invalid result only affects its own wallet.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from ama_tui.domain.errors import MalformedError
from ama_tui.domain.market import Book, BookView
from ama_tui.domain.order import RestingOrder
from ama_tui.domain.reading import WalletRead
from ama_tui.domain.session import SessionRecord
from ama_tui.venue import contract_abi as abi
from ama_tui.venue import contract_decode as decode
from ama_tui.venue.multicall import Call, CallResult

MARKET_CALLS = 5
"""The length of `market_calls`."""


class WalletQuery(NamedTuple):
    """A wallet to read."""

    address: str
    """0x, lower case."""
    session_id: str | None
    """The session to read with it; None for none."""
    known: Collection[int] = ()
    """Order ids that are read even if the node does not list them."""


@dataclass(frozen=True, slots=True)
class Contracts:
    """The addresses of a market's contracts and its id, as 0x strings."""

    order_book: str
    vault: str
    market_id: str
    registry: str


@dataclass(frozen=True, slots=True)
class Holdings:
    """The results of round one for a wallet."""

    address: str
    error: str | None = None
    """Why the wallet could not be read; None if it was."""
    order_ids: tuple[int, ...] = ()
    """The listed ids, then those that `also_known` added."""
    listed: int = 0
    """How many of them the node listed."""
    available6: int = 0
    """Available collateral (USDC, 6 decimals)."""
    position18: int = 0
    """Positive when long."""
    locked6: int = 0
    """Margin of the position (USDC, 6 decimals)."""
    session: SessionRecord | None = None


def market_calls(contracts: Contracts, depth_levels: int) -> list[Call]:
    """Calls for the best prices, last trade, mark price and depth."""
    book = contracts.order_book
    return [
        Call(book, abi.BEST_BID),
        Call(book, abi.BEST_ASK),
        Call(book, abi.LAST_TRADE_PRICE),
        Call(contracts.vault, abi.GET_MARK_PRICE + abi.bytes32_word(contracts.market_id)),
        Call(book, abi.GET_DEPTH + abi.uint_word(depth_levels)),
    ]


def wallet_calls(contracts: Contracts, query: WalletQuery) -> list[Call]:
    """Calls for a wallet's order ids, collateral, position and session (if requested)."""
    address, session_id, _ = query
    word = abi.address_word(address)
    calls = [
        Call(contracts.order_book, abi.GET_USER_ORDERS + word),
        Call(contracts.vault, abi.GET_AVAILABLE_COLLATERAL + word),
        Call(contracts.vault, abi.GET_POSITION_SUMMARY + word + abi.bytes32_word(contracts.market_id)),
    ]
    if session_id is not None:
        calls.append(Call(contracts.registry, abi.SESSIONS + abi.bytes32_word(session_id)))
    return calls


def order_calls(order_book: str, order_ids: Sequence[int]) -> list[Call]:
    """One `getOrder` call per id."""
    return [Call(order_book, abi.GET_ORDER + abi.uint_word(order_id)) for order_id in order_ids]


def book_view(results: Sequence[CallResult]) -> tuple[BookView, bool]:
    """The market from the results of `market_calls`, and whether its depth could be read.

    Raises MalformedError if the best prices could not be read: no order may be sent without them.
    """
    best_bid, best_ask, last_trade, mark, depth = results
    try:
        bid6, ask6 = decode.price6(_ok(best_bid)), decode.price6(_ok(best_ask))
    except decode.DecodeError as error:
        raise MalformedError(
            f"cannot read the order book's best prices: {error}", "check the market's address"
        ) from None
    try:
        book, has_book = decode.depth(_ok(depth)), True
    except decode.DecodeError:
        book, has_book = Book(), False
    return BookView(bid6, ask6, _price_or_none(last_trade), _price_or_none(mark), book), has_book


def holdings(query: WalletQuery, results: Iterator[CallResult]) -> Holdings:
    """Consume the results of `wallet_calls` for one wallet."""
    address, session_id, _ = query
    ids, available, position = next(results), next(results), next(results)
    session = next(results) if session_id is not None else None
    try:
        position18, locked6 = decode.position(_ok(position))
        return Holdings(
            address,
            order_ids=(listed := decode.order_ids(_ok(ids))),
            listed=len(listed),
            available6=decode.usdc6(_ok(available)),
            position18=position18,
            locked6=locked6,
            session=decode.session(_ok(session), session_id) if session and session_id else None,
        )
    except decode.DecodeError as error:
        return Holdings(address, error=str(error))


def also_known(wallet: Holdings, known: Collection[int]) -> Holdings:
    """The holdings with ids that we know of and that the node did not list: each order is read by its own id."""
    return replace(wallet, order_ids=with_known(wallet.order_ids, known)) if wallet.error is None else wallet


def whole_calls(contracts: Contracts, query: WalletQuery) -> list[Call]:
    """The calls for a wallet and for its orders that are known already."""
    return [*wallet_calls(contracts, query), *order_calls(contracts.order_book, sorted(query.known))]


@dataclass(frozen=True, slots=True)
class PartlyRead:
    """The results of `whole_calls` for a wallet: complete but for the orders that were not known."""

    holdings: Holdings
    orders: dict[int, CallResult]
    """By id."""

    @classmethod
    def of(cls, query: WalletQuery, results: Iterator[CallResult]) -> PartlyRead:
        """Consume the results of `whole_calls` for one wallet."""
        found = holdings(query, results)
        return cls(also_known(found, query.known), {order_id: next(results) for order_id in sorted(query.known)})

    @property
    def unread(self) -> list[int]:
        """Ids of listed orders that were not known."""
        return [order_id for order_id in self.holdings.order_ids if order_id not in self.orders]

    def completed(self, results: Iterator[CallResult]) -> WalletRead:
        """The wallet, with the results of `order_calls` for its unread orders."""
        orders = self.orders | {order_id: next(results) for order_id in self.unread}
        return wallet_read(self.holdings, iter([orders[order_id] for order_id in self.holdings.order_ids]))


def with_known(listed: tuple[int, ...], known: Collection[int]) -> tuple[int, ...]:
    """Listed order ids and the other known ones, each once."""
    return (*listed, *sorted(set(known).difference(listed)))


def wallet_read(wallet: Holdings, results: Iterator[CallResult]) -> WalletRead:
    """Combine a wallet's holdings with its orders, consuming the results of its `order_calls`."""
    if wallet.error is not None:
        return WalletRead(was_read=False, error=wallet.error)
    orders = resting_orders(wallet.address, wallet.order_ids, wallet.listed, results)
    if isinstance(orders, str):
        return WalletRead(was_read=False, error=orders)
    listed = frozenset(wallet.order_ids[: wallet.listed])
    return WalletRead(
        was_read=True,
        available6=wallet.available6,
        position18=wallet.position18,
        locked6=wallet.locked6,
        orders=orders,
        unlisted=sum(order.order_id not in listed for order in orders),
        session=wallet.session,
    )


def resting_orders(
    address: str, order_ids: Sequence[int], listed: int, results: Iterator[CallResult]
) -> tuple[RestingOrder, ...] | str:
    """Consume the results of `order_calls` for one wallet. Returns its orders that still exist, or an error text.

    The node listed the first `listed` of the ids as the wallet's. Another that turns out to be a stranger's is not the
    wallet's order any more: a reorg gave its id away.
    """
    trader20 = bytes.fromhex(address[2:])
    wallet_results = [next(results) for _ in order_ids]
    orders: list[RestingOrder | None] = []
    try:
        for place, (order_id, result) in enumerate(zip(order_ids, wallet_results, strict=True)):
            try:
                orders.append(decode.order(_ok(result), order_id, address, trader20))
            except decode.ForeignOrderError:
                if place < listed:
                    raise
    except decode.DecodeError as error:
        return str(error)
    return tuple(order for order in orders if order is not None)


def _ok(result: CallResult) -> bytes:
    if not result.ok:
        raise decode.DecodeError(result.error)
    return result.data


def _price_or_none(result: CallResult) -> int | None:
    try:
        return decode.price6(_ok(result))
    except decode.DecodeError:
        return None
