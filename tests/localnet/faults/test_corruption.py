"""Corrupt responses: one thing is wrong, the rest is unchanged."""

from __future__ import annotations

from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ama_tui.localnet.faults.corruption import CORRUPTIONS, corrupt
from ama_tui.localnet.faults.injector import Strike

DATA = "0x" + "ab" * 64
RESULTS = st.sampled_from([DATA, "0x1f4", [], [{"logIndex": "0x0"}], {"hash": DATA}, None, True])
ENTRIES = RESULTS.map(lambda result: {"result": result}) | st.just(
    {"error": {"code": 3, "message": "execution reverted"}}
)


def corrupted_reply(fault: str, reply: Any, seed: int = 1) -> Any:
    return orjson.loads(corrupt(Strike(fault, 0, 0, Random(seed)), orjson.dumps(reply)))


def numbered(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"jsonrpc": "2.0", "id": number, **entry} for number, entry in enumerate(entries)]


@given(st.lists(ENTRIES, min_size=2, max_size=6), st.integers())
@pytest.mark.parametrize("fault", ["rpc_error", "rpc_empty", "rpc_truncated"])
def test_at_most_one_response_of_a_batch_changes(fault: str, entries: list[dict[str, Any]], seed: int) -> None:
    reply = numbered(entries)
    corrupted = corrupted_reply(fault, reply, seed)
    assert [entry["id"] for entry in corrupted] == [entry["id"] for entry in reply]
    assert sum(before != after for before, after in zip(reply, corrupted, strict=True)) <= 1


@given(st.lists(ENTRIES, min_size=2, max_size=6), st.integers())
def test_shuffled_batch_moves_every_response(entries: list[dict[str, Any]], seed: int) -> None:
    reply = numbered(entries)
    corrupted = corrupted_reply("batch_shuffled", reply, seed)
    assert sorted(entry["id"] for entry in corrupted) == [entry["id"] for entry in reply]
    assert all(before["id"] != after["id"] for before, after in zip(reply, corrupted, strict=True))


@given(st.lists(ENTRIES, min_size=2, max_size=6), st.integers())
def test_batch_with_a_missing_response_lacks_exactly_one(entries: list[dict[str, Any]], seed: int) -> None:
    reply = numbered(entries)
    corrupted = corrupted_reply("batch_missing", reply, seed)
    assert len(corrupted) == len(reply) - 1
    assert all(entry in reply for entry in corrupted)


def test_error_replaces_the_result() -> None:
    corrupted = corrupted_reply("rpc_error", {"jsonrpc": "2.0", "id": 7, "result": DATA})
    assert corrupted["id"] == 7
    assert "result" not in corrupted
    assert corrupted["error"]["code"] < 0


@pytest.mark.parametrize(("result", "empty"), [(DATA, "0x"), ([1], []), ({"a": 1}, None), (None, None)])
def test_empty_result_has_the_type_of_the_result(result: Any, empty: Any) -> None:
    assert corrupted_reply("rpc_empty", {"id": 1, "result": result})["result"] == empty


@given(st.integers())
def test_truncated_data_is_a_prefix_and_numbers_never_become_other_numbers(seed: int) -> None:
    cut = corrupted_reply("rpc_truncated", {"id": 1, "result": DATA}, seed)["result"]
    assert DATA.startswith(cut)
    assert 2 <= len(cut) < len(DATA)
    assert corrupted_reply("rpc_truncated", {"id": 1, "result": "0x1f4"}, seed)["result"] == "0x"


@pytest.mark.parametrize("fault", sorted(CORRUPTIONS))
def test_empty_response_stays_empty(fault: str) -> None:
    assert corrupt(Strike(fault, 0, 0, Random(1)), b"") == b""
