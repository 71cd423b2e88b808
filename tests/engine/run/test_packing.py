"""Packed or not, and the reason shown to the operator."""

from __future__ import annotations

import pytest

from ama_tui.domain.order import Side
from ama_tui.domain.plan import Skip, SkipReason, Take, Targets, WalletBudget
from ama_tui.engine.run.packing import packing_status, utilization
from ama_tui.engine.sent_request import PendingStage
from ama_tui.engine.takes import PendingTake
from ama_tui.engine.wallet_book import WalletBook
from tests.engine.samples import ALICE, PRICE6, book, order, pending, place, wallet_read

TARGET = 2


def holding(bids: int, asks: int, *skips: Skip) -> WalletBook:
    alice = book()
    orders = [order(ALICE, number) for number in range(bids)]
    orders += [order(ALICE, 100 + number, Side.SELL) for number in range(asks)]
    alice.read, alice.skips = wallet_read(*orders), skips
    return alice


def skip(reason: SkipReason, side: Side | None = None, level: int | None = None, detail: str = "") -> Skip:
    return Skip(ALICE, reason, detail, side, level)


def verdict(alice: WalletBook, *, was_read: bool = True) -> tuple[bool, str]:
    found = packing_status(alice, Targets(TARGET, TARGET, 0), was_read=was_read)
    return found.is_packed, found.reason


def test_target_on_both_sides_is_packed_without_a_reason() -> None:
    assert verdict(holding(2, 2)) == (True, "")
    assert verdict(holding(3, 5)) == (True, "")


def test_target_is_packed_even_with_a_pending_order() -> None:
    alice = holding(2, 2)
    under_way = pending(place(level=3))
    alice.pending.add(under_way)
    assert verdict(alice) == (True, "")


def test_target_with_an_unknown_order_or_take_is_not_packed() -> None:
    """A move whose response was lost may leave another order than the one that rests."""
    alice = holding(2, 2)
    alice.pending.add(pending(place(level=3), stage=PendingStage.UNKNOWN))
    assert verdict(alice) == (False, "1 unknown")
    bob = holding(2, 2)
    take = PendingTake("0x01", Take(ALICE, Side.BUY, 10**18, PRICE6), PRICE6, PRICE6, PRICE6, 0.0)
    bob.takes.begin(take, 1_000)
    assert verdict(bob) == (True, "")
    take.unacknowledged()
    assert verdict(bob) == (False, "1 unknown")


@pytest.mark.parametrize(("bids", "asks"), [(0, 0), (2, 1), (1, 2), (4, 0)])
def test_one_side_short_is_not_packed(bids: int, asks: int) -> None:
    assert verdict(holding(bids, asks)) == (False, "filling")


def test_pending_orders_are_not_packed_yet_whatever_the_reasons() -> None:
    alice = holding(1, 2, skip(SkipReason.CAP))
    under_way = pending(place())
    alice.pending.add(under_way)
    assert verdict(alice) == (False, "1 pending")


@pytest.mark.parametrize("reason", [reason for reason in SkipReason if reason.is_standing])
def test_standing_reason_for_the_whole_wallet_counts_as_packed(reason: SkipReason) -> None:
    assert verdict(holding(0, 0, skip(reason, detail="as it is"))) == (True, f"{reason.value}: as it is")


@pytest.mark.parametrize("reason", [reason for reason in SkipReason if not reason.is_standing])
def test_temporary_reason_does_not_count_as_packed(reason: SkipReason) -> None:
    assert verdict(holding(0, 0, skip(reason))) == (False, reason.value)


def test_every_missing_level_needs_a_reason_of_its_own() -> None:
    one = skip(SkipReason.DUST, Side.BUY, 1)
    two = skip(SkipReason.DUST, Side.BUY, 2)
    sell = skip(SkipReason.CAP, Side.SELL, 1)
    assert verdict(holding(0, 2, one))[0] is False
    assert verdict(holding(0, 2, one, two))[0] is True
    assert verdict(holding(1, 2, one))[0] is True
    assert verdict(holding(1, 1, one))[0] is False
    assert verdict(holding(1, 1, one, sell))[0] is True


def test_reason_for_one_side_excuses_only_that_side() -> None:
    assert verdict(holding(2, 0, skip(SkipReason.CAP, Side.SELL)))[0] is True
    assert verdict(holding(0, 2, skip(SkipReason.CAP, Side.SELL)))[0] is False


def test_wallet_without_a_usable_session_counts_as_packed_with_the_reason() -> None:
    alice = holding(1, 0)
    alice.session.lose("session revoked")
    assert verdict(alice) == (True, "session revoked")
    alice.session.lose("")
    assert verdict(alice) == (True, "no usable session")


def test_wallet_missing_from_the_last_read_is_not_packed() -> None:
    alice = holding(2, 2)
    alice.read_error = "getUserOrders reverted"
    assert verdict(alice, was_read=False) == (False, "getUserOrders reverted")
    alice.read = None
    alice.read_error = ""
    assert verdict(alice) == (False, "could not be read")


def test_utilization_is_the_share_of_the_basis_that_orders_reserve() -> None:
    alice = book(ALICE, pending(place()))
    alice.read = wallet_read(order(ALICE, 1))
    used6 = place().margin6 + order(ALICE, 1).margin6
    alice.budget = WalletBudget(used6 * 4, used6, 0, 0)
    assert utilization(alice) == 0.25
    alice.budget = WalletBudget(0, 0, 0, 0)
    assert utilization(alice) == 0.0
    alice.budget = None
    assert utilization(alice) == 0.0
