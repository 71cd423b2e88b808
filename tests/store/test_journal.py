"""The journal: whole lines, durable in groups, nothing lost to a torn tail or a full disk."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import monotonic, sleep

import pytest

from ama_tui.domain.errors import JournalCorruptError, JournalError, JournalFullError, JournalSyncError
from ama_tui.store import failpoints, group_sync
from ama_tui.store import journal as journal_module
from ama_tui.store.journal import Journal, TornTail
from ama_tui.store.mark import mark_path, read_mark
from ama_tui.store.scan import Scan
from tests.sizes import thinned
from tests.store.samples import line


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "actions.jsonl"


def timestamps(path: Path) -> list[int]:
    return [entry.ts for entry in Scan(path)]


def fail(*_: object) -> None:
    raise OSError(5, "Input/output error")


def test_lines_are_appended_in_order_over_several_runs(path: Path) -> None:
    for first in (0, 10):
        journal = Journal.open(path)
        assert journal.torn is None
        for ts in range(first, first + 10):
            journal.append(line(ts))
        journal.close()
    assert timestamps(path) == list(range(20))
    assert [entry.seq for entry in Scan(path)] == list(range(1, 21))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_new_journal_has_its_name_on_the_disk_and_an_old_one_had_it_before(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(journal_module, "sync_directory", synced.append)
    for _ in range(2):
        journal = Journal.open(path)
        assert (journal.problem, journal.torn) == ("", None)
        journal.close()
        assert synced == [path.parent]


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


async def test_failpoints_stand_before_and_after_the_writing_of_a_line(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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
        assert go_on.wait(10)

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


async def test_one_waiter_that_gives_up_takes_no_sync_from_the_others(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    monkeypatch.setattr(group_sync, "sync_data", lambda _: go_on.wait(10))
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


def durably(journal: Journal, ts: int) -> None:
    """Write an intent and wait for it."""
    asyncio.run(journal.write_durable(line(ts)))


def marked(path: Path, seq: int) -> bool:
    return read_mark(path) == seq


def until(is_so: Callable[[], bool]) -> None:
    deadline = monotonic() + 10
    while not is_so():
        assert monotonic() < deadline
        sleep(0.005)


def test_line_that_nobody_waits_for_is_durable_soon_and_an_idle_journal_is_left_alone(path: Path) -> None:
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


def test_failed_sync_stays(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
        "the journal did not reach the disk (Input/output error): check the disk, then start again with --resume"
    )
    assert path.stat().st_size == size
    journal.probe()
    assert not journal.can_recover
    assert journal.problem
    # What is done about it can still be noted.
    journal.append(line(10))
    assert timestamps(path)[-1] == 10
    journal.close()


def test_failed_sync_of_lines_that_nobody_waits_for_is_known_to_the_next_intent(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_sync, "sync_data", fail)
    journal = Journal.open(path)
    journal.append(line(1))
    until(lambda: not journal.can_recover)
    with pytest.raises(JournalSyncError):
        durably(journal, 2)
    assert timestamps(path) == [1]
    journal.close()


def test_failed_last_sync_is_told_and_the_journal_is_closed_all_the_same(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_sync, "PATIENCE_S", 3600)
    journal = Journal.open(path)
    journal.append(line(1))
    monkeypatch.setattr(group_sync, "sync_data", fail)
    with pytest.raises(JournalSyncError, match="Input/output error"):
        journal.close()
    journal.close()
    # The mark stays: whoever opens it next must reckon with lines that were not durable.
    assert read_mark(path) == 0


async def test_closing_makes_everything_durable(path: Path) -> None:
    journal = Journal.open(path)
    waiter = asyncio.create_task(journal.write_durable(line(1)))
    await asyncio.sleep(0)
    journal.close()
    journal.close()
    await waiter
    with pytest.raises(JournalError) as raised:
        journal.append(line(2))
    assert str(raised.value) == f"{path} is closed: this is a fault of the program"
    with pytest.raises(JournalError, match="is closed"):
        await journal.write_durable(line(2))
    assert timestamps(path) == [1]
    assert read_mark(path) is None


def half_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the disk takes seven bytes of a line."""
    whole = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: whole(descriptor, data[:7]))


def test_intent_that_does_not_fit_leaves_nothing_and_the_next_may_fit(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal.open(path)
    durably(journal, 1)
    half_writes(monkeypatch)
    with pytest.raises(JournalFullError) as raised:
        durably(journal, 2)
    assert path.read_bytes() == line(1).as_line(1)
    assert journal.problem == f"{path} cannot be written (No space left on device)"
    assert str(raised.value) == f"{journal.problem}: make room or correct its owner and mode"
    assert journal.can_recover
    monkeypatch.undo()
    durably(journal, 3)
    assert journal.problem == ""
    journal.close()
    assert timestamps(path) == [1, 3]
    assert Scan(path).finish().last_seq == 2


def test_other_lines_that_do_not_fit_are_held_and_written_in_their_order(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal.open(path)
    half_writes(monkeypatch)
    for ts in (1, 2):
        journal.append(line(ts))
    with pytest.raises(JournalFullError):
        durably(journal, 3)
    assert path.read_bytes() == b""
    journal.probe()
    assert journal.problem
    monkeypatch.undo()
    durably(journal, 4)
    journal.close()
    assert timestamps(path) == [1, 2, 4]


@pytest.mark.parametrize("is_anything_held", [True, False])
def test_probing_finds_the_room_that_came_back(
    path: Path, monkeypatch: pytest.MonkeyPatch, is_anything_held: bool
) -> None:
    journal = Journal.open(path)
    journal.probe()
    assert path.read_bytes() == b""
    half_writes(monkeypatch)
    if is_anything_held:
        journal.append(line(1))
    else:
        with pytest.raises(JournalFullError):
            durably(journal, 1)
    journal.probe()
    assert journal.problem
    monkeypatch.undo()
    journal.probe()
    assert journal.problem == ""
    assert timestamps(path) == ([1] if is_anything_held else [])
    journal.append(line(2))
    journal.close()
    assert timestamps(path)[-1] == 2


def test_what_probing_wrote_and_could_not_take_back_is_cut_before_the_next_line(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal.open(path)
    with monkeypatch.context() as full:
        half_writes(full)
        with pytest.raises(JournalFullError):
            durably(journal, 1)
    with monkeypatch.context() as stuck:
        stuck.setattr(os, "ftruncate", fail)
        journal.probe()
    assert journal.problem == ""
    assert path.read_bytes().isspace()
    journal.append(line(2))
    journal.close()
    assert path.read_bytes() == line(2).as_line(1)


def test_closed_journal_is_not_probed_whoever_has_its_descriptor_now(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal.open(path)
    with monkeypatch.context() as full:
        half_writes(full)
        journal.append(line(1))
        journal.close()
    assert journal.problem
    others = [path.with_name(f"other-{number}").open("wb") for number in range(3)]
    journal.probe()
    for other in others:
        other.close()
        assert Path(other.name).read_bytes() == b""


def test_lines_held_at_the_end_are_written_then_if_they_fit(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for is_room in (False, True):
        journal = Journal.open(path)
        half_writes(monkeypatch)
        journal.append(line(1))
        if is_room:
            monkeypatch.undo()
        journal.close()
        assert timestamps(path) == ([1] if is_room else [])


def test_half_line_is_cut_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal.open(path)
    with monkeypatch.context() as full:
        half_writes(full)
        journal.append(line(1))
    monkeypatch.setattr(os, "ftruncate", fail)
    journal.append(line(2))
    assert timestamps(path) == [1, 2]
    journal.close()


def test_half_line_that_cannot_be_cut_at_once_is_cut_before_the_next(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal.open(path)
    half_writes(monkeypatch)
    monkeypatch.setattr(os, "ftruncate", fail)
    for ts in (1, 2):
        journal.append(line(ts))
    assert path.stat().st_size == 7
    monkeypatch.undo()
    journal.append(line(3))
    journal.close()
    assert timestamps(path) == [1, 2, 3]


def test_torn_last_line_is_kept_aside_and_cut_at_every_offset(path: Path) -> None:
    whole = b"".join(line(ts, params={"level": ts}).as_line(ts) for ts in range(1, 4))
    last = line(99, error="Zoë — 文").as_line(4)
    kept = b""
    for size in thinned(range(1, len(last) - 1)):
        path.write_bytes(whole + last[:size])
        journal = Journal.open(path)
        journal.close()
        kept += last[:size] + b"\n"
        assert journal.torn == TornTail(size, path.with_name("actions.jsonl.torn"))
        assert path.read_bytes() == whole
        assert path.with_name("actions.jsonl.torn").read_bytes() == kept
    assert stat.S_IMODE(path.with_name("actions.jsonl.torn").stat().st_mode) == 0o600


def test_whole_line_that_lacks_only_its_newline_is_completed(path: Path) -> None:
    path.write_bytes(line(1).as_line() + line(2).as_line(1)[:-1])
    journal = Journal.open(path)
    journal.append(line(3))
    journal.close()
    assert journal.torn is None
    assert timestamps(path) == [1, 2, 3]
    assert not path.with_name("actions.jsonl.torn").exists()


@pytest.mark.parametrize(
    "tail",
    [b"\0" * 4096, b"{" * 200_000, b"\xff", b"{}", b" " * 4096],
    ids=["zeros", "braces", "no text", "an empty object", "blanks"],
)
def test_any_unfinished_tail_is_kept_aside(path: Path, tail: bytes) -> None:
    path.write_bytes(line(1).as_line() + tail)
    Journal.open(path).close()
    assert path.read_bytes() == line(1).as_line()
    assert path.with_name("actions.jsonl.torn").read_bytes() == tail + b"\n"


def test_torn_tail_of_whole_lines_is_kept_aside_as_it_is(path: Path) -> None:
    """A power cut left a block of zeros among lines that were not on the disk yet."""
    tail = bytes(500) + b"\n" + line(4).as_line(4)
    path.write_bytes(line(1).as_line(1) + tail)
    mark_path(path).write_bytes(b"%020d" % 1)
    Journal.open(path).close()
    assert path.read_bytes() == line(1).as_line(1)
    assert path.with_name("actions.jsonl.torn").read_bytes() == tail


def test_file_that_is_one_torn_line_becomes_empty(path: Path) -> None:
    path.write_bytes(b'{"ts":1')
    journal = Journal.open(path)
    journal.close()
    assert (path.read_bytes(), journal.torn) == (b"", TornTail(7, path.with_name("actions.jsonl.torn")))


def test_torn_tail_stays_when_it_cannot_be_kept_aside(path: Path) -> None:
    path.write_bytes(line(1).as_line() + b"half")
    path.with_name("actions.jsonl.torn").mkdir()
    with pytest.raises(JournalError) as raised:
        Journal.open(path)
    problem = f"{path} cannot be written (Is a directory)"
    assert str(raised.value) == f"{problem}: make room or correct its owner and mode"
    assert path.read_bytes() == line(1).as_line() + b"half"


def test_damage_that_no_crash_explains_is_refused_and_left_alone(path: Path) -> None:
    content = line(1).as_line(1) + b"garbage\n" + line(2).as_line(2)
    path.write_bytes(content)
    with pytest.raises(JournalCorruptError, match=r"actions\.jsonl line 2: not JSON") as raised:
        Journal.open(path)
    assert "\n" not in str(raised.value)
    assert "ama-tui journal repair" in raised.value.hint
    assert [one.read_bytes() for one in path.parent.iterdir()] == [content]


def test_directory_in_its_place_is_our_own_error(path: Path) -> None:
    path.mkdir()
    with pytest.raises(JournalError, match="cannot be read"):
        Journal.open(path)


def test_lines_of_the_original_tool_may_stand_anywhere_and_stay_byte_for_byte(path: Path) -> None:
    theirs = b'{"ts": 5, "action": "SKIP", "build": 41}\n'
    path.write_bytes(theirs)
    for ts in (1, 2):
        journal = Journal.open(path)
        journal.append(line(ts))
        journal.close()
        with path.open("ab") as file:
            file.write(theirs + b"\n" + theirs)
    assert path.read_bytes().count(theirs) == 5
    assert [entry.seq for entry in Scan(path)] == [None, 1, None, None, 2, None, None]


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
            journal.append(line(-1 - ts))
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
        assert Scan(path).finish().last_seq == len(found)


def test_waiter_whose_loop_has_ended_holds_nobody_up(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()
    monkeypatch.setattr(group_sync, "sync_data", lambda _: go_on.wait(10))
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
