"""Lines that could not be written and wait in memory for free disk space."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from ama_tui.domain.event import Action
from ama_tui.store.journal.entry import JournalEntry

LIMIT = 10_000
_FIRST_TO_GO = frozenset({Action.SKIP.value, Action.NOTE.value})


class PendingLines:
    """Lines in order, at most `limit`: beyond that the oldest SKIP or NOTE is dropped, else the oldest line.

    A line with the number of dropped lines replaces the first of them.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._lines: deque[JournalEntry] = deque()
        self._lost = 0

    def __len__(self) -> int:
        return len(self._lines)

    def add(self, entry: JournalEntry) -> None:
        self._lines.append(entry)
        if len(self._lines) > self._limit:
            oldest = next((at for at, one in enumerate(self._lines) if one.action in _FIRST_TO_GO), 0)
            del self._lines[oldest]
            self._lost += 1

    def first(self) -> JournalEntry:
        """The next line to write."""
        return self._loss_note() if self._lost else self._lines[0]

    def drop_first(self) -> None:
        """The first line was written."""
        if self._lost:
            self._lost = 0
        else:
            self._lines.popleft()

    def _loss_note(self) -> JournalEntry:
        text = f"{self._lost} lines are missing here: the disk was full for too long"
        return replace(
            self._lines[0],
            action=Action.ERROR.value,
            trader="",
            nickname=None,
            role=None,
            params={"text": text},
            tx_hash=None,
            error=text,
            extra={},
            intent_id=None,
        )
