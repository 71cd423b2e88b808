"""A proxy in front of a venue's API and node that lies, down to one contract call inside a multicall."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ama_tui.localnet.faults.contract_calls import Change, changed
from tests.engine.doctor.meddler import Meddler


@dataclass
class Lies(Meddler):
    """A meddler that also changes contract calls, by selector.

    `is_on` switches everything; `told` counts the lies that were told.
    """

    calls: dict[bytes, Change] = field(default_factory=dict)
    refuses_batches: bool = False
    has_no_history: bool = False
    """Calls at a block are refused, only those at the latest are answered."""
    is_on: bool = True
    told: int = 0

    def _changed(self, path: str, asked: Any, said: Any) -> Any:
        if not self.is_on:
            return said
        self.told += path in self.api
        if isinstance(asked, list) and self.refuses_batches:
            return {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "batches are not supported"}}
        return super()._changed(path, asked, said)

    def _answer(self, call: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        self.told += call["method"] in self.rpc
        if call["method"] == "eth_call" and self.has_no_history and call["params"][1] != "latest":
            return {"jsonrpc": "2.0", "id": call["id"], "error": {"code": -32000, "message": "missing trie node"}}
        if call["method"] == "eth_call" and self.calls and "result" in answer:
            data = bytes.fromhex(call["params"][0]["data"][2:])
            return {**answer, "result": "0x" + changed(data, bytes.fromhex(answer["result"][2:]), self._one).hex()}
        return super()._answer(call, answer)

    def _one(self, call: bytes, answer: bytes) -> bytes:
        lie = self.calls.get(call[:4])
        if lie is None:
            return answer
        self.told += 1
        return lie(call, answer)
