"""How checks are run: within their limits, in order, concurrently, and whatever they raise."""

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


async def test_our_own_error_becomes_the_failure_and_its_hint_the_fix() -> None:
    report = await made(Check("one", raises(ConfigError("it is broken", "fix it"))))
    assert report.results["one"] == fail("it is broken", "fix it")


async def test_unexpected_error_is_a_failure_that_repeats_none_of_its_text() -> None:
    report = await made(Check("one", raises(KeyError("0x" + "ab" * 32))))
    assert report.results["one"].status is CheckStatus.FAIL
    assert report.results["one"].text == "the check itself failed (KeyError)"


async def test_hanging_check_fails_at_its_limit_without_delaying_the_others() -> None:
    report = await made(
        Check("slow", hangs, limit_s=0.05, timeout_fix="look at the cable"), Check("quick", says(ok("well")))
    )
    assert report.results["slow"] == fail("no response within 0.05 s", "look at the cable")
    assert report.results["quick"] == ok("well")


async def test_independent_checks_run_concurrently() -> None:
    here, there = asyncio.Event(), asyncio.Event()

    def meets(mine: asyncio.Event, others: asyncio.Event) -> Callable[[DoctorContext], Awaitable[CheckResult]]:
        async def run(_context: DoctorContext) -> CheckResult:
            mine.set()
            await others.wait()
            return ok("met")

        return run

    report = await made(Check("one", meets(here, there)), Check("two", meets(there, here)))
    assert report.of(CheckStatus.OK) == ["one", "two"]


async def test_dependents_of_a_failure_are_skipped_with_its_cause_dependents_of_a_warning_run() -> None:
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


async def test_result_text_is_one_printable_line() -> None:
    report = await made(Check("one", says(ok("a\nb\x1b[2J‮"))))
    assert report.results["one"].text.isprintable()


def test_all_checks_together_end_within_the_limit_even_if_each_one_hangs() -> None:
    ends: dict[str, float] = {}
    for check in CHECKS:
        ends[check.name] = check.limit_s + max((ends[name] for name in check.needs), default=0.0)
    assert max(ends.values()) < LONGEST_S


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_every_check_that_others_need_states_what_is_missing_without_it(check: Check) -> None:
    needed = {name for one in CHECKS for name in one.needs}
    assert (check.name in needed) == bool(check.missing)
