"""Changes results of contract calls, also of those inside a multicall."""

from __future__ import annotations

from collections.abc import Callable

from eth_abi.abi import decode, encode

from ama_tui.localnet import abi

Change = Callable[[bytes, bytes], bytes]
"""From a call's data and its result to another result."""

_CALLS, _RESULTS = "(address,bool,bytes)[]", "(bool,bytes)[]"
_AGGREGATE = abi.function("Multicall3", "aggregate3").selector


def changed(call: bytes, result: bytes, change: Change) -> bytes:
    """The result of a call, or of each successful call in a multicall, as `change` makes it."""
    if call[:4] != _AGGREGATE or not result:
        return change(call, result)
    (calls,), (results,) = decode([_CALLS], call[4:]), decode([_RESULTS], result)
    pairs = zip(calls, results, strict=True)
    return encode([_RESULTS], [[(ok, change(data, said) if ok else said) for (_, _, data), (ok, said) in pairs]])
