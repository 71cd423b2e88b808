from __future__ import annotations

import pytest
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from ama_tui.localnet import merkle

addresses = st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
address_sets = st.lists(addresses, min_size=1, max_size=20, unique=True)


def climb(leaf: bytes, siblings: list[bytes]) -> bytes:
    for sibling in siblings:
        leaf = keccak(min(leaf, sibling) + max(leaf, sibling))
    return leaf


def test_leaf_is_the_hash_of_the_bare_address() -> None:
    assert merkle.leaf("0x" + "11" * 20) == keccak(b"\x11" * 20)
    assert merkle.leaf("0x" + "AB" * 20) == merkle.leaf("0x" + "ab" * 20)


def test_root_of_one_member_is_its_leaf() -> None:
    assert merkle.root(["0x" + "11" * 20]) == merkle.leaf("0x" + "11" * 20)
    assert merkle.proof(["0x" + "11" * 20], "0x" + "11" * 20) == []


def test_odd_last_node_is_paired_with_itself() -> None:
    first, second, third = sorted(merkle.leaf("0x" + digit * 40) for digit in "123")
    expected = [keccak(first + second), keccak(third + third)]
    members = ["0x" + digit * 40 for digit in "123"]
    assert merkle.root(members) == keccak(min(expected) + max(expected))


@given(address_sets)
def test_every_member_has_a_proof_whatever_the_order_of_the_set(members: list[str]) -> None:
    root = merkle.root(members)
    assert root == merkle.root(members[::-1])
    for member in members:
        assert climb(merkle.leaf(member), merkle.proof(members, member)) == root


def test_empty_set_and_non_member_are_errors() -> None:
    with pytest.raises(ValueError, match="at least one"):
        merkle.root([])
    with pytest.raises(ValueError):
        merkle.proof(["0x" + "11" * 20], "0x" + "22" * 20)
