"""JSON and its typed fields, also from another program.

orjson does the work wherever its result is certain to be the same as the standard library's, which does the rest:
floats, large integers, text that is not ASCII, and whatever orjson refuses.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import NoReturn

import orjson

MAX_DEPTH = 100
"""How deep lists and objects may be nested; our own files need four levels."""

_STRING_OR_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)
_STEP = {"[": 1, "{": 1, "]": -1, "}": -1}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EXACT = frozenset({str, int, bool, type(None)})
_NESTED = frozenset({dict, list})


class ShapeError(ValueError):
    """The JSON does not have the expected shape; the message says where."""


def parse_object(data: bytes) -> dict[str, object]:
    """Parse one JSON object in UTF-8. Raises ShapeError, also for NaN and for too much nesting."""
    with suppress(ValueError):
        quick = orjson.loads(data)
        if is_exact(data, quick):
            return quick  # type: ignore[no-any-return]  # an object
    try:
        text = data.decode("utf-8-sig")
        _refuse_deep(text)
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise ShapeError(f"not JSON ({error})") from None
    if not isinstance(value, dict):
        raise ShapeError("not a JSON object")
    return value


def is_exact(data: bytes, value: object) -> bool:
    """Is what orjson read in an object the same as what the standard library reads?

    An integer of more than 64 bits has become a float, and more nesting is accepted.
    """
    return is_shallow(data) and type(value) is dict and _is_plain(value, lambda number: False)


def is_shallow(data: bytes) -> bool:
    """Is there too little in it for too much nesting?"""
    return data.count(b"[") + data.count(b"{") <= MAX_DEPTH


def compact(value: Mapping[str, object]) -> bytes:
    """An object as JSON on one line in ASCII. Raises ValueError for a number that JSON does not know."""
    return _quickly(value, 0) or json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")


def indented(value: Mapping[str, object]) -> bytes:
    """The same on several lines, indented by two."""
    return _quickly(value, orjson.OPT_INDENT_2) or json.dumps(value, indent=2, allow_nan=False).encode("ascii")


def object_of(raw: Mapping[str, object], key: str) -> dict[str, object]:
    value = raw.get(key)
    if not isinstance(value, dict):
        raise ShapeError(f"{key} is missing or not an object")
    return value


def text_of(raw: Mapping[str, object], key: str) -> str:
    value = raw.get(key)
    if not isinstance(value, str):
        raise ShapeError(f"{key} is missing or not a string")
    return value


def optional_text(raw: Mapping[str, object], key: str) -> str | None:
    return None if raw.get(key) is None else text_of(raw, key)


def integer_of(raw: Mapping[str, object], key: str) -> int:
    number = as_integer(raw.get(key))
    if number is None:
        raise ShapeError(f"{key} is missing or not a whole number")
    return number


def signed_of(raw: Mapping[str, object], key: str) -> int:
    """A whole number as a decimal string, which may be negative."""
    text = text_of(raw, key)
    number = as_integer(text.removeprefix("-"))
    if number is None:
        raise ShapeError(f"{key} is not a whole number")
    return -number if text.startswith("-") else number


def optional_integer(raw: Mapping[str, object], key: str) -> int | None:
    return None if raw.get(key) is None else integer_of(raw, key)


def as_integer(value: object) -> int | None:
    """A whole number, also from a decimal string or a float without a fraction; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 78:
        return int(value)
    return None


def iso_utc(unix_ms: int) -> str:
    """Unix milliseconds as `2025-01-31T12:00:00.250Z`."""
    moment = _EPOCH + timedelta(milliseconds=unix_ms)
    return f"{moment.isoformat()[:19]}.{unix_ms % 1000:03d}Z"


def time_of(raw: Mapping[str, object], key: str) -> int:
    """An ISO 8601 time as Unix milliseconds; a time without a zone is UTC."""
    try:
        moment = datetime.fromisoformat(text_of(raw, key))
    except ValueError:
        raise ShapeError(f"{key} is not an ISO 8601 time") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def _quickly(value: Mapping[str, object], options: int) -> bytes | None:
    """An object as orjson writes it, None where the standard library would write other bytes."""
    if type(value) is not dict or not _is_plain(value, _is_written_alike):
        return None
    try:
        text = orjson.dumps(value, option=options)
    except TypeError:
        return None
    return text if text.isascii() and b"\x7f" not in text else None


def _is_plain(value: dict[str, object] | list[object], is_float_exact: Callable[[float], bool]) -> bool:
    """Is everything in it a plain JSON value that both libraries treat alike?"""
    values = value.values() if type(value) is dict else value
    kinds = set(map(type, values)) - _EXACT
    if not kinds:
        return True
    if kinds - _NESTED - {float}:
        return False
    return all(
        is_float_exact(one) if type(one) is float else _is_plain(one, is_float_exact)  # type: ignore[arg-type]
        for one in values
        if type(one) not in _EXACT
    )


def _is_written_alike(number: float) -> bool:
    return orjson.dumps(number) == repr(number).encode("ascii")


def _refuse_deep(text: str) -> None:
    """The chain libraries raise the interpreter's recursion limit so far that `json` can overflow the C stack."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = 0
    for token in _STRING_OR_BRACKET.finditer(text):
        depth += _STEP.get(token[0], 0)
        if depth > MAX_DEPTH:
            raise ValueError("nested too deep")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"{digits[:20]} is too large")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
