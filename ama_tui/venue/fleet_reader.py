"""The two rounds of a fleet read: which calls are made, and what their results say of each wallet.

Round one asks for the market, and for every wallet its collateral, position, order ids and session; round
two for the orders behind the ids. A wallet with a failed or undecodable result is unknown; the rest are not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ama_tui.domain.errors import MalformedError
from ama_tui.domain.market import Book, BookView
from ama_tui.domain.order import RestingOrder
from ama_tui.domain.reading import WalletRead
from ama_tui.domain.session import SessionRecord
from ama_tui.venue import contract_abi as abi
from ama_tui.venue import contract_decode as decode
from ama_tui.venue.multicall import Call, CallResult

MARKET_CALLS = 5

FleetWallet = tuple[str, str | None]
"""A wallet's address, and the session to look up for it."""


@dataclass(frozen=True, slots=True)
class Contracts:
    """Where a market's contracts are; 0x strings."""

    order_book: str
    vault: str
    market_id: str
    registry: str


@dataclass(frozen=True, slots=True)
class Holdings:
    """What round one says of a wallet; `error` is None when all of it could be read."""

    address: str
    error: str | None = None
    order_ids: tuple[int, ...] = ()
    available6: int = 0
    position18: int = 0
    session: SessionRecord | None = None


def market_calls(contracts: Contracts, depth_levels: int) -> list[Call]:
    """Touch, last trade, mark and depth."""
    book = contracts.order_book
    return [
        Call(book, abi.BEST_BID),
        Call(book, abi.BEST_ASK),
        Call(book, abi.LAST_TRADE_PRICE),
        Call(contracts.vault, abi.GET_MARK_PRICE + abi.bytes32_word(contracts.market_id)),
        Call(book, abi.GET_DEPTH + abi.uint_word(depth_levels)),
    ]


def wallet_calls(contracts: Contracts, wallet: FleetWallet) -> list[Call]:
    """Order ids, collateral, position and, where there is one, the session."""
    address, session_id = wallet
    word = abi.address_word(address)
    calls = [
        Call(contracts.order_book, abi.GET_USER_ORDERS + word),
        Call(contracts.vault, abi.GET_AVAILABLE_COLLATERAL + word),
        Call(contracts.order_book, abi.GET_USER_POSITION + word),
    ]
    if session_id is not None:
        calls.append(Call(contracts.registry, abi.SESSIONS + abi.bytes32_word(session_id)))
    return calls


def order_calls(order_book: str, order_ids: Sequence[int]) -> list[Call]:
    """One `getOrder` for each id."""
    return [Call(order_book, abi.GET_ORDER + abi.uint_word(order_id)) for order_id in order_ids]


def book_view(results: Sequence[CallResult]) -> tuple[BookView, bool]:
    """The market's part of round one, and whether the depth could be read.

    Raises MalformedError when the touch could not be read: without it no order may be sent.
    """
    best_bid, best_ask, last_trade, mark, depth = results
    try:
        bid6, ask6 = decode.price6(_ok(best_bid)), decode.price6(_ok(best_ask))
    except decode.DecodeError as error:
        raise MalformedError(
            f"the order book's best prices could not be read: {error}", "is the market's address right?"
        ) from None
    try:
        book, is_known = decode.depth(_ok(depth)), True
    except decode.DecodeError:
        book, is_known = Book(), False
    return BookView(bid6, ask6, _price_or_none(last_trade), _price_or_none(mark), book), is_known


def holdings(wallet: FleetWallet, results: Iterator[CallResult]) -> Holdings:
    """One wallet's part of round one, taken from the iterator."""
    address, session_id = wallet
    ids, available, position = next(results), next(results), next(results)
    session = next(results) if session_id is not None else None
    try:
        return Holdings(
            address,
            order_ids=decode.order_ids(_ok(ids)),
            available6=decode.uint(_ok(available)),
            position18=decode.sint(_ok(position)),
            session=decode.session(_ok(session), session_id) if session and session_id else None,
        )
    except decode.DecodeError as error:
        return Holdings(address, error=str(error))


def wallet_read(wallet: Holdings, results: Iterator[CallResult]) -> WalletRead:
    """A wallet with its part of round two, taken from the iterator."""
    if wallet.error is not None:
        return WalletRead(was_read=False, error=wallet.error)
    orders = resting_orders(wallet.address, wallet.order_ids, results)
    if isinstance(orders, str):
        return WalletRead(was_read=False, error=orders)
    return WalletRead(
        was_read=True,
        available6=wallet.available6,
        position18=wallet.position18,
        orders=orders,
        session=wallet.session,
    )


def resting_orders(
    address: str, order_ids: Sequence[int], results: Iterator[CallResult]
) -> tuple[RestingOrder, ...] | str:
    """The orders behind a wallet's ids without those that are gone, or why they could not be read."""
    trader20 = bytes.fromhex(address[2:])
    part = [next(results) for _ in order_ids]
    try:
        orders = [
            decode.order(_ok(result), order_id, address, trader20)
            for order_id, result in zip(order_ids, part, strict=True)
        ]
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
