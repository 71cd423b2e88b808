"""Parsers for scalars in JSON. Each takes any value and returns the parsed scalar or raises ValueError.

Integers are decimal strings or JSON integers. JSON integers above 2^53 are refused because they may have been rounded
(the venue's wire contract).
"""

from __future__ import annotations

import re

import orjson

from ama_tui.venue.ranges import MAX_BLOCK, MAX_CHAIN_ID, MAX_JSON_INT, MAX_UINT256, MAX_UNIX_TIME, within

_ADDRESS = re.compile(r"(?:0x|0X)?([0-9a-fA-F]{40})", re.ASCII)
_HASH = re.compile(r"(?:0x|0X)?([0-9a-fA-F]{64})", re.ASCII)
_DECIMAL = re.compile(r"[0-9]{1,78}", re.ASCII)
_QUANTITY = re.compile(r"0[xX]([0-9a-fA-F]{1,64})", re.ASCII)


def address(value: object) -> str:
    """An address in lower case with 0x."""
    if isinstance(value, str) and (match := _ADDRESS.fullmatch(value)):
        return "0x" + match[1].lower()
    raise ValueError("not an address of 40 hexadecimal digits")


def hash32(value: object) -> str:
    """32 bytes as lower-case hexadecimal with 0x: a transaction hash, a market or session id, a root."""
    if isinstance(value, str) and (match := _HASH.fullmatch(value)):
        return "0x" + match[1].lower()
    raise ValueError("not a hash of 64 hexadecimal digits")


def uint(value: object) -> int:
    """An unsigned integer up to 2^256 - 1, as a decimal string or a JSON integer up to 2^53."""
    if isinstance(value, int) and not isinstance(value, bool):
        if 0 <= value <= MAX_JSON_INT:
            return value
    elif isinstance(value, str) and _DECIMAL.fullmatch(value):
        number = int(value)
        if number <= MAX_UINT256:
            return number
    raise ValueError("not an unsigned integer (a decimal string or a JSON integer up to 2^53)")


def quantity(value: object) -> int:
    """A JSON-RPC quantity: 0x and up to 64 hexadecimal digits."""
    if isinstance(value, str) and (match := _QUANTITY.fullmatch(value)):
        return int(match[1], 16)
    raise ValueError("not a 0x quantity")


def block_number(value: object) -> int:
    """A block number as a JSON-RPC quantity."""
    return within(quantity(value), MAX_BLOCK, "a block number")


def unix_time(value: object) -> int:
    """Unix seconds as a JSON-RPC quantity."""
    return within(quantity(value), MAX_UNIX_TIME, "a Unix time in seconds")


def chain_id(value: object) -> int:
    """A positive chain id as a JSON-RPC quantity."""
    return within(quantity(value) - 1, MAX_CHAIN_ID - 1, "a chain id") + 1


def data(value: object) -> bytes:
    """JSON-RPC data: 0x and an even number of hexadecimal digits."""
    if isinstance(value, str) and value[:2] in ("0x", "0X"):
        try:
            decoded = bytes.fromhex(value[2:])
        except ValueError:
            decoded = b""
        if 2 * len(decoded) == len(value) - 2:  # fromhex skips whitespace
            return decoded
    raise ValueError("not 0x data")


def flag(value: object) -> bool:
    """A JSON boolean."""
    if isinstance(value, bool):
        return value
    raise ValueError("not a JSON boolean")


def json_object(body: bytes) -> dict[str, object] | None:
    """The body as a JSON object; None if it is not one."""
    try:
        value = orjson.loads(body)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
