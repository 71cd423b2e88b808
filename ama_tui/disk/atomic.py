"""Replacing a file as a whole: after a crash at any instruction it holds the old bytes or the new ones."""

from __future__ import annotations

import itertools
import os
import secrets
from contextlib import suppress
from pathlib import Path

from ama_tui.disk import failpoints

FILE_MODE = 0o600
TEMPORARY_SUFFIX = ".ama-tmp"


def write_atomic(path: Path, data: bytes) -> None:
    """Replace the file's content; it and its directory entry are on the disk when this returns.

    The file gets mode 0600. Raises OSError; the old file is then still there, whole.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}{TEMPORARY_SUFFIX}")
    try:
        _write_new(temporary, data)
        rename(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    sync_directory(path.parent)


def set_aside(path: Path) -> Path:
    """Rename `x` to `x.corrupt`, or `x.corrupt.1` and so on; call it only under the lock.

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
    """Remove what a crash in the middle of `write_atomic` left; call it only under the lock."""
    for leftover in directory.glob(f".*{TEMPORARY_SUFFIX}"):
        with suppress(OSError):
            leftover.unlink()


def rename(path: Path, target: Path) -> None:
    """Give a file another name, in place of whatever had it. Durable after `sync_directory`."""
    failpoints.reach("replace.before")
    path.replace(target)
    failpoints.reach("replace.after")


def sync_directory(directory: Path) -> None:
    """Make renames in the directory durable."""
    failpoints.reach("dirsync.before")
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    failpoints.reach("dirsync.after")


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte, however many calls that takes. Raises OSError."""
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def _write_new(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    try:
        write_all(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
