"""`ama-tui journal`: show, verify, repair and export journals."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import click

from ama_tui.cli.journal_csv import CsvRows, csv_head
from ama_tui.cli.journal_format import format_entry
from ama_tui.cli.strict import StrictGroup
from ama_tui.config.paths import DEFAULT_ROOT
from ama_tui.domain.errors import StoreError
from ama_tui.store.journal.entry import JournalEntry, check_own, parse_raw
from ama_tui.store.journal.files import CANCEL_JOURNAL, journals_at
from ama_tui.store.journal.quick_lines import LineCounter
from ama_tui.store.journal.reader import Scan, bytes_of
from ama_tui.store.journal.repair import Repair, repair
from ama_tui.store.journal.tail import JournalTail
from ama_tui.store.json_fields import ShapeError, as_integer, iso_utc
from ama_tui.store.lock import StateLock
from ama_tui.store.state_store import CANCEL_LOCK

FOLLOW_INTERVAL_S = 0.25
MAX_FAULTS_SHOWN = 10

path_argument = click.argument("path", type=click.Path(path_type=Path), default=DEFAULT_ROOT)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group(cls=StrictGroup, name="journal", no_args_is_help=False)
def command() -> None:
    """Show, verify, repair or export journals.

    PATH is a state directory [state], a market directory or a journal file.
    """


@dataclass(frozen=True, slots=True)
class JournalCheck:
    """The result of verifying one journal."""

    path: str
    ok: bool
    lines: int
    first_seq: int | None
    last_seq: int | None
    files: int
    truncated: int
    """Bytes of a truncated last line, which the next run moves aside."""

    faults: tuple[str, ...]

    @property
    def text(self) -> str:
        if not self.ok:
            more = f" (and {len(self.faults) - 1} more)" if len(self.faults) > 1 else ""
            return f"{self.path}: damaged, {self.faults[0]}{more}"
        seq = "no seq" if self.last_seq is None else f"seq {self.first_seq:,}…{self.last_seq:,}"
        tail = (
            f", last line truncated ({self.truncated:,} bytes; the next run moves it aside)" if self.truncated else ""
        )
        return f"{self.path}: ok, {self.lines:,} lines, {seq}{tail}"


@command.command("verify")
@path_argument
@json_option
@click.pass_context
def verify(ctx: click.Context, path: Path, as_json: bool) -> None:
    """Check all line checksums and sequence numbers. Exit code 2 if a journal is damaged."""
    checks = [_check(journal) for journal in journals_at(path)]
    is_ok = all(check.ok for check in checks)
    if as_json:
        click.echo(json.dumps({"ok": is_ok, "journals": [asdict(check) for check in checks]}))
    else:
        for check in checks:
            click.echo(check.text)
    ctx.exit(0 if is_ok else StoreError.exit_code)


def _check(journal: Path) -> JournalCheck:
    scan = Scan(journal, keep_going=True, counter=LineCounter()).finish()
    truncated = 0 if scan.truncated_at is None else journal.stat().st_size - scan.truncated_at
    faults = tuple(f"{fault.file.name} {fault.text}" for fault in scan.faults)
    return JournalCheck(
        str(journal), not faults, scan.lines, scan.first_seq, scan.last_seq, len(scan.files), truncated, faults
    )


@command.command("stats")
@path_argument
@json_option
def stats(path: Path, as_json: bool) -> None:
    """Count lines, actions and errors."""
    journals = [_stats(journal) for journal in journals_at(path)]
    if as_json:
        click.echo(json.dumps({"journals": journals}))
        return
    for journal in journals:
        for key, value in journal.items():
            click.echo(f"{'' if key == 'path' else '  '}{key.replace('_', ' '):11} {_value_text(value)}")


def _stats(journal: Path) -> dict[str, object]:
    counter = LineCounter()
    scan = Scan(journal, keep_going=True, counter=counter)
    for raw in scan.raws():
        counter.add(raw, as_integer(raw["ts"]) or 0)
    first, last = map(iso_utc, counter.span) if counter.span else (None, None)
    return {
        "path": str(journal),
        "lines": scan.lines,
        "actions": dict(counter.actions.most_common()),
        "errors": counter.errors,
        "runs": len(counter.runs),
        "first": first,
        "last": last,
        "files": {file.name: file.stat().st_size for file in scan.files},
        "faults": len(scan.faults),
    }


def _value_text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {count:,}" for key, count in value.items())
    return f"{value:,}" if isinstance(value, int) else str(value or "-")


@command.command("tail")
@path_argument
@click.option("-n", "count", type=click.IntRange(min=0), default=10, show_default=True, help="Number of lines.")
@click.option("-f", "--follow", is_flag=True, help="Follow new entries until Ctrl+C.")
@click.option("--json", "as_json", is_flag=True, help="Print raw journal lines.")
def tail(path: Path, count: int, follow: bool, as_json: bool) -> None:
    """Show the last lines of the journals, by time."""
    followers = [JournalTail(journal, count) for journal in journals_at(path)]

    def show(entries: Iterable[JournalEntry]) -> None:
        for entry in entries:
            click.echo(entry.as_line().decode("ascii").rstrip() if as_json else format_entry(entry))

    show(_by_time(follower.first() for follower in followers)[-count:])
    while follow:
        time.sleep(FOLLOW_INTERVAL_S)
        show(_by_time(follower.more() for follower in followers))


def _by_time(journals: Iterable[list[JournalEntry]]) -> list[JournalEntry]:
    return sorted(chain.from_iterable(journals), key=lambda entry: entry.ts)


@command.command("export")
@path_argument
@click.option("--format", "form", type=click.Choice(["csv", "jsonl"]), default="csv", show_default=True)
@click.option(
    "--out", type=click.Path(path_type=Path), default=None, metavar="FILE", help="New file to write [stdout]."
)
def export(path: Path, form: str, out: Path | None) -> None:
    """Export all readable lines, oldest first."""
    unreadable = 0
    journals = journals_at(path)
    with _output(out) as target:
        if form == "csv":
            target.write(csv_head())
        exported = CsvRows().row if form == "csv" else _whole_line
        for line in chain.from_iterable(map(bytes_of, journals)):
            try:
                target.write(exported(line))
            except ShapeError:
                unreadable += 1
    if unreadable:
        click.echo(f"{unreadable:,} unreadable lines skipped: list them with 'ama-tui journal verify'", err=True)


def _whole_line(line: bytes) -> bytes:
    """A readable line as it is, with its newline. Raises ShapeError."""
    if check_own(line) is None:
        parse_raw(line)
    return line if line.endswith(b"\n") else line + b"\n"


@contextmanager
def _output(out: Path | None) -> Iterator[BinaryIO]:
    """Open the export's target: a new private file, or stdout."""
    if out is None:
        yield sys.stdout.buffer
        sys.stdout.flush()
        return
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            yield file
    except OSError as error:
        raise StoreError(
            f"{out} cannot be written ({error.strerror})", "choose a new file in a writable directory"
        ) from error


@command.command("repair")
@path_argument
def repair_journals(path: Path) -> None:
    """Remove unreadable lines from damaged journals. The originals are kept."""
    for journal in journals_at(path):
        with ExitStack() as locks:
            locks.enter_context(StateLock(journal.with_name("lock")))
            if journal.name == CANCEL_JOURNAL:
                locks.enter_context(StateLock(journal.with_name(CANCEL_LOCK)))
            result = repair(journal)
        click.echo(f"{journal}: {_repair_text(result)}")
        for fault in result.dropped[:MAX_FAULTS_SHOWN]:
            click.echo(f"  dropped {fault.file.name} {fault.text}")
        if len(result.dropped) > MAX_FAULTS_SHOWN:
            click.echo(f"  … and {len(result.dropped) - MAX_FAULTS_SHOWN:,} more")


def _repair_text(result: Repair) -> str:
    if not result.originals:
        return "nothing to repair"
    kept = ", ".join(original.name for original in result.originals)
    counts = f"{result.kept:,} lines kept ({result.renumbered:,} renumbered), {len(result.dropped):,} dropped"
    return f"{counts}; original in {kept}"
