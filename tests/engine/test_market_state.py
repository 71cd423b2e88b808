"""The state files of a market: damage to one of them does not keep the rest from being used."""

from __future__ import annotations

from pathlib import Path

import pytest

from ama_tui.config.paths import StatePaths
from ama_tui.domain.errors import LockHeldError
from ama_tui.engine.market_state import open_market_state
from ama_tui.store.checkpoint import WalletEntry
from ama_tui.store.journal.files import CANCEL_JOURNAL
from ama_tui.store.lock import StateLock
from ama_tui.store.state_store import StateStore
from tests.store.samples import ALICE, BOOK, CHAIN_ID, checkpoint, line


@pytest.fixture
def paths(tmp_path: Path) -> StatePaths:
    """A market with a stored run and three lines of its journal."""
    found = StatePaths(tmp_path / "state", CHAIN_ID, BOOK)
    store = StateStore.open(found)
    store.begin(checkpoint(WalletEntry(ALICE, "alice")))
    for _ in range(3):
        store.journal.append(line())
    store.close()
    return found


def test_intact_files_are_read_and_locked(paths: StatePaths) -> None:
    records = open_market_state(paths, force=False)
    assert (records.notes, records.is_whole, records.replay.entries) == ((), True, 3)
    assert records.wallets.keys() == {ALICE}
    records.journal.append(line())
    records.close()
    assert len(paths.journal.read_text().splitlines()) == 4
    StateLock(paths.lock).acquire()


def test_missing_files_are_an_empty_state(tmp_path: Path) -> None:
    records = open_market_state(StatePaths(tmp_path / "state", CHAIN_ID, BOOK), force=False)
    assert (records.notes, records.is_whole, dict(records.wallets), records.replay.entries) == ((), True, {}, 0)
    records.close()


def test_state_in_use_is_refused_and_only_read_with_force(paths: StatePaths) -> None:
    holder = StateLock(paths.lock)
    holder.acquire()
    before = paths.journal.read_bytes()
    with pytest.raises(LockHeldError) as refused:
        open_market_state(paths, force=False)
    assert refused.value.pid is not None
    records = open_market_state(paths, force=True)
    records.journal.append(line())
    records.close()
    assert (set(records.wallets), records.replay.entries) == ({ALICE}, 3)
    assert paths.journal.read_bytes() == before
    assert len((paths.directory / CANCEL_JOURNAL).read_text().splitlines()) == 1
    assert "another run (pid " in records.notes[0]
    holder.release()


@pytest.mark.parametrize("what", ["journal", "checkpoint"])
def test_corrupt_file_is_reported_and_the_other_one_used(paths: StatePaths, what: str) -> None:
    path = paths.journal if what == "journal" else paths.checkpoint
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([b"\x00" * 20, *lines[1:]]))
    before = path.read_bytes()
    records = open_market_state(paths, force=False)
    records.close()
    assert path.read_bytes() == before
    assert len(records.notes) == 1
    assert path.name in records.notes[0]
    assert records.is_whole is (what == "checkpoint")
    assert bool(records.wallets) is (what == "journal")
    assert records.replay.entries == (2 if what == "journal" else 3)


def test_unusable_journal_leaves_the_checkpoint_and_the_chain(paths: StatePaths) -> None:
    paths.journal.unlink()
    paths.journal.mkdir()
    (paths.directory / CANCEL_JOURNAL).mkdir()
    records = open_market_state(paths, force=False)
    records.journal.append(line())
    records.close()
    assert records.wallets.keys() == {ALICE}
    assert not records.is_whole
    assert records.notes[0].startswith("continuing without the journal: ")
