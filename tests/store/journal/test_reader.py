"""Whether a journal is intact, and what can still be read of a damaged one."""

from __future__ import annotations

from pathlib import Path

import pytest

from ama_tui.domain.errors import JournalError
from ama_tui.store.journal import reader as scan_module
from ama_tui.store.journal.reader import Scan, lines_of
from ama_tui.store.journal.sync_marker import marker_path
from tests.store.samples import line

THEIRS = b'{"ts": 5, "action": "SKIP"}\n'


def ours(*seqs: int) -> bytes:
    return b"".join(line(seq).as_line(seq) for seq in seqs)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "actions.jsonl"


def faults(path: Path, data: bytes) -> list[str]:
    path.write_bytes(data)
    return [fault.text for fault in Scan(path, keep_going=True).finish().faults]


def test_missing_file_is_an_intact_empty_journal(path: Path) -> None:
    scan = Scan(path).finish()
    assert (scan.lines, scan.first_seq, scan.last_seq, scan.faults, scan.files) == (0, None, None, [], [])
    assert (scan.truncated_at, scan.lacks_newline) == (None, False)


def test_lines_of_an_intact_journal_are_counted(path: Path) -> None:
    path.write_bytes(THEIRS + ours(1, 2) + b"\n" + THEIRS)
    scan = Scan(path).finish()
    assert (scan.lines, scan.first_seq, scan.last_seq) == (4, 1, 2)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (ours(1, 2, 3), []),
        (THEIRS + ours(1) + THEIRS + b"\n" + ours(2), []),
        (ours(1, 3), ["line 2: seq 3 follows 1"]),
        (ours(1, 2, 2, 3), ["line 3: seq 2 follows 2"]),
        (ours(2), ["line 1: the first seq is 2, not 1"]),
        (ours(1) + b"garbage\n" + ours(3), ["line 2: not JSON (Expecting value: line 1 column 1 (char 0))"]),
        (ours(1) + ours(2).replace(b"alice", b"malice") + ours(3), ["line 2: its crc does not match"]),
        (ours(1, 5) + b"{}\n" + ours(9, 2), ["line 2: seq 5 follows 1", "line 3: not a", "line 5: seq 2 follows 9"]),
        (b"[]\n" + ours(7), ["line 1: not a JSON object"]),
        (ours(1, 2) + b"{}\n" + ours(2), ["line 3: not a journal line: no ts or no action", "line 4: seq 2 follows 2"]),
        (ours(1, 2)[:-1] + ours(3), ["line 2: not JSON (Extra data: line 1 column"]),
    ],
)
def test_damage_is_reported_by_line(path: Path, data: bytes, expected: list[str]) -> None:
    found = faults(path, data)
    assert len(found) == len(expected)
    for text, begin in zip(found, expected, strict=True):
        assert text.startswith(begin)


def test_reading_stops_at_the_first_damage_unless_told_to_continue(path: Path) -> None:
    path.write_bytes(ours(1, 2) + b"garbage\n" + ours(4, 6))
    assert [entry.seq for entry in Scan(path)] == [1, 2]
    assert [entry.seq for entry in Scan(path, keep_going=True)] == [1, 2, 4, 6]


@pytest.mark.parametrize(("newest", "expected"), [(None, [1, 2, 3, 4]), (2, [3, 4]), (1, [4]), (9, [1, 2, 3, 4])])
def test_lines_of_all_or_only_the_newest_files_come_with_their_file(
    path: Path, newest: int | None, expected: list[int]
) -> None:
    older, old = path.with_name("actions.000001.jsonl"), path.with_name("actions.000002.jsonl")
    for file, seqs in ((older, (1, 2)), (old, (3,)), (path, (4,))):
        file.write_bytes(ours(*seqs))
    found = list(lines_of(path, newest=newest))
    assert [one.data for _, one in found] == [ours(seq) for seq in expected]
    assert [file for file, _ in found] == [older, older, old, path][-len(expected) :]


def test_unreadable_journal_is_reported_with_what_to_check(path: Path) -> None:
    path.mkdir()
    for reading in (lines_of(path), iter(Scan(path))):
        with pytest.raises(JournalError) as raised:
            list(reading)
        assert str(raised.value) == f"{path} cannot be read (Is a directory): check its owner and permissions"


def test_unreadable_directory_is_reported_with_what_to_check(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> list[Path]:
        raise OSError(13, "Permission denied")

    monkeypatch.setattr(scan_module, "segment_files", refuse)
    with pytest.raises(JournalError) as raised:
        Scan(path)
    assert str(raised.value) == f"{path} cannot be read (Permission denied): check its owner and permissions"


def test_unreadable_file_is_one_fault_when_reading_continues(path: Path) -> None:
    """Its contents are unknown, so the numbers may continue anywhere after it."""
    numbered = path.with_name("actions.000001.jsonl")
    numbered.mkdir()
    path.write_bytes(ours(5, 6))
    scan = Scan(path, keep_going=True)
    assert [entry.seq for entry in scan] == [5, 6]
    assert [(fault.file, fault.text) for fault in scan.faults] == [(numbered, "cannot be read (Is a directory)")]


@pytest.mark.parametrize(
    ("mark", "torn_at"),
    [(None, None), (3, None), (2, 2), (1, 2)],
)
def test_damage_after_the_sync_marker_is_a_torn_tail_and_before_it_damage(
    path: Path, mark: int | None, torn_at: int | None
) -> None:
    path.write_bytes(ours(1, 2) + bytes(500) + b"\n" + ours(4))
    if mark is not None:
        marker_path(path).write_bytes(b"%020d" % mark)
    scan = Scan(path).finish()
    assert bool(scan.faults) == (torn_at is None)
    assert scan.truncated_at == (None if torn_at is None else len(ours(1, 2)))
    assert torn_at is None or scan.last_seq == torn_at


@pytest.mark.parametrize(("mark", "torn_at"), [(0, 0), (1, None)])
def test_journal_damaged_from_its_beginning_is_torn_if_nothing_was_durable(
    path: Path, mark: int, torn_at: int | None
) -> None:
    path.write_bytes(bytes(500) + b"\n")
    marker_path(path).write_bytes(b"%020d" % mark)
    assert Scan(path).finish().truncated_at == torn_at


@pytest.mark.parametrize("last", [b"", ours(4)])
def test_line_of_the_original_tool_after_the_damage_was_written_after_the_crash(path: Path, last: bytes) -> None:
    """So the damage is not from a power cut, and that line must not be cut off with it."""
    path.write_bytes(ours(1, 2) + b'{"ts":1,"act' + THEIRS + THEIRS + last)
    marker_path(path).write_bytes(b"%020d" % 1)
    assert len(Scan(path).finish().faults) == 1


def test_line_of_the_original_tool_before_the_damage_does_not_matter(path: Path) -> None:
    path.write_bytes(THEIRS + ours(1) + bytes(500) + b"\n")
    marker_path(path).write_bytes(b"%020d" % 1)
    assert Scan(path).finish().truncated_at == len(THEIRS + ours(1))


@pytest.mark.parametrize("mark", [b"", b"12", b"x" * 20, bytes(20)])
def test_malformed_sync_marker_is_ignored(path: Path, mark: bytes) -> None:
    path.write_bytes(ours(1) + b"garbage\n")
    marker_path(path).write_bytes(mark)
    assert len(Scan(path).finish().faults) == 1


def test_complete_last_line_with_a_wrong_number_is_not_a_torn_tail(path: Path) -> None:
    path.write_bytes(ours(1, 2, 5)[:-1])
    scan = Scan(path).finish()
    assert ([fault.number for fault in scan.faults], scan.truncated_at, scan.lacks_newline) == ([3], None, False)
