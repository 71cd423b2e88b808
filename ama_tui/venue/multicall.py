"""Encodes and decodes Multicall3's `aggregate3`: many calls in one, each of which may fail on its own.

`aggregate3((address target, bool allowFailure, bytes callData)[]) → (bool success, bytes returnData)[]`

This is hand-written for speed, as a cycle encodes about a thousand calls. Tests compare it with eth_abi.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from itertools import accumulate, chain
from typing import NamedTuple

from ama_tui.venue.contract_abi import AGGREGATE3, address_word, uint_word
from ama_tui.venue.contract_decode import WORD, DecodeError, revert_text

MULTICALL3 = "0xca11bde05977b3631167028862be2a173976ca11"

_TRUE = uint_word(1)
_DATA_AT = uint_word(3 * WORD)
_BASE = 2 * WORD
"""Where the offsets of an aggregate's items begin, which they count from."""
_RESULT = struct.Struct(">24sQ 24sQ 24sQ")
"""The first words of a result: success, offset of the data, its length."""
_ZERO24 = bytes(24)


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


class CallGroup(NamedTuple):
    """Calls that are made together again and again, encoded once."""

    calls: tuple[Call, ...]
    encoded: bytes
    """Their items in an aggregate's data, one after another."""
    sizes: tuple[int, ...]
    """The length of each of these items."""

    @classmethod
    def of(cls, calls: Iterable[Call]) -> CallGroup:
        """The group of these calls."""
        made = tuple(calls)
        items = [_encoded(call) for call in made]
        return cls(made, b"".join(items), tuple(map(len, items)))


class GroupResults(NamedTuple):
    """The results of a group's calls as they came. Equal ones decode to equal results."""

    starts: tuple[int, ...]
    """Where each result begins in `raw`."""
    raw: bytes

    def decoded(self) -> list[CallResult]:
        """The result of each call. Raises DecodeError if they are not whole."""
        raw, left = self.raw, len(self.raw)
        results: list[CallResult] = []
        for start in self.starts:
            body = start + _RESULT.size
            if start < 0 or body > len(raw):
                raise DecodeError("a result is incomplete")
            success_pad, success, at_pad, data_at, length_pad, length = _RESULT.unpack_from(raw, start)
            end = body + length
            left -= length
            if end > len(raw) or left < 0 or data_at != 2 * WORD or at_pad != _ZERO24 or length_pad != _ZERO24:
                raise DecodeError("a result is incomplete")
            if success > 1 or success_pad != _ZERO24:
                raise DecodeError("a success flag is not a boolean")
            data = raw[body:end]
            results.append(CallResult(True, data) if success else CallResult(False, data, revert_text(data)))
        return results


def encode_aggregate(groups: Sequence[CallGroup]) -> bytes:
    """The data of one `aggregate3` call with the calls of these groups. Every one of them may fail."""
    sizes = list(chain.from_iterable(group.sizes for group in groups))
    count = len(sizes)
    offsets = list(accumulate(sizes, initial=count * WORD))[:count]
    heads = struct.pack(f">{'24xQ' * count}", *offsets)
    encoded = (group.encoded for group in groups)
    return b"".join((AGGREGATE3, uint_word(WORD), uint_word(count), heads, *encoded))


def _encoded(call: Call) -> bytes:
    """One item of an aggregate."""
    target, data = call
    return b"".join((address_word(target), _TRUE, _DATA_AT, uint_word(len(data)), data, bytes(-len(data) % WORD)))


def split_aggregate(result: bytes, counts: Sequence[int]) -> list[GroupResults]:
    """The results of groups of so many calls. Raises DecodeError if `result` does not have them one after another."""
    count = sum(counts)
    if int.from_bytes(result[:WORD]) != WORD or int.from_bytes(result[WORD:_BASE]) != count:
        raise DecodeError(f"the response to {count} calls does not have {count} results")
    try:
        words = struct.unpack_from(f">{4 * count}Q", result, _BASE)
    except struct.error:
        raise DecodeError(f"the response to {count} calls is incomplete") from None
    if any(words[0::4]) or any(words[1::4]) or any(words[2::4]):
        raise DecodeError(f"the response to {count} calls has offsets outside of it")
    ends = (*words[3::4], len(result) - _BASE)  # a result ends where the next one begins
    groups: list[GroupResults] = []
    at = 0
    for size in counts:
        first, last = ends[at], ends[at + size]
        if not first <= last <= len(result) - _BASE:
            raise DecodeError(f"the response to {count} calls is incomplete")
        starts = tuple([start - first for start in ends[at : at + size]])
        groups.append(GroupResults(starts, result[_BASE + first : _BASE + last]))
        at += size
    return groups
