"""How checks are made: in time, in order, side by side, and whatever they run into."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from ama_tui.domain.errors import ConfigError
from ama_tui.engine.doctor.context import DoctorContext, DoctorRequest
from ama_tui.engine.doctor.result import CheckResult, CheckStatus, fail, ok
from ama_tui.engine.doctor.runner import Check
from ama_tui.engine.doctor.table import CHECKS
from tests.engine.doctor.conftest import Report, examined

LONGEST_S = 20.0
NOTHING = DoctorRequest(Path(), {}, Path("wallets.csv"), tuple, Path("state"))


def says(result: CheckResult) -> Callable[[DoctorContext], Awaitable[CheckResult]]:
    async def run(_context: DoctorContext) -> CheckResult:
        return result

    return run


def raises(error: Exception) -> Callable[[DoctorContext], Awaitable[CheckResult]]:
    async def run(_context: DoctorContext) -> CheckResult:
        raise error

    return run


async def hangs(_context: DoctorContext) -> CheckResult:
    await asyncio.sleep(3600)
    return ok("never")


async def made(*checks: Check) -> Report:
    return await examined(NOTHING, checks)


async def test_what_an_error_of_ours_says_is_the_failure_and_its_hint_the_mend() -> None:
    report = await made(Check("one", raises(ConfigError("it is broken", "mend it"))))
    assert report.results["one"] == fail("it is broken", "mend it")


async def test_any_other_error_is_a_failure_too_that_repeats_nothing_of_it() -> None:
    report = await made(Check("one", raises(KeyError("0x" + "ab" * 32))))
    assert report.results["one"].status is CheckStatus.FAIL
    assert report.results["one"].text == "the check itself failed (KeyError)"


async def test_a_check_that_hangs_fails_at_its_limit_and_the_others_do_not_wait_for_it() -> None:
    report = await made(
        Check("slow", hangs, limit_s=0.05, timeout_fix="look at the cable"), Check("quick", says(ok("well")))
    )
    assert report.results["slow"] == fail("no response within 0.05 s", "look at the cable")
    assert report.results["quick"] == ok("well")


async def test_checks_that_need_nothing_of_each_other_are_made_side_by_side() -> None:
    here, there = asyncio.Event(), asyncio.Event()

    def meets(mine: asyncio.Event, others: asyncio.Event) -> Callable[[DoctorContext], Awaitable[CheckResult]]:
        async def run(_context: DoctorContext) -> CheckResult:
            mine.set()
            await others.wait()
            return ok("met")

        return run

    report = await made(Check("one", meets(here, there)), Check("two", meets(there, here)))
    assert report.of(CheckStatus.OK) == ["one", "two"]


async def test_what_builds_on_a_failure_is_skipped_with_the_first_cause_and_on_a_warning_is_made() -> None:
    report = await made(
        Check("root", says(fail("gone", "")), missing="no root"),
        Check("stem", says(ok("")), ("root",), "no stem"),
        Check("leaf", says(ok("")), ("stem",)),
        Check("odd", says(CheckResult(CheckStatus.WARN, "odd", "look"))),
        Check("after odd", says(ok("made")), ("odd",)),
    )
    skipped = CheckResult(CheckStatus.SKIP, "not checked: no root")
    assert (report.results["stem"], report.results["leaf"]) == (skipped, skipped)
    assert report.results["after odd"] == ok("made")


async def test_what_is_told_stands_on_one_line() -> None:
    report = await made(Check("one", says(ok("a\nb\x1b[2J‮"))))
    assert report.results["one"].text.isprintable()


def test_all_of_it_ends_in_time_though_everything_hangs_at_its_latest_moment() -> None:
    ends: dict[str, float] = {}
    for check in CHECKS:
        ends[check.name] = check.limit_s + max((ends[name] for name in check.needs), default=0.0)
    assert max(ends.values()) < LONGEST_S


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_every_check_that_others_need_says_what_is_lacking_without_it(check: Check) -> None:
    needed = {name for one in CHECKS for name in one.needs}
    assert (check.name in needed) == bool(check.missing)
