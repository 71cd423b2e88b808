"""One run at a time on a market's state directory."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

from ama_tui.domain.errors import LockHeldError, StoreError
from ama_tui.store.atomic import FILE_MODE


class StateLock:
    """An exclusive lock that the kernel drops when its process ends, however it ends.

    The holder's pid stands beside it (`lock.pid`), so that a second run can say who is in the way.
    """

    def __init__(self, path: Path) -> None:
        self._pid_file = path.with_name(path.name + ".pid")
        self._directory = path.parent
        self._lock = FileLock(path, timeout=0, mode=FILE_MODE, thread_local=False)

    @property
    def is_held(self) -> bool:
        return self._lock.is_locked

    def acquire(self) -> None:
        """Take the lock at once. Raises LockHeldError with the holder's pid, or StoreError."""
        try:
            self._lock.acquire()
        except Timeout:
            pid = holder_of(self._pid_file)
            who = "another process" if pid is None else f"another run (pid {pid})"
            raise LockHeldError(
                f"{self._directory} is in use by {who}", "stop it first, or name another --state-dir", pid=pid
            ) from None
        except OSError as error:
            raise StoreError(
                f"{self._directory} cannot be locked ({error.strerror})",
                "name another directory with --state-dir",
            ) from error
        self._write_pid()

    def release(self) -> None:
        """Give the lock back; releasing twice is fine."""
        if self.is_held:
            with suppress(OSError):
                self._pid_file.unlink()
            self._lock.release()

    def __enter__(self) -> StateLock:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _write_pid(self) -> None:
        # A pid that cannot be written costs a second run the holder's name, nothing else.
        with suppress(OSError):
            descriptor = os.open(self._pid_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
            try:
                os.write(descriptor, f"{os.getpid()}\n".encode())
            finally:
                os.close(descriptor)


def holder_of(pid_file: Path) -> int | None:
    """The pid that a lock's holder wrote, None when it wrote none."""
    try:
        text = pid_file.read_text("ascii").strip()
    except (OSError, ValueError):
        return None
    return int(text) if text.isdecimal() and len(text) <= 10 else None
