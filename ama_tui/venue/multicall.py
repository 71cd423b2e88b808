"""Encodes and decodes Multicall3's `aggregate3`: many calls in one, each of which may fail on its own.

`aggregate3((address target, bool allowFailure, bytes callData)[]) → (bool success, bytes returnData)[]`

This is hand-written for speed, as a cycle encodes about a thousand calls. Tests compare it with eth_abi.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from ama_tui.venue.contract_abi import AGGREGATE3, address_word, uint_word
from ama_tui.venue.contract_decode import WORD, DecodeError, revert_text

MULTICALL3 = "0xca11bde05977b3631167028862be2a173976ca11"

_TRUE = uint_word(1)
_DATA_AT = uint_word(3 * WORD)


class Call(NamedTuple):
    """A contract call."""

    target: str
    """The contract's address (0x, lower case)."""
    data: bytes


class CallResult(NamedTuple):
    """The result of a contract call."""

    ok: bool
    data: bytes
    """The returned data or, if the call reverted, the revert data."""
    error: str = ""
    """Why the call failed; empty if it did not."""


def encode_aggregate(calls: Sequence[Call]) -> bytes:
    """The data of one `aggregate3` call. Every sub-call may fail."""
    heads: list[bytes] = []
    tails: list[bytes] = []
    offset = len(calls) * WORD
    for call in calls:
        tail = _encoded(call)
        heads.append(uint_word(offset))
        tails.append(tail)
        offset += len(tail)
    return b"".join((AGGREGATE3, uint_word(WORD), uint_word(len(calls)), *heads, *tails))


@lru_cache(maxsize=1 << 15)
def _encoded(call: Call) -> bytes:
    """One call of an aggregate: a fleet makes the same calls in every cycle."""
    target, data = call
    return b"".join((address_word(target), _TRUE, _DATA_AT, uint_word(len(data)), data, bytes(-len(data) % WORD)))


def decode_aggregate(result: bytes, count: int) -> list[CallResult]:
    """The results of `count` sub-calls. Raises DecodeError if `result` does not have this many, one after another."""
    size = len(result)
    base = 2 * WORD
    if int.from_bytes(result[:WORD]) != WORD or int.from_bytes(result[WORD:base]) != count:
        raise DecodeError(f"the response to {count} calls does not have {count} results")
    results: list[CallResult] = []
    left = size
    for at in range(base, base + count * WORD, WORD):
        start = base + int.from_bytes(result[at : at + WORD])
        body = start + 3 * WORD
        length = int.from_bytes(result[body - WORD : body])
        end = body + length
        left -= length
        if end > size or left < 0 or int.from_bytes(result[start + WORD : start + 2 * WORD]) != 2 * WORD:
            raise DecodeError(f"the response to {count} calls is incomplete")
        success = int.from_bytes(result[start : start + WORD])
        if success > 1:
            raise DecodeError("a success flag is not a boolean")
        data = result[body:end]
        results.append(CallResult(True, data) if success else CallResult(False, data, revert_text(data)))
    return results
