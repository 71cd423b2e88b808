"""A proxy in front of a venue's API and node that lies, down to one contract call inside a multicall."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from eth_abi.abi import decode, encode

from ama_tui.venue.contract_abi import AGGREGATE3
from tests.engine.doctor.meddler import Meddler

CallLie = Callable[[bytes, bytes], bytes]
"""From a contract call's data and its result to another result."""

_CALLS, _RESULTS = "(address,bool,bytes)[]", "(bool,bytes)[]"


@dataclass
class Lies(Meddler):
    """A meddler that also changes contract calls, by selector.

    `is_on` switches everything; `told` counts the lies that were told.
    """

    calls: dict[bytes, CallLie] = field(default_factory=dict)
    is_on: bool = True
    told: int = 0

    def _changed(self, path: str, asked: Any, said: Any) -> Any:
        if not self.is_on:
            return said
        self.told += path in self.api
        return super()._changed(path, asked, said)

    def _answer(self, call: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        self.told += call["method"] in self.rpc
        if call["method"] == "eth_call" and self.calls and "result" in answer:
            data = bytes.fromhex(call["params"][0]["data"][2:])
            return {**answer, "result": self._contract(data, answer["result"])}
        return super()._answer(call, answer)

    def _contract(self, data: bytes, result: str) -> str:
        raw = bytes.fromhex(result[2:])
        if data[:4] != AGGREGATE3:
            return "0x" + self._one(data, raw).hex()
        (calls,) = decode([_CALLS], data[4:])
        (results,) = decode([_RESULTS], raw)
        changed = [
            (ok, self._one(call, answer) if ok else answer)
            for (_, _, call), (ok, answer) in zip(calls, results, strict=True)
        ]
        return "0x" + encode([_RESULTS], [changed]).hex()

    def _one(self, call: bytes, answer: bytes) -> bytes:
        lie = self.calls.get(call[:4])
        if lie is None:
            return answer
        self.told += 1
        return lie(call, answer)
