"""Reading a market's files without a lock: everything readable, and not a byte changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ama_tui.config.paths import StatePaths
from ama_tui.store.checkpoint import WalletEntry, save_wallet
from ama_tui.store.read_only import market_at, read_stored_market
from ama_tui.store.state_store import StateStore
from tests.e2e.operator import hashes
from tests.store.samples import ALICE, BOB, BOOK, CHAIN_ID, NOW_MS, checkpoint, line, market

SESSION = "0x" + "5e" * 32
LATER = "0x" + "1a" * 32
ALICES = WalletEntry(ALICE, "alice", session_id=SESSION, session_expiry=1_000)


def stored(root: Path) -> tuple[StatePaths, StateStore]:
    """A run on disk with one wallet and one announced session; its lock is held."""
    paths = StatePaths(root, CHAIN_ID, BOOK)
    store = StateStore.open(paths)
    store.begin(checkpoint(ALICES))
    store.journal.append(line(action="SESSION_INIT", trader=BOB, params={"sessionId": LATER, "expiry": "2000"}))
    return paths, store


def test_active_run_is_read_and_left_alone(tmp_path: Path) -> None:
    paths, store = stored(tmp_path)
    save_wallet(paths.wallet(ALICE), replace(ALICES, session_id=LATER, session_expiry=3_000))  # ahead of the checkpoint
    before = hashes(tmp_path)
    found = read_stored_market(paths)
    assert (found.wallets[ALICE].session_id, found.wallets[ALICE].session_expiry) == (LATER, 3_000)
    assert [one.session_id for one in found.replay.sessions[BOB]] == [LATER]
    assert found.problems == ()
    assert market_at(paths) == market()
    assert hashes(tmp_path) == before
    store.close()


def test_lines_of_a_cancel_all_count_too(tmp_path: Path) -> None:
    paths, store = stored(tmp_path)
    beside = StateStore.open_beside(paths)
    beside.journal.append(line(ts=NOW_MS + 1, action="SESSION_INIT", trader=BOB, params={"sessionId": SESSION}))
    beside.close()
    assert [one.session_id for one in read_stored_market(paths).replay.sessions[BOB]] == [LATER, SESSION]
    store.close()


def test_unreadable_files_are_named_and_the_rest_counts(tmp_path: Path) -> None:
    paths, store = stored(tmp_path)
    store.close()
    paths.checkpoint.write_text("{")
    paths.wallet(BOB).write_text("{")
    paths.journal.write_bytes(b"garbage\n" + paths.journal.read_bytes())
    found = read_stored_market(paths)
    assert found.wallets == {ALICE: ALICES}
    assert BOB in found.replay.sessions
    problems = "; ".join(found.problems)
    for name in ("checkpoint.json is corrupt", f"{BOB}.json is corrupt", "actions.jsonl line 1"):
        assert name in problems
    assert market_at(paths) is None


def test_missing_directory_is_empty(tmp_path: Path) -> None:
    paths = StatePaths(tmp_path / "none", CHAIN_ID, BOOK)
    found = read_stored_market(paths)
    assert (found.wallets, found.replay.sessions, found.problems) == ({}, {}, ())
    assert market_at(paths) is None
    assert not paths.root.exists()
