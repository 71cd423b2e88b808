"""Writing a private file as a whole: after a crash it is there whole or not at all. Mode 0600."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ama_tui.config.paths import FILE_MODE


def replace_file(path: Path, data: bytes) -> None:
    """Put a file in the place of whatever has its name. Raises OSError."""
    with _temporary(path, data) as temporary:
        temporary.replace(path)
    _sync(path.parent)


def write_new_file(path: Path, data: bytes) -> None:
    """Write a file that must not exist yet. Raises FileExistsError, OSError."""
    with _temporary(path, data) as temporary:
        try:
            os.link(temporary, path)
        except FileExistsError:
            raise
        except OSError as error:  # a file system without hard links
            if os.path.lexists(path):
                raise FileExistsError(error.errno, "File exists", str(path)) from None
            temporary.replace(path)
    _sync(path.parent)


@contextmanager
def _temporary(path: Path, data: bytes) -> Iterator[Path]:
    """The data in a file beside `path`, on the disk; whatever happens it is gone afterwards."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield temporary
    finally:
        with suppress(OSError):
            temporary.unlink()


def _sync(directory: Path) -> None:
    """Make a new name in the directory durable."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
