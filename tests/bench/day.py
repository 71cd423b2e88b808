"""Whether the dashboard stays small: memory after a simulated day, compared with that after its first hour."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.client import ROOT
from tests.bench.figures import Figure, Kind, at_most
from tests.bench.live import COLUMNS, ROWS
from tests.bench.scale import Scale
from tests.bench.terminal import TerminalProgram

GOAL = at_most(1.1)
LONGEST_DAY = 600.0
MEGABYTE = 1_000_000


def measure(scale: Scale) -> list[Figure]:
    """Resident memory of a dashboard that runs through a day of states, events and visits to every screen."""
    with TemporaryDirectory(prefix="ama-bench-", ignore_cleanup_errors=True) as directory:
        report = Path(directory) / "report.json"
        command = [
            *(sys.executable, "-m", "tests.bench.day_app", "--report", str(report)),
            *("--wallets", str(scale.day_wallets), "--hours", str(scale.day_hours)),
            *("--hour-seconds", str(scale.day_hour_seconds)),
        ]
        with TerminalProgram(command, ROOT, columns=COLUMNS, rows=ROWS, home=Path(directory)) as program:
            with suppress(EOFError):
                program.watch(LONGEST_DAY)
            if not report.exists():
                raise RuntimeError(f"the day did not end well: {program.text[-300:]!r}")
        memory = json.loads(report.read_text())
    (first, first_blocks), (last, last_blocks) = memory[0], memory[-1]
    detail = (
        f"{first / MEGABYTE:.1f} and {last / MEGABYTE:.1f} MB, {first_blocks:,} and {last_blocks:,} objects; "
        f"{scale.day_hours} simulated hours of {scale.day_wallets} wallets"
    )
    return [Figure("memory, a day to its first hour", last / first, "×", GOAL, detail, Kind.RATIO)]
