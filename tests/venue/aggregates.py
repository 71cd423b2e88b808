"""Decodes an aggregate of contract calls as a whole."""

from __future__ import annotations

from ama_tui.venue.multicall import CallResult, split_aggregate


def decode_aggregate(result: bytes, count: int) -> list[CallResult]:
    """The results of `count` calls. Raises DecodeError if `result` does not have this many, one after another."""
    return split_aggregate(result, [count])[0].decoded()
