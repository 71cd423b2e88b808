"""A journal's files: `actions.jsonl` is the newest, `actions.000001.jsonl` the oldest, then `actions.000002.jsonl` …"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

from ama_tui.disk.atomic import FILE_MODE, rename, temporary_path
from ama_tui.domain.errors import StoreError

SEGMENT_BYTES = 64 * 1024 * 1024
"""A file that has come to this size gets a number, and a new one is begun."""

CANCEL_JOURNAL = "cancel-all.jsonl"
"""Where a cancel-all writes when the market's own journal is damaged, or in another run's hands."""
_JOURNALS = frozenset({"actions.jsonl", CANCEL_JOURNAL})

_NUMBERED = re.compile(r"(?P<stem>.+)\.(?P<number>[0-9]{6,})\.jsonl")


def segments_of(path: Path) -> list[Path]:
    """The files of the journal whose newest is at `path`, from the oldest on; only those that are there.

    Raises OSError.
    """
    numbered: list[tuple[int, Path]] = []
    with suppress(FileNotFoundError, NotADirectoryError):
        for one in path.parent.iterdir():
            found = _NUMBERED.fullmatch(one.name)
            if found is not None and found["stem"] == path.stem:
                numbered.append((int(found["number"]), one))
    newest = [path] if os.path.lexists(path) else []
    return [one for _, one in sorted(numbered)] + newest


def newest_of(path: Path) -> Path:
    """The name of the newest file of the journal that a file, numbered or not, belongs to."""
    found = _NUMBERED.fullmatch(path.name)
    return path if found is None else path.with_name(f"{found['stem']}.jsonl")


def is_first(path: Path, newest: Path) -> bool:
    """Is nothing missing before this file: is it number 1, or the newest, with none before it?"""
    return _number_of(path) == 1 or path == newest


def journals_at(path: Path) -> list[Path]:
    """The newest file's name of every journal at or below a path: a state directory, a market's, or a file.

    Raises StoreError when there is none.
    """
    found: set[Path] = set()
    if path.suffix == ".jsonl" and path.is_file():
        found = {newest_of(path)}
    elif path.is_dir():
        found = {newest_of(one) for one in path.rglob("*.jsonl")}
        found = {one for one in found if one.name in _JOURNALS}
    if not found:
        raise StoreError(f"no journal at {path}", "name a state directory, a market's directory, or a journal")
    return sorted(found)


def begin_segment(path: Path) -> int:
    """Number the file at `path`, put an empty one in its place, and return that one's descriptor for appending.

    A crash between the two renames leaves no file at `path`; the next `Journal.open` makes it. Raises OSError;
    everything is then as it was.
    """
    before = segments_of(path)
    number = max((_number_of(one) for one in before), default=0) + 1
    numbered = path.with_name(f"{path.stem}.{number:06d}.jsonl")
    fresh = temporary_path(path)
    descriptor = os.open(fresh, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL, FILE_MODE)
    try:
        rename(path, numbered)
        try:
            rename(fresh, path)
        except OSError:
            numbered.rename(path)
            raise
    except OSError:
        os.close(descriptor)
        with suppress(OSError):
            fresh.unlink()
        raise
    return descriptor


def _number_of(path: Path) -> int:
    """0 for the newest, which has no number yet."""
    found = _NUMBERED.fullmatch(path.name)
    return 0 if found is None else int(found["number"])
