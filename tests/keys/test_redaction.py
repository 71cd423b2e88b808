"""Redaction: no notation of a key, or of a part of one, gets through in text we did not word ourselves."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ama_tui.keys.redaction import MASK, without_keys, without_secrets
from ama_tui.keys.secret_key import SecretKey
from tests.leaks import traces

KEYS = st.binary(min_size=32, max_size=32).filter(lambda key: any(not 0x20 <= one <= 0x7E for one in set(key) - {0x0A}))
"""Those of letters only, one in a hundred trillion, look like words unless the key is loaded."""

NOTATIONS: list[Callable[[bytes], str]] = [
    lambda key: key.hex(),
    lambda key: "0x" + key.hex().upper(),
    lambda key: key.hex()[7:23],
    lambda key: key.hex(" "),
    lambda key: key.hex(":"),
    repr,
    lambda key: repr(bytearray(key)),
    lambda key: repr({"key": [key]}),
    lambda key: str(list(key)),
    lambda key: ", ".join(hex(one) for one in key),
    lambda key: str(int.from_bytes(key, "big")),
    lambda key: hex(int.from_bytes(key, "big")),
    lambda key: base64.b64encode(key).decode(),
    lambda key: base64.urlsafe_b64encode(key).decode(),
    lambda key: key.decode("latin-1"),
    lambda key: f"https://host.example/v2/{key.hex()}?key={key.hex()}",
]


@pytest.mark.parametrize("notation", range(len(NOTATIONS)))
@given(key=KEYS)
@example(key=bytes(24) + b" " * 8)
@example(key=b"printable as it is, but for one \xff"[1:])
def test_no_notation_of_a_key_gets_through(notation: int, key: bytes) -> None:
    for text in (NOTATIONS[notation](key), f"bad value {NOTATIONS[notation](key)!s}, try another"):
        assert traces(without_secrets(text).encode("utf-8", "replace"), [key]) == []


@pytest.mark.parametrize(
    "text",
    [
        "division by zero",
        "'NoneType' object has no attribute 'session_id'",
        "ValueError: level 7 of 12 is taken at block 1234567",
        "sessionPlaceMarginLimit answered no_such_method_of_this_orderbook",
        "unsupported operand type(s) for +: 'int' and 'str'",
        "GET /api/markets failed at http://localhost:3000/api",
    ],
)
def test_usual_error_texts_are_unchanged(text: str) -> None:
    assert without_secrets(text) == text


@given(KEYS, st.booleans(), st.sampled_from(["", "0x", "ff", "key="]))
def test_loaded_key_is_masked_in_a_line_and_a_hash_is_not(raw: bytes, upper: bool, before: str) -> None:
    digits = raw.hex().upper() if upper else raw.hex()
    line = f"{before}{digits} and 0x{'5a' * 32}"
    SecretKey(raw)
    assert digits not in without_keys(line)
    assert MASK in without_keys(line)
    assert without_keys(line).endswith(f" and 0x{'5a' * 32}")


def test_hash_that_is_not_a_loaded_key_is_unchanged() -> None:
    line = f"session 0x{'4b' * 32} is unknown"
    assert without_keys(line) == line
