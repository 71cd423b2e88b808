"""A disk that is really full: a file system of a few pages or, where none can be mounted, a file size limit."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from ama_tui.domain.errors import JournalFullError
from ama_tui.store.journal.reader import Scan
from ama_tui.store.journal.writer import Journal
from tests.store.samples import line

PAD = {"pad": "x" * 500}


def fill_and_recover(directory: Path, make_room: Callable[[], object]) -> None:
    """Fill the disk, keep journalling, free space, and find every line in order."""
    path = directory / "actions.jsonl"
    journal = Journal.open(path)

    def durably(ts: int) -> None:
        asyncio.run(journal.write_durable(line(ts, params=PAD)))

    durable = []
    for ts in count(1):
        try:
            durably(ts)
        except JournalFullError:
            break
        durable.append(ts)
    assert len(durable) > 10
    assert path.read_bytes().endswith(b"}\n")
    held = list(range(5000, 5020))
    for ts in held:
        journal.append(line(ts, params=PAD))
    journal.probe()
    assert journal.problem
    assert journal.can_recover
    assert [entry.ts for entry in Scan(path)] == durable
    make_room()
    journal.probe()
    assert journal.problem == ""
    durably(9000)
    journal.close()
    assert [entry.ts for entry in Scan(path)] == [*durable, *held, 9000]
    assert Scan(path).finish().faults == []


UNDER_A_LIMIT = """
import resource, sys
from pathlib import Path
from tests.store.journal.test_full_disk import fill_and_recover
_, most = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, most))
fill_and_recover(Path(sys.argv[1]), lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)))
"""


ROOT = Path(__file__).parents[2]


@contextmanager
def tiny_disk(directory: Path) -> Iterator[bool]:
    """Mount a file system of 64 KiB there; False where this user cannot mount one."""
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(directory)]
    try:
        is_mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        is_mounted = False
    try:
        yield is_mounted
    finally:
        if is_mounted:
            subprocess.run(["umount", "-l", str(directory)], check=True)


def test_journal_continues_after_space_is_freed(tmp_path: Path) -> None:
    with tiny_disk(tmp_path) as is_mounted:
        if is_mounted:
            ballast = tmp_path / "ballast"
            ballast.write_bytes(bytes(28 * 1024))
            fill_and_recover(tmp_path, ballast.unlink)
        else:
            subprocess.run([sys.executable, "-c", UNDER_A_LIMIT, str(tmp_path)], check=True, cwd=ROOT)
