"""How far an open journal is durable, for the next start after a power failure.

`actions.synced` next to the journal holds the `seq` up to which lines are durable. It is written after each sync and
not synced itself, so after a power failure it may lag but never runs ahead: damage after it is what the failure left,
damage before it is something else. The file exists only while the journal is open, or after a crash.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from ama_tui.disk.atomic import open_own, read_own, sync_directory


def marker_path(journal: Path) -> Path:
    return journal.with_suffix(".synced")


def read_marker(journal: Path) -> int | None:
    """The seq up to which the journal is known to be durable, None when it was closed or never ours."""
    try:
        text = read_own(marker_path(journal)).decode("ascii")
    except (OSError, ValueError):
        return None
    return int(text) if len(text) == 20 and text.isdecimal() else None


class SyncMarker:
    """The marker of an open journal. It is optional: if it cannot be written, nothing stops."""

    def __init__(self, journal: Path, seq: int) -> None:
        self._path = marker_path(journal)
        self._descriptor: int | None = None
        with suppress(OSError):
            self._descriptor = open_own(self._path, os.O_WRONLY | os.O_CREAT)
            self.write(seq)
            os.fsync(self._descriptor)
            sync_directory(self._path.parent)

    def write(self, seq: int) -> None:
        """Every line up to this one is durable."""
        if self._descriptor is not None:
            with suppress(OSError):
                os.pwrite(self._descriptor, b"%020d" % seq, 0)

    def close(self, *, is_whole: bool) -> None:
        """Close it; with `is_whole` the journal is durable to its end, and the marker is removed to say so."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
            if is_whole:
                with suppress(OSError):
                    self._path.unlink()
