"""Multicall3's encoding, compared with eth_abi."""

from __future__ import annotations

import contextlib

import pytest
from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from hypothesis import given
from hypothesis import strategies as st

from ama_tui.venue import contract_abi as abi
from ama_tui.venue.contract_decode import DecodeError
from ama_tui.venue.multicall import Call, CallGroup, CallResult, encode_aggregate, split_aggregate
from tests.venue.aggregates import decode_aggregate

ADDRESSES = st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
CALLS = st.lists(st.builds(Call, ADDRESSES, st.binary(max_size=80)), max_size=20)
RESULTS = st.lists(st.tuples(st.booleans(), st.binary(max_size=400)), max_size=20)


@given(CALLS)
def test_calls_are_encoded_as_by_eth_abi(calls: list[Call]) -> None:
    expected = abi_encode(["(address,bool,bytes)[]"], [[(call.target, True, call.data) for call in calls]])
    assert encode_aggregate([CallGroup.of(calls)]) == abi.AGGREGATE3 + expected


@given(RESULTS)
def test_results_are_decoded_as_by_eth_abi(results: list[tuple[bool, bytes]]) -> None:
    envelope = abi_encode(["(bool,bytes)[]"], [results])
    assert [(result.ok, result.data) for result in decode_aggregate(envelope, len(results))] == results
    assert abi_decode(["(bool,bytes)[]"], envelope)[0] == tuple(results)


def test_failed_call_has_its_revert_reason() -> None:
    reason = abi.ERROR_STRING + abi_encode(["string"], ["nope"])
    envelope = abi_encode(["(bool,bytes)[]"], [[(False, reason)]])
    assert decode_aggregate(envelope, 1) == [CallResult(False, reason, "reverted: nope")]


def test_wrong_number_of_results_is_refused() -> None:
    with pytest.raises(DecodeError, match="does not have 2 results"):
        decode_aggregate(abi_encode(["(bool,bytes)[]"], [[(True, b"")]]), 2)


@given(RESULTS, st.integers(0, 600))
def test_truncated_envelope_is_refused(results: list[tuple[bool, bytes]], cut: int) -> None:
    envelope = abi_encode(["(bool,bytes)[]"], [[*results, (True, b"x" * 40)]])
    shorter = envelope[: max(0, len(envelope) - 32 - cut)]
    with pytest.raises(DecodeError):
        decode_aggregate(shorter, len(results) + 1)


@given(RESULTS, st.data())
def test_results_of_groups_are_those_of_the_whole_wherever_it_is_cut(
    results: list[tuple[bool, bytes]], data: st.DataObject
) -> None:
    envelope = abi_encode(["(bool,bytes)[]"], [results])
    at = data.draw(st.integers(0, len(results)))
    groups = split_aggregate(envelope, [at, len(results) - at])
    decoded = [result for group in groups for result in group.decoded()]
    assert [(result.ok, result.data) for result in decoded] == results
    again = split_aggregate(abi_encode(["(bool,bytes)[]"], [results[at:]]), [len(results) - at])
    assert groups[1] == again[0]


def test_groups_of_results_that_share_the_same_bytes_are_refused() -> None:
    result = abi_encode(["(bool,bytes)[]"], [[(True, b"x" * 3200)]])[96:]
    heads = (0).to_bytes(32, "big") + (64 * 32).to_bytes(32, "big")
    envelope = (32).to_bytes(32, "big") + (64).to_bytes(32, "big") + heads * 32 + result
    with pytest.raises(DecodeError, match="incomplete"):
        split_aggregate(envelope, [1] * 64)


@given(st.binary(max_size=300), st.integers(1, 3))
def test_garbage_is_refused_with_our_own_error(garbage: bytes, count: int) -> None:
    head = (32).to_bytes(32, "big") + count.to_bytes(32, "big")
    for envelope in (garbage, head + garbage):
        with contextlib.suppress(DecodeError):
            assert len(decode_aggregate(envelope, count)) == count
