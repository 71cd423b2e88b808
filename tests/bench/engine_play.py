"""An engine that trades nowhere: it publishes as a large or an idle fleet would, in the engine's own thread."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from itertools import cycle

from ama_tui.domain.event import Action, EngineSnapshot, LogEvent, Totals
from ama_tui.engine.publisher import Publisher
from tests.ui.books import packed

TICK_SECONDS = 0.005
"""How often the engine checks what is due."""

VARIANTS = 6
"""States that differ in every wallet and in most levels of the book; published in turn."""

ACTIONS = (Action.PLACE_LIMIT, Action.PLACE_LIMIT, Action.CANCEL_ORDER, Action.FILL)


@dataclass(frozen=True, slots=True)
class Load:
    """What is published: the fleet size, and states and log events per second. An idle fleet never changes."""

    wallets: int
    states_per_second: float
    events_per_second: float
    is_idle: bool = False


def states(load: Load) -> list[EngineSnapshot]:
    """The states that are published in turn."""
    if load.is_idle:
        return [packed(load.wallets)]
    made = []
    for turn in range(VARIANTS):
        base = packed(load.wallets, mid6=2_500_000_000 + turn * 30_000)
        rows = tuple(
            replace(row, bids=row.bids - (index + turn) % 3, pending=(index + turn) % 2)
            for index, row in enumerate(base.wallets)
        )
        made.append(replace(base, wallets=rows, packed=False))
    return made


def dated(state: EngineSnapshot, turn: int, now: float, began: float) -> EngineSnapshot:
    """A state as of `now`, the `turn`th of a run since `began` (Unix seconds)."""
    return replace(
        state,
        started_at_ms=int(began * 1000),
        read_at_ms=int(now * 1000),
        next_cycle_at_ms=int(now * 1000) + 700,
        block=1_000 + turn,
        totals=Totals(cycles=turn, sent=turn * 4, fills=turn // 3, rpc_requests=turn * 3, api_requests=turn),
    )


def event(state: EngineSnapshot, number: int, now: float) -> LogEvent:
    """One action of one of the fleet's wallets; every fiftieth is an error."""
    row = state.wallets[number % len(state.wallets)]
    text = f"sell 0.184 @ 2,500.{number % 100:02d}   L{number % 6}   38 ms"
    is_error = number % 50 == 0
    action = Action.ERROR if is_error else ACTIONS[number % len(ACTIONS)]
    return LogEvent(int(now * 1000), action, text, row.address, row.nickname, is_error)


class EnginePlay:
    """Publishes until its time is over; records how late each tick was, in milliseconds."""

    def __init__(self, publisher: Publisher, load: Load) -> None:
        self._publisher = publisher
        self._load = load
        self._states = states(load)
        self.late_ms: list[float] = []
        self.is_over = False

    async def play(self) -> None:
        """Publish as a real engine does between its awaits. A tick that is due while another one is late is skipped."""
        load, turns, began = self._load, cycle(self._states), time.time()
        start = due = time.perf_counter()
        turn = logged = 0
        while not self.is_over:
            due = max(due + TICK_SECONDS, time.perf_counter())
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            passed = time.perf_counter() - start
            self.late_ms.append((start + passed - due) * 1000)
            if passed * load.states_per_second >= turn:
                turn += 1
                self._publisher.publish(dated(next(turns), turn, time.time(), began))
            while passed * load.events_per_second > logged:
                logged += 1
                self._publisher.log(event(self._states[0], logged, time.time()))
