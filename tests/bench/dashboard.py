"""The dashboard of a real run on a terminal: what it uses while its fleet is packed, and what it costs before that."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import monotonic

import psutil

from ama_tui.localnet.options import VenueOptions
from ama_tui.localnet.process import VenueProcess
from tests.bench.client import run_options
from tests.bench.cursor_marks import READY
from tests.bench.figures import Figure, Kind, at_most, under
from tests.bench.live import COLUMNS, ROWS, press_keys
from tests.bench.packing import packed_bare, venue_options
from tests.bench.scale import Packing, Scale
from tests.bench.terminal import TerminalProgram
from tests.bench.timing import p95

IDLE_GOAL, MEMORY_GOAL, PACKED_GOAL, KEY_GOAL = at_most(2), at_most(300), at_most(1.2), under(50)
SETTLE_S = 5.0
"""From packed to idle: the last orders are journalled and shown."""
LONGEST_START, LONGEST_PACKING = 90.0, 900.0
KEYS_SECONDS = 30.0
MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class OpenDashboard:
    """A dashboard on its live screen."""

    program: TerminalProgram
    report: Path

    def seconds_to_packed(self) -> float:
        """Wait until the fleet is packed. Returns the seconds from the first order sent."""
        deadline = monotonic() + LONGEST_PACKING
        while not self.report.exists() or not self.report.read_text().endswith("\n"):
            if monotonic() > deadline:
                raise TimeoutError(f"not packed in {LONGEST_PACKING:g} s")
            self.program.watch(0.2)
        return float(self.report.read_text())


def measure(scale: Scale) -> list[Figure]:
    """Processor time and memory of an idle dashboard; packing and keys of a large fleet's."""
    figures = _idle(scale)
    if scale.dashboard is not None:
        figures += _packing(scale.dashboard)
    return figures


@contextmanager
def _open_dashboard(venue: VenueOptions, orders_per_side: int) -> Iterator[OpenDashboard]:
    """A venue and a run on it, in processes of their own."""
    with TemporaryDirectory(prefix="ama-bench-", ignore_cleanup_errors=True) as directory:
        path = Path(directory)
        report = path / "packed"
        command = [sys.executable, "-m", "tests.bench.dashboard_app", str(report), "--no-ask", "--fresh"]
        command += run_options(venue.wallets, orders_per_side)
        with (
            VenueProcess.spawn(venue, path, path / "venue.log"),
            TerminalProgram(command, path, columns=COLUMNS, rows=ROWS) as program,
        ):
            program.wait_for(READY, LONGEST_START)
            yield OpenDashboard(program, report)


def _idle(scale: Scale) -> list[Figure]:
    """On a venue where nobody trades, so that nothing happens but blocks."""
    venue = VenueOptions(wallets=scale.idle_wallets, traders=False)
    with _open_dashboard(venue, scale.orders_per_side) as dashboard:
        dashboard.seconds_to_packed()
        dashboard.program.watch(min(SETTLE_S, scale.idle_seconds))
        process = psutil.Process(dashboard.program.child.pid)
        began, before = monotonic(), process.cpu_times()
        dashboard.program.watch(scale.idle_seconds)
        seconds, after = monotonic() - began, process.cpu_times()
        resident = process.memory_info().rss / MEGABYTE
    used = after.user + after.system - before.user - before.system
    name = f"idle dashboard, {scale.idle_wallets} packed wallets"
    detail = f"of a core, all threads, over {seconds:.0f} s of 1 s blocks"
    return [
        Figure(f"{name}, CPU", used / seconds * 100, "%", IDLE_GOAL, detail, Kind.CPU),
        Figure(f"{name}, memory", resident, "MB", MEMORY_GOAL, f"{COLUMNS}×{ROWS}", Kind.CPU),
    ]


def _packing(size: Packing) -> list[Figure]:
    """Packed as fast as without a dashboard, while an operator presses keys."""
    bare = packed_bare(size)
    with _open_dashboard(venue_options(size), size.orders_per_side) as dashboard:
        keys = press_keys(dashboard.program, size.wallets, min(KEYS_SECONDS, bare.orders))
        seconds = dashboard.seconds_to_packed()
    what = f"{size.wallets:,} wallets with the dashboard, {size.blocks}"
    return [
        Figure(
            f"{what}, packed to bare",
            seconds / bare.orders,
            "×",
            PACKED_GOAL,
            f"{seconds:.0f} s, bare {bare.orders:.0f} s",
            Kind.RATIO,
        ),
        Figure(
            f"{what}, key to frame p95",
            p95(keys),
            "ms",
            KEY_GOAL,
            f"{len(keys)} keys, median {median(keys):.0f} ms, worst {max(keys):.0f}",
            Kind.CPU,
        ),
    ]
