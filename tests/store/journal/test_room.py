"""Lines that do not fit on the disk: none of their bytes stay, and they are written once there is space."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ama_tui.domain.errors import JournalFullError
from ama_tui.store.journal.reader import Scan
from ama_tui.store.journal.writer import Journal
from tests.store.journal.journals import durably, fail, half_writes, timestamps
from tests.store.samples import line


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "actions.jsonl"


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
    assert str(raised.value) == f"{journal.problem}: free some disk space or correct its owner and permissions"
    assert journal.can_recover
    monkeypatch.undo()
    durably(journal, 3)
    assert journal.problem == ""
    journal.close()
    assert timestamps(path) == [1, 3]
    assert Scan(path).finish().last_seq == 2


def test_other_lines_that_do_not_fit_wait_and_are_written_in_order(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_probe_notices_freed_space(path: Path, monkeypatch: pytest.MonkeyPatch, is_anything_held: bool) -> None:
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


def test_bytes_a_probe_could_not_remove_are_cut_before_the_next_line(
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


def test_closed_journal_is_not_probed_even_if_its_descriptor_was_reused(
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


def test_waiting_lines_are_written_at_close_if_they_fit(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
