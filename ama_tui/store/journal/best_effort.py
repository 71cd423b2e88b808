"""A journal that may fail: cancels must continue whatever the state of the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ama_tui.domain.errors import JournalError
from ama_tui.store.journal.entry import JournalEntry

LONGEST_SYNC_S = 2.0
"""How long to wait for a line to become durable, in seconds."""


class JournalSink(Protocol):
    """Where an engine writes its lines; `store.journal.Journal` is one. Both methods raise JournalError."""

    @property
    def path(self) -> Path: ...

    def append(self, entry: JournalEntry) -> None: ...

    async def write_durable(self, entry: JournalEntry) -> None: ...


@dataclass(slots=True)
class BestEffortJournal:
    """Writes to `ledger` (None: nowhere) and continues after a failure; `on_loss` gets the first one."""

    path: Path
    ledger: JournalSink | None
    on_loss: Callable[[JournalError], None]
    lost: int = field(init=False, default=0)
    """Lines that could not be written or synced."""

    def append(self, entry: JournalEntry) -> None:
        """Write one line if possible."""
        try:
            if self.ledger is not None:
                self.ledger.append(entry)
        except JournalError as error:
            self._record_loss(error)

    async def write_durable(self, entry: JournalEntry) -> None:
        """Write one line and wait until it is durable, if possible."""
        try:
            if self.ledger is not None:
                async with asyncio.timeout(LONGEST_SYNC_S):
                    await self.ledger.write_durable(entry)
        except JournalError as error:
            self._record_loss(error)
        except TimeoutError:
            self._record_loss(JournalError(f"{self.path} was not synced within {LONGEST_SYNC_S:g} s", "check the disk"))

    def _record_loss(self, error: JournalError) -> None:
        self.lost += 1
        if self.lost == 1:
            self.on_loss(error)
