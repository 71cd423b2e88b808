"""A journal that may fail: what it accepts is written, and what it refuses holds nothing up."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ama_tui.domain.errors import JournalError
from ama_tui.store.journal import best_effort as forgiving
from ama_tui.store.journal.best_effort import BestEffortJournal
from ama_tui.store.journal.entry import JournalEntry
from ama_tui.store.journal.writer import Journal
from tests.store.samples import line


class Broken:
    """Accepts nothing; fails or hangs as configured."""

    path = Path("actions.jsonl")

    def __init__(self, *, hangs: bool = False) -> None:
        self.hangs = hangs

    def append(self, entry: JournalEntry) -> None:
        raise JournalError("the disk is full", "free some disk space")

    async def write_durable(self, entry: JournalEntry) -> None:
        if self.hangs:
            await asyncio.sleep(3600)
        self.append(entry)


async def test_accepted_lines_are_written_and_durable(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "actions.jsonl")
    losses: list[JournalError] = []
    writing = BestEffortJournal(journal.path, journal, losses.append)
    writing.append(line())
    await writing.write_durable(line())
    journal.close()
    assert len((tmp_path / "actions.jsonl").read_text().splitlines()) == 2
    assert (losses, writing.lost, journal.syncs) == ([], 0, 1)


async def test_refused_lines_are_reported_once_and_raise_nothing() -> None:
    losses: list[JournalError] = []
    writing = BestEffortJournal(Path("actions.jsonl"), Broken(), losses.append)
    for _ in range(3):
        writing.append(line())
        await writing.write_durable(line())
    assert ([str(one) for one in losses], writing.lost) == (["the disk is full: free some disk space"], 6)


async def test_hanging_disk_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forgiving, "LONGEST_SYNC_S", 0.05)
    losses: list[JournalError] = []
    await BestEffortJournal(Path("actions.jsonl"), Broken(hangs=True), losses.append).write_durable(line())
    assert str(losses[0]) == "actions.jsonl was not synced within 0.05 s: check the disk"


async def test_without_a_journal_lines_are_dropped() -> None:
    losses: list[JournalError] = []
    writing = BestEffortJournal(Path("actions.jsonl"), None, losses.append)
    writing.append(line())
    await writing.write_durable(line())
    assert (losses, writing.lost) == ([], 0)
