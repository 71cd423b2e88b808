"""Repairing a damaged journal without losing a byte of the original."""

from __future__ import annotations

import itertools
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from ama_tui.disk.atomic import FILE_MODE, rename, sync_directory, temporary_path
from ama_tui.domain.errors import JournalError
from ama_tui.store.journal.files import is_first, segment_files
from ama_tui.store.journal.index import index_path
from ama_tui.store.journal.reader import JournalFault, Line, read_lines
from ama_tui.store.journal.sync_marker import marker_path


@dataclass(frozen=True, slots=True)
class Repair:
    """The result of a repair: lines kept (and of them renumbered), lines dropped and from where, the new names of the
    originals.
    """

    kept: int
    renumbered: int
    dropped: tuple[JournalFault, ...]
    originals: tuple[Path, ...]


class _Renumbering:
    """Numbers readable lines without a gap."""

    def __init__(self, *, from_one: bool) -> None:
        self.kept = 0
        self.renumbered = 0
        self._seq: int | None = 0 if from_one else None

    def line(self, line: Line) -> bytes:
        """The line unchanged, or renumbered when its number is not the next one."""
        assert line.entry is not None  # noqa: S101 - only readable lines are asked for
        self.kept += 1
        if line.entry.seq is not None:
            self._seq = line.entry.seq if self._seq is None else self._seq + 1
            if line.entry.seq != self._seq:
                self.renumbered += 1
                return line.entry.as_line(self._seq)
        return line.data if line.is_finished else line.data + b"\n"


def repair(path: Path) -> Repair:
    """Rewrite the damaged files of a journal: every readable line, numbered without a gap.

    The original of a rewritten file is kept as `<name>.broken-<n>`. A healthy journal is left alone. Call with its
    directory locked. Raises JournalError; each file is then either unchanged or rewritten.
    """
    dropped: list[JournalFault] = []
    originals: list[Path] = []
    try:
        files = segment_files(path)
        renumbering = _Renumbering(from_one=bool(files) and is_first(files[0], path))
        for file in files:
            fresh = temporary_path(file)
            try:
                if _rewrite(file, fresh, renumbering, dropped):
                    originals.append(_keep_aside(file))
                    rename(fresh, file)
                    sync_directory(file.parent)
            finally:
                fresh.unlink(missing_ok=True)
        # Everything is durable now, so the sync marker of a crashed run is obsolete, and the index is out of date.
        marker_path(path).unlink(missing_ok=True)
        index_path(path).unlink(missing_ok=True)
    except OSError as error:
        raise JournalError(
            f"{path} cannot be repaired ({error.strerror})", "free some disk space or check its owner"
        ) from error
    return Repair(renumbering.kept, renumbering.renumbered, tuple(dropped), tuple(originals))


def _rewrite(file: Path, fresh: Path, renumbering: _Renumbering, dropped: list[JournalFault]) -> bool:
    """Write the repaired file under another name; False when nothing changed."""
    is_same = True
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    with os.fdopen(descriptor, "wb") as out:
        for line in read_lines(file):
            if line.entry is None:
                dropped.append(JournalFault(file, line.number, line.problem))
                is_same = False
                continue
            data = renumbering.line(line)
            is_same = is_same and data == line.data
            out.write(data)
        out.flush()
        os.fsync(out.fileno())
    return not is_same


def _keep_aside(file: Path) -> Path:
    """Give the file a second, durable name."""
    names = (file.with_name(f"{file.name}.broken-{number}") for number in itertools.count(1))
    aside = next(name for name in names if not os.path.lexists(name))
    try:
        os.link(file, aside)
    except OSError:  # a file system without hard links
        shutil.copy2(file, aside)
    return aside
