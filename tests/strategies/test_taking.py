"""What takers do: now and then a market order within the bounds, and nothing else."""

from __future__ import annotations

from dataclasses import replace

from ama_tui.domain.order import RestingOrder, Side
from ama_tui.domain.plan import (
    Cancel,
    MarketSnapshot,
    Place,
    SkipReason,
    Take,
    TakerLimits,
    WalletSnapshot,
)
from ama_tui.domain.wallet import Role
from ama_tui.strategies.taking import TAKE_EVERY_S, due_take, take_from, taking
from tests.strategies.worlds import Packer

TICK6, BID6, ASK6 = 10_000, 2_499_950_000, 2_500_050_000
LIMITS = TakerLimits(size_max18=10**17, budget6=10**9, slippage_ticks=20)
TAKER = WalletSnapshot(0, "0x" + "a" * 40, available6=10**10, role=Role.TAKER)
MAKER = WalletSnapshot(1, "0x" + "b" * 40, available6=10**10)


def market(now: int = 10_000, *wallets: WalletSnapshot) -> MarketSnapshot:
    return MarketSnapshot(TICK6, 10_000, now, BID6, ASK6, BID6, ASK6, wallets=wallets or (TAKER, MAKER), takers=LIMITS)


def taken_over(seconds: int, wallet: WalletSnapshot = TAKER) -> list[tuple[int, Take]]:
    """The takes that a wallet sends when a plan is made every second, and each take is sent at once."""
    sent = []
    for now in range(10_000, 10_000 + seconds):
        take = due_take(wallet, market(now))
        if take is not None:
            sent.append((now, take))
            wallet = replace(wallet, taken_at=now)
    return sent


def test_taker_takes_once_in_its_interval_at_changing_moments_on_both_sides_within_the_bounds() -> None:
    sent = taken_over(100 * TAKE_EVERY_S)
    assert len(sent) == 100
    assert {now // TAKE_EVERY_S for now, _ in sent} == {10_000 // TAKE_EVERY_S + number for number in range(100)}
    assert len({now % TAKE_EVERY_S for now, _ in sent}) > TAKE_EVERY_S // 2
    buys = [take for _, take in sent if take.side is Side.BUY]
    assert 25 < len(buys) < 75
    assert all(LIMITS.size_max18 // 10 <= take.amount18 <= LIMITS.size_max18 for _, take in sent)
    assert {take.limit6 for take in buys} == {ASK6 + 20 * TICK6}
    assert {take.limit6 for _, take in sent if take.side is Side.SELL} == {BID6 - 20 * TICK6}


def test_take_is_no_larger_than_the_budget_of_an_hour() -> None:
    small = replace(LIMITS, budget6=50 * 10**6)
    for side in Side:
        take = take_from(TAKER, replace(market(), takers=small), side, 10**18)
        assert take is not None
        assert 49 * 10**6 < take.amount18 * max(take.limit6, BID6) // 10**18 <= 50 * 10**6


def test_schedule_depends_on_the_wallet_and_repeats_exactly() -> None:
    assert taken_over(400) == taken_over(400)
    other = replace(TAKER, address="0x" + "c" * 40)
    assert [now for now, _ in taken_over(400)] != [now for now, _ in taken_over(400, other)]


def test_makers_paused_unread_and_priceless_wallets_take_nothing() -> None:
    late = 10_000 + TAKE_EVERY_S - 1
    assert taking(market(late, MAKER)) == ([], [])
    assert taking(market(late, replace(TAKER, was_read=False))) == ([], [])
    paused = replace(TAKER, unusable=SkipReason.WALLET_PAUSED)
    intents, skips = taking(market(late, paused))
    assert (intents, [skip.reason for skip in skips]) == ([], [SkipReason.WALLET_PAUSED])
    assert taking(replace(market(late), best_bid6=None, best_ask6=None)) == ([], [])
    assert taking(replace(market(late), takers=TakerLimits())) == ([], [])


def test_what_a_taker_has_resting_from_before_is_cancelled_first() -> None:
    orders = tuple(RestingOrder(number, TAKER.address, Side.BUY, BID6 - 10**6, 10**17, 5, 0) for number in (4, 5))
    intents, _ = taking(market(10_000 + TAKE_EVERY_S - 1, replace(TAKER, orders=orders, cancelling=frozenset({5}))))
    assert [one.order_id for one in intents if isinstance(one, Cancel)] == [4]
    assert not [one for one in intents if isinstance(one, Take)]


def test_packer_places_for_makers_and_lets_takers_take() -> None:
    packer = Packer()
    plan = packer.plan(market(10_000 + TAKE_EVERY_S - 1))
    assert {one.wallet for one in plan.intents if isinstance(one, Place)} == {MAKER.address}
    assert [type(one) for one in plan.intents if one.wallet == TAKER.address] == [Take]
    assert isinstance(plan.intents[-1], Take)
    assert set(plan.budgets) == {TAKER.address, MAKER.address}
    assert not plan.skips
