"""The saved state of a market, opened so that damaged files never prevent a cancel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from ama_tui.config.paths import StatePaths
from ama_tui.domain.errors import CheckpointError, LockHeldError, StoreError
from ama_tui.store.checkpoint import WalletEntry, load_checkpoint
from ama_tui.store.journal.best_effort import BestEffortJournal, JournalSink
from ama_tui.store.journal.replay import JournalReplay
from ama_tui.store.state_store import StateStore


@dataclass(slots=True)
class MarketState:
    """The usable part of a market's saved state."""

    journal: JournalSink
    wallets: Mapping[str, WalletEntry] = field(default_factory=dict)
    replay: JournalReplay = field(default_factory=JournalReplay)
    notes: tuple[str, ...] = ()
    """Problems with the files."""

    is_whole: bool = True
    """False if the journal may contain placements that could not be read."""

    close: Callable[[], None] = lambda: None


def open_market_state(paths: StatePaths, *, force: bool) -> MarketState:
    """Open a market's saved state as far as it is usable.

    Raises LockHeldError if a running instance holds the lock, unless `force`: then the files are opened read-only.
    """
    try:
        return _of(StateStore.open(paths, fresh=True, tolerate_journal=True))
    except LockHeldError as error:
        if not force:
            hint = "stop it, use its kill switch, or override with --force"
            raise LockHeldError(error.message, hint, pid=error.pid) from None
        beside = f"running next to another instance: {error.message}"
    except StoreError as error:
        return _without_a_store(paths, error)
    try:
        found = _of(StateStore.open_beside(paths))
    except StoreError as error:
        found = _without_a_store(paths, error)
    found.notes = (beside, *found.notes)
    return found


def _of(store: StateStore) -> MarketState:
    """The state of a store that could be opened."""
    report, notes = store.report, []
    if report.journal_problem and not store.is_guest:
        notes.append(f"continuing without the journal: {report.journal_problem}")
    if report.corrupt_checkpoint is not None:
        notes.append(f"{report.corrupt_checkpoint}: its wallets are unknown")
    return MarketState(
        journal=store.journal,
        wallets=store.checkpoint.wallets if store.checkpoint is not None else {},
        replay=store.replay_journal(),
        notes=tuple(notes),
        is_whole=store.is_guest or not report.journal_problem,
        close=store.close,
    )


def _without_a_store(paths: StatePaths, error: StoreError) -> MarketState:
    """The checkpoint, if it can be read, and a journal that writes nowhere."""
    wallets: Mapping[str, WalletEntry] = {}
    with suppress(CheckpointError):
        stored = load_checkpoint(paths.checkpoint, chain_id=paths.chain_id, order_book=paths.order_book)
        wallets = stored.wallets if stored is not None else {}
    journal = BestEffortJournal(paths.journal, None, lambda error: None)
    return MarketState(journal, wallets, notes=(f"continuing without the journal: {error.message}",), is_whole=False)
