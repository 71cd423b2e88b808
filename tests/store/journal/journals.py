"""Helpers shared by the journal's tests."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep

import pytest

from ama_tui.store.journal.reader import Scan
from ama_tui.store.journal.sync_marker import read_marker
from ama_tui.store.journal.writer import Journal
from tests.sizes import PATIENCE_S
from tests.store.samples import line


def timestamps(path: Path) -> list[int]:
    return [entry.ts for entry in Scan(path)]


def fail(*_: object) -> None:
    raise OSError(5, "Input/output error")


def durably(journal: Journal, ts: int) -> None:
    """Write an intent and wait until it is durable."""
    asyncio.run(journal.write_durable(line(ts)))


def marked(path: Path, seq: int) -> bool:
    return read_marker(path) == seq


def until(is_so: Callable[[], bool]) -> None:
    deadline = monotonic() + PATIENCE_S
    while not is_so():
        assert monotonic() < deadline
        sleep(0.005)


def half_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on every write stops after seven bytes."""
    whole = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: whole(descriptor, data[:7]))
