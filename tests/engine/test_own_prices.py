"""The fleet's best own prices stay correct through every change, at a cost that does not grow with the fleet."""

from __future__ import annotations

import asyncio
import random
import sys
from types import FrameType
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ama_tui.domain.order import Side
from ama_tui.domain.parameters import Parameters
from ama_tui.engine.own_prices import LATE_GRACE_S
from ama_tui.engine.pending_orders import KEPT_LAPSED, PendingPlacement
from ama_tui.engine.reconciliation import rules
from ama_tui.engine.wallet_book import Fleet, WalletBook
from tests.engine.own_prices_scan import assert_prices_kept_up
from tests.engine.process import MemoryJournal, Process, engine_on
from tests.engine.samples import ALICE, BOB, CAROL, PRICE6, TICK6, book, fleet, pending, place, resting, wallet_read
from tests.engine.simulated import SimulatedVenue
from tests.engine.virtual_time import VirtualLoop

EVENTS = ("send", "reject", "write off", "end", "lapse again", "drop missing", "read", "shrink", "wait", "shift")


def happen(what: str, own: WalletBook, dice: random.Random, now: float) -> float:
    """Apply one event to a wallet's orders through the engine's own methods; returns the time after it."""
    known = [*own.pending, *own.pending.lapsed.values()]
    some: PendingPlacement | None = dice.choice(known) if known else None
    if what == "send":
        side = dice.choice(list(Side))
        price6 = PRICE6 + dice.randint(-3, 3) * TICK6
        placed = place(own.address, side, dice.randint(1, 3), price6, dice.randint(0, 99_999))
        own.pending.add(pending(placed, at=now))
        if dice.random() < 0.2:
            own.pending.add(pending(placed, at=now, intent_id=dice.choice(list(own.pending.placements))))
    elif what == "reject" and some is not None:
        own.pending.remove(some)
    elif what == "write off" and some is not None:
        some.given_up(now)
        own.pending.ended(some)
    elif what == "end" and some is not None:
        own.pending.ended(some)
    elif what == "lapse again" and some is not None:
        own.pending.lapse(some)
    elif what == "drop missing":
        own.pending.drop_missing()
    elif what in ("read", "shrink", "shift"):
        shown = [order for order in own.orders if dice.random() < 0.8]
        if what == "shift":  # a reorg gave the ids to other orders
            shown = [resting(place(own.address, one.side, 1, one.price6 + TICK6), one.order_id) for one in shown]
        shown += [
            resting(one.place, dice.randint(1, 10**9), left18=one.place.amount18 // 2 if what == "shrink" else None)
            for one in known
            if dice.random() < 0.5
        ]
        read, block = wallet_read(*shown), int(now)
        missing = rules.vanished(own, read, last_block=block - dice.randint(0, 5), now=now)
        rules.forget_reused_ids(own, read)
        matched = rules.match_rested(own, missing, read)
        for one in missing:
            own.pending.add(one)
        rules.apply(own, matched, block=block, now=now)
        rules.apply(own, rules.judge(own, read, block, now, {}, 5.0), block=block, now=now)
        rules.adopt(own, read, now, block)
    elif what == "wait":
        return now + dice.choice([1.0, LATE_GRACE_S / 2, LATE_GRACE_S])
    return now


@given(
    steps=st.lists(st.tuples(st.sampled_from(EVENTS), st.integers(0, 2)), max_size=40),
    seed=st.integers(0, 2**32),
    join_at=st.integers(0, 40),
)
@settings(max_examples=150, deadline=None)
def test_best_own_prices_equal_a_full_scan_after_any_sequence_of_events(
    steps: list[tuple[str, int]], seed: int, join_at: int
) -> None:
    """Two wallets of the run and one missing from it; they join with whatever orders they have by then."""
    dice, now = random.Random(seed), 1_000.0
    books = [book(ALICE), book(BOB), book(CAROL)]
    everyone: Fleet | None = None
    for number, (what, which) in enumerate(steps):
        if number == join_at:
            everyone = Fleet(books[:2], missing=books[2:])
        now = happen(what, books[which], dice, now)
        if everyone is not None:
            assert_prices_kept_up(everyone, now)
    assert_prices_kept_up(Fleet(books[:2], missing=books[2:]), now)


def test_written_off_price_is_forgotten_with_its_placement() -> None:
    bob = book(BOB)
    everyone = fleet(bob)
    for number in range(KEPT_LAPSED + 3):
        given_up = pending(place(BOB, price6=PRICE6 - number * TICK6))
        given_up.given_up(100.0)
        bob.pending.ended(given_up)
    assert everyone.best_own(Side.BUY, 101.0) == PRICE6 - 3 * TICK6
    assert everyone.best_own(Side.BUY, 100.0 + LATE_GRACE_S) is None
    assert everyone.price_levels(Side.BUY) == 0


PER_SIDE = 1


def steps_of_a_run(wallets: int) -> tuple[int, int]:
    """The lines of the package that a run of these wallets executes, and its orders.

    All are placed and confirmed; then half of them are filled or cancelled, placed again and confirmed.
    """
    loop, dice = VirtualLoop(), random.Random(1)
    addresses = [f"0x{number:040x}" for number in range(1, wallets + 1)]
    venue, journal = SimulatedVenue(loop.time, dice, 20.0), MemoryJournal()
    process = Process(venue, journal, addresses, Parameters.of(orders_per_side=PER_SIDE), loop.time, 20.0)
    lines = 0

    def count(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal lines
        lines += event == "line"
        return count

    def ours(frame: FrameType, event: str, argument: object) -> Any:
        return count if "/ama_tui/" in frame.f_code.co_filename else None

    async def settle() -> None:
        await process.look()
        await process.send_queues.idle(600.0)
        venue.mine()
        await asyncio.sleep(1.0)

    async def live() -> None:
        await settle()
        await settle()
        for number, order in enumerate(list(venue.head.orders.values())):
            if number % 4 == 0:
                venue.take(order, order.amount18)
            elif number % 4 == 1:
                venue.cancel_elsewhere(order)
        venue.mine()
        await settle()
        await process.look()

    asyncio.set_event_loop(loop)
    before = sys.gettrace()
    try:
        with engine_on(loop.time):
            sys.settrace(ours)
            try:
                loop.run_until_complete(live())
            finally:
                sys.settrace(before)
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    assert len(venue.head.orders) == 2 * PER_SIDE * wallets
    return lines, len(venue.posted)


def test_cost_per_order_does_not_grow_with_the_fleet() -> None:
    efforts = {}
    for wallets in (10, 100, 1000):
        lines, orders = steps_of_a_run(wallets)
        efforts[wallets] = lines / orders
    assert max(efforts.values()) < 1.1 * efforts[10], efforts
