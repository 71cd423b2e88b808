"""Saving while a run continues: only what changed, once, and never in the way of a cycle."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ama_tui.config.paths import StatePaths
from ama_tui.domain.errors import CheckpointError
from ama_tui.domain.wallet import FleetWallet
from ama_tui.engine.fleet_pnl import FleetPnl
from ama_tui.engine.run import autosave as autosave_module
from ama_tui.engine.run.autosave import Autosave, pause_after
from ama_tui.engine.wallet_book import Fleet, WalletBook
from ama_tui.store import state_store
from ama_tui.store.checkpoint import WalletEntry
from ama_tui.store.state_store import StateStore
from tests.sizes import PATIENCE_S
from tests.store.samples import BOOK, CHAIN_ID, checkpoint

WALLETS = 40


@pytest.fixture
def paths(tmp_path: Path) -> StatePaths:
    return StatePaths(tmp_path / "state", CHAIN_ID, BOOK)


@pytest.fixture
def store(paths: StatePaths) -> Iterator[StateStore]:
    opened = StateStore.open(paths)
    addresses = [f"0x{number:040x}" for number in range(WALLETS)]
    opened.begin(checkpoint(*(WalletEntry(one, f"User{number}", index=number) for number, one in enumerate(addresses))))
    yield opened
    opened.close()


@pytest.fixture
def fleet(store: StateStore) -> Fleet:
    assert store.checkpoint is not None
    entries = store.checkpoint.wallets.values()
    return Fleet(WalletBook(FleetWallet(entry.index or 0, entry.nickname, entry.address)) for entry in entries)


@pytest.fixture
def synced(store: StateStore, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The files that were synced."""
    found: list[int] = []
    sync = os.fsync

    def note(descriptor: int) -> None:
        found.append(descriptor)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    return found


def act(fleet: Fleet, at_ms: int) -> None:
    for book in fleet:
        book.acted(at_ms)


def saved(paths: StatePaths) -> set[int]:
    """The times of the last actions in the checkpoint and in the wallets' files."""
    entries = list(json.loads(paths.checkpoint.read_text())["wallets"].values())
    entries += [json.loads(path.read_text()) for path in paths.wallets.glob("0x*.json")]
    assert len(entries) == 2 * WALLETS
    return {entry.get("lastActionAt", 0) for entry in entries}


async def test_all_changed_wallets_share_one_sync_with_the_checkpoint(
    store: StateStore, fleet: Fleet, synced: list[int], paths: StatePaths
) -> None:
    act(fleet, 7)
    await Autosave(store, fleet, FleetPnl()).save()
    assert len(synced) == 2, "the checkpoint and its directory"
    assert saved(paths) == {7}


async def test_without_changes_nothing_but_the_occasional_timestamp_is_written(
    store: StateStore, fleet: Fleet, synced: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    autosave = Autosave(store, fleet, FleetPnl())
    await autosave.save()
    synced.clear()
    await asyncio.to_thread(store.save_changes)
    assert not synced
    monkeypatch.setattr(state_store, "REFRESH_S", 0.0)
    await asyncio.to_thread(store.save_changes)
    assert len(synced) == 2


async def test_slow_disk_does_not_hold_up_cycles_and_the_last_save_is_complete(
    store: StateStore, fleet: Fleet, paths: StatePaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(autosave_module, "SAVE_EVERY_S", 0.0)
    is_free, writes = threading.Event(), []
    write = store._write

    def slowly(*args: object) -> None:
        writes.append(args)
        assert is_free.wait(PATIENCE_S)
        write(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "_write", slowly)
    autosave = Autosave(store, fleet, FleetPnl())
    act(fleet, 7)
    autosave.begin_if_due()
    while not writes:  # noqa: ASYNC110 - the thread has no event
        await asyncio.sleep(0.01)
    act(fleet, 9)
    autosave.begin_if_due()
    last = asyncio.create_task(autosave.save())
    await asyncio.sleep(0.05)
    assert len(writes) == 1
    assert not last.done()
    is_free.set()
    await last
    assert saved(paths) == {9}


async def test_failed_save_is_reported_and_its_wallets_are_saved_next_time(
    store: StateStore, fleet: Fleet, paths: StatePaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(autosave_module, "SAVE_EVERY_S", 0.0)
    told: list[str] = []
    autosave = Autosave(
        store, fleet, FleetPnl(), lambda: told.append("saved"), lambda error: told.append(error.message)
    )

    async def next_word() -> str:
        autosave.begin_if_due()
        while not told:  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)
        return told.pop()

    act(fleet, 7)
    paths.checkpoint.unlink()
    paths.checkpoint.mkdir()
    assert "cannot be written" in await next_word()
    with pytest.raises(CheckpointError):
        await autosave.save()
    paths.checkpoint.rmdir()
    assert await next_word() == "saved"
    assert saved(paths) == {7}


@pytest.mark.parametrize(("took", "pause"), [(0.0, 5.0), (0.2, 5.0), (1.0, 20.0), (30.0, 60.0)])
def test_after_a_slow_save_the_next_one_begins_later(took: float, pause: float) -> None:
    assert pause_after(took) == pytest.approx(pause)


async def test_save_after_the_store_is_closed_writes_nothing(
    store: StateStore, fleet: Fleet, paths: StatePaths
) -> None:
    store.close()
    act(fleet, 7)
    await Autosave(store, fleet, FleetPnl()).save()
    assert saved(paths) == {0}
