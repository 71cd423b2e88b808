"""Thousands of ambiguous responses on a simulated clock: no order is placed twice and none is stuck for ever.

`AMA_TUI_LONG=1` makes it 20,000 ambiguous POSTs.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import Callable

import pytest

from ama_tui.domain.parameters import Parameters
from ama_tui.domain.plan import TakerLimits
from ama_tui.store.journal.replay import METHOD_TAKE
from ama_tui.strategies.chosen import Strategy
from tests.engine.process import MemoryJournal, Process, engine_on
from tests.engine.shifting import shifting
from tests.engine.simulated import Answer, SimulatedVenue
from tests.engine.virtual_time import run_virtually

IS_LONG = bool(os.environ.get("AMA_TUI_LONG"))
AMBIGUOUS = 20_000 if IS_LONG else 400
TAKES = 1_000 if IS_LONG else 40
SEED = 11
WALLETS = tuple(f"0x{number:040x}" for number in range(1, 13))
SETTLE_AFTER = 60.0
PER_SIDE = 4
KINDS = [one for one in Answer if one.is_ambiguous and one is not Answer.TOO_LATE]


@pytest.mark.parametrize("moves", [0.0, 0.3], ids=["placements", "and-moves"])
@pytest.mark.parametrize("beyond", [False, True], ids=["within-settle-after", "beyond-settle-after"])
def test_ambiguous_posts_place_nothing_twice_and_leave_nothing_stuck(
    monkeypatch: pytest.MonkeyPatch, beyond: bool, moves: float
) -> None:
    monkeypatch.setattr("ama_tui.engine.wallet_book.LONGEST_BACKOFF_S", 2.0)
    kinds = [*KINDS, Answer.TOO_LATE] if beyond else KINDS
    wanted = AMBIGUOUS // 4 if beyond else AMBIGUOUS

    async def main(clock: Callable[[], float]) -> None:
        dice = random.Random(SEED)
        venue = SimulatedVenue(clock, dice, SETTLE_AFTER, answer=lambda: dice.choice(kinds))
        parameters = Parameters.of(orders_per_side=PER_SIDE)
        nonlocal moves
        has_moves = moves > 0

        def moving(parameters: Parameters) -> Strategy:
            return shifting(parameters.as_keys(), lambda: moves)

        process = Process(venue, MemoryJournal(), WALLETS, parameters, clock, SETTLE_AFTER, make_strategy=moving)
        with engine_on(clock):
            while venue.ambiguous < wanted:
                await venue_goes_on(venue, dice)
                await process.look()
                await asyncio.sleep(2.0)
                if not beyond:
                    assert max(Counter(venue.levels()).values(), default=0) <= 1
            venue.answer, moves = lambda: Answer.OK, 0.0
            for _ in range(200):
                venue.mine()
                await process.look()
                await asyncio.sleep(2.0)
        assert venue.ambiguous >= wanted
        assert max(Counter(venue.posted).values()) == 1, "one POST was sent twice"
        assert process.open == 0, "a placement is stuck"
        levels = Counter(venue.levels())
        assert max(levels.values()) == 1, "a level is taken twice"
        assert len(levels) == 2 * PER_SIDE * len(WALLETS)
        assert (process.run.counters.totals.late > 0) == beyond
        assert process.run.counters.totals.self_trades == 0
        assert (process.run.counters.totals.modifies > 0) == has_moves

    run_virtually(main)


@pytest.mark.parametrize("beyond", [False, True], ids=["within-settle-after", "beyond-settle-after"])
def test_ambiguous_takes_are_sent_once_settled_and_never_trade_with_the_fleet(
    monkeypatch: pytest.MonkeyPatch, beyond: bool
) -> None:
    monkeypatch.setattr("ama_tui.engine.wallet_book.LONGEST_BACKOFF_S", 2.0)
    kinds = [*KINDS, Answer.TOO_LATE] if beyond else KINDS
    takers = WALLETS[:3]
    limits = TakerLimits(size_max18=6 * 10**16, budget6=10**12, slippage_ticks=4)

    async def main(clock: Callable[[], float]) -> None:
        dice = random.Random(SEED)
        settle_after = 20.0
        venue = SimulatedVenue(clock, dice, settle_after, takers=frozenset(takers))
        journal = MemoryJournal()
        parameters = Parameters.of(orders_per_side=PER_SIDE)
        process = Process(venue, journal, WALLETS, parameters, clock, settle_after, takers=takers, taker_limits=limits)
        with engine_on(clock):
            while venue.taken < TAKES:
                venue.answer = lambda: dice.choice([Answer.OK, *kinds])
                await venue_goes_on(venue, dice)
                await process.look()
                await asyncio.sleep(2.0)
            venue.answer, process.run.takers = lambda: Answer.OK, TakerLimits()
            for _ in range(100):
                venue.mine()
                await process.look()
                await asyncio.sleep(2.0)
        totals = process.run.counters.totals
        assert process.open == 0, "a take is stuck"
        assert len(venue.taken_on_chain) > TAKES // 3
        assert totals.self_trades == 0
        trades = sum(len(trades) for _, _, trades in venue.taken_on_chain.values())
        assert totals.taker_trades == trades if not beyond else 0 < totals.taker_trades <= trades
        assert venue.taken == sum((one.params or {}).get("method") == METHOD_TAKE for one in journal.entries)
        statuses = Counter(str((one.params or {})["status"]) for one in journal.entries if one.action == "PLACE_MARKET")
        on_chain = len(venue.taken_on_chain)
        assert statuses["executed"] == on_chain if not beyond else statuses["executed"] < on_chain

    run_virtually(main)


async def venue_goes_on(venue: SimulatedVenue, dice: random.Random) -> None:
    """Mine a block; sometimes a trader takes an order or a part of it."""
    for order in list(venue.head.orders.values()):
        if dice.random() < 0.05:
            venue.take(order, order.amount18 if dice.random() < 0.7 else order.amount18 // 3)
    venue.mine()
