"""A journal of several files: numbered when they are full, read as one, intact after a crash at any step."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ama_tui.disk import atomic
from ama_tui.disk.atomic import remove_temporaries
from ama_tui.disk.failpoints import NAMES
from ama_tui.domain.errors import JournalCorruptError, JournalSyncError, StoreError
from ama_tui.store.journal import files as segments
from ama_tui.store.journal import writer as journal_module
from ama_tui.store.journal.files import journals_at, newest_segment, segment_files
from ama_tui.store.journal.reader import Scan
from ama_tui.store.journal.writer import Journal
from tests.sizes import size
from tests.store.samples import line

SEGMENT = 2_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "actions.jsonl"


def written(path: Path, first: int, last: int) -> Journal:
    """The journal with these lines appended, still open."""
    journal = Journal.open(path, segment_bytes=SEGMENT)
    for ts in range(first, last + 1):
        journal.append(line(ts))
    return journal


def names(path: Path) -> list[str]:
    return [one.name for one in segment_files(path)]


def seqs(path: Path) -> list[int | None]:
    return [entry.seq for entry in Scan(path)]


def test_full_file_gets_a_number_and_the_newest_keeps_the_name(path: Path) -> None:
    for first in (1, 11, 21):
        written(path, first, first + 9).close()
    assert names(path) == [f"actions.{number:06d}.jsonl" for number in (1, 2, 3, 4)] + ["actions.jsonl"]
    for file in segment_files(path):
        assert file.read_bytes().endswith(b"\n")
        assert file.stat().st_size < SEGMENT + 400
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert seqs(path) == [entry.ts for entry in Scan(path)] == list(range(1, 31))


def test_file_gets_a_number_once_it_reaches_the_limit(path: Path) -> None:
    journal = Journal.open(path, segment_bytes=len(line(1).as_line(1)))
    journal.append(line(1))
    assert names(path) == ["actions.jsonl"]
    journal.append(line(2))
    assert names(path) == ["actions.000001.jsonl", "actions.jsonl"]
    journal.close()


def test_files_are_ordered_by_their_numbers(path: Path) -> None:
    for name in ("actions.1000000.jsonl", "actions.999999.jsonl", "actions.jsonl", "actions.jsonl.torn", "x.jsonl"):
        path.with_name(name).touch()
    assert names(path) == ["actions.999999.jsonl", "actions.1000000.jsonl", "actions.jsonl"]
    assert newest_segment(path.with_name("actions.999999.jsonl")) == path


def test_only_the_two_newest_files_are_read_at_start_and_must_be_contiguous(path: Path) -> None:
    written(path, 1, 30).close()
    segment_files(path)[0].write_bytes(b"garbage\n")
    written(path, 31, 31).close()
    with pytest.raises(JournalCorruptError, match=r"actions\.000001\.jsonl line 1"):
        Scan(path, keep_going=True).finish().raise_fault()
    segment_files(path)[-2].unlink()
    with pytest.raises(JournalCorruptError, match=r"line 1: seq \d+ follows \d+"):
        Journal.open(path)


def test_oldest_files_may_be_removed(path: Path) -> None:
    written(path, 1, 30).close()
    segment_files(path)[0].unlink()
    scan = Scan(path).finish()
    assert scan.faults == []
    assert scan.first_seq is not None
    assert scan.first_seq > 1


def test_beginning_of_the_first_file_must_not_be_removed(path: Path) -> None:
    written(path, 1, 5).close()
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[1:]))
    with pytest.raises(JournalCorruptError, match="line 1: the first seq is 2, not 1"):
        Journal.open(path)


def test_truncated_end_of_a_numbered_file_is_damage(path: Path) -> None:
    written(path, 1, 30).close()
    numbered = segment_files(path)[-2]
    numbered.write_bytes(numbered.read_bytes()[:-1])
    with pytest.raises(JournalCorruptError, match=r"line \d+: its end is missing: 'ama-tui"):
        Journal.open(path)


def fail(*_: object) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("renames_that_work", [0, 1])
def test_file_that_cannot_be_renamed_is_written_on(
    path: Path, monkeypatch: pytest.MonkeyPatch, renames_that_work: int
) -> None:
    real, calls = atomic.rename, 0

    def rename(source: Path, target: Path) -> None:
        nonlocal calls
        calls += 1
        if calls > renames_that_work:
            fail()
        real(source, target)

    monkeypatch.setattr(segments, "rename", rename)
    monkeypatch.setattr(journal_module, "_ROTATE_AGAIN_BYTES", 1_000)
    journal = written(path, 1, 20)
    assert names(path) == ["actions.jsonl"]
    assert renames_that_work < calls < 8  # not again for every line
    monkeypatch.setattr(segments, "rename", real)
    for ts in range(21, 31):
        journal.append(line(ts))
    assert journal.problem == ""
    journal.close()
    assert len(names(path)) > 1
    assert seqs(path) == list(range(1, 31))
    assert list(path.parent.glob(".*")) == []


def test_half_line_is_cut_before_its_file_gets_a_number(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = written(path, 1, 7)
    whole = os.write
    with monkeypatch.context() as full:
        full.setattr(os, "write", lambda descriptor, data: whole(descriptor, data[:7]))
        full.setattr(os, "ftruncate", fail)
        journal.append(line(8))
    monkeypatch.setattr(journal, "_rotate_at", 0)
    journal.append(line(9))
    journal.close()
    assert len(names(path)) > 1
    assert seqs(path) == list(range(1, 10))


@pytest.mark.parametrize(
    ("error", "reason"),
    [(OSError(5, "Input/output error"), "Input/output error"), (OSError(), "its directory could not be synced")],
)
def test_new_file_whose_name_is_not_durable_is_a_failed_sync(
    path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, reason: str
) -> None:
    def fail(_: Path) -> None:
        raise error

    journal = written(path, 1, 6)
    monkeypatch.setattr(journal_module, "sync_directory", fail)
    for ts in range(7, 17):
        journal.append(line(ts))
    assert not journal.can_recover
    with pytest.raises(JournalSyncError):
        asyncio.run(journal.write_durable(line(17)))
    assert journal.problem == f"the journal could not be synced ({reason})"
    journal.close()


WRITER = """
import asyncio, sys
from pathlib import Path
from ama_tui.store.journal.writer import Journal
from tests.store.samples import line

async def write() -> None:
    journal = Journal.open(Path(sys.argv[1]), segment_bytes=2_000)
    for number in range(60):
        ts = int(sys.argv[2]) + number
        await journal.write_durable(line(ts))
        print(ts, flush=True)
        journal.append(line(-1 - ts))

asyncio.run(write())
"""
POINTS = [name for name in NAMES if not name.startswith("post")]


@pytest.mark.parametrize("point", POINTS)
def test_writer_killed_at_any_point_loses_no_durable_line(path: Path, point: str) -> None:
    durable: list[int] = []
    for attempt in range(size(2, 20)):
        first = attempt * 1_000
        done = subprocess.run(
            [sys.executable, "-c", WRITER, str(path), str(first)],
            capture_output=True,
            text=True,
            env={**os.environ, "AMA_TUI_FAILPOINT": f"{point}:{2 + attempt % 9}"},
            check=False,
        )
        assert done.returncode == -signal.SIGKILL, done.stderr
        durable += [int(text) for text in done.stdout.split()]
        remove_temporaries(path.parent)
        Journal.open(path).close()
        scan = Scan(path)
        found = [entry.ts for entry in scan]
        assert scan.faults == []
        assert set(durable) <= set(found)
        assert [entry.seq for entry in Scan(path)] == list(range(1, len(found) + 1))
    assert path.exists()


def test_missing_newest_file_after_a_crash_is_created_at_the_next_start(path: Path) -> None:
    written(path, 1, 5).close()
    path.rename(path.with_name("actions.000001.jsonl"))
    assert [entry.ts for entry in Scan(path)] == list(range(1, 6))
    written(path, 6, 6).close()
    assert names(path) == ["actions.000001.jsonl", "actions.jsonl"]
    assert seqs(path) == list(range(1, 7))


def test_journals_are_found_by_state_directory_market_directory_or_file(tmp_path: Path) -> None:
    markets = [tmp_path / "state" / "999" / book for book in ("0x01", "0x02")]
    for market in markets:
        (market / "wallets").mkdir(parents=True)
        (market / "actions.jsonl").touch()
    (markets[0] / "actions.000001.jsonl").touch()
    (markets[1] / "cancel-all.jsonl").touch()
    (markets[1] / "my-export.jsonl").touch()
    every = [markets[0] / "actions.jsonl", markets[1] / "actions.jsonl", markets[1] / "cancel-all.jsonl"]
    assert journals_at(tmp_path / "state") == every
    assert journals_at(markets[1]) == every[1:]
    assert journals_at(markets[0] / "actions.000001.jsonl") == every[:1]
    assert journals_at(markets[1] / "my-export.jsonl") == [markets[1] / "my-export.jsonl"]
    for nowhere in (tmp_path / "none", markets[0] / "wallets"):
        with pytest.raises(StoreError, match="no journal at"):
            journals_at(nowhere)
