"""From the moment of a kill nothing new is sent, wherever in the engine it waits."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from ama_tui.engine.execution.send_queues import SendQueues
from ama_tui.engine.execution.sender import Sender
from ama_tui.engine.sessions.adoption import SessionAdoption
from ama_tui.engine.sessions.manager import SessionManager
from ama_tui.engine.sessions.relayers import Relayers
from tests.engine.fakes import RELAYERS, FakeActionLog, FakeVenue, context_of, placed
from tests.engine.samples import ALICE, BOB, CAROL, book, fleet_read, place
from tests.engine.virtual_time import run_virtually

LONG_S = 60.0


def test_placement_waiting_for_a_retry_after_is_not_sent_after_the_freeze() -> None:
    venue, action_log, freeze = FakeVenue(), FakeActionLog(), threading.Event()

    async def main(clock: Callable[[], float]) -> None:
        alice = book(ALICE)
        run = context_of(venue, alice, clock=clock, action_log=action_log)
        run.read, run.read_at = fleet_read([alice]), float("inf")
        run.rate_limiter.pushed_back(LONG_S)
        sending = asyncio.create_task(placed(run, place(), lambda: not freeze.is_set()))
        await asyncio.sleep(LONG_S / 2)
        freeze.set()
        assert await sending is False

    run_virtually(main)
    assert (venue.placed, action_log.lines) == ([], [])


def test_placement_queued_behind_a_post_is_not_sent_after_the_freeze() -> None:
    venue, freeze = FakeVenue(), threading.Event()

    async def main(clock: Callable[[], float]) -> None:
        books = [book(ALICE), book(BOB)]
        run = context_of(venue, *books, clock=clock)
        run.read, run.read_at = fleet_read(books), float("inf")
        answered = asyncio.Event()
        post = venue.place_margin_limit

        async def slow(*args: str, **params: object) -> object:
            answer = await post(*args, **params)  # type: ignore[arg-type]
            await answered.wait()
            return answer

        venue.place_margin_limit = slow  # type: ignore[method-assign,assignment]
        send_queues = SendQueues(Sender(run, lambda: not freeze.is_set()).send, run.rate_limiter, run.read_share)
        send_queues.load([place(wallet, level=level, sequence=level) for wallet in (ALICE, BOB) for level in (1, 2, 3)])
        await asyncio.sleep(1)
        assert len(venue.placed) == 2
        freeze.set()
        answered.set()
        assert await send_queues.idle(10)
        # What was being sent is tracked: it counts until the chain resolves it.
        assert [len(one.pending) for one in books] == [1, 1]

    run_virtually(main)
    assert len(venue.placed) == 2


def test_no_session_is_requested_after_the_freeze_by_tasks_waiting_for_a_turn_or_the_disk() -> None:
    venue, action_log, freeze = FakeVenue(), FakeActionLog(), threading.Event()
    action_log.meanwhile = freeze.set  # it comes during the first write-ahead

    async def main(clock: Callable[[], float]) -> None:
        books = [book(wallet) for wallet in (ALICE, BOB, CAROL)]
        for one in books:
            one.session.drop()
        run = context_of(venue, *books, clock=clock, action_log=action_log)
        keeper = SessionManager(run, Relayers(run, RELAYERS), SessionAdoption(run, {}), is_frozen=freeze.is_set)
        await keeper.prepare(books, chain_time=1_000)
        assert {one.unusable_detail for one in books} == {"no session: the run was killed: no more requests"}

    run_virtually(main)
    assert (venue.permits, len(action_log.of("INTENT"))) == ([], 1)
