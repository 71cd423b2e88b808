"""`ama-tui doctor`: everything that a run needs, checked one by one, with the mend of what is wrong."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ama_tui.cli.arguments import arguments_of
from ama_tui.cli.hardening import refuse_debugging
from ama_tui.cli.options import allow_debug_option, insecure_http_option, state_option, wallets_options
from ama_tui.domain.errors import AmaError
from ama_tui.domain.settings import WALLETS

if TYPE_CHECKING:
    from ama_tui.domain.wallet import FleetWallet
    from ama_tui.engine.doctor.context import DoctorRequest
    from ama_tui.engine.doctor.result import CheckResult

FAILED = 3
WIDEST = 100
COLOURS = {"ok": "green", "warn": "yellow", "fail": "red", "skip": None}


@click.command("doctor")
@wallets_options
@insecure_http_option
@allow_debug_option
@click.option("--market", default=None, metavar="SYMBOL|ADDRESS", help="Whose vault is looked at [the first].")
@click.option("--wallets", type=click.IntRange(min=1), default=None, help="Look at the first N wallets [10].")
@state_option
@click.option("--json", "as_json", is_flag=True, help="Print the findings as a JSON list.")
@click.pass_context
def command(ctx: click.Context, /, as_json: bool, **options: object) -> None:
    """Check all that a run needs, and say how to mend what is wrong. Nothing is signed or sent.

    One line each: ok, warn (a run works, but look at it), fail, or skip, where a check builds on one that failed.
    Exit code 3 when something fails, else 0.
    """
    ctx.exit(FAILED if asyncio.run(_examine(options, as_json)) else 0)


async def _examine(options: Mapping[str, object], as_json: bool) -> bool:
    """Tell every finding; True when something fails."""
    from ama_tui.cli.terminal import terminal
    from ama_tui.engine.doctor.abandonable_threads import AbandonableThreads
    from ama_tui.engine.doctor.context import DoctorContext
    from ama_tui.engine.doctor.result import CheckStatus
    from ama_tui.engine.doctor.runner import Check, examine
    from ama_tui.engine.doctor.table import CHECKS

    asyncio.get_running_loop().set_default_executor(AbandonableThreads())
    checks = (*CHECKS, Check("terminal", terminal))
    rows: list[dict[str, str]] = []
    say = _sayer(max(len(check.name) for check in checks))

    def tell(name: str, finding: CheckResult) -> None:
        rows.append({"check": name, "verdict": finding.verdict.value, "found": finding.found, "mend": finding.mend})
        if not as_json:
            say(rows[-1])

    await examine(checks, DoctorContext(_order(options)), tell)
    if as_json:
        click.echo(json.dumps(rows))
    return any(row["verdict"] == CheckStatus.FAIL.value for row in rows)


def _order(options: Mapping[str, object]) -> DoctorRequest:
    from ama_tui.cli.passwords import with_password
    from ama_tui.cli.wiring import find_wallets
    from ama_tui.engine.connect import open_signer
    from ama_tui.engine.doctor.context import DoctorRequest
    from ama_tui.keys.wallets_source import permissions_problem

    source, trouble = find_wallets(arguments_of(options)), None
    try:
        refuse_debugging(os.environ, is_allowed=bool(options["allow_debug"]))
        source = with_password(source)
    except AmaError as error:  # told on the wallets' line, among the others
        trouble = error

    def open_wallets() -> Sequence[FleetWallet]:
        if trouble is not None:
            raise trouble
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


def _sayer(name_width: int) -> Callable[[Mapping[str, str]], None]:
    """Prints a row: a line of its own for a program that reads it, columns and colours for a person."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # an encoding that knows no arrow
    is_terminal = os.isatty(1)
    width = min(WIDEST, shutil.get_terminal_size().columns)
    is_coloured = is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    def say(row: Mapping[str, str]) -> None:
        text = told(row, name_width, width if is_terminal else None)
        verdict = row["verdict"]
        colour = COLOURS[verdict] if is_coloured else None
        click.echo(click.style(verdict, fg=colour) + text.removeprefix(verdict), color=is_coloured)

    return say


def told(row: Mapping[str, str], name_width: int, width: int | None) -> str:
    """A row as text: verdict, check, what was found, and the mend behind an arrow; without `width` on one line."""
    head = f"{row['verdict']:<4}  {row['check']:<{name_width}}  "
    mend = f"→ {row['mend']}" if row["mend"] else ""
    if width is None:
        return (head + " ".join(filter(None, (row["found"], mend)))).rstrip()
    room = max(20, width - len(head))
    lines = [*_wrapped(row["found"], room), *_wrapped(mend, room, hanging="  ")]
    return head + f"\n{' ' * len(head)}".join(lines)


def _wrapped(text: str, width: int, hanging: str = "") -> list[str]:
    return textwrap.wrap(text, width, subsequent_indent=hanging, break_on_hyphens=False)
