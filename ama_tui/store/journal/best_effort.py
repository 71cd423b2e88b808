"""A journal that may fail: orders must come off a book whatever the state of the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ama_tui.domain.errors import JournalError
from ama_tui.store.journal.entry import JournalEntry

LONGEST_SYNC_S = 2.0
"""The most that a line's way to the disk is waited for."""


class JournalSink(Protocol):
    """What an engine writes its lines to; `store.journal.Journal` is one. Both methods raise JournalError."""

    @property
    def path(self) -> Path: ...

    def append(self, entry: JournalEntry) -> None: ...

    async def write_durable(self, entry: JournalEntry) -> None: ...


@dataclass(slots=True)
class BestEffortJournal:
    """Writes to `ledger` (None: nowhere) and goes on where that fails; `on_loss` hears of the first failure."""

    path: Path
    ledger: JournalSink | None
    on_loss: Callable[[JournalError], None]
    lost: int = field(init=False, default=0)
    """Lines that could not be written, or not be made durable."""

    def append(self, entry: JournalEntry) -> None:
        """Write one line if that can be done."""
        try:
            if self.ledger is not None:
                self.ledger.append(entry)
        except JournalError as error:
            self._lose(error)

    async def write_durable(self, entry: JournalEntry) -> None:
        """Write one line and wait until it is on the disk, if that can be done."""
        try:
            if self.ledger is not None:
                async with asyncio.timeout(LONGEST_SYNC_S):
                    await self.ledger.write_durable(entry)
        except JournalError as error:
            self._lose(error)
        except TimeoutError:
            self._lose(JournalError(f"{self.path} did not reach the disk in {LONGEST_SYNC_S:g} s", "check the disk"))

    def _lose(self, error: JournalError) -> None:
        self.lost += 1
        if self.lost == 1:
            self.on_loss(error)
