"""Frozen dataclasses to JSON and back by their fields' types; fields with default values are left out."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, cast, get_args, get_origin, get_type_hints


def encode(value: Any) -> Any:
    """The value as plain JSON types."""
    if is_dataclass(value):
        held = {
            name: (getattr(value, name), default) for name, default in _defaults(cast(Hashable, type(value))).items()
        }
        return {name: encode(one) for name, (one, default) in held.items() if one != default}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {key: encode(held) for key, held in value.items()}
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple | list):
        return [encode(held) for held in value]
    return value


def decode(hint: Any, data: Any) -> Any:
    """The value of this type from its encoded form."""
    return _decoder(hint)(data)


@cache
def _defaults(kind: Any) -> dict[str, Any]:
    def default(one: Field[Any]) -> Any:
        return one.default_factory() if one.default_factory is not MISSING else one.default

    return {one.name: default(one) for one in fields(kind)}


@cache
def _required(kind: Any) -> frozenset[str]:
    """The fields that have no default: these are always there."""
    return frozenset(name for name, default in _defaults(kind).items() if default is MISSING)


@cache
def _decoder(hint: Any) -> Callable[[Any], Any]:
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return _one_of(parts)
    if origin is tuple and parts[1:] == (...,):
        return lambda data: tuple(map(_decoder(parts[0]), data))
    if origin is tuple:
        return lambda data: tuple(decode(part, one) for part, one in zip(parts, data, strict=True))
    if origin is frozenset:
        return frozenset
    if origin in (dict, Mapping):
        return lambda data: {key: decode(parts[1], one) for key, one in data.items()}
    if isinstance(hint, type) and is_dataclass(hint):
        hints = get_type_hints(hint)
        return lambda data: hint(**{key: decode(hints[key], one) for key, one in data.items()})
    return hint if isinstance(hint, type) and issubclass(hint, Enum) else lambda data: data


def _one_of(parts: tuple[Any, ...]) -> Callable[[Any], Any]:
    """None, a plain value, or the dataclass that has all of these fields."""
    kinds = [part for part in parts if isinstance(part, type) and is_dataclass(part)]
    plain = [part for part in parts if part is not NoneType and part not in kinds]

    def decoded(data: Any) -> Any:
        if data is None:
            return None
        if kinds and isinstance(data, dict):
            return decode(
                next(kind for kind in kinds if _required(kind) <= data.keys() <= _defaults(kind).keys()), data
            )
        return decode(plain[0], data)

    return decoded
