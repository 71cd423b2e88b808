"""Saves a run's wallets to the state directory at intervals, while the run continues."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from time import monotonic

from ama_tui.domain.errors import CheckpointError
from ama_tui.domain.pnl import Pnl
from ama_tui.engine.fleet_pnl import FleetPnl
from ama_tui.engine.wallet_book import Fleet, WalletBook
from ama_tui.store.checkpoint import TradesCounted, WalletEntry
from ama_tui.store.state_store import StateStore

SAVE_EVERY_S = 5.0
SAVING_SHARE = 1 / 20
LONGEST_PAUSE_S = 60.0
"""Saving may take this share of the time: while a large fleet sends, all of its wallets have changed every time. So
after a slow save the next one begins later than `SAVE_EVERY_S`, at most this long after it.
"""


@dataclass(slots=True)
class Autosave:
    """Saves a fleet to the state directory. Files are written on a thread: only the final `save` is waited for."""

    store: StateStore
    fleet: Fleet
    pnl: FleetPnl
    on_saved: Callable[[], object] = lambda: None
    on_failed: Callable[[CheckpointError], object] = lambda error: None
    """Called on the event loop after a save in the background."""
    _due_at: float = field(init=False, default=0.0)
    _saving: asyncio.Task[None] | None = field(init=False, default=None)

    def begin_if_due(self) -> None:
        """Begin to save what changed, unless the last save was too recent or has not ended."""
        if self._saving is None and monotonic() >= self._due_at:
            self._collect()
            self._saving = asyncio.create_task(self._save_changes(), name="autosave")

    async def save(self) -> None:
        """Write the checkpoint and the wallets' files. Raises CheckpointError."""
        if self._saving is not None:
            await asyncio.wait({self._saving})
        self._collect()
        await asyncio.to_thread(self.store.save)

    async def _save_changes(self) -> None:
        began = monotonic()
        try:
            await asyncio.to_thread(self.store.save_changes)
        except CheckpointError as error:
            self._due_at = began + SAVE_EVERY_S
            self.on_failed(error)
        else:
            self._due_at = began + pause_after(monotonic() - began)
            self.on_saved()
        finally:
            self._saving = None

    def _collect(self) -> None:
        """Give the store the wallets that changed, and which trades are in their results."""
        checkpoint = self.store.checkpoint
        stored = checkpoint.wallets if checkpoint is not None else {}
        results = self.pnl.wallets
        entries = [entry_of(book, stored.get(book.address), results.get(book.address)) for book in self.fleet]
        away = [address for address in results if address not in self.fleet and address in stored]
        entries += [replace(stored[address], pnl=results[address]) for address in away]
        changed = [entry for entry in entries if entry != stored.get(entry.address)]
        counted = TradesCounted(self.pnl.through, self.pnl.problem)
        if changed or (checkpoint is not None and checkpoint.counted != counted):
            self.store.update_wallets(changed, counted)


def pause_after(seconds: float) -> float:
    """How long after the beginning of a save that took `seconds` the next one may begin."""
    return min(LONGEST_PAUSE_S, max(SAVE_EVERY_S, seconds / SAVING_SHARE))


def entry_of(book: WalletBook, stored: WalletEntry | None, pnl: Pnl | None) -> WalletEntry:
    """A wallet's updated checkpoint entry. Keys of other tools stay."""
    wallet, entry = book.wallet, stored or WalletEntry(book.address, book.wallet.nickname)
    return WalletEntry(
        address=entry.address,
        nickname=wallet.nickname,
        role=wallet.role,
        session_id=book.session.id or entry.session_id,
        session_expiry=book.session.expiry or entry.session_expiry,
        last_action_at=max(book.last_action_at, entry.last_action_at or 0) or None,
        index=wallet.index,
        extra=entry.extra,
        pnl=pnl,
    )
