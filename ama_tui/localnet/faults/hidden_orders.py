"""Lists of open orders that leave orders out, as gateways that page, filter or cache give them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from eth_abi.abi import decode, encode

from ama_tui.localnet import abi
from ama_tui.localnet.faults.injector import Strike

PAGE = 5
"""Ids that a paging gateway returns."""

Ids = tuple[int, ...]

_CALLS, _RESULTS = "(address,bool,bytes)[]", "(bool,bytes)[]"
_LIST = abi.function("OrderBook", "getUserOrders").selector
_AGGREGATE = abi.function("Multicall3", "aggregate3").selector


class OrderListFaults:
    """Applies them to JSON-RPC responses. Remembers lists, for the gateway that caches."""

    def __init__(self) -> None:
        self._remembered: dict[bytes, Ids] = {}
        self._changes: dict[str, Callable[[bytes, Ids], Ids]] = {
            "orders_cut": lambda call, ids: ids[:PAGE],
            "orders_sparse": lambda call, ids: ids[::2],
            "orders_cached": lambda call, ids: self._remembered.setdefault(call, ids),
        }

    def changed(self, strike: Strike, request: bytes, response: bytes) -> bytes:
        """The response with every order list in it changed as the strike says."""
        asked, said = orjson.loads(request), orjson.loads(response)
        calls = {call["id"]: call for call in (asked if isinstance(asked, list) else [asked])}
        change = self._changes[strike.fault]
        for entry in said if isinstance(said, list) else [said]:
            call = calls.get(entry.get("id"), {})
            if call.get("method") == "eth_call" and isinstance(entry.get("result"), str):
                data = _data_of(call["params"][0])
                entry["result"] = "0x" + _changed(data, bytes.fromhex(entry["result"][2:]), change).hex()
        return orjson.dumps(said)


def _data_of(message: dict[str, Any]) -> bytes:
    return bytes.fromhex((message.get("input") or message.get("data") or "0x")[2:])


def _changed(call: bytes, result: bytes, change: Callable[[bytes, Ids], Ids]) -> bytes:
    if call[:4] == _LIST and result:
        (ids,) = decode(["uint256[]"], result)
        return encode(["uint256[]"], [change(call, ids)])
    if call[:4] != _AGGREGATE or not result:
        return result
    (calls,), (results,) = decode([_CALLS], call[4:]), decode([_RESULTS], result)
    pairs = zip(calls, results, strict=True)
    changed = [(ok, _changed(data, answer, change) if ok else answer) for (_, _, data), (ok, answer) in pairs]
    return encode([_RESULTS], [changed])
