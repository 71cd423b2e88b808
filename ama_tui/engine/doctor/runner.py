"""Run checks concurrently, each after the checks it depends on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from ama_tui.domain.errors import AmaError
from ama_tui.engine.doctor.context import DoctorContext
from ama_tui.engine.doctor.result import CheckResult, CheckStatus, fail
from ama_tui.venue.sanitize import one_line

LIMIT_S = 5.0
"""Default time limit of a check."""

MAX_TEXT = 600
"""Longest text of a result, in characters."""


@dataclass(frozen=True, slots=True)
class Check:
    """One row of the report. An AmaError raised by `run` is a failure; its hint is the fix."""

    name: str
    run: Callable[[DoctorContext], Awaitable[CheckResult]]
    needs: tuple[str, ...] = ()
    """Names of the checks it depends on. They come earlier in the table."""

    missing: str = ""
    """What dependent checks report as missing if this one fails."""

    timeout_fix: str = ""
    """The fix if it takes too long."""

    limit_s: float = LIMIT_S
    """Seconds it may take, from when its dependencies are done."""


async def run_checks(
    checks: Sequence[Check], context: DoctorContext, report: Callable[[str, CheckResult], None]
) -> None:
    """Run all checks. `report` is called in table order, as soon as a check and those before it are done.

    No problem of a check is raised. A check that hangs in a thread abandons it, see `AbandonableThreads`.
    """
    rows = {check.name: check for check in checks}
    tasks: dict[str, asyncio.Task[CheckResult]] = {}
    try:
        for check in checks:
            needed = [(rows[name].missing, tasks[name]) for name in check.needs]
            tasks[check.name] = asyncio.create_task(_run_after(check, context, needed), name=check.name)
        for name, task in tasks.items():
            report(name, await task)
    finally:
        for task in tasks.values():
            task.cancel()
        await context.close()


async def _run_after(
    check: Check, context: DoctorContext, needed: Sequence[tuple[str, asyncio.Task[CheckResult]]]
) -> CheckResult:
    for missing, task in needed:
        dependency = await task
        if dependency.status is CheckStatus.SKIP:
            return dependency
        if not dependency.status.allows_dependents:
            return CheckResult(CheckStatus.SKIP, f"not checked: {missing}")
    result = await _limited(check, context)
    return CheckResult(result.status, one_line(result.text, MAX_TEXT), one_line(result.fix, MAX_TEXT))


async def _limited(check: Check, context: DoctorContext) -> CheckResult:
    try:
        async with asyncio.timeout(check.limit_s):
            return await check.run(context)
    except TimeoutError:
        return fail(f"no response within {check.limit_s:g} s", check.timeout_fix)
    except AmaError as error:
        return fail(error.message, error.hint)
    except Exception as error:  # keep going; the error's text may contain anything
        return fail(f"the check itself failed ({type(error).__name__})", "report this as a bug in ama-tui")
