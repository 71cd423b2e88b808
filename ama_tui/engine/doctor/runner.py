"""Making the checks: side by side, each once those that it builds on have let it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from ama_tui.domain.errors import AmaError
from ama_tui.engine.doctor.context import DoctorContext
from ama_tui.engine.doctor.result import CheckResult, CheckStatus, fail
from ama_tui.venue.sanitize import one_line

LIMIT_S = 5.0
LONGEST_TEXT = 600


@dataclass(frozen=True, slots=True)
class Check:
    """One row of the table. An AmaError that `run` raises is a failure, with the error's hint as the mend.

    `needs` names the rows (standing before it) that it builds on; `lacking` is what those say for whom this one
    failed. `late` is the mend when it takes longer than `limit_s`, counted from when it is let.
    """

    name: str
    run: Callable[[DoctorContext], Awaitable[CheckResult]]
    needs: tuple[str, ...] = ()
    lacking: str = ""
    late: str = ""
    limit_s: float = LIMIT_S


async def examine(checks: Sequence[Check], case: DoctorContext, tell: Callable[[str, CheckResult], None]) -> None:
    """Make every check; `tell` hears each in the table's order, as soon as it and those before it are done.

    It never raises for what a check meets. A check that hangs in a thread leaves that behind: see `LosableThreads`.
    """
    rows = {check.name: check for check in checks}
    tasks: dict[str, asyncio.Task[CheckResult]] = {}
    try:
        for check in checks:
            needed = [(rows[name].lacking, tasks[name]) for name in check.needs]
            tasks[check.name] = asyncio.create_task(_examined(check, case, needed), name=check.name)
        for name, task in tasks.items():
            tell(name, await task)
    finally:
        for task in tasks.values():
            task.cancel()
        await case.close()


async def _examined(
    check: Check, case: DoctorContext, needed: Sequence[tuple[str, asyncio.Task[CheckResult]]]
) -> CheckResult:
    for lacking, task in needed:
        before = await task
        if before.verdict is CheckStatus.SKIP:
            return before
        if not before.verdict.lets_go_on:
            return CheckResult(CheckStatus.SKIP, f"not checked: {lacking}")
    finding = await _limited(check, case)
    return CheckResult(finding.verdict, one_line(finding.found, LONGEST_TEXT), one_line(finding.mend, LONGEST_TEXT))


async def _limited(check: Check, case: DoctorContext) -> CheckResult:
    try:
        async with asyncio.timeout(check.limit_s):
            return await check.run(case)
    except TimeoutError:
        return fail(f"no answer within {check.limit_s:g} s", check.late)
    except AmaError as error:
        return fail(error.message, error.hint)
    except Exception as error:  # a preflight that falls over helps nobody; the text may hold anything
        return fail(f"the check itself failed ({type(error).__name__})", "report it as a fault of ama-tui")
