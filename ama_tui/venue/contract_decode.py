"""Decodes ABI results into domain values. A wrong length, dirty padding or a bad boolean raises DecodeError.

A result is a sequence of 32-byte words. A dynamic array is a word with the offset of its length and items.
A cycle decodes about a thousand `getOrder` results, so one struct unpacks them. Tests compare it with eth_abi.
"""

from __future__ import annotations

import struct

from ama_tui.domain.market import Book, BookLevel
from ama_tui.domain.order import RestingOrder, Side
from ama_tui.domain.session import Methods, SessionRecord
from ama_tui.venue.contract_abi import ERROR_STRING, PANIC
from ama_tui.venue.ranges import (
    MAX_AMOUNT18,
    MAX_BLOCK,
    MAX_LEVELS,
    MAX_NONCE,
    MAX_ORDERS,
    MAX_PRICE6,
    MAX_UNIX_TIME,
    MAX_USDC6,
    within,
)

WORD = 32
_ZERO12 = bytes(12)
_ZERO20 = bytes(20)
_ZERO31 = bytes(31)
_ZERO24 = bytes(24)

# orderId, trader, price, amount, isBuy, timestamp, nextOrderId, marginRequired, isMarginOrder
_ORDER = struct.Struct(">32s 12s20s 32s 32s 31sB 24sQ 32s 32s 31sB")


class DecodeError(ValueError):
    """A result does not have the shape of its function's return type."""


class ForeignOrderError(DecodeError):
    """The order is another wallet's."""


def order(result: bytes, order_id: int, trader: str, trader20: bytes) -> RestingOrder | None:
    """Decode the first nine words of `getOrder(order_id)`; None if the order no longer exists (its trader is zero).

    `trader` and `trader20` are the expected owner as text and as bytes. Also raises DecodeError if the id does not
    match, and ForeignOrderError if the owner does not.
    """
    try:
        (
            id_word,
            trader_pad,
            owner,
            price,
            amount,
            buy_pad,
            is_buy,
            time_pad,
            placed_at,
            _next_order,
            margin,
            margin_pad,
            is_margin,
        ) = _ORDER.unpack_from(result)
    except struct.error:
        raise DecodeError(f"getOrder returned {len(result)} bytes") from None
    if owner == _ZERO20 and trader_pad == _ZERO12:
        return None
    if owner != trader20 or trader_pad != _ZERO12:
        raise ForeignOrderError(f"order {order_id} belongs to 0x{owner.hex()}")
    if int.from_bytes(id_word) != order_id:
        raise DecodeError(f"getOrder({order_id}) returned order {int.from_bytes(id_word)}")
    if buy_pad != _ZERO31 or margin_pad != _ZERO31 or time_pad != _ZERO24 or is_buy > 1 or is_margin > 1:
        raise DecodeError(f"getOrder({order_id}) returned a bad boolean or time")
    price6, amount18, margin6 = int.from_bytes(price), int.from_bytes(amount), int.from_bytes(margin)
    if price6 >= MAX_PRICE6 or amount18 > MAX_AMOUNT18 or margin6 > MAX_USDC6 or placed_at > MAX_UNIX_TIME:
        raise DecodeError(f"getOrder({order_id}) returned an implausible price, amount, margin or time")
    return RestingOrder(
        order_id,
        trader,
        Side.BUY if is_buy else Side.SELL,
        price6,
        amount18,
        margin6,
        placed_at,
        is_margin == 1,
    )


def uint(result: bytes, index: int = 0) -> int:
    """The unsigned integer in word `index`."""
    return int.from_bytes(_word(result, index))


def sint(result: bytes, index: int = 0) -> int:
    """The signed integer in word `index`."""
    return int.from_bytes(_word(result, index), signed=True)


def boolean(result: bytes, index: int = 0) -> bool:
    """The boolean in word `index`."""
    number = int.from_bytes(_word(result, index))
    if number > 1:
        raise DecodeError("not a boolean")
    return number == 1


def address(result: bytes, index: int = 0) -> str:
    """The address in word `index`, in lower case with 0x."""
    word = _word(result, index)
    if word[:12] != _ZERO12:
        raise DecodeError("not an address")
    return "0x" + word[12:].hex()


def bytes32(result: bytes, index: int = 0) -> str:
    """Word `index` as 0x and 64 hexadecimal digits."""
    return "0x" + _word(result, index).hex()


def usdc6(result: bytes, index: int = 0) -> int:
    """An amount of USDC (6 decimals) in word `index`. Raises DecodeError above `MAX_USDC6`: nobody has as much."""
    return _within(uint(result, index), MAX_USDC6, "a plausible amount of USDC")


def amount18(result: bytes, index: int = 0) -> int:
    """An amount of the base asset (18 decimals) in word `index`. Raises DecodeError above `MAX_AMOUNT18`."""
    return _within(uint(result, index), MAX_AMOUNT18, "a plausible amount")


def position(result: bytes) -> tuple[int, int]:
    """A position (18 decimals, positive when long), and the margin that it locks (USDC, 6 decimals).

    Raises DecodeError if either is beyond what anybody has. Nothing uses the average entry in between.
    """
    size18 = sint(result)
    _within(abs(size18), MAX_AMOUNT18, "a plausible position")
    return size18, usdc6(result, 2)


def trade_price6(result: bytes, index: int = 0) -> int:
    """The price (6 decimals) of an order or a trade in word `index`. Raises DecodeError from `MAX_PRICE6` on."""
    return _within(uint(result, index), MAX_PRICE6 - 1, "a plausible price")


def block(result: bytes) -> int:
    """A block number."""
    return _within(uint(result), MAX_BLOCK, "a block number")


def unix_time(result: bytes) -> int:
    """A time in Unix seconds."""
    return _within(uint(result), MAX_UNIX_TIME, "a Unix time in seconds")


def nonce(result: bytes) -> int:
    """The nonce of a trader's next permit."""
    return _within(uint(result), MAX_NONCE, "a nonce")


def price6(result: bytes) -> int | None:
    """The price in word 0; None if it is 0 or not below MAX_PRICE6."""
    number = uint(result)
    return number if 0 < number < MAX_PRICE6 else None


def uint_array(result: bytes, index: int = 0) -> list[int]:
    """The dynamic array of unsigned integers whose offset is in word `index`."""
    start = _offset(result, index)
    count = int.from_bytes(result[start : start + WORD])
    end = start + WORD + count * WORD
    if end > len(result):
        raise DecodeError(f"an array of {count} items in {len(result)} bytes")
    return [int.from_bytes(result[at : at + WORD]) for at in range(start + WORD, end, WORD)]


def order_ids(result: bytes) -> tuple[int, ...]:
    """Decode `getUserOrders`: order ids in no particular order, without duplicates. At most `MAX_ORDERS`."""
    ids = tuple(dict.fromkeys(uint_array(result)))
    _within(len(ids), MAX_ORDERS, "a plausible number of orders")
    return ids


def depth(result: bytes) -> Book:
    """Decode `getOrderBookDepthFromPointers`: both sides, best level first.

    Levels without an amount or a possible price are left out: anybody can rest an order at any price.
    """
    bid_prices, bid_amounts, ask_prices, ask_amounts = (uint_array(result, index) for index in range(4))
    return Book(_levels(bid_prices, bid_amounts), _levels(ask_prices, ask_amounts))


def session(result: bytes, session_id: str) -> SessionRecord:
    """Decode `sessions(session_id)`."""
    return SessionRecord(
        session_id=session_id,
        trader=address(result, 0),
        relayer_set_root=bytes32(result, 1),
        expiry=uint(result, 2),
        max_notional_per_trade6=uint(result, 3),
        max_notional_per_session6=uint(result, 4),
        notional_used6=uint(result, 5),
        methods=Methods(uint(result, 6) & _ALL_METHODS),
        revoked=boolean(result, 7),
    )


def revert_text(data: bytes) -> str:
    """The reason of a revert: its error string or panic code, else the start of its data."""
    selector, body = data[:4], data[4:]
    try:
        if selector == ERROR_STRING:
            return f"reverted: {_string(body)}"
        if selector == PANIC:
            return f"reverted: panic 0x{uint(body):02x}"
    except DecodeError:
        pass
    return f"reverted: 0x{data[:36].hex()}" if data else "reverted without a reason"


_ALL_METHODS = sum(Methods)


def _word(result: bytes, index: int) -> bytes:
    word = result[index * WORD : (index + 1) * WORD]
    if len(word) != WORD:
        raise DecodeError(f"word {index} is missing in {len(result)} bytes")
    return word


def _offset(result: bytes, index: int) -> int:
    start = uint(result, index)
    if start + WORD > len(result):
        raise DecodeError(f"an offset of {start} in {len(result)} bytes")
    return start


def _string(body: bytes) -> str:
    start = _offset(body, 0)
    size = int.from_bytes(body[start : start + WORD])
    text = body[start + WORD : start + WORD + min(size, 200)].decode("utf-8", "replace")
    return "".join(c if c.isprintable() else "�" for c in text)


def _levels(prices: list[int], amounts: list[int]) -> tuple[BookLevel, ...]:
    if len(prices) != len(amounts):
        raise DecodeError(f"{len(prices)} prices and {len(amounts)} amounts")
    _within(len(prices), MAX_LEVELS, "a number of price levels")
    return tuple(
        BookLevel(price, _within(amount, MAX_AMOUNT18, "a plausible amount"))
        for price, amount in zip(prices, amounts, strict=True)
        if 0 < price < MAX_PRICE6 and amount
    )


def _within(number: int, most: int, what: str) -> int:
    try:
        return within(number, most, what)
    except ValueError as error:
        raise DecodeError(str(error)) from None
