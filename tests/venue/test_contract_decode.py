"""Contract results as domain values, compared with eth_abi; garbage is refused."""

from __future__ import annotations

import contextlib

import pytest
from eth_abi.abi import encode
from hypothesis import example, given
from hypothesis import strategies as st

from ama_tui.domain.market import BookLevel
from ama_tui.domain.order import RestingOrder, Side
from ama_tui.domain.session import Methods
from ama_tui.venue import contract_abi as abi
from ama_tui.venue import contract_decode as decode
from ama_tui.venue.ranges import MAX_AMOUNT18, MAX_PRICE6, MAX_UNIX_TIME, MAX_USDC6

TRADER = "0x" + "ab" * 20
TRADER20 = bytes.fromhex(TRADER[2:])
ORDER_TYPES = ["uint256", "address", "uint256", "uint256", "bool", "uint256", "uint256", "uint256", "bool", "uint256"]
UINT = st.integers(0, 2**256 - 1)


def get_order(
    order_id: int = 7, trader: str = TRADER, price: int = 100, amount: int = 5, is_buy: bool = True, words: int = 10
) -> bytes:
    values = [order_id, trader, price, amount, is_buy, 1_700_000_000, 0, 42, True, 9]
    return encode(ORDER_TYPES[:words], values[:words])


@given(
    UINT,
    st.integers(0, MAX_PRICE6 - 1),
    st.integers(0, MAX_AMOUNT18),
    st.booleans(),
    st.integers(0, MAX_UNIX_TIME),
    UINT,
    st.integers(0, MAX_USDC6),
    st.booleans(),
    st.sampled_from([9, 10]),
)
def test_order_decoding_agrees_with_eth_abi(
    order_id: int,
    price: int,
    amount: int,
    is_buy: bool,
    time: int,
    next_id: int,
    margin: int,
    is_margin: bool,
    words: int,
) -> None:
    values = [order_id, TRADER, price, amount, is_buy, time, next_id, margin, is_margin, 1]
    result = encode(ORDER_TYPES[:words], values[:words])
    side = Side.BUY if is_buy else Side.SELL
    expected = RestingOrder(order_id, TRADER, side, price, amount, margin, time, is_margin)
    assert decode.order(result, order_id, TRADER, TRADER20) == expected


@pytest.mark.parametrize("words", [9, 10])
def test_order_with_zero_trader_is_gone(words: int) -> None:
    assert decode.order(get_order(order_id=0, trader="0x" + "00" * 20, words=words), 7, TRADER, TRADER20) is None


@pytest.mark.parametrize(
    ("result", "why"),
    [
        (b"", "0 bytes"),
        (get_order()[: 9 * 32 - 1], "287 bytes"),
        (get_order(trader="0x" + "cd" * 20), "belongs to 0xcdcd"),
        (get_order(order_id=8), "returned order 8"),
        (get_order()[:128] + b"\1" + get_order()[129:], "bad boolean"),
        (get_order()[:159] + b"\2" + get_order()[160:], "bad boolean"),
        (get_order()[:32] + b"\1" + get_order()[33:], "belongs to"),
    ],
)
def test_order_that_does_not_match_the_request_is_refused(result: bytes, why: str) -> None:
    with pytest.raises(decode.DecodeError, match=why):
        decode.order(result, 7, TRADER, TRADER20)


@given(st.lists(UINT, max_size=40))
def test_array_agrees_with_eth_abi(items: list[int]) -> None:
    assert decode.uint_array(encode(["uint256[]"], [items])) == items


def test_duplicate_order_ids_are_dropped() -> None:
    assert decode.order_ids(encode(["uint256[]"], [[3, 1, 3, 2]])) == (3, 1, 2)


def test_depth_is_sorted_best_first_without_padding() -> None:
    book = decode.depth(encode(["uint256[]"] * 4, [[10, 9, 0], [1, 2, 0], [11], [4]]))
    assert book.bids == (BookLevel(10, 1), BookLevel(9, 2))
    assert book.asks == (BookLevel(11, 4),)


def test_depth_with_uneven_sides_is_refused() -> None:
    with pytest.raises(decode.DecodeError, match="2 prices and 1 amounts"):
        decode.depth(encode(["uint256[]"] * 4, [[10, 9], [1], [], []]))


@pytest.mark.parametrize(("word", "price6"), [(0, None), (1, 1), (2**128, None), (2**256 - 1, None)])
def test_price_of_an_empty_side_is_none(word: int, price6: int | None) -> None:
    assert decode.price6(encode(["uint256"], [word])) == price6


@given(st.integers(-(2**255), 2**255 - 1))
@example(-1)
def test_signed_integer_agrees_with_eth_abi(value: int) -> None:
    assert decode.sint(encode(["int256"], [value])) == value


def test_session_record_is_decoded() -> None:
    types = ["address", "bytes32", "uint256", "uint256", "uint256", "uint256", "bytes32", "bool"]
    bitmap = (0b100010 + (1 << 200)).to_bytes(32, "big")
    record = decode.session(encode(types, [TRADER, b"\1" * 32, 5, 6, 7, 8, bitmap, True]), "0x" + "22" * 32)
    assert record.trader == TRADER
    assert record.relayer_set_root == "0x" + "01" * 32
    assert (record.expiry, record.max_notional_per_trade6, record.max_notional_per_session6) == (5, 6, 7)
    assert (record.notional_used6, record.revoked) == (8, True)
    assert record.methods == Methods.PLACE_MARGIN_LIMIT | Methods.CANCEL


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "reverted without a reason"),
        (abi.ERROR_STRING + encode(["string"], ["insufficient_collateral"]), "reverted: insufficient_collateral"),
        (abi.ERROR_STRING + encode(["string"], ["a\x1b[2J"]), "reverted: a�[2J"),
        (abi.ERROR_STRING + b"\xff" * 32, "reverted: 0x08c379a0" + "ff" * 32),
        (abi.PANIC + encode(["uint256"], [17]), "reverted: panic 0x11"),
        (b"\1\2\3\4", "reverted: 0x01020304"),
    ],
)
def test_revert_data_becomes_readable_text(data: bytes, text: str) -> None:
    assert decode.revert_text(data) == text


@given(st.binary(max_size=512))
def test_garbage_is_decoded_or_refused_with_our_own_error(result: bytes) -> None:
    for read in (
        lambda data: decode.order(data, 7, TRADER, TRADER20),
        decode.order_ids,
        decode.depth,
        decode.price6,
        decode.sint,
        decode.boolean,
        decode.address,
        lambda data: decode.session(data, "0x" + "00" * 32),
        lambda data: decode.DecodeError(decode.revert_text(data)),
    ):
        with contextlib.suppress(decode.DecodeError):
            read(result)


def test_array_with_an_absurd_length_is_refused() -> None:
    with pytest.raises(decode.DecodeError, match="items in"):
        decode.uint_array((32).to_bytes(32, "big") + b"\xff" * 32)
    with pytest.raises(decode.DecodeError, match="offset"):
        decode.uint_array(b"\xff" * 64)
