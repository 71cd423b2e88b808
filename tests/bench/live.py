"""How quick the live screen is under load: on a terminal of 160×48, watched from outside.

The dashboard is real and has the program's settings; its engine is made up and publishes on the engine's own thread.
A key's time runs from before it is written to the terminal until the frame that shows what it did has been read from
it.
"""

from __future__ import annotations

import json
import random
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from tests.bench.client import ROOT
from tests.bench.cursor_marks import READY, moved_mark
from tests.bench.engine_play import Load
from tests.bench.figures import Figure, Kind, at_most, under
from tests.bench.scale import Scale
from tests.bench.terminal import TerminalProgram
from tests.bench.timing import p95

COLUMNS, ROWS = 160, 48
KEY_GOAL, BUSY_GOAL, LATE_GOAL = under(50), under(35), at_most(20)
LONGEST_START, LONGEST_KEY = 60.0, 10.0
UP, DOWN = b"\x1b[A", b"\x1b[B"


@dataclass(frozen=True, slots=True)
class Watched:
    """One run of the dashboard. `cpu_share` is the share of one core that its screen's thread uses."""

    cpu_share: float
    late_ms: list[float]
    keys_ms: list[float]


def measure(scale: Scale) -> list[Figure]:
    """Keys, processor time and the engine's ticks under load."""
    load = Load(scale.live_wallets, 4, 500)
    busy = _watch(load, scale.live_seconds)
    fleet = f"{load.wallets:,} wallets at 4 Hz, 500 events/s"
    keys = f"{fleet}; {len(busy.keys_ms)} keys, median {median(busy.keys_ms):.0f} ms, worst {max(busy.keys_ms):.0f}"
    ticks = f"{len(busy.late_ms)} ticks of 5 ms on the engine's thread, worst {max(busy.late_ms):.0f} ms"
    return [
        Figure("live screen, key to frame p95", p95(busy.keys_ms), "ms", KEY_GOAL, keys, Kind.CPU),
        Figure(
            "live screen, under load", busy.cpu_share * 100, "%", BUSY_GOAL, "of a core, the screen's thread", Kind.CPU
        ),
        Figure("engine tick lateness p95", p95(busy.late_ms), "ms", LATE_GOAL, ticks),
    ]


def _watch(load: Load, seconds: float) -> Watched:
    with TemporaryDirectory(prefix="ama-bench-", ignore_cleanup_errors=True) as directory:
        report = Path(directory) / "report.json"
        command = [
            *(sys.executable, "-m", "tests.bench.live_app", "--report", str(report), "--seconds", str(seconds)),
            *("--wallets", str(load.wallets), "--states", str(load.states_per_second)),
            *("--events", str(load.events_per_second)),
        ]
        with TerminalProgram(command, ROOT, columns=COLUMNS, rows=ROWS, home=Path(directory)) as program:
            program.wait_for(READY, LONGEST_START)
            taken = press_keys(program, load.wallets, seconds)
            with suppress(EOFError):
                program.watch(seconds + LONGEST_START)
        figures = json.loads(report.read_text())
    return Watched(figures["cpu_share"], figures["late_ms"], taken)


def press_keys(program: TerminalProgram, wallets: int, seconds: float) -> list[float]:
    """Milliseconds of one arrow key after another, at odd moments, until shortly before the end."""
    taken: list[float] = []
    end = perf_counter() + seconds * 0.9
    row = 0
    while perf_counter() < end or not taken:
        down = row == 0 or (row < wallets - 1 and random.random() < 0.7)
        row += 1 if down else -1
        began = perf_counter()
        program.press(DOWN if down else UP)
        taken.append((program.wait_for(moved_mark(len(taken) + 1), LONGEST_KEY) - began) * 1000)
        program.watch(random.uniform(0.03, 0.15))
    return taken
