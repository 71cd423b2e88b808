"""Crash-safe writing of whole files: after a crash at any point a file has its old content or the new one.

Every file gets mode 0600.
"""

from __future__ import annotations

import itertools
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ama_tui.disk import failpoints

FILE_MODE = 0o600
TEMPORARY_SUFFIX = ".ama-tmp"


def open_own(path: Path, flags: int) -> int:
    """Open one of our files; a symbolic link in its place is refused. Raises OSError."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)


def read_own(path: Path) -> bytes:
    """The content of one of our files; a symbolic link is refused. Raises OSError."""
    with os.fdopen(open_own(path, os.O_RDONLY), "rb") as file:
        return file.read()


def replace_file(path: Path, data: bytes, *, is_durable: bool = True) -> None:
    """Write a file, replacing an existing one. The content and the name are durable on return.

    Unless `is_durable`, nothing is synced: a killed process leaves the old file or the new one, but a power failure may
    leave a damaged one. For files that can be written again from others. Raises OSError; an existing file is then
    unchanged.
    """
    with _temporary_file(path, data, is_durable=is_durable) as temporary:
        rename(temporary, path)
    if is_durable:
        sync_directory(path.parent)


def write_new_file(path: Path, data: bytes) -> None:
    """Write a file that must not exist yet. The content and the name are durable on return.

    Raises FileExistsError, OSError.
    """
    with _temporary_file(path, data) as temporary:
        try:
            os.link(temporary, path)
        except FileExistsError:
            raise
        except OSError as error:  # the file system has no hard links
            if os.path.lexists(path):
                raise FileExistsError(error.errno, "File exists", str(path)) from None
            rename(temporary, path)
    sync_directory(path.parent)


def set_aside(path: Path) -> Path:
    """Rename `x` to `x.corrupt`, or to `x.corrupt.1` and so on if that exists. The caller must hold the lock.

    Returns the new path. Raises OSError.
    """
    aside = path.with_name(f"{path.name}.corrupt")
    for number in itertools.count(1):
        if not os.path.lexists(aside):
            break
        aside = path.with_name(f"{path.name}.corrupt.{number}")
    rename(path, aside)
    sync_directory(path.parent)
    return aside


def remove_temporaries(directory: Path) -> None:
    """Remove temporary files that a crash left behind. The caller must hold the lock."""
    for leftover in directory.glob(f".*{TEMPORARY_SUFFIX}"):
        with suppress(OSError):
            leftover.unlink()


def temporary_path(path: Path) -> Path:
    """An unused name in the same directory, which `remove_temporaries` cleans up after a crash."""
    return path.with_name(f".{path.name}.{secrets.token_hex(6)}{TEMPORARY_SUFFIX}")


def rename(path: Path, target: Path) -> None:
    """Rename a file, replacing any file at `target`. Durable after `sync_directory`. Raises OSError."""
    failpoints.reach("replace.before")
    path.replace(target)
    failpoints.reach("replace.after")


def sync_directory(directory: Path) -> None:
    """Make new and changed names in the directory durable. Raises OSError."""
    failpoints.reach("dirsync.before")
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    failpoints.reach("dirsync.after")


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte, in as many calls as that takes. Raises OSError."""
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


@contextmanager
def _temporary_file(path: Path, data: bytes, *, is_durable: bool = True) -> Iterator[Path]:
    """The data in a temporary file in the directory of `path`, synced if asked; removed on exit if it still exists."""
    temporary = temporary_path(path)
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
        try:
            write_all(descriptor, data)
            if is_durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        yield temporary
    finally:
        with suppress(OSError):
            temporary.unlink()
