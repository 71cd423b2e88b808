"""Typed fields and ISO 8601 times from JSON that another program may have written."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NoReturn

MAX_DEPTH = 100
"""How deep lists and objects may be nested; our own files need four levels."""

_STRING_OR_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)
_STEP = {"[": 1, "{": 1, "]": -1, "}": -1}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ShapeError(ValueError):
    """The JSON does not have the expected shape; the message says where."""


def parse_object(data: bytes) -> dict[str, object]:
    """Parse one JSON object in UTF-8. Raises ShapeError, also for NaN and for too much nesting."""
    try:
        text = data.decode("utf-8-sig")
        _refuse_deep(text)
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise ShapeError(f"not JSON ({error})") from None
    if not isinstance(value, dict):
        raise ShapeError("not a JSON object")
    return value


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
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{unix_ms % 1000:03d}Z"


def time_of(raw: Mapping[str, object], key: str) -> int:
    """An ISO 8601 time as Unix milliseconds; a time without a zone is UTC."""
    try:
        moment = datetime.fromisoformat(text_of(raw, key))
    except ValueError:
        raise ShapeError(f"{key} is not an ISO 8601 time") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(milliseconds=1)


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
