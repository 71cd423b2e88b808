"""The journal's writer: complete lines, durable in groups, nothing lost to a torn tail or a full disk."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path
from time import sleep

import pytest

from ama_tui.disk import failpoints
from ama_tui.domain.errors import JournalError, JournalSyncError
from ama_tui.store.journal import group_sync
from ama_tui.store.journal import writer as journal_module
from ama_tui.store.journal.reader import Scan
from ama_tui.store.journal.sync_marker import read_marker
from ama_tui.store.journal.writer import Journal
from tests.sizes import PATIENCE_S
from tests.store.journal.journals import durably, fail, marked, timestamps, until
from tests.store.samples import line


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "actions.jsonl"


def test_lines_are_appended_in_order_over_several_runs(path: Path) -> None:
    for first in (0, 10):
        journal = Journal.open(path)
        assert journal.truncated is None
        for ts in range(first, first + 10):
            journal.append(line(ts))
        journal.close()
    assert timestamps(path) == list(range(20))
    assert [entry.seq for entry in Scan(path)] == list(range(1, 21))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_name_of_a_new_journal_is_made_durable_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(journal_module, "sync_directory", synced.append)
    for _ in range(2):
        journal = Journal.open(path)
        assert (journal.problem, journal.truncated) == ("", None)
        journal.close()
        assert synced == [path.parent]


def test_readable_journal_of_another_tool_is_made_private(path: Path) -> None:
    path.write_bytes(line(1).as_line())
    path.chmod(0o644)
    Journal.open(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_line_is_in_the_file_as_soon_as_it_is_appended(path: Path) -> None:
    journal = Journal.open(path)
    journal.append(line(1))
    assert timestamps(path) == [1]
    journal.close()


async def test_failpoints_are_before_and_after_each_write(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal.open(path)
    passed: list[tuple[str, int]] = []
    monkeypatch.setattr(failpoints, "reach", lambda name: passed.append((name, path.stat().st_size)))
    await journal.write_durable(line(1))
    journal.append(line(2))
    journal.close()
    one = len(line(1).as_line(1))
    both = one + len(line(2).as_line(2))
    of_lines = [point for point in passed if point[0].startswith(("intent", "outcome"))]
    assert of_lines == [("intent.before", 0), ("intent.after", one), ("outcome.before", one), ("outcome.after", both)]


def test_lines_that_fit_cut_nothing_off(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal.open(path)
    monkeypatch.setattr(os, "ftruncate", fail)
    for ts in (1, 2, 3):
        journal.append(line(ts))
    assert timestamps(path) == [1, 2, 3]
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
        assert go_on.wait(PATIENCE_S)

    monkeypatch.setattr(group_sync, "sync_data", slow_sync)
    journal = Journal.open(path)
    first = asyncio.create_task(journal.write_durable(line(1)))
    await asyncio.to_thread(began.wait, 10)
    # These arrive in the middle of the first one's sync: they need another, and share it.
    late = [asyncio.create_task(journal.write_durable(line(ts))) for ts in range(2, 12)]
    await asyncio.sleep(0)
    assert not first.done()
    go_on.set()
    await asyncio.gather(first, *late)
    sizes = [len(line(ts).as_line(ts)) for ts in range(1, 12)]
    assert synced_sizes == [sizes[0], sum(sizes)]
    journal.close()


async def test_cancelled_waiter_does_not_affect_the_others_sync(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()
    monkeypatch.setattr(group_sync, "sync_data", lambda _: go_on.wait(PATIENCE_S))
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


def test_line_without_a_waiter_is_durable_soon_and_an_idle_journal_is_not_synced(path: Path) -> None:
    journal = Journal.open(path)
    for seq in (1, 2, 3):
        journal.append(line(seq))
        until(partial(marked, path, seq))
    before = journal.syncs
    sleep(0.2)
    assert journal.syncs == before
    journal.close()


async def test_failed_sync_reaches_every_waiter(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal.open(path)
    monkeypatch.setattr(group_sync, "sync_data", fail)
    outcomes = await asyncio.gather(*(journal.write_durable(line(ts)) for ts in range(5)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [JournalSyncError] * 5
    journal.close()


def test_failed_sync_is_permanent(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal.open(path)
    monkeypatch.setattr(group_sync, "sync_data", fail)
    with pytest.raises(JournalSyncError):
        durably(journal, 1)
    assert "Input/output error" in journal.problem
    monkeypatch.undo()
    size = path.stat().st_size
    with pytest.raises(JournalSyncError) as raised:
        durably(journal, 9)
    assert str(raised.value) == (
        "the journal could not be synced (Input/output error): check the disk, then start again with --resume"
    )
    assert path.stat().st_size == size
    journal.probe()
    assert not journal.can_recover
    assert journal.problem
    # What is done about it can still be journalled.
    journal.append(line(10))
    assert timestamps(path)[-1] == 10
    journal.close()


def test_failed_sync_without_a_waiter_fails_the_next_intent(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_sync, "sync_data", fail)
    journal = Journal.open(path)
    journal.append(line(1))
    until(lambda: not journal.can_recover)
    with pytest.raises(JournalSyncError):
        durably(journal, 2)
    assert timestamps(path) == [1]
    journal.close()


def test_failed_last_sync_is_raised_and_the_journal_still_closed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_sync, "PATIENCE_S", 3600)
    journal = Journal.open(path)
    journal.append(line(1))
    monkeypatch.setattr(group_sync, "sync_data", fail)
    with pytest.raises(JournalSyncError, match="Input/output error"):
        journal.close()
    journal.close()
    # The marker stays: the next opening must expect lines that were not durable.
    assert read_marker(path) == 0


async def test_close_makes_everything_durable(path: Path) -> None:
    journal = Journal.open(path)
    waiter = asyncio.create_task(journal.write_durable(line(1)))
    await asyncio.sleep(0)
    journal.close()
    journal.close()
    await waiter
    with pytest.raises(JournalError) as raised:
        journal.append(line(2))
    assert str(raised.value) == f"{path} is closed: this is a bug in ama-tui: please report it"
    with pytest.raises(JournalError, match="is closed"):
        await journal.write_durable(line(2))
    assert timestamps(path) == [1]
    assert read_marker(path) is None


WRITER = """
import asyncio, sys
from pathlib import Path
from ama_tui.store.journal.writer import Journal
from tests.store.journal.journals import durably, fail, half_writes, marked, timestamps, until
from tests.store.samples import line

async def write() -> None:
    journal = Journal.open(Path(sys.argv[1]))
    first = int(sys.argv[2])
    async def one(lane: int) -> None:
        for number in range(100_000):
            ts = first + lane * 100_000 + number
            await journal.write_durable(line(ts, params={"pad": "x" * 200}))
            journal.append(line(-1 - ts))
            print(ts, flush=True)
    await asyncio.gather(*(one(lane) for lane in range(4)))

asyncio.run(write())
"""


def test_killed_writer_loses_no_durable_line(path: Path) -> None:
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
            # The last line of the pipe may be cut; every complete one was durable.
            durable += [int(text) for text in writer.stdout.read().splitlines(keepends=True) if text.endswith("\n")]
        assert writer.wait() == -signal.SIGKILL
        Journal.open(path).close()
        found = timestamps(path)
        assert set(durable) <= set(found)
        assert len(set(found)) == len(found)
        assert Scan(path).finish().last_seq == len(found)


def test_waiter_whose_event_loop_has_ended_holds_up_nobody(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()
    monkeypatch.setattr(group_sync, "sync_data", lambda _: go_on.wait(PATIENCE_S))
    journal = Journal.open(path)

    async def give_up() -> None:
        async with asyncio.timeout(0.05):
            await journal.write_durable(line(1))

    with pytest.raises(TimeoutError):
        asyncio.run(give_up())
    go_on.set()
    durably(journal, 2)
    journal.close()
    assert timestamps(path) == [1, 2]
