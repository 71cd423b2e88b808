"""A venue's rate limit is found from a few refusals and kept, whatever kind of limit it is."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ama_tui.engine.rate_limiter import RateLimiter
from ama_tui.engine.send_pace import SendPace
from tests.engine.limited_venue import (
    ROUND_TRIP_S,
    Chance,
    FixedWindow,
    Limit,
    LimitedVenue,
    SlidingWindow,
    TokenBucket,
    send_all,
)
from tests.engine.virtual_time import run_virtually

Clock = Callable[[], float]

LIMITS: dict[str, tuple[Callable[[], Limit], float, int]] = {
    "30 a minute": (lambda: SlidingWindow(30, 60), 0.5, 300),
    "30 by the clock's minute": (lambda: FixedWindow(30, 60), 0.5, 300),
    "30 a minute, refilled steadily": (lambda: TokenBucket(0.5, 30), 0.5, 300),
    "5 a second": (lambda: SlidingWindow(5, 1), 5.0, 600),
    "5 a second, refilled steadily": (lambda: TokenBucket(5, 5), 5.0, 600),
    "50 a second": (lambda: SlidingWindow(50, 1), 50.0, 1500),
    "50 a second, refilled steadily": (lambda: TokenBucket(50, 50), 50.0, 1500),
}


@pytest.mark.parametrize("tells", [True, False], ids=["Retry-After", "no Retry-After"])
@pytest.mark.parametrize("name", LIMITS)
def test_limit_is_found_within_3_refusals_and_then_hardly_anything_is_refused(name: str, tells: bool) -> None:
    make, per_second, orders = LIMITS[name]

    async def main(clock: Clock) -> None:
        venue = LimitedVenue(clock, make(), tells)
        limiter, began = RateLimiter(clock=clock, round_trip=lambda: ROUND_TRIP_S), clock()
        await send_all(venue, limiter, orders, wallets=150 if per_second > 10 else 10)
        first = [after for after in venue.refused_after if after <= venue.refused_after[0] + 5]
        assert len(first) <= 3, venue.refused_after
        assert len(venue.refused_after) - 3 <= 0.01 * orders, venue.refused_after
        assert clock() - began < 60 + 1.4 * orders / per_second, "it sends far less than it may"

    run_virtually(main)


def test_refusals_by_chance_do_not_bring_sends_to_a_crawl() -> None:
    async def main(clock: Clock) -> None:
        venue = LimitedVenue(clock, Chance(0.03), tells=True)
        began = clock()
        await send_all(venue, RateLimiter(clock=clock, round_trip=lambda: ROUND_TRIP_S), 1_000, wallets=40)
        assert clock() - began < 10 * 1_000 / 40

    run_virtually(main)


def test_without_a_limit_the_pace_grows_with_what_is_accepted() -> None:
    async def main(clock: Clock) -> None:
        venue = LimitedVenue(clock, SlidingWindow(10**9, 1), tells=True)
        began = clock()
        await send_all(venue, RateLimiter(clock=clock, round_trip=lambda: ROUND_TRIP_S), 2_000, wallets=200)
        assert clock() - began < 25
        assert venue.refused_after == []

    run_virtually(main)


def test_closed_door_is_waited_for_and_leaves_no_limit_behind() -> None:
    """A few orders of a packed fleet meet a venue that refuses everything for a while."""
    pace = SendPace()
    for moment in (0.0, 100.0):
        pace.started(moment)
        pace.succeeded(moment, moment + 0.1, others_wait=False)
    for moment in (200.0, 201.5, 203.0):
        assert pace.next_start() <= moment
        pace.started(moment)
        pace.refused(moment, moment + 0.1, 1.0)
    assert pace.next_start() >= 204.0
    pace.started(210.0)
    pace.succeeded(210.0, 210.1, others_wait=True)
    assert (pace.is_limited, pace.is_free) == (False, True)


def test_single_refusals_hours_apart_leave_no_slow_pace_behind() -> None:
    """Few orders are wanted between them: that is no limit."""
    pace = SendPace()
    for hour in range(6):
        for minute in range(0, 60, 10):
            moment = 3600.0 * hour + 60 * minute
            pace.started(moment)
            pace.succeeded(moment, moment + 0.1, others_wait=False)
        pace.started(moment + 60)
        pace.refused(moment + 60, moment + 60.1, 1.0)
    assert not pace.is_limited


def test_requests_refused_together_count_once() -> None:
    pace = SendPace()
    for number in range(60):
        pace.started(number / 100)
    for number in range(30, 60):
        pace.refused(number / 100, 1.0 + number / 100, None)
    assert 25 <= pace.rate <= 30


def test_lower_limit_than_before_is_found_again() -> None:
    async def main(clock: Clock) -> None:
        venue = LimitedVenue(clock, SlidingWindow(20, 1), tells=True)
        limiter = RateLimiter(clock=clock, round_trip=lambda: ROUND_TRIP_S)
        await send_all(venue, limiter, 400, wallets=40)
        venue.limit, before = SlidingWindow(5, 1), len(venue.refused_after)
        await send_all(venue, limiter, 1000, wallets=40)
        assert limiter.pace.rate < 7
        assert len(venue.refused_after) - before < 60

    run_virtually(main)
