"""How soon something readable is on the screen, compared with a bare Textual application on the same interpreter.

Both are separate processes on pseudo-terminals; the time runs from before the process is created until
the terminal has a first letter or digit. They take turns, so that a slow moment of the machine affects both.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import psutil

from tests.bench.figures import Figure, Kind, at_most
from tests.bench.scale import Scale
from tests.bench.terminal import TerminalProgram

GOAL = at_most(1.3)
LONGEST_START = 30.0
BARE = [sys.executable, str(Path(__file__).with_name("bare_app.py"))]
OURS = [sys.executable, "-m", "ama_tui"]


@dataclass(frozen=True, slots=True)
class Start:
    """One start until the first letter, in milliseconds: wall time and CPU time."""

    ms: float
    cpu_ms: float


def measure(scale: Scale) -> list[Figure]:
    """The median of the ratios of one start each, with the medians behind it."""
    bare: list[Start] = []
    ours: list[Start] = []
    with TemporaryDirectory(prefix="ama-bench-", ignore_cleanup_errors=True) as directory:
        # One level down, where no `.env` is near: the parent directory is searched too.
        place = Path(directory) / "empty"
        place.mkdir()
        for _ in range(scale.paints):
            bare.append(_first_paint(BARE, place))
            ours.append(_first_paint(OURS, place))
    bare, ours = bare[1:] or bare, ours[1:] or ours
    ratio = median(mine.ms / other.ms for mine, other in zip(ours, bare, strict=True))
    detail = f"{_medians(ours)}, bare Textual {_medians(bare)}; {len(ours)} starts each"
    return [Figure("first paint, ama-tui to bare", ratio, "×", GOAL, detail, Kind.RATIO)]


def _medians(starts: Sequence[Start]) -> str:
    return f"{median(one.ms for one in starts):.0f} ms ({median(one.cpu_ms for one in starts):.0f} of CPU)"


def _first_paint(command: Sequence[str], directory: Path) -> Start:
    """How long a program takes to show its first letter; then it is ended."""
    with TerminalProgram(command, directory) as program:
        seconds = program.wait_until(lambda text: any(map(str.isalnum, text)), LONGEST_START, "anything to read")
        spent = psutil.Process(program.child.pid).cpu_times()
        return Start(seconds * 1000, (spent.user + spent.system) * 1000)
