"""Opening a journal: a torn tail is moved aside, damage is refused, complete lines stay byte for byte."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from ama_tui.domain.errors import JournalCorruptError, JournalError
from ama_tui.store.journal.reader import Scan
from ama_tui.store.journal.sync_marker import marker_path
from ama_tui.store.journal.writer import Journal, TruncatedTail
from tests.sizes import thinned
from tests.store.journal.journals import timestamps
from tests.store.samples import line


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "actions.jsonl"


def test_torn_last_line_is_moved_aside_whatever_its_length(path: Path) -> None:
    whole = b"".join(line(ts, params={"level": ts}).as_line(ts) for ts in range(1, 4))
    last = line(99, error="Zoë — 文").as_line(4)
    kept = b""
    for size in thinned(range(1, len(last) - 1)):
        path.write_bytes(whole + last[:size])
        journal = Journal.open(path)
        journal.close()
        kept += last[:size] + b"\n"
        assert journal.truncated == TruncatedTail(size, path.with_name("actions.jsonl.torn"))
        assert path.read_bytes() == whole
        assert path.with_name("actions.jsonl.torn").read_bytes() == kept
    assert stat.S_IMODE(path.with_name("actions.jsonl.torn").stat().st_mode) == 0o600


def test_complete_line_that_lacks_only_its_newline_is_completed(path: Path) -> None:
    path.write_bytes(line(1).as_line() + line(2).as_line(1)[:-1])
    journal = Journal.open(path)
    journal.append(line(3))
    journal.close()
    assert journal.truncated is None
    assert timestamps(path) == [1, 2, 3]
    assert not path.with_name("actions.jsonl.torn").exists()


@pytest.mark.parametrize(
    "tail",
    [b"\0" * 4096, b"{" * 200_000, b"\xff", b"{}", b" " * 4096],
    ids=["zeros", "braces", "no text", "an empty object", "blanks"],
)
def test_any_unfinished_tail_is_moved_aside(path: Path, tail: bytes) -> None:
    path.write_bytes(line(1).as_line() + tail)
    Journal.open(path).close()
    assert path.read_bytes() == line(1).as_line()
    assert path.with_name("actions.jsonl.torn").read_bytes() == tail + b"\n"


def test_torn_tail_of_complete_lines_is_moved_aside_unchanged(path: Path) -> None:
    """A power cut left a block of zeros among lines that were not on disk yet."""
    tail = bytes(500) + b"\n" + line(4).as_line(4)
    path.write_bytes(line(1).as_line(1) + tail)
    marker_path(path).write_bytes(b"%020d" % 1)
    Journal.open(path).close()
    assert path.read_bytes() == line(1).as_line(1)
    assert path.with_name("actions.jsonl.torn").read_bytes() == tail


def test_file_with_only_a_torn_line_becomes_empty(path: Path) -> None:
    path.write_bytes(b'{"ts":1')
    journal = Journal.open(path)
    journal.close()
    assert (path.read_bytes(), journal.truncated) == (b"", TruncatedTail(7, path.with_name("actions.jsonl.torn")))


def test_torn_tail_stays_when_it_cannot_be_moved_aside(path: Path) -> None:
    path.write_bytes(line(1).as_line() + b"half")
    path.with_name("actions.jsonl.torn").mkdir()
    with pytest.raises(JournalError) as raised:
        Journal.open(path)
    problem = f"{path} cannot be written (Is a directory)"
    assert str(raised.value) == f"{problem}: free some disk space or correct its owner and permissions"
    assert path.read_bytes() == line(1).as_line() + b"half"


def test_damage_that_no_crash_explains_is_refused_and_left_alone(path: Path) -> None:
    content = line(1).as_line(1) + b"garbage\n" + line(2).as_line(2)
    path.write_bytes(content)
    with pytest.raises(JournalCorruptError, match=r"actions\.jsonl line 2: not JSON") as raised:
        Journal.open(path)
    assert "\n" not in str(raised.value)
    assert "ama-tui journal repair" in raised.value.hint
    assert [one.read_bytes() for one in path.parent.iterdir()] == [content]


def test_directory_in_place_of_the_journal_is_our_own_error(path: Path) -> None:
    path.mkdir()
    with pytest.raises(JournalError, match="cannot be read"):
        Journal.open(path)


def test_lines_of_the_original_tool_may_be_anywhere_and_stay_byte_for_byte(path: Path) -> None:
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
