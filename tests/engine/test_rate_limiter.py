"""The send limiter: how many requests may be in flight at once, and that every waiting send gets its turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ama_tui.engine.rate_limiter import RateLimiter, Slot
from tests.engine.virtual_time import StuckError, run_virtually

Clock = Callable[[], float]


@dataclass
class Wire:
    """Counts who holds a slot, and remembers the maximum of each kind."""

    rate_limiter: RateLimiter
    placing: int = 0
    cancelling: int = 0
    most_placing: int = 0
    most_cancelling: int = 0
    finished: list[str] = field(default_factory=list)

    async def send(self, name: str, seconds: float, *, is_cancel: bool = False, answer: str = "ok") -> None:
        async with self.rate_limiter.slot(is_cancel=is_cancel) as slot:
            limit = int(self.rate_limiter.limit)
            if is_cancel:
                self.cancelling += 1
                assert self.placing + self.cancelling <= limit + max(2, limit // 4)
            else:
                self.placing += 1
                assert self.placing + self.cancelling <= limit
            self.most_placing = max(self.most_placing, self.placing)
            self.most_cancelling = max(self.most_cancelling, self.cancelling)
            try:
                await asyncio.sleep(seconds)
                if answer == "ok":
                    self.rate_limiter.succeeded(slot)
                else:
                    self.rate_limiter.pushed_back(None if answer == "busy" else float(answer))
            finally:
                if is_cancel:
                    self.cancelling -= 1
                else:
                    self.placing -= 1
        self.finished.append(name)


def test_stuck_loop_is_detected() -> None:
    async def main(_: Clock) -> None:
        await asyncio.Event().wait()

    with pytest.raises(StuckError):
        run_virtually(main)


def test_placements_never_exceed_the_limit() -> None:
    async def main(clock: Clock) -> None:
        wire = Wire(RateLimiter(start=3, highest=3, clock=clock))
        await asyncio.gather(*(wire.send(f"{number}", 1.0) for number in range(20)))
        assert (len(wire.finished), wire.most_placing) == (20, 3)

    run_virtually(main)


def test_cancels_have_a_share_that_placements_cannot_take() -> None:
    async def main(clock: Clock) -> None:
        wire = Wire(RateLimiter(start=8, highest=8, clock=clock))
        placements = [asyncio.create_task(wire.send("place", 100.0)) for _ in range(30)]
        await asyncio.sleep(1)
        began = clock()
        await asyncio.gather(*(wire.send("cancel", 0.5, is_cancel=True) for _ in range(4)))
        assert clock() - began < 2, "cancels queued behind placements"
        assert wire.most_cancelling == 2
        for task in placements:
            task.cancel()
        await asyncio.gather(*placements, return_exceptions=True)

    run_virtually(main)


def test_limit_grows_fast_until_the_first_push_back_and_slowly_after_it() -> None:
    rate_limiter = RateLimiter(start=4, highest=100, clock=lambda: 50.0)
    for _ in range(4):
        rate_limiter.succeeded(Slot(50.0))
    assert rate_limiter.limit == 8
    rate_limiter.pushed_back(None)
    assert rate_limiter.limit == 4
    for _ in range(4):
        rate_limiter.succeeded(Slot(50.0))
    assert 4.5 < rate_limiter.limit <= 5


def test_limit_is_halved_at_most_once_a_second_and_never_below_its_floor() -> None:
    now = [10.0]
    rate_limiter = RateLimiter(start=32, lowest=2, clock=lambda: now[0])
    for _ in range(5):
        rate_limiter.pushed_back(None)
    assert rate_limiter.limit == 16
    for _ in range(10):
        now[0] += 1.0
        rate_limiter.pushed_back(None)
    assert rate_limiter.limit == 2


def test_width_that_the_venue_bears_is_found_before_its_first_answer() -> None:
    async def main(clock: Clock) -> None:
        wire, began = Wire(RateLimiter(start=32, highest=1024, clock=clock)), clock()
        async with asyncio.TaskGroup() as group:
            for number in range(1000):
                group.create_task(wire.send(f"{number}", 1.0))
        assert wire.most_placing > 900
        assert clock() - began < 2

    run_virtually(main)


def test_widening_stops_once_the_venue_has_refused() -> None:
    async def main(clock: Clock) -> None:
        wire = Wire(RateLimiter(start=32, highest=1024, clock=clock))
        async with asyncio.TaskGroup() as group:
            for number in range(1000):
                group.create_task(wire.send(f"{number}", 0.04, answer="ok" if number % 30 else "30"))
        assert wire.most_placing <= 64

    run_virtually(main)


def test_retry_after_delays_everything_for_its_whole_time() -> None:
    async def main(clock: Clock) -> None:
        rate_limiter = RateLimiter(clock=clock)
        rate_limiter.pushed_back(30.0)
        rate_limiter.pushed_back(5.0)
        began = clock()
        for is_cancel in (False, True):
            async with rate_limiter.slot(is_cancel=is_cancel):
                assert clock() - began >= 30.0

    run_virtually(main)


def test_retry_after_delays_a_send_no_longer_than_its_longest_wait() -> None:
    async def main(clock: Clock) -> None:
        rate_limiter = RateLimiter(clock=clock)
        rate_limiter.pushed_back(60.0)
        began = clock()
        async with rate_limiter.slot(is_cancel=True, longest_wait=5.0):
            assert 5.0 <= clock() - began < 6.0

    run_virtually(main)


def test_retry_after_also_delays_a_send_that_is_already_waiting() -> None:
    async def main(clock: Clock) -> None:
        wire = Wire(RateLimiter(start=1, lowest=1, highest=1, clock=clock))
        began = clock()
        await asyncio.gather(wire.send("first", 1.0, answer="20"), wire.send("second", 0.0))
        assert wire.finished == ["first", "second"]
        assert clock() - began >= 21.0

    run_virtually(main)


def test_send_cancelled_after_its_wake_up_passes_its_slot_on() -> None:
    """A slot frees up during a retry-after; the send woken for it is cancelled while it waits."""

    async def main(clock: Clock) -> None:
        wire = Wire(RateLimiter(start=1, lowest=1, highest=1, clock=clock))
        first = asyncio.create_task(wire.send("first", 1.0, answer="10"))
        await asyncio.sleep(0.1)
        woken = asyncio.create_task(wire.send("woken", 1.0))
        await asyncio.sleep(0.1)
        last = asyncio.create_task(wire.send("last", 1.0))
        await first
        await asyncio.sleep(5)
        woken.cancel()
        await last
        assert wire.finished == ["first", "last"]

    run_virtually(main)


SENDS = st.lists(
    st.tuples(
        st.floats(0, 20),
        st.floats(0, 5),
        st.booleans(),
        st.sampled_from(["ok", "ok", "ok", "busy", "2", "7"]),
        st.none() | st.floats(0, 30),
    ),
    max_size=25,
)


@given(sends=SENDS, start=st.integers(1, 6), lowest=st.integers(1, 2))
def test_every_send_gets_its_turn_whatever_is_cancelled(
    sends: list[tuple[float, float, bool, str, float | None]], start: int, lowest: int
) -> None:
    """Random sends begin at random times, hold their slot, are pushed back, and some are cancelled."""

    async def main(clock: Clock) -> None:
        wire = Wire(RateLimiter(start=max(start, lowest), lowest=lowest, highest=8, clock=clock))

        async def one(name: str, delay: float, seconds: float, is_cancel: bool, answer: str) -> None:
            await asyncio.sleep(delay)
            await wire.send(name, seconds, is_cancel=is_cancel, answer=answer)

        tasks: list[asyncio.Task[None]] = []
        for number, (delay, seconds, is_cancel, answer, cancelled_at) in enumerate(sends):
            task = asyncio.create_task(one(f"{number}", delay, seconds, is_cancel, answer))
            tasks.append(task)
            if cancelled_at is not None:
                asyncio.get_running_loop().call_later(cancelled_at, task.cancel)
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert not [one for one in ended if isinstance(one, AssertionError)]
        kept = [f"{number}" for number, send in enumerate(sends) if send[4] is None]
        assert set(kept) <= set(wire.finished)
        async with wire.rate_limiter.slot():
            pass

    run_virtually(main)
