"""What a cancel-all reports while it waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ama_tui.domain.event import KillProgress, RateLimitWait
from ama_tui.engine.cancel.progress import OVERDUE_S, ProgressReporter, Wait
from tests.engine.virtual_time import run_virtually

LIMIT = RateLimitWait("venue", refused=3, asked_s=30.0, left_s=30.0)


def test_rate_limit_is_named_as_the_reason_of_a_wait() -> None:
    reports: list[KillProgress] = []
    limits = [LIMIT]

    async def scenario(clock: Callable[[], float]) -> None:
        reporter = ProgressReporter(reports.append, lambda: tuple(limits))
        reporter.report_changes()
        assert reports[-1].waiting_for == "", "it is not overdue yet"
        reporter.judged({"0x1": clock()}, 0, is_shown=True)
        await asyncio.sleep(2 * OVERDUE_S)
        reporter.report_changes()
        assert reports[-1].waiting_for == "waiting for the venue's rate limit"
        limits.clear()
        reporter.report_changes()
        assert reports[-1].waiting_for == "cancels of 1 wallet not accepted by the venue"
        reporter.ends(Wait.VENUE)
        reporter.report_changes()
        assert reports[-1].waiting_for == ""

    run_virtually(scenario)
