"""Which wallets take: as many as the share says, and the same ones after a restart and in a larger fleet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ama_tui.domain.wallet import FleetWallet, Role, with_roles


def fleet(count: int) -> list[FleetWallet]:
    return [FleetWallet(index, f"User{index}", f"0x{index + 1:040x}") for index in range(count)]


def takers(count: int, share: float, earlier: dict[str, Role] | None = None) -> set[str]:
    found = with_roles(fleet(count), share, earlier or {})
    assert [one.index for one in found] == list(range(count)), "in the order of the wallets file"
    return {wallet.address for wallet in found if wallet.role is Role.TAKER}


@pytest.mark.parametrize(
    ("count", "share", "number"), [(10, 0.0, 0), (10, 0.3, 3), (10, 0.01, 1), (3, 0.5, 2), (10, 1.0, 10), (1, 0.2, 1)]
)
def test_share_is_rounded_to_whole_wallets_and_is_at_least_one(count: int, share: float, number: int) -> None:
    assert len(takers(count, share)) == number


@given(st.integers(1, 40), st.integers(0, 40), st.floats(0, 1))
def test_takers_stay_takers_after_a_restart_and_in_a_larger_fleet(count: int, more: int, share: float) -> None:
    first = takers(count, share)
    stored = {wallet.address: wallet.role for wallet in with_roles(fleet(count), share, {})}
    assert takers(count, share, stored) == first
    assert takers(count + more, share, stored) >= first


def test_takers_are_not_simply_the_first_wallets() -> None:
    assert takers(10, 0.3) != {wallet.address for wallet in fleet(3)}
    assert takers(10, 0.3) == takers(10, 0.3), "the same in every process"


def test_without_takers_everyone_makes_whatever_was_stored() -> None:
    assert not takers(4, 0.0, {wallet.address: Role.TAKER for wallet in fleet(4)})
