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
from tests.engine.process import MemoryJournal, Process, engine_on
from tests.engine.simulated import Answer, SimulatedVenue
from tests.engine.virtual_time import run_virtually

IS_LONG = bool(os.environ.get("AMA_TUI_LONG"))
AMBIGUOUS = 20_000 if IS_LONG else 400
SEED = 11
WALLETS = tuple(f"0x{number:040x}" for number in range(1, 13))
SETTLE_AFTER = 60.0
PER_SIDE = 4
KINDS = [one for one in Answer if one.is_ambiguous and one is not Answer.TOO_LATE]


@pytest.mark.parametrize("beyond", [False, True], ids=["within-settle-after", "beyond-settle-after"])
def test_ambiguous_posts_place_nothing_twice_and_leave_nothing_stuck(
    monkeypatch: pytest.MonkeyPatch, beyond: bool
) -> None:
    monkeypatch.setattr("ama_tui.engine.wallet_book.LONGEST_BACKOFF_S", 2.0)
    kinds = [*KINDS, Answer.TOO_LATE] if beyond else KINDS
    wanted = AMBIGUOUS // 4 if beyond else AMBIGUOUS

    async def main(clock: Callable[[], float]) -> None:
        dice = random.Random(SEED)
        venue = SimulatedVenue(clock, dice, SETTLE_AFTER, answer=lambda: dice.choice(kinds))
        parameters = Parameters.of(orders_per_side=PER_SIDE)
        process = Process(venue, MemoryJournal(), WALLETS, parameters, clock, SETTLE_AFTER)
        with engine_on(clock):
            while venue.ambiguous < wanted:
                await venue_goes_on(venue, dice)
                await process.look()
                await asyncio.sleep(2.0)
                if not beyond:
                    assert max(Counter(venue.levels()).values(), default=0) <= 1
            venue.answer = lambda: Answer.OK
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

    run_virtually(main)


async def venue_goes_on(venue: SimulatedVenue, dice: random.Random) -> None:
    """Mine a block; sometimes a trader takes an order or a part of it."""
    for order in list(venue.head.orders.values()):
        if dice.random() < 0.05:
            venue.take(order, order.amount18 if dice.random() < 0.7 else order.amount18 // 3)
    venue.mine()
