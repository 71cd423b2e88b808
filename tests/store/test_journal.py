"""The journal: whole lines, durable in groups, nothing lost to a torn tail or a full disk."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ama_tui.domain.errors import JournalError
from ama_tui.store import journal as journal_module
from ama_tui.store.journal import Journal, TornTail, read_entries
from tests.store.samples import line


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "actions.jsonl"


def timestamps(path: Path) -> list[int]:
    return [entry.ts for entry in read_entries(path)]


def test_lines_are_appended_in_order_over_several_runs(path: Path) -> None:
    for first in (0, 10):
        journal = Journal.open(path)
        assert journal.torn is None
        for ts in range(first, first + 10):
            journal.append(line(ts))
        journal.close()
    assert timestamps(path) == list(range(20))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_open_journal_of_another_tool_is_closed_to_others(path: Path) -> None:
    path.write_bytes(line(1).as_line())
    path.chmod(0o644)
    Journal.open(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_line_stands_in_the_file_as_soon_as_it_is_appended(path: Path) -> None:
    journal = Journal.open(path)
    journal.append(line(1))
    assert timestamps(path) == [1]
    journal.close()


async def test_hundred_waiters_share_a_few_syncs(path: Path) -> None:
    journal = Journal.open(path)
    await asyncio.gather(*(journal.write_durable(line(ts)) for ts in range(100)))
    assert journal.syncs <= 3
    assert timestamps(path) == list(range(100))
    journal.close()


async def test_waiter_returns_only_after_a_sync_that_began_after_its_line(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced_sizes: list[int] = []
    began, go_on = threading.Event(), threading.Event()

    def slow_sync(descriptor: int) -> None:
        synced_sizes.append(os.fstat(descriptor).st_size)
        began.set()
        assert go_on.wait(10)

    monkeypatch.setattr(journal_module, "_sync_data", slow_sync)
    journal = Journal.open(path)
    first = asyncio.create_task(journal.write_durable(line(1)))
    await asyncio.to_thread(began.wait, 10)
    # These arrive in the middle of the first one's sync: they need another, and share it.
    late = [asyncio.create_task(journal.write_durable(line(ts))) for ts in range(2, 12)]
    await asyncio.sleep(0)
    assert not first.done()
    go_on.set()
    await asyncio.gather(first, *late)
    assert synced_sizes == [len(line(1).as_line()), sum(len(line(ts).as_line()) for ts in range(1, 12))]
    journal.close()


async def test_one_waiter_that_gives_up_takes_no_sync_from_the_others(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    monkeypatch.setattr(journal_module, "_sync_data", lambda _: go_on.wait(10))
    journal = Journal.open(path)
    waiters = [asyncio.create_task(journal.write_durable(line(ts))) for ts in range(3)]
    await asyncio.sleep(0.01)
    waiters[0].cancel()
    await asyncio.sleep(0)
    go_on.set()
    outcomes = await asyncio.gather(*waiters, return_exceptions=True)
    assert isinstance(outcomes[0], asyncio.CancelledError)
    assert outcomes[1:] == [None, None]
    journal.close()


async def test_failed_sync_reaches_every_waiter_and_stays(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    journal = Journal.open(path)
    monkeypatch.setattr(journal_module, "_sync_data", fail)
    outcomes = await asyncio.gather(*(journal.write_durable(line(ts)) for ts in range(5)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [JournalError] * 5
    monkeypatch.undo()
    with pytest.raises(JournalError, match="Input/output error"):
        await journal.write_durable(line(9))
    # What is done about it can still be noted.
    journal.append(line(10))
    assert timestamps(path)[-1] == 10
    journal.close()


async def test_closing_makes_everything_durable(path: Path) -> None:
    journal = Journal.open(path)
    ticket = journal.append(line(1))
    waiter = asyncio.create_task(journal.durable(ticket))
    await asyncio.sleep(0)
    journal.close()
    journal.close()
    await waiter
    with pytest.raises(JournalError, match="is closed"):
        journal.append(line(2))
    assert timestamps(path) == [1]


def test_full_disk_leaves_no_half_line_and_passes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal.open(path)
    journal.append(line(1))
    whole = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: whole(descriptor, data[:7]))
    with pytest.raises(JournalError, match="No space left on device"):
        journal.append(line(2))
    assert path.read_bytes() == line(1).as_line()
    monkeypatch.undo()
    journal.append(line(3))
    journal.close()
    assert timestamps(path) == [1, 3]


def test_half_line_that_cannot_be_cut_at_once_is_cut_before_the_next(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal.open(path)
    whole = os.write

    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "write", lambda descriptor, data: whole(descriptor, data[:7]))
    monkeypatch.setattr(os, "ftruncate", fail)
    for ts in (1, 2):
        with pytest.raises(JournalError):
            journal.append(line(ts))
    assert path.stat().st_size == 7
    monkeypatch.undo()
    journal.append(line(3))
    journal.close()
    assert timestamps(path) == [3]


def test_torn_last_line_is_kept_aside_and_cut_at_every_offset(path: Path) -> None:
    whole = b"".join(line(ts, params={"level": ts}).as_line() for ts in range(3))
    last = line(99, error="Zoë — 文").as_line()
    kept = b""
    for size in range(1, len(last) - 1):
        path.write_bytes(whole + last[:size])
        journal = Journal.open(path)
        journal.close()
        kept += last[:size] + b"\n"
        assert journal.torn == TornTail(size, path.with_name("actions.jsonl.torn"))
        assert path.read_bytes() == whole
        assert path.with_name("actions.jsonl.torn").read_bytes() == kept
    assert stat.S_IMODE(path.with_name("actions.jsonl.torn").stat().st_mode) == 0o600


def test_whole_line_that_lacks_only_its_newline_is_completed(path: Path) -> None:
    path.write_bytes(line(1).as_line() + line(2).as_line()[:-1])
    journal = Journal.open(path)
    journal.append(line(3))
    journal.close()
    assert journal.torn == TornTail(len(line(2).as_line()) - 1, None)
    assert timestamps(path) == [1, 2, 3]
    assert not path.with_name("actions.jsonl.torn").exists()


@pytest.mark.parametrize("tail", [b"\0" * 4096, b"{" * 200_000, b"\xff", b"{}"])
def test_any_unfinished_tail_is_kept_aside(path: Path, tail: bytes) -> None:
    path.write_bytes(line(1).as_line() + tail)
    Journal.open(path).close()
    assert path.read_bytes() == line(1).as_line()
    assert path.with_name("actions.jsonl.torn").read_bytes() == tail + b"\n"


def test_file_that_is_one_torn_line_becomes_empty(path: Path) -> None:
    path.write_bytes(b'{"ts":1')
    journal = Journal.open(path)
    journal.close()
    assert (path.read_bytes(), journal.torn) == (b"", TornTail(7, path.with_name("actions.jsonl.torn")))


def test_torn_tail_stays_when_it_cannot_be_kept_aside(path: Path) -> None:
    path.write_bytes(line(1).as_line() + b"half")
    path.with_name("actions.jsonl.torn").mkdir()
    with pytest.raises(JournalError, match="cannot be written"):
        Journal.open(path)
    assert path.read_bytes() == line(1).as_line() + b"half"


def test_reader_passes_over_an_unfinished_last_line_without_touching_it(path: Path) -> None:
    path.write_bytes(line(1).as_line() + b'{"ts":2')
    assert timestamps(path) == [1]
    assert path.read_bytes() == line(1).as_line() + b'{"ts":2'


def test_malformed_middle_line_is_named(path: Path) -> None:
    path.write_bytes(line(1).as_line() + b"\n" + b"garbage\n" + line(2).as_line())
    with pytest.raises(JournalError, match="line 3 cannot be read") as raised:
        list(read_entries(path))
    assert "\n" not in str(raised.value)


def test_reader_that_is_not_strict_reports_the_bad_lines(path: Path) -> None:
    path.write_bytes(line(1).as_line() + b"garbage\n" + line(2).as_line() + b"{}\n" + line(3).as_line())
    bad_lines: list[int] = []
    entries = list(read_entries(path, strict=False, bad_lines=bad_lines))
    assert ([entry.ts for entry in entries], bad_lines) == ([1, 2, 3], [2, 4])


def test_no_file_has_no_entries(path: Path) -> None:
    assert list(read_entries(path)) == []


def test_directory_in_its_place_is_our_own_error(path: Path) -> None:
    path.mkdir()
    with pytest.raises(JournalError, match="cannot be written"):
        Journal.open(path)
    with pytest.raises(JournalError, match="cannot be read"):
        list(read_entries(path))


WRITER = """
import asyncio, sys
from pathlib import Path
from ama_tui.store.journal import Journal
from tests.store.samples import line

async def write() -> None:
    journal = Journal.open(Path(sys.argv[1]))
    first = int(sys.argv[2])
    async def one(lane: int) -> None:
        for number in range(100_000):
            ts = first + lane * 100_000 + number
            await journal.write_durable(line(ts, params={"pad": "x" * 200}))
            print(ts, flush=True)
    await asyncio.gather(*(one(lane) for lane in range(4)))

asyncio.run(write())
"""


def test_writer_that_is_killed_loses_no_durable_line(path: Path) -> None:
    durable: list[int] = []
    for attempt in range(4):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(attempt * 1_000_000)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        assert writer.stdout is not None
        with writer.stdout:
            durable += [int(writer.stdout.readline()) for _ in range(20 + 17 * attempt)]
            writer.send_signal(signal.SIGKILL)
            # The last line of the pipe may be cut; every whole one was durable.
            durable += [int(text) for text in writer.stdout.read().splitlines(keepends=True) if text.endswith("\n")]
        assert writer.wait() == -signal.SIGKILL
        Journal.open(path).close()
        found = timestamps(path)
        assert set(durable) <= set(found)
        assert len(set(found)) == len(found)
