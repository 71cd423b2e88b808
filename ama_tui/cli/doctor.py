"""`ama-tui doctor`: check everything a run needs and suggest fixes."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ama_tui.cli import event_loop
from ama_tui.cli.arguments import arguments_of
from ama_tui.cli.hardening import refuse_debugging
from ama_tui.cli.options import allow_debug_option, insecure_http_option, state_option, wallets_options
from ama_tui.cli.strict import StrictCommand
from ama_tui.domain.errors import AmaError
from ama_tui.domain.settings import WALLETS

if TYPE_CHECKING:
    from ama_tui.domain.wallet import FleetWallet
    from ama_tui.engine.doctor.context import DoctorRequest
    from ama_tui.engine.doctor.result import CheckResult

FAILED = 3
MAX_WIDTH = 100
"""Columns that the report uses at most."""

COLOURS = {"ok": "green", "warn": "yellow", "fail": "red", "skip": None}


@click.command("doctor", cls=StrictCommand)
@wallets_options
@insecure_http_option
@allow_debug_option
@click.option("--market", default=None, metavar="SYMBOL|ADDRESS", help="Market to check [first in list].")
@click.option("--wallets", type=click.IntRange(min=1), default=None, help="Check the first N wallets [10].")
@state_option
@click.option("--json", "as_json", is_flag=True, help="Print the results as a JSON list.")
@click.pass_context
def command(ctx: click.Context, /, as_json: bool, **options: object) -> None:
    """Check your setup and suggest fixes. Nothing is signed or sent.

    Prints one line per check: ok, warn (works, but needs attention), fail, or skip (depends on a failed check).
    Exit code 3 if a check fails, else 0.
    """
    request = _request(options)  # may prompt for a password, so before the event loop
    ctx.exit(FAILED if event_loop.run(_check(request, as_json)) else 0)


async def _check(request: DoctorRequest, as_json: bool) -> bool:
    """Run and print all checks. Returns True if one fails."""
    from ama_tui.cli.terminal import characters, terminal
    from ama_tui.engine.doctor.abandonable_threads import AbandonableThreads
    from ama_tui.engine.doctor.context import DoctorContext
    from ama_tui.engine.doctor.result import CheckStatus
    from ama_tui.engine.doctor.runner import Check, run_checks
    from ama_tui.engine.doctor.table import CHECKS

    asyncio.get_running_loop().set_default_executor(AbandonableThreads())
    checks = (*CHECKS, Check("terminal", terminal), Check("characters", characters))
    rows: list[dict[str, str]] = []
    print_row = _row_printer(max(len(check.name) for check in checks))

    def report(name: str, result: CheckResult) -> None:
        rows.append({"check": name, "status": result.status.value, "text": result.text, "fix": result.fix})
        if not as_json:
            print_row(rows[-1])

    await run_checks(checks, DoctorContext(request), report)
    if as_json:
        click.echo(json.dumps(rows))
    return any(row["status"] == CheckStatus.FAIL.value for row in rows)


def _request(options: Mapping[str, object]) -> DoctorRequest:
    from ama_tui.cli.passwords import with_password
    from ama_tui.cli.wiring import find_wallets
    from ama_tui.engine.connect import open_signer
    from ama_tui.engine.doctor.context import DoctorRequest
    from ama_tui.keys.wallet_source import permissions_problem

    source, problem = find_wallets(arguments_of(options)), None
    try:
        refuse_debugging(os.environ, is_allowed=bool(options["allow_debug"]))
        source = with_password(source)
    except AmaError as error:  # reported on the wallets row
        problem = error

    def open_wallets() -> Sequence[FleetWallet]:
        if problem is not None:
            raise problem
        return open_signer(source)[0]

    return DoctorRequest(
        directory=Path(),
        environ=os.environ,
        wallets_file=source.path,
        open_wallets=open_wallets,
        state_root=Path(str(options["state_dir"])),
        permissions_problem=lambda: permissions_problem(source),
        market=None if options["market"] is None else str(options["market"]),
        wallets=int(str(options["wallets"] or WALLETS.default)),
        insecure_http=bool(options["insecure_http"]),
    )


def _row_printer(name_width: int) -> Callable[[Mapping[str, str]], None]:
    """Return a function that prints a row: wrapped and coloured on a terminal, else one line."""
    is_terminal = os.isatty(1)
    width = min(MAX_WIDTH, shutil.get_terminal_size().columns)
    is_coloured = is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    def print_row(row: Mapping[str, str]) -> None:
        text = format_row(row, name_width, width if is_terminal else None)
        status = row["status"]
        colour = COLOURS[status] if is_coloured else None
        click.echo(click.style(status, fg=colour) + text.removeprefix(status), color=is_coloured)

    return print_row


def format_row(row: Mapping[str, str], name_width: int, width: int | None) -> str:
    """Format a row: status, check, text, and the fix after an arrow. Without `width` it is one line."""
    head = f"{row['status']:<4}  {row['check']:<{name_width}}  "
    fix = f"→ {row['fix']}" if row["fix"] else ""
    if width is None:
        return (head + " ".join(filter(None, (row["text"], fix)))).rstrip()
    room = max(20, width - len(head))
    lines = [*_wrapped(row["text"], room), *_wrapped(fix, room, hanging="  ")]
    return head + f"\n{' ' * len(head)}".join(lines)


def _wrapped(text: str, width: int, hanging: str = "") -> list[str]:
    return textwrap.wrap(text, width, subsequent_indent=hanging, break_on_hyphens=False)
