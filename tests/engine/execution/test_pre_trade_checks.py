"""Pre-trade checks: what a placement must not do at the moment of sending, whatever the plan said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ama_tui.domain.order import Side
from ama_tui.domain.plan import Place
from ama_tui.domain.reading import FleetRead
from ama_tui.engine.execution.pre_trade_checks import SELF_TRADE, STALE_AFTER_S, best_opposite, placement_refusal
from ama_tui.engine.own_prices import LATE_GRACE_S
from ama_tui.engine.sent_request import PendingStage
from ama_tui.engine.wallet_book import Fleet, WalletBook
from tests.engine.samples import (
    ALICE,
    BOB,
    CAROL,
    PRICE6,
    SIZE18,
    TICK6,
    book,
    fleet,
    fleet_read,
    order,
    pending,
    place,
    resting,
    wallet_read,
)

NOW = 1_000.0


def refusal(placed: Place, *books: WalletBook, read: FleetRead | None = None, age: float = 0.0) -> str | None:
    own = next(one for one in books if one.address == placed.wallet)
    return placement_refusal(placed, own, read or fleet_read(books), fleet(*books), now=NOW, read_age=age)


def buy(ticks: int = -20, **more: Any) -> Place:
    return place(price6=PRICE6 + ticks * TICK6, **more)


def sell(ticks: int = 20, **more: Any) -> Place:
    return place(side=Side.SELL, price6=PRICE6 + ticks * TICK6, **more)


def test_order_away_from_the_spread_may_be_sent() -> None:
    assert refusal(buy(), book()) is None
    assert refusal(sell(), book()) is None


@pytest.mark.parametrize("ticks", [5, 6, 100])
def test_buy_at_or_above_the_best_ask_is_refused(ticks: int) -> None:
    assert refusal(buy(ticks), book()) == "would cross the spread"
    assert refusal(buy(4), book()) is None


@pytest.mark.parametrize("ticks", [-5, -6, -100])
def test_sell_at_or_below_the_best_bid_is_refused(ticks: int) -> None:
    assert refusal(sell(ticks), book()) == "would cross the spread"
    assert refusal(sell(-4), book()) is None


def test_empty_side_cannot_be_crossed() -> None:
    read = fleet_read([book()], bid6=None, ask6=None)
    assert refusal(buy(1000), book(), read=read) is None
    assert refusal(sell(-1000), book(), read=read) is None


@pytest.mark.parametrize("stage", list(PendingStage))
def test_order_that_would_meet_a_pending_order_of_the_fleet_is_refused(stage: PendingStage) -> None:
    """The pending order is on no book yet, whether it is being sent, accepted or unknown."""
    bob = book(BOB, pending(sell(-30, wallet=BOB), stage=stage))
    assert refusal(buy(-30), book(), bob) == SELF_TRADE
    assert refusal(buy(-31), book(), bob) is None


def test_order_that_would_meet_a_resting_order_of_the_fleet_is_refused_even_if_the_touch_is_older() -> None:
    """A node that does not read at a fixed block can show an order before the touch it makes."""
    bob = book(BOB)
    bob.read = wallet_read(resting(buy(3, wallet=BOB), 8))
    assert refusal(sell(3), book(), bob) == SELF_TRADE
    assert refusal(sell(4), book(), bob) is None


def test_order_that_would_meet_the_wallets_own_order_would_cross_the_spread() -> None:
    alice = book(ALICE, pending(sell(-30)))
    assert refusal(buy(-30), alice) == "would cross the spread"


@pytest.mark.parametrize(("ago", "expected"), [(LATE_GRACE_S - 1, SELF_TRADE), (LATE_GRACE_S, None)])
def test_recently_written_off_order_still_counts_as_it_may_yet_rest(ago: float, expected: str | None) -> None:
    bob, given_up = book(BOB), pending(sell(-30, wallet=BOB))
    given_up.given_up_at = NOW - ago
    bob.pending.lapse(given_up)
    bob.pending.lapse(pending(sell(-40, wallet=BOB)))
    assert refusal(buy(-30), book(), bob) == expected


@pytest.mark.parametrize(("ago", "expected"), [(LATE_GRACE_S - 1, SELF_TRADE), (LATE_GRACE_S, None)])
def test_recent_order_of_a_wallet_missing_from_the_run_counts(ago: float, expected: str | None) -> None:
    alice, carol = book(), book(CAROL, pending(sell(-30, wallet=CAROL), at=NOW - ago))
    everyone = Fleet([alice], missing=[carol])
    assert placement_refusal(buy(-30), alice, fleet_read([alice]), everyone, now=NOW, read_age=0.0) == expected


def test_read_may_be_ten_seconds_old_and_no_older() -> None:
    assert refusal(buy(), book(), age=STALE_AFTER_S) is None
    assert refusal(buy(), book(), age=STALE_AFTER_S + 1) == "the last read of the chain is 11 s old"


def test_unusable_wallet_sends_nothing_and_states_why() -> None:
    alice = book()
    alice.refused_by_venue("")
    assert refusal(buy(), alice) == "wallet paused"
    alice.refused_by_venue("venue response: ob_settled")
    assert refusal(buy(), alice) == "venue response: ob_settled"


def test_level_is_taken_by_resting_and_pending_orders_of_its_side_only() -> None:
    alice = book(ALICE, pending(buy(level=2), stage=PendingStage.UNKNOWN))
    alice.read = wallet_read(alice.pending.annotated(resting(buy(level=3), 5)))
    assert refusal(buy(level=2), alice) == "level already filled"
    assert refusal(buy(level=3), alice) == "level already filled"
    assert refusal(buy(level=4), alice) is None
    assert refusal(sell(level=2), alice) is None


def test_wallet_without_a_budget_sends_nothing() -> None:
    assert refusal(buy(), book(cap6=None)) == "would exceed the wallet limit"


def test_cap_counts_resting_and_pending_margin() -> None:
    first, second, third = buy(level=1), buy(level=2), buy(level=3)
    exactly = first.margin6 + second.margin6 + third.margin6
    alice = book(ALICE, pending(first, stage=PendingStage.UNKNOWN), cap6=exactly)
    alice.read = wallet_read(resting(second, 4))
    assert refusal(third, alice) is None
    assert alice.budget is not None
    alice = book(ALICE, *alice.pending, cap6=exactly - 1)
    alice.read = wallet_read(resting(second, 4))
    assert refusal(third, alice) == "would exceed the wallet limit"


def test_orders_without_margin_do_not_count_against_the_cap() -> None:
    alice = book(cap6=buy().margin6)
    alice.read = wallet_read(replace(order(ALICE, 3), is_margin=False))
    assert refusal(buy(), alice) is None
    alice.read = wallet_read(order(ALICE, 3))
    assert refusal(buy(), alice) == "would exceed the wallet limit"


TICKS = st.integers(-40, 40)
PLACES = st.builds(
    lambda wallet, side, level, ticks, size: place(wallet, side, level, PRICE6 + ticks * TICK6, size18=size * SIZE18),
    st.sampled_from([ALICE, BOB, CAROL]),
    st.sampled_from(Side),
    st.integers(1, 4),
    TICKS,
    st.integers(1, 5),
)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Fleet, FleetRead]:
    """Some of the fleet's orders rest, some are pending, and others quote around them."""
    books = [book(address, cap6=draw(st.integers(0, 3_000_000_000))) for address in (ALICE, BOB, CAROL)]
    by_address = {one.address: one for one in books}
    for number, placed in enumerate(draw(st.lists(PLACES, max_size=8))):
        own = by_address[placed.wallet]
        if draw(st.booleans()):
            under_way = pending(placed, stage=draw(st.sampled_from(PendingStage)))
            own.pending.add(under_way)
        else:
            own.read = wallet_read(*own.orders, own.pending.annotated(resting(placed, number)))
    quotes = st.none() | TICKS.map(lambda ticks: PRICE6 + ticks * TICK6)
    return fleet(*books), fleet_read(books, bid6=draw(quotes), ask6=draw(quotes))


@given(world=worlds(), placed=PLACES, age=st.floats(0, 20))
def test_checks_keep_every_invariant_and_refuse_nothing_else(
    world: tuple[Fleet, FleetRead], placed: Place, age: float
) -> None:
    everyone, read = world
    own = everyone.books[placed.wallet]
    theirs = [read.view.best_ask6 if placed.side.is_buy else read.view.best_bid6]
    for other in everyone:
        theirs += [one.place.price6 for one in other.pending if one.place.side is not placed.side]
        theirs += [one.price6 for one in other.orders if one.side is not placed.side]
    opposite = [price for price in theirs if price is not None]
    crosses = any(placed.price6 >= price if placed.side.is_buy else placed.price6 <= price for price in opposite)
    held = [(one.place.side, one.place.level) for one in own.pending]
    held += [(one.side, one.level) for one in own.orders if one.level is not None]
    used6 = sum(one.place.margin6 for one in own.pending) + sum(one.margin6 for one in own.orders)
    assert own.budget is not None
    allowed = (
        age <= STALE_AFTER_S
        and not crosses
        and (placed.side, placed.level) not in held
        and used6 + placed.margin6 <= own.budget.cap6
    )
    refused = placement_refusal(placed, own, read, everyone, now=NOW, read_age=age)
    assert (refused is None) == allowed
    of_others = [
        price6
        for other in everyone
        if other is not own
        for side, price6 in [
            *((one.place.side, one.place.price6) for one in other.pending),
            *((one.side, one.price6) for one in other.orders),
        ]
        if side is not placed.side
    ]
    meets_own = any(placed.price6 >= price if placed.side.is_buy else placed.price6 <= price for price in of_others)
    if age <= STALE_AFTER_S and (placed.side, placed.level) not in held:
        assert (refused == SELF_TRADE) == meets_own
    nearest = best_opposite(placed, read, everyone, NOW)
    assert nearest == ((min(opposite) if placed.side.is_buy else max(opposite)) if opposite else None)
