"""Times and numbers in JSON written by other tools."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ama_tui.store.json_fields import (
    MAX_DEPTH,
    ShapeError,
    as_integer,
    compact,
    indented,
    iso_utc,
    parse_object,
    time_of,
)
from tests.store.test_checkpoint import JSON


@given(st.integers(0, 253_402_300_799_999))
def test_time_survives_a_round_trip(unix_ms: int) -> None:
    text = iso_utc(unix_ms)
    assert text.endswith("Z")
    assert time_of({"at": text}, "at") == unix_ms


@pytest.mark.parametrize(
    ("text", "unix_ms"),
    [
        ("2025-01-01T00:00:00.250Z", 1_735_689_600_250),
        ("2025-01-01T00:00:00Z", 1_735_689_600_000),
        ("2025-01-01T02:00:00+02:00", 1_735_689_600_000),
        ("2025-01-01T00:00:00", 1_735_689_600_000),
    ],
)
def test_every_common_time_format_is_read(text: str, unix_ms: int) -> None:
    assert time_of({"at": text}, "at") == unix_ms


def test_written_time_has_milliseconds() -> None:
    assert iso_utc(1_735_689_600_007) == "2025-01-01T00:00:00.007Z"


@pytest.mark.parametrize("value", ["yesterday", "", 5, None])
def test_other_text_is_not_a_time(value: object) -> None:
    with pytest.raises(ShapeError, match="at is"):
        time_of({"at": value}, "at")


@pytest.mark.parametrize(
    ("value", "number"),
    [(5, 5), ("5", 5), (5.0, 5), (-1, -1), (5.5, None), (True, None), ("5.0", None), ("٣", None), (None, None)],
)
def test_integers_are_read_in_the_forms_other_tools_write(value: object, number: int | None) -> None:
    assert as_integer(value) == number


@pytest.mark.parametrize(
    "text", ["", "[]", "1", "{", '{"a":NaN}', '{"a":-Infinity}', '{"a":1e999}', '{"a":' + "[" * 200_000, "9" * 5000]
)
def test_text_that_is_not_an_object_is_refused(text: str) -> None:
    with pytest.raises(ShapeError):
        parse_object(text.encode())


def test_nesting_is_counted_outside_strings_and_by_depth() -> None:
    wide = {"wallets": [{} for _ in range(1000)], "brackets": "[" * 1000 + '\\"' + "{" * 1000}
    assert parse_object(json.dumps(wide).encode()) == wide
    deep = b'{"a":' * MAX_DEPTH + b"1" + b"}" * MAX_DEPTH
    parse_object(deep)
    with pytest.raises(ShapeError, match="nested too deep"):
        parse_object(b'{"a":' + deep + b"}")


def test_deep_nesting_is_refused_even_with_a_raised_recursion_limit() -> None:
    code = (
        "import sys; sys.setrecursionlimit(100_000)\n"
        "from ama_tui.store.json_fields import ShapeError, parse_object\n"
        "try:\n    parse_object(b'[' * 1_000_000)\nexcept ShapeError:\n    print('refused')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "refused\n"


@given(st.binary(max_size=200))
def test_any_bytes_are_an_object_or_a_shape_error(data: bytes) -> None:
    with suppress(ShapeError):
        assert isinstance(parse_object(data), dict)


@given(st.dictionaries(st.text(), JSON | st.integers() | st.floats(allow_nan=False, allow_infinity=False), max_size=5))
def test_objects_are_written_and_read_as_by_the_standard_library(value: dict[str, object]) -> None:
    assert compact(value) == json.dumps(value, separators=(",", ":")).encode("ascii")
    assert indented(value) == json.dumps(value, indent=2).encode("ascii")
    assert repr(parse_object(compact(value))) == repr(json.loads(compact(value)))


@pytest.mark.parametrize(
    "number", [2**63, 2**64, -(2**63) - 1, 10**30, 1e16, 1e-7, 0.1, -0.0, float("nan"), float("inf")]
)
def test_number_is_written_exactly_or_not_at_all(number: float) -> None:
    for nested in ({"a": number}, {"a": [{"b": number}]}):
        if number != number or number == float("inf"):
            with pytest.raises(ValueError, match="not JSON compliant"):
                compact(nested)
            continue
        assert compact(nested) == json.dumps(nested, separators=(",", ":")).encode()
        assert repr(parse_object(compact(nested))) == repr(nested)


def test_every_character_is_written_as_by_the_standard_library() -> None:
    for code in (*range(0x100), 0x2028, 0xD800, 0xFFFF, 0x1F600):
        assert compact({"a": chr(code)}) == json.dumps({"a": chr(code)}, separators=(",", ":")).encode("ascii")
