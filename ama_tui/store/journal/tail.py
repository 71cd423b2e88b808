"""Following the end of a journal while another process writes it."""

from __future__ import annotations

import os
from collections import deque
from contextlib import suppress
from pathlib import Path

from ama_tui.disk.atomic import open_own
from ama_tui.domain.errors import JournalError
from ama_tui.store.journal.entry import JournalEntry, parse_line
from ama_tui.store.journal.files import segment_files
from ama_tui.store.journal.reader import lines_of
from ama_tui.store.journal.writer import NEWEST_READ
from ama_tui.store.json_fields import ShapeError


class JournalTail:
    """Yields the readable lines of a journal: first the last `count`, then new ones."""

    def __init__(self, path: Path, count: int) -> None:
        self.path = path
        self._count = count
        self._inode: int | None = None
        """The file being read, whatever its name is now."""
        self._offset = 0

    def first(self) -> list[JournalEntry]:
        """The journal's last lines now. Raises JournalError."""
        last: deque[JournalEntry] = deque(maxlen=self._count)
        with suppress(FileNotFoundError):
            self._inode = self.path.stat().st_ino
        for file, line in lines_of(self.path, newest=NEWEST_READ):
            if line.is_finished:
                self._offset = line.offset + len(line.data) if file == self.path else 0
                if line.entry is not None:
                    last.append(line.entry)
        return list(last)

    def more(self) -> list[JournalEntry]:
        """The new lines since; the file may have been numbered and another started meanwhile.

        Raises JournalError.
        """
        found: list[JournalEntry] = []
        try:
            for file in segment_files(self.path)[-NEWEST_READ:]:
                inode = file.stat().st_ino
                if file == self.path and inode != self._inode:
                    self._inode, self._offset = inode, 0
                if inode == self._inode:
                    found += self._read(file)
        except OSError as error:
            raise JournalError(
                f"{self.path} cannot be read ({error.strerror})", "check its owner and permissions"
            ) from error
        return found

    def _read(self, file: Path) -> list[JournalEntry]:
        with os.fdopen(open_own(file, os.O_RDONLY), "rb") as lines:
            # The writer removes a partial line again.
            self._offset = min(self._offset, os.fstat(lines.fileno()).st_size)
            lines.seek(self._offset)
            whole, newline, _ = lines.read().rpartition(b"\n")
        self._offset += len(whole) + len(newline)
        return [entry for data in whole.split(b"\n") if (entry := _entry(data)) is not None]


def _entry(data: bytes) -> JournalEntry | None:
    try:
        return parse_line(data + b"\n")
    except ShapeError:
        return None
