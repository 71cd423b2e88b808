"""Saves a run's wallets to the state directory at intervals."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from time import monotonic

from ama_tui.engine.wallet_book import Fleet, WalletBook
from ama_tui.store.checkpoint import WalletEntry
from ama_tui.store.state_store import StateStore

SAVE_EVERY_S = 5.0


@dataclass(slots=True)
class Autosave:
    """Saves a fleet to the state directory."""

    store: StateStore
    fleet: Fleet
    _saved_at: float = field(init=False, default=0.0)

    @property
    def is_due(self) -> bool:
        """Did the last attempt start at least `SAVE_EVERY_S` ago?"""
        return monotonic() - self._saved_at >= SAVE_EVERY_S

    async def save(self) -> None:
        """Write the checkpoint and the wallets' files. Raises CheckpointError."""
        self._saved_at = monotonic()
        stored = self.store.checkpoint.wallets if self.store.checkpoint is not None else {}
        for book in self.fleet:
            entry = entry_of(book, stored.get(book.address))
            if entry != stored.get(book.address):
                self.store.update_wallet(entry)
        await asyncio.to_thread(self.store.save)


def entry_of(book: WalletBook, stored: WalletEntry | None) -> WalletEntry:
    """A wallet's updated checkpoint entry. Keys of other tools stay."""
    entry = stored or WalletEntry(book.address, book.wallet.nickname)
    return replace(
        entry,
        nickname=book.wallet.nickname,
        role=book.wallet.role,
        index=book.wallet.index,
        session_id=book.session.id or entry.session_id,
        session_expiry=book.session.expiry or entry.session_expiry,
        last_action_at=max(book.last_action_at, entry.last_action_at or 0) or None,
    )
