"""The tests' own search for leaked keys works."""

from __future__ import annotations

import pytest

from tests.e2e.operator import Operator
from tests.e2e.venues import ServedVenue


def test_piece_of_a_key_is_found_anywhere_in_a_text(operator: Operator, shared_venue: ServedVenue) -> None:
    key = shared_venue.client.keys[4].private_key
    for shown in (key, key[2:], key[20:36].upper(), f"order 0xabc{key[-16:]}def rests"):
        with pytest.raises(AssertionError, match="a private key stands in the log"):
            operator.assert_no_key_in(shown, "the log")


def test_addresses_and_fewer_than_sixteen_digits_of_a_key_are_no_leak(
    operator: Operator, shared_venue: ServedVenue
) -> None:
    client = shared_venue.client
    operator.assert_no_key_in(" ".join([*client.addresses(), client.keys[0].private_key[2:17]]), "the log")


def test_key_left_in_the_state_directory_is_found(operator: Operator, shared_venue: ServedVenue) -> None:
    leak = operator.state / "31337" / "notes"
    leak.parent.mkdir(parents=True)
    leak.write_text(f"k={shared_venue.client.keys[0].private_key}")
    with pytest.raises(AssertionError, match="a private key stands in"):
        operator.end()
    leak.unlink()
