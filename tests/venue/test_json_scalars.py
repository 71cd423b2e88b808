"""Scalars from external JSON: what is accepted and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from ama_tui.venue import json_scalars as wire
from ama_tui.venue.sanitize import excerpt, one_line


@pytest.mark.parametrize(("value", "expected"), [("0", 0), (0, 0), (2**53, 2**53), (str(2**256 - 1), 2**256 - 1)])
def test_integer_is_accepted(value: object, expected: int) -> None:
    assert wire.uint(value) == expected


@pytest.mark.parametrize(
    "value",
    [2**53 + 1, -1, "-1", 1.0, "1.0", "1e3", "0x1", "", " 1", "١", str(2**256), True, None, [], float("nan")],
)
def test_malformed_integer_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="unsigned integer"):
        wire.uint(value)


def test_addresses_and_hashes_are_normalised_to_lower_case_with_0x() -> None:
    assert wire.address("AB" * 20) == wire.address("0x" + "aB" * 20) == "0x" + "ab" * 20
    assert wire.hash32("0x" + "AB" * 32) == "0x" + "ab" * 32


@pytest.mark.parametrize("value", ["", "0x", "0x" + "a" * 39, "0x" + "a" * 41, "0x" + "g" * 40, 1, None, "０" * 40])
def test_malformed_address_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="not an address"):
        wire.address(value)


@pytest.mark.parametrize("value", ["0xabc", "ab", "0x zz", "0x ab ", "0xab cd", None, 12, "0xéé"])
def test_malformed_data_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="not 0x data"):
        wire.data(value)


@pytest.mark.parametrize("value", ["0x", "10", "-0x1", "0x" + "f" * 65, 16, None])
def test_malformed_quantity_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="quantity"):
        wire.quantity(value)


def test_excerpt_is_one_printable_line_of_200_characters() -> None:
    text = excerpt(b"<html>\n\x1b[31m\xff\xe2\x80\xae" + b"x" * 500)
    assert text.startswith("<html>\\n\\x1b[31m\\xff\\u202e")
    assert text.isprintable()
    assert one_line("x" * 201) == "x" * 200 + "…"
