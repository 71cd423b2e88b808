"""The end of a journal, read while a run writes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ama_tui.domain.errors import JournalError
from ama_tui.store.journal.entry import JournalEntry
from ama_tui.store.journal.tail import JournalTail
from ama_tui.store.journal.writer import Journal
from tests.store.samples import line


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "actions.jsonl"


def times(entries: list[JournalEntry]) -> list[int]:
    return [entry.ts for entry in entries]


def test_last_lines_come_first_then_new_ones(path: Path) -> None:
    journal = Journal.open(path)
    for ts in range(5):
        journal.append(line(ts))
    follower = JournalTail(path, 3)
    assert times(follower.first()) == [2, 3, 4]
    assert follower.more() == []
    journal.append(line(5))
    journal.append(line(6))
    assert times(follower.more()) == [5, 6]
    assert follower.more() == []
    journal.close()


def test_no_line_is_missed_when_a_new_file_starts(path: Path) -> None:
    journal = Journal.open(path, segment_bytes=2_000)
    follower = JournalTail(path, 0)
    assert follower.first() == []
    found = []
    for ts in range(60):
        journal.append(line(ts))
        if ts % 5 == 0:
            found += times(follower.more())
    found += times(follower.more())
    journal.close()
    assert found == list(range(60))


def test_line_is_returned_once_it_is_complete(path: Path) -> None:
    data = line(1).as_line(1)
    path.write_bytes(data[:20])
    follower = JournalTail(path, 10)
    assert follower.first() == []
    assert follower.more() == []
    path.write_bytes(data + b"garbage\n" + line(2).as_line(2)[:9])
    assert times(follower.more()) == [1]
    # A line that did not fit was cut off again, and another one was written in its place.
    path.write_bytes(data + b"garbage\n")
    assert follower.more() == []
    path.write_bytes(data + b"garbage\n" + line(3).as_line(2))
    assert times(follower.more()) == [3]


def test_journal_created_later_is_followed_from_its_first_line(path: Path) -> None:
    follower = JournalTail(path, 10)
    assert follower.first() == follower.more() == []
    path.write_bytes(line(1).as_line(1))
    assert times(follower.more()) == [1]


def test_unreadable_journal_is_our_own_error(path: Path) -> None:
    path.mkdir()
    follower = JournalTail(path, 10)
    with pytest.raises(JournalError, match="cannot be read"):
        follower.first()
