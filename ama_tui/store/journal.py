"""The journal: one JSON object a line, appended whole, made durable in groups, never rewritten."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ama_tui.domain.errors import JournalError
from ama_tui.store.atomic import FILE_MODE, sync_directory
from ama_tui.store.entry import JournalEntry, parse_line
from ama_tui.store.fields import ShapeError

_BLOCK = 64 * 1024
_sync_data = getattr(os, "fdatasync", os.fsync)

Ticket = int
"""How far the journal must be on the disk for a line to be durable: the number of bytes up to its end."""


@dataclass(frozen=True, slots=True)
class TornTail:
    """What opening found after the last whole line: `size` bytes, copied to `kept_in` and cut.

    `kept_in` is None when only the newline was missing: the line was whole and has been completed.
    """

    size: int
    kept_in: Path | None


class Journal:
    """An open journal; one process at a time holds it (see `StateLock`).

    `append` may be called from any thread; `durable` and `write_durable` from one event loop. `torn` is
    what `open` cut off, None when the last line was whole. `syncs` counts the calls to the disk.
    """

    def __init__(self, path: Path, descriptor: int, size: int, torn: TornTail | None) -> None:
        self.path = path
        self.torn = torn
        self.syncs = 0
        self._descriptor = descriptor
        self._written = size
        self._durable = size
        self._sync_failure = ""
        self._has_half_line = False
        self._is_open = True
        self._guard = threading.Lock()
        self._syncing: asyncio.Task[None] | None = None
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="journal-sync")

    @classmethod
    def open(cls, path: Path) -> Journal:
        """Open for appending, making the file where there is none; a torn last line is set aside first.

        Whole lines stay as they are, byte for byte. Raises JournalError.
        """
        try:
            is_new = not path.exists()
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, FILE_MODE)
            try:
                os.fchmod(descriptor, FILE_MODE)
                torn = _mend_tail(path, descriptor)
                if is_new:
                    sync_directory(path.parent)
                return cls(path, descriptor, os.fstat(descriptor).st_size, torn)
            except BaseException:
                os.close(descriptor)
                raise
        except OSError as error:
            raise _unwritable(path, error) from error

    def append(self, entry: JournalEntry) -> Ticket:
        """Write one whole line; it survives the process from here on, and a power cut once it is durable.

        Raises JournalError when it cannot be written whole; nothing of it is left in the file then, and
        the next call may succeed. A failed sync does not stop appending: what is cancelled must be noted.
        """
        line = entry.as_line()
        with self._guard:
            if not self._is_open:
                raise JournalError(f"{self.path} is closed", "this is a fault of the program")
            try:
                if self._has_half_line:
                    self._cut_back()
                self._has_half_line = True
                if os.write(self._descriptor, line) != len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                self._has_half_line = False
            except OSError as error:
                with suppress(OSError):
                    self._cut_back()
                raise _unwritable(self.path, error) from error
            self._written += len(line)
            return self._written

    async def durable(self, ticket: Ticket) -> None:
        """Wait until the line of this ticket is on the disk; everyone waiting shares one sync.

        Raises JournalError when a sync failed: after that nobody can say what the disk holds.
        """
        while self._durable < ticket:
            if self._sync_failure:
                raise self._failed()
            if self._syncing is None:
                self._syncing = asyncio.create_task(self._sync_in_thread(), name="journal-sync")
            await asyncio.shield(self._syncing)

    async def write_durable(self, entry: JournalEntry) -> None:
        """Append a line and wait until it is on the disk. Raises JournalError."""
        await self.durable(self.append(entry))

    def sync(self) -> None:
        """Put everything appended so far on the disk, waiting here. Raises JournalError."""
        with self._guard:
            reached = self._written
        if self._durable < reached:
            self._sync_to(reached)
        if self._sync_failure:
            raise self._failed()

    def close(self) -> None:
        """Sync and close; closing twice is fine. Raises JournalError when the last sync failed."""
        with self._guard:
            if not self._is_open:
                return
            self._is_open = False
        try:
            self._executor.shutdown(wait=True)
            if not self._sync_failure:
                self.sync()
        finally:
            os.close(self._descriptor)

    async def _sync_in_thread(self) -> None:
        try:
            # Taken here and not by the waiters: lines appended until now share this sync.
            reached = self._written
            if not self._is_open:
                return  # closing syncs
            await asyncio.get_running_loop().run_in_executor(self._executor, self._sync_to, reached)
        finally:
            self._syncing = None

    def _sync_to(self, reached: Ticket) -> None:
        """One sync; a failure is kept, not raised, because every waiter must learn of it."""
        try:
            self.syncs += 1
            _sync_data(self._descriptor)
        except OSError as error:
            self._sync_failure = error.strerror or "the disk did not take it"
        else:
            self._durable = max(self._durable, reached)

    def _cut_back(self) -> None:
        """Take the beginning of a line that did not fit back off the file. Raises OSError."""
        os.ftruncate(self._descriptor, self._written)
        self._has_half_line = False

    def _failed(self) -> JournalError:
        return JournalError(
            f"{self.path} did not reach the disk ({self._sync_failure})",
            "check the disk, then start again with --resume",
        )


def read_entries(path: Path, *, strict: bool = True, bad_lines: list[int] | None = None) -> Iterator[JournalEntry]:
    """The entries from first to last; none when there is no file.

    A last line without its newline is passed over. A malformed line before it raises JournalError that
    names it; with `strict=False` it is passed over and its number (from 1) added to `bad_lines`.
    """
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    return
                if not line.strip():
                    continue
                try:
                    entry = parse_line(line)
                except ShapeError as error:
                    if strict:
                        raise JournalError(
                            f"{path} line {number} cannot be read: {error}",
                            "keep a copy, then correct that line",
                        ) from None
                    if bad_lines is not None:
                        bad_lines.append(number)
                else:
                    yield entry
    except FileNotFoundError:
        return
    except OSError as error:
        raise JournalError(f"{path} cannot be read ({error.strerror})", "check its owner and mode") from error


def _mend_tail(path: Path, descriptor: int) -> TornTail | None:
    """Complete a last line that lacks only its newline; copy aside and cut one that is torn."""
    size = os.fstat(descriptor).st_size
    start = _end_of_last_line(descriptor, size)
    if start == size:
        return None
    tail = os.pread(descriptor, size - start, start)
    with suppress(ShapeError):
        parse_line(tail)
        _write_all(descriptor, b"\n")
        os.fsync(descriptor)
        return TornTail(size - start, None)
    aside = path.with_name(path.name + ".torn")
    _keep(aside, tail)
    os.ftruncate(descriptor, start)
    os.fsync(descriptor)
    return TornTail(size - start, aside)


def _end_of_last_line(descriptor: int, size: int) -> int:
    """The offset just after the last newline, 0 when there is none."""
    end = size
    while end > 0:
        begin = max(0, end - _BLOCK)
        newline = os.pread(descriptor, end - begin, begin).rfind(b"\n")
        if newline >= 0:
            return begin + newline + 1
        end = begin
    return 0


def _keep(path: Path, tail: bytes) -> None:
    """Add a torn line to those kept; it is on the disk when this returns."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, FILE_MODE)
    try:
        os.fchmod(descriptor, FILE_MODE)
        _write_all(descriptor, tail + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    sync_directory(path.parent)


def _write_all(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def _unwritable(path: Path, error: OSError) -> JournalError:
    return JournalError(f"{path} cannot be written ({error.strerror})", "make room or correct its owner and mode")
