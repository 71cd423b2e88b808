"""Crashes while sessions are created: whatever is lost, late or cut short, each wallet ends up with one session.

`AMA_TUI_LONG=1` makes it 500 lives.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable
from contextlib import suppress

import pytest

from ama_tui.domain.parameters import Parameters
from ama_tui.domain.session import SessionPermit
from tests.engine.process import MemoryJournal, engine_on
from tests.engine.sessions.registry import MINED_AFTER_S, RegistryVenue, SessionProcess
from tests.engine.simulated import Answer
from tests.engine.virtual_time import run_virtually

LIVES = 500 if os.environ.get("AMA_TUI_LONG") else 25
WALLETS = tuple(f"0x{number:040x}" for number in range(1, 4))
QUIET_S = 150
ANSWERS = (
    *(Answer.OK, Answer.OK, Answer.LOST, Answer.LOST_EXECUTED, Answer.LATE, Answer.ERROR),
    *(Answer.ERROR_EXECUTED, Answer.BUSY, Answer.HTML, Answer.LIMITED),
)


class Life:
    """A venue, a journal and the processes that come and go on them."""

    def __init__(self, clock: Callable[[], float], seed: int, hours: float = 24.0) -> None:
        self.clock = clock
        self.hours = hours
        self.dice = random.Random(seed)
        self.venue = RegistryVenue(clock, self.dice, settle_after=20.0)
        self.journal = MemoryJournal()
        self.process = self.another()

    def another(self) -> SessionProcess:
        parameters = Parameters.of(orders_per_side=1)
        return SessionProcess(self.venue, self.journal, WALLETS, parameters, self.clock, 20.0, hours=self.hours)

    async def live(self, seconds: float) -> None:
        """One process from start to crash, at any moment, even during its start."""

        async def cycle() -> None:
            while True:
                self.venue.mine()
                await self.process.look()
                await asyncio.sleep(1.0)

        task = asyncio.create_task(cycle())
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await asyncio.shield(task)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def crash(self) -> None:
        await self.process.crash(self.dice)
        self.process = self.another()

    def check_the_end(self) -> None:
        for wallet in WALLETS:
            book = self.process.run.fleet.books[wallet]
            assert book.unusable is None, book.idle_text
            assert self.venue.alive(wallet) == [book.session.id]
        assert not set(self.venue.refused)


def play(seed: int, script: Callable[[Life], object], hours: float = 24.0) -> None:
    async def main(clock: Callable[[], float]) -> None:
        with engine_on(clock):
            life = Life(clock, seed, hours)
            try:
                await script(life)  # type: ignore[misc]
                life.venue.init_answer = lambda: Answer.OK
                await life.live(QUIET_S)
                life.check_the_end()
            finally:
                await life.crash()

    run_virtually(main)


@pytest.mark.parametrize("seed", range(LIVES))
def test_crashes_and_lost_replies_leave_each_wallet_with_one_session(seed: int) -> None:
    async def script(life: Life) -> None:
        life.venue.init_answer = lambda: life.dice.choice(ANSWERS)
        for _ in range(life.dice.randint(1, 6)):
            await life.live(life.dice.choice((0.5, 2.0, MINED_AFTER_S, 8.0, 30.0)) * life.dice.random())
            await life.crash()
            await asyncio.sleep(life.dice.uniform(0.0, 20.0))

    play(seed, script)


@pytest.mark.parametrize("seed", range(LIVES // 5))
def test_crashes_during_renewals_leave_each_wallet_with_one_session(seed: int) -> None:
    async def script(life: Life) -> None:
        await life.live(20)
        life.venue.init_answer = lambda: life.dice.choice(ANSWERS)
        for _ in range(life.dice.randint(1, 4)):
            if life.process.is_up:
                for book in life.process.run.fleet:
                    asking = asyncio.create_task(life.process.renewals.ask(book))
                    asking.add_done_callback(lambda task: task.cancelled() or task.exception())
            await life.live(life.dice.uniform(0.0, 12.0))
            await life.crash()
            await asyncio.sleep(life.dice.uniform(0.0, 20.0))

    play(seed, script)


STEPS = ("before it is written", "when it is written", "when it is sent", "when it is mined", "when it is answered")


@pytest.mark.parametrize("step", STEPS)
def test_crash_at_any_step_of_a_creation_leads_to_no_second_session(step: str) -> None:
    async def script(life: Life) -> None:
        dead = asyncio.Event()

        async def die() -> None:
            dead.set()
            await asyncio.sleep(10_000)

        write, init = life.journal.write_durable, life.venue.session_init

        async def write_and_die(entry: object) -> None:
            if step == STEPS[0]:
                await die()
            await write(entry)  # type: ignore[arg-type]
            if step == STEPS[1]:
                await die()

        async def init_and_die(book: str, permit: SessionPermit, signature: str) -> object:
            if step == STEPS[2]:
                asyncio.get_running_loop().call_later(1.0, dead.set)
            if step == STEPS[3]:
                asyncio.get_running_loop().call_later(MINED_AFTER_S, dead.set)
            answer = await init(book, permit, signature)
            if step == STEPS[4]:
                await die()
            return answer

        life.journal.write_durable = write_and_die  # type: ignore[method-assign]
        life.venue.session_init = init_and_die  # type: ignore[method-assign,assignment]
        living = asyncio.create_task(life.live(60))
        await dead.wait()
        living.cancel()
        await asyncio.gather(living, return_exceptions=True)
        life.journal.write_durable, life.venue.session_init = write, init  # type: ignore[method-assign]
        await life.crash()
        await life.live(20)
        await life.crash()
        assert all(life.venue.nonces[wallet] == 1 for wallet in WALLETS)

    play(1, script)
