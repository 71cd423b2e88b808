"""A damaged journal becomes usable again, and not a byte of the original is lost."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ama_tui.domain.errors import JournalError
from ama_tui.store.journal.files import segment_files
from ama_tui.store.journal.reader import Scan
from ama_tui.store.journal.repair import repair
from ama_tui.store.journal.sync_marker import marker_path
from ama_tui.store.journal.writer import Journal
from tests.store.samples import line

THEIRS = b'{"ts": 5, "action": "SKIP", "build": 41}\n'


def ours(*seqs: int) -> bytes:
    return b"".join(line(seq, extra={"kept": [seq]}).as_line(seq) for seq in seqs)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "actions.jsonl"


def renumbered(ts: int, seq: int) -> bytes:
    return line(ts, extra={"kept": [ts]}).as_line(seq)


def assert_goes_on(path: Path) -> None:
    assert Scan(path).finish().faults == []
    journal = Journal.open(path)
    journal.append(line(1))
    journal.close()
    assert Scan(path).finish().faults == []


def test_readable_lines_are_kept_and_renumbered_without_a_gap(path: Path) -> None:
    damaged = ours(1, 2) + b"garbage\n" + THEIRS + ours(4, 7) + ours(8).replace(b"alice", b"malice") + b'{"ts":9'
    path.write_bytes(damaged)
    marker_path(path).write_bytes(b"%020d" % 8)
    done = repair(path)
    assert (done.kept, done.renumbered) == (5, 2)
    assert [(fault.number, fault.problem.split(" (")[0]) for fault in done.dropped] == [
        (3, "not JSON"),
        (7, "its crc does not match"),
        (8, "not JSON"),
    ]
    assert done.originals == (path.with_name("actions.jsonl.broken-1"),)
    assert done.originals[0].read_bytes() == damaged
    assert path.read_bytes() == ours(1, 2) + THEIRS + renumbered(4, 3) + renumbered(7, 4)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {one.name for one in path.parent.iterdir()} == {"actions.jsonl", "actions.jsonl.broken-1"}
    assert_goes_on(path)


def test_intact_journal_is_left_alone(path: Path) -> None:
    path.write_bytes(THEIRS + ours(1, 2))
    before = path.stat()
    done = repair(path)
    assert (done.kept, done.renumbered, done.dropped, done.originals) == (3, 0, (), ())
    assert path.stat() == before


def test_only_damaged_files_are_rewritten(path: Path) -> None:
    contents = {"actions.000001.jsonl": ours(1, 2), "actions.000002.jsonl": ours(3) + b"x\n", "actions.jsonl": ours(5)}
    for name, data in contents.items():
        path.with_name(name).write_bytes(data)
    done = repair(path)
    assert [original.name for original in done.originals] == ["actions.000002.jsonl.broken-1", "actions.jsonl.broken-1"]
    assert [file.read_bytes() for file in segment_files(path)] == [ours(1, 2), ours(3), renumbered(5, 4)]
    assert_goes_on(path)


def test_removed_old_files_do_not_change_the_numbers_of_the_rest(path: Path) -> None:
    path.with_name("actions.000003.jsonl").write_bytes(ours(40, 41))
    path.write_bytes(ours(42) + b"x\n" + ours(44))
    assert repair(path).renumbered == 1
    assert [entry.seq for entry in Scan(path)] == [40, 41, 42, 43]


def test_every_repair_keeps_its_own_original(path: Path) -> None:
    for number in (1, 2, 3):
        path.write_bytes(ours(number))
        aside = path.with_name(f"actions.jsonl.broken-{number}")
        if number > 1:
            assert repair(path).originals == (aside.with_name(f"actions.jsonl.broken-{number - 1}"),)
    path.write_bytes(b"x\n")
    assert repair(path).originals == (path.with_name("actions.jsonl.broken-3"),)
    assert_goes_on(path)


@pytest.mark.parametrize("has_links", [True, False])
def test_failed_repair_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch, has_links: bool) -> None:
    def fail(*_: object) -> None:
        raise OSError(1, "Operation not permitted")

    path.write_bytes(ours(1) + b"x\n")
    if not has_links:
        monkeypatch.setattr(os, "link", fail)
    with monkeypatch.context() as broken:
        broken.setattr("ama_tui.store.journal.repair.rename", fail)
        with pytest.raises(JournalError, match="cannot be repaired"):
            repair(path)
    assert path.read_bytes() == ours(1) + b"x\n"
    assert path.with_name("actions.jsonl.broken-1").read_bytes() == ours(1) + b"x\n"
    assert list(path.parent.glob(".*")) == []
    assert repair(path).kept == 1
    assert path.with_name("actions.jsonl.broken-2").read_bytes() == ours(1) + b"x\n"
