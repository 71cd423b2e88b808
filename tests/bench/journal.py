"""What a journal costs: a durable line during the run, and its whole length at a start and for `journal stats`."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from ama_tui.config.paths import StatePaths
from ama_tui.store.journal.entry import JournalEntry
from ama_tui.store.journal.index import index_path
from ama_tui.store.journal.writer import Journal
from ama_tui.store.state_store import StateStore
from tests.bench.client import ROOT, own_environment
from tests.bench.figures import Figure, Kind, at_most
from tests.bench.scale import Scale
from tests.store.samples import BOOK, CHAIN_ID, line

WRITERS = 16
"""Wallets that write ahead concurrently."""
MOST_DURABLE = 5_000
WALLETS = 1_000
"""Of the long run."""
MANY_LINES = 1_000_000
STAGES = ("intended", "mined", "resting", "filled")
BEGAN_MS, STEP_MS = 1_735_689_600_000, 20
"""When the long run began, and the time between two lines."""
STATS_GOAL, RESUME_GOAL = 4.0, 3.0
"""Seconds, for this many lines."""


def measure(scale: Scale) -> list[Figure]:
    """Durable lines a second, then the seconds of `journal stats` and of opening the state."""
    return [asyncio.run(_durable(min(MOST_DURABLE, scale.journal_lines))), *_whole(scale.journal_lines)]


async def _durable(lines: int) -> Figure:
    """Many wallets write side by side."""
    with TemporaryDirectory(prefix="ama-bench-") as directory:
        journal = Journal.open(Path(directory) / "actions.jsonl")
        share = max(1, lines // WRITERS)

        async def write(writer: int) -> None:
            for number in range(share):
                await journal.write_durable(_intent(writer * share + number))

        began = perf_counter()
        await asyncio.gather(*(write(writer) for writer in range(WRITERS)))
        seconds = perf_counter() - began
        syncs = journal.syncs
        journal.close()
    written = share * WRITERS
    detail = f"{written:,} lines of {WRITERS} wallets, {written / syncs:.1f} to a sync"
    return Figure("journal, a durable line", seconds / written * 1e6, "µs", detail=detail)


def _whole(lines: int) -> list[Figure]:
    """On a disk that no longer writes the benchmark's own lines: reading would share it with them."""
    with TemporaryDirectory(prefix="ama-bench-") as directory:
        paths = StatePaths(Path(directory) / "state", CHAIN_ID, BOOK)
        store = StateStore.open(paths)
        for entry in _lines(lines):
            store.journal.append(entry)
        store.close()
        os.sync()
        stats = median(_command_s(paths, "stats") for _ in range(3))
        others = {words: _command_s(paths, *words.split()) for words in ("verify", "export", "export --format jsonl")}
        resumed = median(_opened_s(paths) for _ in range(3))
        index_path(paths.journal).unlink()
        unindexed = _opened_s(paths)
    size = f"{lines:,} lines"
    has_goal = lines == MANY_LINES
    each = f"{stats / lines * 1e6:.1f} µs a line, the interpreter's start included"
    return [
        Figure(f"journal stats, {size}", stats, "s", at_most(STATS_GOAL) if has_goal else None, each, Kind.CPU),
        Figure(
            f"resume, {size}",
            resumed,
            "s",
            at_most(RESUME_GOAL) if has_goal else None,
            f"{unindexed:.2f} s without the index",
            Kind.CPU,
        ),
        *(Figure(f"journal {words}, {size}", seconds, "s", kind=Kind.CPU) for words, seconds in others.items()),
    ]


def _command_s(paths: StatePaths, *words: str) -> float:
    """`ama-tui journal`, as anyone would run it."""
    command = [sys.executable, "-m", "ama_tui", "journal", *words, str(paths.journal)]
    environment = own_environment(paths.journal.parent)
    began = perf_counter()
    subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
    return perf_counter() - began


def _opened_s(paths: StatePaths) -> float:
    began = perf_counter()
    store = StateStore.open(paths)
    taken = perf_counter() - began
    store.close()
    return taken


def _lines(count: int) -> Iterator[JournalEntry]:
    """The lines of a long run: each order is intended, mined, seen resting and filled."""
    for number in range(count):
        order, stage = divmod(number, 4)
        yield _intent(order) if stage == 0 else _outcome(order, STAGES[stage])


def _intent(order: int) -> JournalEntry:
    """The line that is written before an order is sent."""
    params = {
        "method": "sessionPlaceMarginLimit",
        **_known(order),
        "price": "2499900000",
        "sequence": order,
        "margin": "459981600",
    }
    return line(_time(order, "intended"), "INTENT", _trader(order), params=params, intent_id=f"{order:032x}")


def _outcome(order: int, status: str) -> JournalEntry:
    params = {**_known(order), "status": status, "orderId": str(order), "block": order}
    return line(_time(order, status), "PLACE_LIMIT", _trader(order), params=params, intent_id=f"{order:032x}")


def _time(order: int, stage: str) -> int:
    return BEGAN_MS + STEP_MS * (4 * order + STAGES.index(stage))


def _known(order: int) -> dict[str, object]:
    return {"side": "buy", "level": 1, "amount": str(10**20 + order)}


def _trader(order: int) -> str:
    return f"0x{order % WALLETS:040x}"
