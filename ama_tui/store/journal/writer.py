"""The journal: one JSON object per line, appended whole, synced in groups, never rewritten."""

from __future__ import annotations

import errno
import os
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ama_tui.disk import failpoints
from ama_tui.disk.atomic import FILE_MODE, open_own, sync_directory, write_all
from ama_tui.domain.errors import JournalError, JournalFullError, JournalSyncError
from ama_tui.store.journal.entry import JournalEntry
from ama_tui.store.journal.files import SEGMENT_BYTES, start_segment
from ama_tui.store.journal.group_sync import GroupSync
from ama_tui.store.journal.pending_lines import PendingLines
from ama_tui.store.journal.reader import Scan
from ama_tui.store.journal.sync_marker import SyncMarker

NEWEST_READ = 2
"""How many of the newest files are read at start: 64 MB hold more than 100,000 actions, which is days, and unresolved
orders of an earlier run are minutes old. Two files, so that this also holds right after a new one was started.
"""
_ROTATE_AGAIN_BYTES = 1024 * 1024
_PROBE = b" " * 4096


@dataclass(frozen=True, slots=True)
class TruncatedTail:
    """What opening found after the last whole line: `size` bytes, copied to `kept_in` and removed."""

    size: int
    kept_in: Path


class Journal:
    """An open journal, used by one process at a time (see `StateLock`).

    Intents go through `write_durable`, from an event loop: if it raises, the intent is not durable and nothing may be
    sent. Everything else goes through `append`, from any thread: it never raises on a full disk, because outcomes must
    be recorded and cancels must continue. A line that cannot be written waits in memory with all later ones; they are
    written in order once there is space. `truncated` is what `open` removed.
    """

    def __init__(self, scan: Scan, descriptor: int, truncated: TruncatedTail | None, segment_bytes: int) -> None:
        self.path = scan.path
        self.truncated = truncated
        self._descriptor = descriptor
        self._size = os.fstat(descriptor).st_size
        self._seq = scan.last_seq or 0
        self._segment_bytes = self._rotate_at = segment_bytes
        self._held = PendingLines()
        self._full = ""
        self._has_half_line = False
        self._is_open = True
        self._guard = threading.Lock()
        self._marker = SyncMarker(self.path, self._seq)
        self._sync = GroupSync(descriptor, self._seq, self._marker.write)

    @classmethod
    def open(cls, path: Path, scan: Scan | None = None, *, segment_bytes: int = SEGMENT_BYTES) -> Journal:
        """Open for appending and create the file if needed; a truncated tail is set aside first.

        `scan` is a finished scan of the newest files (`NEWEST_READ`), if the caller already has one. Whole lines stay
        unchanged, byte for byte. Raises JournalCorruptError for damage that no crash explains (the journal is then
        unchanged), else JournalError.
        """
        scan = scan or Scan(path, newest=NEWEST_READ).finish()
        scan.raise_fault()
        try:
            is_new = path not in scan.files
            descriptor = open_own(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
            try:
                os.fchmod(descriptor, FILE_MODE)
                truncated = _repair_tail(path, descriptor, scan)
                os.fsync(descriptor)
                if is_new:
                    sync_directory(path.parent)
                return cls(scan, descriptor, truncated, segment_bytes)
            except BaseException:
                os.close(descriptor)
                raise
        except OSError as error:
            raise JournalError(*_unwritable(path, error)) from error

    @property
    def syncs(self) -> int:
        """How often the journal was synced."""
        return self._sync.syncs

    @property
    def problem(self) -> str:
        """Why intents cannot be made durable, '' when they can."""
        if self._sync.failure:
            return f"the journal could not be synced ({self._sync.failure})"
        return self._full

    @property
    def can_recover(self) -> bool:
        """False once a sync has failed: after that only a restart can tell what is on disk."""
        return not self._sync.failure

    def append(self, entry: JournalEntry) -> None:
        """Write a line, or hold it until there is space; it is durable within 50 ms of being written.

        Lines still held when the journal is closed are lost. Raises JournalError only on a closed journal.
        """
        failpoints.reach("outcome.before")
        with self._guard:
            self._check_open()
            self._held.add(entry)
            with suppress(JournalFullError):
                self._write_held()
        failpoints.reach("outcome.after")

    async def write_durable(self, entry: JournalEntry) -> None:
        """Write a line and wait until it is durable; concurrent callers share one sync.

        Raises JournalFullError when it does not fit: nothing of it remains, and it will not be written later. Raises
        JournalSyncError when a sync failed, now or before.
        """
        failpoints.reach("intent.before")
        with self._guard:
            self._check_open()
            if self._sync.failure:
                raise JournalSyncError(self.problem, "check the disk, then start again with --resume")
            self._write_held()
            seq = self._write(entry)
        failpoints.reach("intent.after")
        await self._sync.wait_durable(seq)

    def probe(self) -> None:
        """Check whether there is space again, and write the held lines. Never raises."""
        with self._guard, suppress(JournalFullError):
            if not self._full or not self._is_open:
                return
            self._write_held()
            if self._full:
                self._write_bytes(_PROBE)
                self._has_half_line = True
                with suppress(OSError):
                    self._remove_partial()

    def close(self) -> None:
        """Write the held lines, sync and close; closing twice is fine. Raises JournalSyncError when the last sync
        failed.
        """
        with self._guard:
            if not self._is_open:
                return
            with suppress(JournalFullError):
                self._write_held()
            self._is_open = False
        try:
            self._sync.close()
        finally:
            self._marker.close(is_whole=self.can_recover)

    def _check_open(self) -> None:
        if not self._is_open:
            raise JournalError(f"{self.path} is closed", "this is a bug in ama-tui: please report it")

    def _write_held(self) -> None:
        while self._held:
            self._write(self._held.first())
            self._held.drop_first()

    def _write(self, entry: JournalEntry) -> int:
        """Write a whole line or nothing; returns its seq. Raises JournalFullError."""
        if self._size >= self._rotate_at:
            self._rotate()
        line = entry.as_line(self._seq + 1)
        self._write_bytes(line)
        self._size += len(line)
        self._seq += 1
        self._sync.written_to(self._seq)
        return self._seq

    def _write_bytes(self, data: bytes) -> None:
        try:
            if self._has_half_line:
                self._remove_partial()
            self._has_half_line = True
            if os.write(self._descriptor, data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._has_half_line = False
        except OSError as error:
            with suppress(OSError):
                self._remove_partial()
            self._full, hint = _unwritable(self.path, error)
            raise JournalFullError(self._full, hint) from error
        self._full = ""

    def _remove_partial(self) -> None:
        """Remove a partial line from the file. Raises OSError."""
        os.ftruncate(self._descriptor, self._size)
        self._has_half_line = False

    def _rotate(self) -> None:
        """Start a new file; if that fails, keep using this one and try again later."""
        self._rotate_at = self._size + _ROTATE_AGAIN_BYTES
        try:
            if self._has_half_line:
                self._remove_partial()
            self._sync.sync_now()
            fresh = start_segment(self.path)
        except (OSError, JournalSyncError):
            return
        self._sync.switch(fresh)
        self._descriptor, self._size, self._rotate_at = fresh, 0, self._segment_bytes
        try:
            sync_directory(self.path.parent)
        except OSError as error:
            self._sync.fail(error.strerror or "its directory could not be synced")


def _repair_tail(path: Path, descriptor: int, scan: Scan) -> TruncatedTail | None:
    """Complete a last line that lacks only its newline; copy a truncated tail aside and remove it."""
    if scan.lacks_newline:
        write_all(descriptor, b"\n")
    if scan.truncated_at is None:
        return None
    size = os.fstat(descriptor).st_size - scan.truncated_at
    aside = path.with_name(path.name + ".torn")
    _keep(aside, os.pread(descriptor, size, scan.truncated_at))
    os.ftruncate(descriptor, scan.truncated_at)
    return TruncatedTail(size, aside)


def _keep(path: Path, tail: bytes) -> None:
    """Append a truncated tail to the kept ones; durable on return."""
    descriptor = open_own(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.fchmod(descriptor, FILE_MODE)
        write_all(descriptor, tail if tail.endswith(b"\n") else tail + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    sync_directory(path.parent)


def _unwritable(path: Path, error: OSError) -> tuple[str, str]:
    return f"{path} cannot be written ({error.strerror})", "free some disk space or correct its owner and permissions"
