"""Locks: one run per market state directory, and one run per wallet."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

from ama_tui.disk.atomic import FILE_MODE, open_own, read_own, replace_file
from ama_tui.domain.errors import LockHeldError, StoreError

PATIENCE_S = 0.5
"""Another run that is checking this lock (see `claim_wallets`) holds it for an instant; longer on a busy machine."""


class StateLock:
    """An exclusive lock that the kernel releases when its process ends, however it ends.

    `lock.pid` holds the owner's pid, so that a second run can say who is in the way; `lock.wallets` lists the wallets
    it uses.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pid_file = path.with_name(path.name + ".pid")
        self._claim = path.with_name(path.name + ".wallets")
        self._directory = path.parent
        self._lock = FileLock(path, timeout=PATIENCE_S, mode=FILE_MODE, thread_local=False)

    @property
    def is_held(self) -> bool:
        return self._lock.is_locked

    def acquire(self) -> None:
        """Take the lock. Raises LockHeldError with the holder's pid, or StoreError."""
        try:
            self._lock.acquire(poll_interval=PATIENCE_S / 25)
        except Timeout:
            pid = lock_holder(self._pid_file)
            who = "another process" if pid is None else f"another run (pid {pid})"
            raise LockHeldError(
                f"{self._directory} is in use by {who}", "stop it first or use another --state-dir", pid=pid
            ) from None
        except OSError as error:
            raise StoreError(
                f"{self._directory} cannot be locked ({error.strerror})",
                "use another directory with --state-dir",
            ) from error
        self._drop_claim()  # left over from a run that crashed
        self._write_pid()

    def claim_wallets(
        self, wallets: Mapping[str, str], state_directory: Path | None = None, *, allies: Collection[Path] = ()
    ) -> None:
        """Keep these wallets (address to nickname) from every run that locks a directory next to this one.

        `allies` are directories of the same run, which may claim the same wallets. The claim names `state_directory`,
        by default the lock's own. It is on disk before we check anyone else's, so of two runs that start together at
        least one sees the other. Call with the lock held. Raises LockHeldError when another run uses one of the
        wallets, StoreError when the claim cannot be written.
        """
        names = {address.lower(): nickname for address, nickname in wallets.items()}
        claim = {"stateDirectory": str(state_directory or self._directory), "wallets": sorted(names)}
        try:
            replace_file(self._claim, json.dumps(claim).encode())
            others = [one for one in self._directory.parent.iterdir() if one not in (self._directory, *allies)]
        except OSError as error:
            raise StoreError(
                f"the wallets cannot be claimed in {self._directory} ({error.strerror})",
                "free some disk space or correct the owner and permissions",
            ) from error
        for other in others:
            directory, claimed = _claim_of(other / self._claim.name)
            common = sorted(claimed & names.keys())
            if common and is_held(other / self._path.name):
                self._drop_claim()
                pid = lock_holder(other / self._pid_file.name)
                who = "another process" if pid is None else f"another run (pid {pid})"
                more = f" and {len(common) - 1} more are" if len(common) > 1 else " is"
                raise LockHeldError(
                    f"wallet {names[common[0]]} ({common[0]}){more} in use by {who} in {directory}",
                    "stop that run first or leave the wallet out of this one",
                    pid=pid,
                )

    def release(self) -> None:
        """Release the lock and the wallets; releasing twice is fine."""
        if self.is_held:
            self._drop_claim()
            with suppress(OSError):
                self._pid_file.unlink()
            self._lock.release()

    def remove_directory(self) -> None:
        """Remove a released lock with its directory, and the directory above when nothing else is left in it."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
            self._directory.rmdir()
            self._directory.parent.rmdir()

    def __enter__(self) -> StateLock:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _drop_claim(self) -> None:
        with suppress(OSError):
            self._claim.unlink()

    def _write_pid(self) -> None:
        # Without a pid a second run cannot name the holder; nothing else depends on it.
        with suppress(OSError):
            descriptor = open_own(self._pid_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            try:
                os.write(descriptor, f"{os.getpid()}\n".encode())
            finally:
                os.close(descriptor)


def lock_holder(pid_file: Path) -> int | None:
    """The pid written by a lock's holder, None when there is none."""
    try:
        text = read_own(pid_file).decode("ascii").strip()
    except (OSError, ValueError):
        return None
    return int(text) if text.isdecimal() and len(text) <= 10 else None


def is_held(path: Path) -> bool:
    """Does a living process hold this lock? Checking never gets in the way of another check."""
    try:
        descriptor = open_own(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _claim_of(path: Path) -> tuple[str, frozenset[str]]:
    """The state directory and the addresses that a run has claimed; no addresses when it wrote none."""
    try:
        found = json.loads(read_own(path))
        directory, wallets = found["stateDirectory"], found["wallets"]
    except (OSError, ValueError, TypeError, KeyError):
        return "", frozenset()
    found = wallets if isinstance(wallets, list) else ()
    return str(directory), frozenset(one for one in found if isinstance(one, str))
