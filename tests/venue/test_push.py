"""What is kept of a message before web3 formats it."""

from __future__ import annotations

from typing import Any

import pytest

from ama_tui.venue.push import _lean

HEAD = {"number": "0x10", "hash": "0x" + "ab" * 32, "logsBloom": "0x" + "00" * 256, "miner": "0x" + "11" * 20}
LOG = {"address": "0x" + "22" * 20, "topics": ["0x" + "cd" * 32], "data": "0x", "blockNumber": "0x10", "removed": False}


def notification(result: object) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": "eth_subscription", "params": {"subscription": "0x1", "result": result}}


@pytest.mark.parametrize(("result", "kept"), [(HEAD, {"number", "hash"}), (LOG, {"topics", "blockNumber", "removed"})])
def test_notification_keeps_what_is_read_of_it(result: dict[str, object], kept: set[str]) -> None:
    lean = _lean(notification(result))
    assert lean == notification({key: result[key] for key in kept})


@pytest.mark.parametrize(
    "message",
    [
        {"jsonrpc": "2.0", "id": 1, "result": "0x1"},
        {"jsonrpc": "2.0", "id": 1, "result": {"number": "0x1", "miner": "0x2"}},
        {"params": None},
        {"params": {"result": None}},
        notification("0x10"),
        [],
        None,
    ],
)
def test_any_other_message_stays_as_it_is(message: object) -> None:
    assert _lean(message) == message
