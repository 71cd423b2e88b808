"""Lists of open orders that leave orders out, as gateways that page, filter or cache give them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from eth_abi.abi import decode, encode

from ama_tui.localnet import abi
from ama_tui.localnet.faults.contract_calls import changed
from ama_tui.localnet.faults.injector import Strike

PAGE = 5
"""Ids that a paging gateway returns."""

Ids = tuple[int, ...]

_LIST = abi.function("OrderBook", "getUserOrders").selector


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
        change_ids = self._changes[strike.fault]

        def change(data: bytes, result: bytes) -> bytes:
            if data[:4] != _LIST or not result:
                return result
            (ids,) = decode(["uint256[]"], result)
            return encode(["uint256[]"], [change_ids(data, ids)])

        for entry in said if isinstance(said, list) else [said]:
            call = calls.get(entry.get("id"), {})
            if call.get("method") == "eth_call" and isinstance(entry.get("result"), str):
                data = _data_of(call["params"][0])
                entry["result"] = "0x" + changed(data, bytes.fromhex(entry["result"][2:]), change).hex()
        return orjson.dumps(said)


def _data_of(message: dict[str, Any]) -> bytes:
    return bytes.fromhex((message.get("input") or message.get("data") or "0x")[2:])
