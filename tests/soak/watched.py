"""`ama-tui` as usual, and a thread beside it that writes down what the process holds.

Arguments: the file for the samples, the seconds between two of them, the size of a journal file in bytes, then those of
ama-tui. A sample is one line of JSON, the fields of `Sample`.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import threading
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path
from statistics import median
from unittest.mock import patch

import psutil

from ama_tui.domain.event import EngineSnapshot
from ama_tui.engine.publisher import Publisher
from ama_tui.store.journal.writer import Journal
from tests.soak.samples import Sample

ROOT = Path(__file__).resolve().parents[2]
_PROGRAM = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from tests.soak.watched import main; main()"


def watched(samples: Path, every: float, segment_bytes: int) -> list[str]:
    """The program to start in place of `python -m ama_tui`."""
    return [sys.executable, "-P", "-c", _PROGRAM, str(samples), f"{every:g}", str(segment_bytes)]


class Watch:
    """Samples this process, and what the engine in it publishes, if there is one."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._began = time.monotonic()
        self._cpu_before, self._cycles_before = 0.0, 0
        self._cycle_ms: list[float] = []
        self._latest: EngineSnapshot | None = None

    def publish(self, publisher: Publisher, snapshot: EngineSnapshot) -> None:
        """Stands in for `Publisher.publish`."""
        publisher.latest = snapshot
        if self._latest is None or snapshot.totals.cycles != self._latest.totals.cycles:
            self._cycle_ms.append(snapshot.cycle_ms)
        self._latest = snapshot

    def sample(self) -> Sample:
        """What the process holds now, and what it did since the last sample."""
        cpu = sum(self._process.cpu_times()[:2])
        sample = Sample(
            seconds=time.monotonic() - self._began,
            rss=self._process.memory_info().rss,
            blocks=sys.getallocatedblocks(),
            fds=self._process.num_fds(),
            threads=threading.active_count(),
            tasks=sum(issubclass(type(one), asyncio.Task) and not one.done() for one in gc.get_objects()),
            cpu=cpu - self._cpu_before,
        )
        self._cpu_before = cpu
        latest = self._latest
        if latest is not None:
            totals = latest.totals
            taken, self._cycle_ms = self._cycle_ms, []
            sample.cycles, self._cycles_before = totals.cycles - self._cycles_before, totals.cycles
            sample.cycle_ms = median(taken) if taken else 0.0
            sample.short, sample.news = _short(latest), latest.news
            sample.fills, sample.crossed = totals.fills, totals.crossed
            sample.errors = dict(latest.errors_by_kind)
        return sample


def main() -> None:
    """Run ama-tui with the rest of the arguments."""
    samples, every, segment_bytes, *arguments = sys.argv[1:]
    sys.argv = ["ama-tui", *arguments]
    watch = Watch()
    publish = lambda publisher, snapshot: watch.publish(publisher, snapshot)  # noqa: E731 - bound as a method is
    small_files = partial(Journal.open, segment_bytes=int(segment_bytes))
    with patch.object(Publisher, "publish", publish), patch.object(Journal, "open", small_files):
        threading.Thread(target=_keep, args=(watch, Path(samples), float(every)), daemon=True).start()
        from ama_tui.__main__ import main as run

        run()


def _short(snapshot: EngineSnapshot) -> dict[str, str]:
    """What each wallet says that is not packed; empty once the fleet is."""
    if snapshot.packed:
        return {}
    rows = [row for row in snapshot.wallets if not row.is_packed]
    return {row.nickname: row.note or f"{row.pending} pending, {row.unknown} unknown" for row in rows} or {
        "": "no wallet"
    }


def _keep(watch: Watch, path: Path, every: float) -> None:
    with path.open("a", buffering=1) as lines:
        while True:
            time.sleep(every)
            lines.write(json.dumps(asdict(watch.sample())) + "\n")
