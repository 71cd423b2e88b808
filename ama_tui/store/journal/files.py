"""A journal's files: `actions.jsonl` is the newest, `actions.000001.jsonl` the oldest, then `actions.000002.jsonl` …"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

from ama_tui.disk.atomic import FILE_MODE, rename, temporary_path
from ama_tui.domain.errors import StoreError

SEGMENT_BYTES = 64 * 1024 * 1024
"""A journal file of this size is numbered and a new one started."""

CANCEL_JOURNAL = "cancel-all.jsonl"
"""The cancel-all journal, used when the market's own is damaged or belongs to a live run."""
_JOURNALS = frozenset({"actions.jsonl", CANCEL_JOURNAL})

_NUMBERED = re.compile(r"(?P<stem>.+)\.(?P<number>[0-9]{6,})\.jsonl")


def segment_files(path: Path) -> list[Path]:
    """The existing files of the journal whose newest is at `path`, oldest first.

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


def ordinals(path: Path) -> dict[int, Path]:
    """The same files by their numbers; the newest has the number that it will get. Raises OSError."""
    files = segment_files(path)
    numbered = {_number_of(file): file for file in files if file != path}
    return numbered | ({max(numbered, default=0) + 1: path} if path in files else {})


def newest_segment(path: Path) -> Path:
    """The name of the newest file of the journal that a file belongs to."""
    found = _NUMBERED.fullmatch(path.name)
    return path if found is None else path.with_name(f"{found['stem']}.jsonl")


def is_first(path: Path, newest: Path) -> bool:
    """Is no earlier file missing? True for number 1, and for the newest when it is the only one."""
    return _number_of(path) == 1 or path == newest


def journals_at(path: Path) -> list[Path]:
    """The newest file of every journal at or below a path: a state directory, a market's directory or a file.

    Raises StoreError when there is none.
    """
    found: set[Path] = set()
    if path.suffix == ".jsonl" and path.is_file():
        found = {newest_segment(path)}
    elif path.is_dir():
        found = {newest_segment(one) for one in path.rglob("*.jsonl")}
        found = {one for one in found if one.name in _JOURNALS}
    if not found:
        raise StoreError(f"no journal at {path}", "use a state directory, a market's directory or a journal")
    return sorted(found)


def start_segment(path: Path) -> int:
    """Number the file at `path`, create an empty one in its place, and return its descriptor for appending.

    A crash between the two renames leaves no file at `path`; the next `Journal.open` creates it. Raises OSError;
    everything is then unchanged.
    """
    before = segment_files(path)
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
