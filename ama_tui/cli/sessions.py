"""`ama-tui sessions`: list and revoke sessions, without a running instance, keys or a password."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ama_tui.cli import event_loop
from ama_tui.cli.options import insecure_http_option, patience_option, state_option
from ama_tui.cli.signals import INTERRUPTED, SIGNALS
from ama_tui.cli.strict import StrictGroup
from ama_tui.domain.errors import ConfigError
from ama_tui.domain.money import format_usdc

if TYPE_CHECKING:
    from ama_tui.config.environment import Environment
    from ama_tui.engine.sessions.registry import KnownSession, ListedSession, SessionList
    from ama_tui.engine.sessions.revocation import RevocationTarget
    from ama_tui.engine.sessions.revoke_command import RevokeReport, RevokeRequest

LEFT_ALIVE = 4
SHORT_ID = 10
"""Characters of a session id shown in tables."""
LAST_YEAR_ENDS = 253_402_300_800
"""Unix seconds of the year 10000: a permit may name any time, a calendar cannot."""
COLUMNS = ("wallet", "address", "session", "state", "expires", "methods", "per trade", "per session", "used")

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")


@click.group(cls=StrictGroup, name="sessions", no_args_is_help=False)
def command() -> None:
    """List and revoke the sessions of your wallets. Needs neither keys nor a running instance."""


@command.command("list")
@click.option(
    "--market", default="all", show_default=True, metavar="SYMBOL|ADDRESS|all", help="The market of the sessions."
)
@state_option
@insecure_http_option
@json_option
def show(market: str, state_dir: Path, insecure_http: bool, as_json: bool) -> None:
    """List all known sessions.

    These are the sessions that a checkpoint or journal under the state directory names, with their status on chain.
    """
    from ama_tui.engine.sessions.registry import list_sessions

    found = event_loop.run(list_sessions(_environment(insecure_http), state_dir, market))
    for note in found.notes:
        click.echo(note, err=True)
    if as_json:
        click.echo(json.dumps(_list_row(found)))
        return
    if not found.sessions:
        click.echo(f"no known sessions under {state_dir}")
    for symbol, sessions in groupby(found.sessions, key=lambda listed: listed.known.market.symbol):
        click.echo(f"{symbol}, at block {found.block:,}")
        click.echo(_table([COLUMNS, *(_cells(listed) for listed in sessions)]))


@command.command("revoke")
@click.argument("session", metavar="[SESSION_ID]", required=False)
@click.option("--wallet", default=None, metavar="NICKNAME|ADDRESS", help="Revoke this wallet's sessions.")
@click.option("--all", "every", is_flag=True, help="Revoke all known sessions.")
@click.option(
    "--market",
    "markets",
    required=True,
    multiple=True,
    metavar="SYMBOL|ADDRESS|all",
    help="The market of the sessions. May be repeated.",
)
@state_option
@click.option("--force", is_flag=True, help="Continue even if a running instance has the market.")
@click.option("--yes", is_flag=True, help="Skip the confirmation for --all.")
@patience_option
@insecure_http_option
@json_option
@click.pass_context
def end(
    ctx: click.Context,
    /,
    session: str | None,
    wallet: str | None,
    every: bool,
    markets: tuple[str, ...],
    state_dir: Path,
    force: bool,
    yes: bool,
    within: float,
    insecure_http: bool,
    as_json: bool,
) -> None:
    """Revoke sessions and verify on chain.

    Name one session (its id, or at least the first 8 digits), a wallet, or all. A resumed run does not recreate
    revoked sessions: their wallets wait. With --force, the wallets of the running instance wait too.

    Exit code 0 means proven: two reads of the chain, two blocks apart, show every session over. 4 means that a session
    is still valid or could not be read.
    """
    from ama_tui.engine.sessions.revoke_command import RevokeRequest

    if sum((session is not None, wallet is not None, every)) != 1:
        raise click.UsageError("name exactly one of SESSION_ID, --wallet and --all")
    asks = every and not yes
    if asks and not sys.stdin.isatty():
        raise ConfigError("--all needs a confirmation, and stdin is not a terminal", "use --yes to skip it")
    request = RevokeRequest(markets, _environment(insecure_http), state_dir, session, wallet, force, within)
    work = _Revocation(request, asks=asks)
    report = event_loop.run(work.run(), on_stop=work.stop)
    if report is None:
        ctx.exit(INTERRUPTED)
    for note in report.notes:
        click.echo(note, err=True)
    if as_json:
        click.echo(json.dumps(_report_row(report)))
    else:
        _print_report(report)
    ctx.exit(0 if report.is_proven else LEFT_ALIVE)


class _Revocation:
    """One `sessions revoke`, which a signal ends before anything is sent, and hurries after that."""

    def __init__(self, request: RevokeRequest, *, asks: bool) -> None:
        self._request = request
        self._asks = asks
        self._stop = asyncio.Event()
        self._work: asyncio.Task[RevokeReport | None] | None = None
        self._has_started = False

    async def run(self) -> RevokeReport | None:
        """The report; None if nothing was sent. Raises AmaError."""
        from ama_tui.engine.sessions.revoke_command import revoke

        self._work = asyncio.create_task(revoke(self._request, may_begin=self._may_begin, stop=self._stop))
        if self._stop.is_set():
            self._work.cancel()
        await asyncio.wait({self._work})
        if not self._work.cancelled():
            return self._work.result()
        click.echo("stopped before revoking anything", err=True)
        return None

    def stop(self) -> None:
        """Wait for pending requests and report, or end what has not sent anything."""
        self._stop.set()
        if self._has_started:
            click.echo("finishing pending requests (press again to quit now)", err=True)
        elif self._work is not None:
            self._work.cancel()

    def _may_begin(self, alive: Sequence[KnownSession]) -> bool:
        if self._asks:
            with SIGNALS.interrupting():
                self._has_started = _confirm(alive)
        else:
            self._has_started = True
        return self._has_started


def _environment(insecure_http: bool) -> Environment:
    from ama_tui.config.environment import load_environment

    return load_environment(Path.cwd(), os.environ, insecure_http=insecure_http)


def _confirm(alive: Sequence[KnownSession]) -> bool:
    wallets = len({one.wallet for one in alive})
    markets = ", ".join(dict.fromkeys(one.market.symbol for one in alive))
    return click.confirm(f"Revoke {len(alive)} live sessions of {wallets} wallets on {markets}?", err=True)


def _print_report(report: RevokeReport) -> None:
    if not report.targets:
        click.echo("no known sessions: nothing to revoke")
        return
    click.echo(
        _table([(_name(one), one.known.session_id[:SHORT_ID] + "…", _outcome_text(one)) for one in report.targets])
    )
    outcomes = [one.outcome.value for one in report.targets]
    counted = ", ".join(f"{outcomes.count(one)} {one}" for one in dict.fromkeys(outcomes))
    click.echo(f"{counted}; {'proven' if report.is_proven else 'not proven'} at block {report.block:,}")


def _name(target: RevocationTarget) -> str:
    return target.known.nickname or target.known.wallet or "?"


def _outcome_text(target: RevocationTarget) -> str:
    """`revoked`, `was over: expired`, `could not be revoked: <why>`."""
    from ama_tui.engine.sessions.revocation import RevocationResult

    said = target.outcome.value
    if target.outcome is RevocationResult.REVOKED:
        return said
    return f"{said}: {target.status.value if target.is_over else target.error or 'it is still valid'}"


def _report_row(report: RevokeReport) -> dict[str, object]:
    return {
        "proven": report.is_proven,
        "block": report.block,
        "sessions": [
            {
                **_known_row(one.known),
                "outcome": one.outcome.value,
                "state": one.status.value,
                "txHash": one.tx_hash,
                "error": one.error or None,
            }
            for one in report.targets
        ],
    }


def _list_row(found: SessionList) -> dict[str, object]:
    """The list as `--json` prints it: money as decimal strings of USDC with 6 decimals, a cap of 0 is none."""
    return {
        "chainId": found.chain_id,
        "block": found.block,
        "sessions": [
            {**_known_row(one.known), "state": one.status.value, "expiry": one.expiry, **_record_row(one)}
            for one in found.sessions
        ],
    }


def _known_row(known: KnownSession) -> dict[str, object]:
    return {
        "market": known.market.symbol,
        "orderBook": known.market.address,
        "wallet": known.wallet,
        "nickname": known.nickname,
        "sessionId": known.session_id,
    }


def _record_row(one: ListedSession) -> dict[str, object]:
    from ama_tui.engine.sessions.registry import methods_of

    record = one.record
    if record is None or not record.exists:
        return {"methods": [], "maxNotionalPerTrade": None, "maxNotionalPerSession": None, "notionalUsed": None}
    return {
        "methods": methods_of(record.methods),
        "maxNotionalPerTrade": str(record.max_notional_per_trade6),
        "maxNotionalPerSession": str(record.max_notional_per_session6),
        "notionalUsed": str(record.notional_used6),
    }


def _cells(one: ListedSession) -> tuple[str, ...]:
    from ama_tui.engine.sessions.registry import methods_of
    from ama_tui.store.json_fields import iso_utc

    known, record = one.known, one.record
    expires = "-"
    if one.expiry:
        expires = f"{iso_utc(one.expiry * 1000)[:16]}Z" if one.expiry < LAST_YEAR_ENDS else "never"
    head = (known.nickname or "-", known.wallet, known.session_id[:SHORT_ID] + "…", one.status.value, expires)
    if record is None or not record.exists:
        return (*head, "-", "-", "-", "-")
    caps = (record.max_notional_per_trade6, record.max_notional_per_session6)
    return (
        *head,
        " ".join(methods_of(record.methods)) or "none",
        *(format_usdc(cap6) if cap6 else "no cap" for cap6 in caps),
        format_usdc(record.notional_used6),
    )


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(f"  {line.rstrip()}" for line in padded)
