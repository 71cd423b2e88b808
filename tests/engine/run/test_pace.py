"""When the next cycle starts: at once after news, but rarely enough that orders which wait get most of the time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from ama_tui.engine.outage import Outage
from ama_tui.engine.run.block_watch import BlockWatch
from ama_tui.engine.run.pace import CYCLE_SHARE, LONGEST_GAP_S, LONGEST_WITHOUT_PUSH_S, Pace
from tests.engine.fakes import FakeActionLog, FakeVenue, context_of
from tests.engine.samples import ALICE, book, fleet_read
from tests.engine.virtual_time import run_virtually

LATE = 0.05
"""Seconds by which the next cycle may be late."""


def pace_of(clock: Callable[[], float], orders_wait: Callable[[], bool]) -> Pace:
    fake: Any = FakeVenue()
    context = context_of(fake, book(ALICE), clock=clock, action_log=FakeActionLog())
    outage = Outage(context.action_log, context.counters, "push lost", "push back")
    return Pace(context, outage, BlockWatch(context.connections), orders_wait)


def next_start(
    monkeypatch: pytest.MonkeyPatch,
    *,
    took: float,
    waiting_until: float = 0.0,
    asked_at: float | None = None,
) -> float:
    """Seconds from the beginning of a cycle that `took` some until the next may begin. There is news by then.

    Orders wait to be sent until a time after the cycle began, and the operator may ask for a cycle at another.
    """
    starts: list[float] = []

    async def main(clock: Callable[[], float]) -> None:
        monkeypatch.setattr("ama_tui.engine.run.pace.monotonic", clock)
        began = clock()
        pace = pace_of(clock, lambda: clock() - began < waiting_until)
        pace.begin()
        await asyncio.sleep(took)
        pace.blocks._heard(101)
        if asked_at is not None:
            asyncio.get_running_loop().call_later(asked_at - took, pace.wake)
        await pace.wait(fleet_read(block=100), began + 60, lambda: None)
        starts.append(clock() - began)

    run_virtually(main)
    return starts[0]


def test_without_waiting_orders_news_starts_the_next_cycle_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert next_start(monkeypatch, took=0.5) == pytest.approx(0.5, abs=LATE)


@pytest.mark.parametrize("took", [0.05, 0.2, 0.6])
def test_while_orders_wait_cycles_take_no_more_than_their_share_of_the_time(
    took: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = next_start(monkeypatch, took=took, waiting_until=60)
    assert start == pytest.approx(took / CYCLE_SHARE, abs=LATE)


@pytest.mark.parametrize("took", [1.5, 3.0])
def test_slow_cycle_does_not_make_the_next_one_too_late_for_the_orders_that_wait(
    took: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert next_start(monkeypatch, took=took, waiting_until=60) == pytest.approx(LONGEST_GAP_S, abs=LATE)


def test_cycle_slower_than_the_longest_gap_is_followed_by_the_next_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert next_start(monkeypatch, took=6.0, waiting_until=60) == pytest.approx(6.0, abs=LATE)


def test_once_the_last_order_is_sent_the_next_cycle_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    assert next_start(monkeypatch, took=0.6, waiting_until=1.3) == pytest.approx(1.3, abs=LATE)


def test_operator_who_asks_for_a_cycle_does_not_wait_for_the_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    assert next_start(monkeypatch, took=0.6, waiting_until=60, asked_at=0.9) == pytest.approx(0.9, abs=LATE)


@pytest.mark.parametrize(("sent_after", "connected_after"), [(0.0, 2.0), (7.0, 7.0), (600.0, LONGEST_WITHOUT_PUSH_S)])
def test_stream_connects_once_the_first_orders_are_sent_but_does_not_wait_for_them_for_long(
    sent_after: float, connected_after: float
) -> None:
    async def main(clock: Callable[[], float]) -> None:
        began = clock()
        pace = pace_of(clock, lambda: clock() - began < sent_after)
        asyncio.get_running_loop().call_later(2.0, first_cycle_ends, pace)
        await pace.listener.may_connect()
        assert clock() - began == pytest.approx(connected_after, abs=LATE)

    def first_cycle_ends(pace: Pace) -> None:
        waiting.append(asyncio.ensure_future(pace.wait(fleet_read(), float("inf"), lambda: None)))

    waiting: list[asyncio.Future[None]] = []
    run_virtually(main)
