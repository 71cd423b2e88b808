"""A state machine over the engine: whatever the venue does in whatever order, DESIGN's invariants hold.

`AMA_TUI_LONG=1` makes it 2,000 examples of 50 steps.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import Coroutine
from contextlib import ExitStack
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ama_tui.domain.money import notional6
from ama_tui.domain.order import Side
from ama_tui.domain.parameters import Parameters
from ama_tui.domain.plan import TakerLimits
from ama_tui.store.journal.replay import METHOD_MODIFY, METHOD_PLACE, METHOD_TAKE
from tests.engine.own_prices_scan import assert_prices_kept_up
from tests.engine.process import MemoryJournal, Process, engine_on
from tests.engine.shifting import shifting
from tests.engine.simulated import Answer, SimulatedVenue
from tests.engine.virtual_time import VirtualLoop

T = TypeVar("T")
IS_LONG = bool(os.environ.get("AMA_TUI_LONG"))
WALLETS = tuple(f"0x{number:040x}" for number in range(1, 4))
TAKER = f"0x{4:040x}"
LIMITS = TakerLimits(size_max18=8 * 10**16, budget6=1_500 * 10**6, slippage_ticks=4)
PER_SIDE = 2
SETTLE_AFTER = 20.0
QUIET_CYCLES = 120

IN_TIME = [one for one in Answer if one is not Answer.TOO_LATE]


class Machine(RuleBasedStateMachine):
    """A process, its venue and its journal; every step takes simulated time."""

    @initialize(seed=st.integers(0, 2**32))
    def begin(self, seed: int) -> None:
        self.loop = VirtualLoop()
        self.dice = random.Random(seed)
        self.answers: list[Answer] = []
        self.cancel_answers: list[Answer] = []
        self.chance_of_moves = self.dice.choice([0.0, 0.2, 0.6])
        self.venue = SimulatedVenue(
            self.loop.time,
            self.dice,
            SETTLE_AFTER,
            answer=lambda: self.answers.pop(0) if self.answers else Answer.OK,
            cancel_answer=lambda: self.cancel_answers.pop(0) if self.cancel_answers else Answer.OK,
            takers=frozenset({TAKER}),
            room=self.dice.choice([0, 8, 400]),  # reads of everything, of a wallet at a time, of all at once
        )
        self.journal = MemoryJournal()
        self.patches = ExitStack()
        self.patches.enter_context(engine_on(self.loop.time))
        parameters = Parameters.of(orders_per_side=PER_SIDE)
        self.process = Process(
            self.venue,
            self.journal,
            (*WALLETS, TAKER),
            parameters,
            self.loop.time,
            SETTLE_AFTER,
            takers=(TAKER,),
            taker_limits=self.dice.choice([TakerLimits(), LIMITS]),
            make_strategy=lambda parameters: shifting(parameters.as_keys(), lambda: self.chance_of_moves, seed),
        )
        self.do(self.process.look())

    def do(self, step: Coroutine[Any, Any, T]) -> T:
        asyncio.set_event_loop(self.loop)
        return self.loop.run_until_complete(step)

    def pass_time(self, seconds: float) -> None:
        self.do(asyncio.sleep(seconds))

    # ---- events ----

    @rule(seconds=st.sampled_from([0.3, 1.0, 3.0, 12.0]))
    def cycle(self, seconds: float) -> None:
        self.do(self.process.look())
        self.pass_time(seconds)

    @rule(count=st.integers(1, 3), share=st.sampled_from([0.4, 1.0]))
    def blocks(self, count: int, share: float) -> None:
        for _ in range(count):
            self.venue.mine(share)
            self.pass_time(0.5)

    @rule(answers=st.lists(st.sampled_from(IN_TIME), min_size=1, max_size=6))
    def placements_go_wrong(self, answers: list[Answer]) -> None:
        self.answers = answers

    @rule()
    def a_placement_comes_beyond_all_time(self) -> None:
        self.answers = [Answer.TOO_LATE]

    @rule(answers=st.lists(st.sampled_from(IN_TIME), min_size=1, max_size=4))
    def cancels_go_wrong(self, answers: list[Answer]) -> None:
        self.cancel_answers = answers

    @rule(depth=st.integers(1, 3))
    def blocks_are_undone(self, depth: int) -> None:
        self.venue.reorganise(depth)

    @rule(behind=st.integers(1, 5))
    def the_node_lags_for_a_read(self, behind: int) -> None:
        self.venue.lag = behind
        self.do(self.process.look())
        self.venue.lag = 0

    @rule(part=st.integers(1, 3))
    def a_read_leaves_orders_out(self, part: int) -> None:
        """At most one bad read in a row: two reads that agree are trusted."""
        self.do(self.process.look())
        self.venue.hide = lambda order: order.order_id % part == 0
        self.do(self.process.look())
        self.venue.hide = lambda _: False
        self.do(self.process.look())

    @precondition(lambda self: self.venue.head.orders)
    @rule(pick=st.integers(0, 100), whole=st.booleans())
    def somebody_takes_an_order(self, pick: int, whole: bool) -> None:
        order = self.pick(pick)
        self.venue.take(order, order.amount18 if whole else order.amount18 // 3)

    @precondition(lambda self: self.venue.head.orders)
    @rule(pick=st.integers(0, 100))
    def somebody_cancels_an_order(self, pick: int) -> None:
        self.venue.cancel_elsewhere(self.pick(pick))

    @rule()
    def crash_and_recover(self) -> None:
        self.do(self.process.crash(self.dice))
        self.pass_time(self.dice.uniform(0.1, 8.0))
        self.do(self.process.look())

    @rule(is_paused=st.booleans())
    def pause_or_resume(self, is_paused: bool) -> None:
        self.process.is_paused = is_paused
        if is_paused and self.process.is_up:
            self.process.send_queues.clear()

    @precondition(lambda self: not self.venue.revoked)
    @rule()
    def a_session_is_revoked(self) -> None:
        self.venue.revoked.add(WALLETS[0])

    def pick(self, number: int) -> Any:
        orders = list(self.venue.head.orders.values())
        return orders[number % len(orders)]

    # ---- invariants after every step ----

    @invariant()
    def nothing_is_posted_twice(self) -> None:
        assert max(Counter(self.venue.posted).values(), default=0) <= 1

    @invariant()
    def every_post_was_written_ahead(self) -> None:
        written = {
            (entry.trader, Side(str((entry.params or {})["side"])), int(str((entry.params or {})["amount"])))
            for entry in self.journal.entries[: self.journal.durable]
            if (entry.params or {}).get("method") in (METHOD_PLACE, METHOD_MODIFY)
        }
        assert set(self.venue.posted) <= written

    @invariant()
    def no_level_is_taken_twice_on_the_chain(self) -> None:
        """Except where an undone block, or an order past every timeout, brought an order back."""
        counts = Counter(self.venue.levels())
        assert not [level for level, count in counts.items() if count > 1 and level not in self.venue.restored]

    @invariant()
    def the_engine_counts_each_level_once(self) -> None:
        if not self.process.is_up:
            return
        counts = Counter(self.process.held())
        assert not [level for level, count in counts.items() if count > 1 and level not in self.venue.restored]

    @invariant()
    def nothing_of_the_fleet_can_trade_with_the_fleet(self) -> None:
        orders = self.venue.head.orders.values()
        bids = [order.price6 for order in orders if order.side is Side.BUY]
        asks = [order.price6 for order in orders if order.side is Side.SELL]
        assert max(bids, default=0) < min(asks, default=2**63)

    @invariant()
    def no_take_traded_with_the_fleet(self) -> None:
        """Although the others' depth may have halved while a take was on its way, or an undone block mined it again."""
        fleet = {*WALLETS, TAKER}
        for _, _, trades in self.venue.taken_on_chain.values():
            assert not [one for one in trades if {one.buyer, one.seller} <= fleet]

    @invariant()
    def every_take_was_written_ahead_and_sent_once(self) -> None:
        methods = [(entry.params or {}).get("method") for entry in self.journal.entries[: self.journal.durable]]
        assert self.venue.taken <= methods.count(METHOD_TAKE)

    @invariant()
    def no_taker_passes_its_budget(self) -> None:
        traded = [
            (at, notional6(one.amount18, one.price6))
            for at, _, trades in self.venue.taken_on_chain.values()
            for one in trades
        ]
        for end, _ in traded:
            assert sum(value6 for at, value6 in traded if end - 3600 < at <= end) <= LIMITS.budget6

    @invariant()
    def no_wallet_passes_its_cap(self) -> None:
        if not self.process.is_up:
            return
        for book in self.process.run.fleet:
            if book.budget is not None:
                assert book.held6() <= book.budget.cap6

    @invariant()
    def the_best_own_prices_are_what_a_look_at_every_order_finds(self) -> None:
        if self.process.is_up:
            assert_prices_kept_up(self.process.run.fleet, self.loop.time())

    # ---- recovery once the venue works again ----

    def teardown(self) -> None:
        if not hasattr(self, "process"):
            return
        try:
            self.answers, self.cancel_answers, self.process.is_paused = [], [], False
            self.chance_of_moves = 0.0
            self.process.taker_limits = TakerLimits()
            if self.process.is_up:
                self.process.run.takers = TakerLimits()
            for _ in range(QUIET_CYCLES):
                self.venue.mine()
                self.do(self.process.look())
                self.pass_time(1.0)
            self.check_the_end()
        finally:
            self.do(self.process.crash(self.dice))
            self.patches.close()
            asyncio.set_event_loop(None)
            self.loop.close()

    def check_the_end(self) -> None:
        """Nothing is stuck, nothing is duplicated, and the book is exactly as planned."""
        assert self.process.open == 0
        counts = Counter(self.venue.levels())
        usable = [wallet for wallet in WALLETS if wallet not in self.venue.revoked]
        wanted = {(wallet, side, level) for wallet in usable for side in Side for level in range(1, PER_SIDE + 1)}
        assert {level: count for level, count in counts.items() if level[0] in usable} == dict.fromkeys(wanted, 1)
        on_chain = {order.order_id for order in self.venue.head.orders.values()}
        assert {order.order_id for book in self.process.run.fleet for order in book.orders} == on_chain


Machine.TestCase.settings = settings(
    max_examples=2_000 if IS_LONG else 25,
    stateful_step_count=50 if IS_LONG else 25,
    deadline=None,
    derandomize=not IS_LONG,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)
TestMachine = Machine.TestCase
