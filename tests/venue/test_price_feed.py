"""Whatever a price source answers is a price above 0 or our own error."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ama_tui.domain.errors import MalformedError
from ama_tui.domain.price_source import PriceSource
from ama_tui.venue.price_feed import price6_in

SOURCE = PriceSource("https://prices.example", ("data", "0", "last"), "prices.example")


def document(value: object) -> bytes:
    return json.dumps({"data": [{"last": value}]}).encode()


@pytest.mark.parametrize(
    ("value", "price6"),
    [(2500, 2_500_000_000), (2500.25, 2_500_250_000), ("2500.1234567", 2_500_123_456), ("1e3", 10**9), (0.000001, 1)],
)
def test_number_or_text_is_a_price_rounded_down(value: object, price6: int) -> None:
    assert price6_in(document(value), SOURCE) == price6


@pytest.mark.parametrize(
    "value", [None, True, 0, -1, "", "dear", "NaN", "Infinity", [1], {"a": 1}, 1e-7, 1e13, "1" * 65, 10**15]
)
def test_anything_else_is_refused_with_the_place(value: object) -> None:
    with pytest.raises(MalformedError, match=r"prices\.example has no price .*at data\.0\.last"):
        price6_in(document(value), SOURCE)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"data": []}', b'{"data": [1]}', b"\xff", b"NaN"])
def test_document_without_the_place_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedError):
        price6_in(body, SOURCE)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["data", "0", "last"]), inner),
)


@given(anything)
def test_any_document_is_a_price_or_our_own_error(value: object) -> None:
    try:
        price6 = price6_in(json.dumps(value).encode(), SOURCE)
    except MalformedError:
        return
    assert 0 < price6 <= 10**18
