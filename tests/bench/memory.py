"""How much memory the demo takes once its fleet is packed: the dashboard's process and the venue's."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import psutil

from ama_tui.domain.event import Action
from ama_tui.store.journal import read_entries
from tests.bench.figures import Figure, at_most
from tests.bench.scale import Scale, demo_arguments
from tests.bench.terminal import TerminalProgram

GOAL = at_most(300)
MEGABYTE = 1_000_000
F2 = b"\x1bOQ"
COLUMNS, ROWS = 160, 48
JOURNAL = "actions.jsonl"
STEP_LIMIT = 120.0


def measure(scale: Scale) -> list[Figure]:
    """Resident megabytes of `ama-tui demo` on a terminal of 160×48, after a while of keeping its fleet packed."""
    with TemporaryDirectory(prefix="ama-bench-", ignore_cleanup_errors=True) as directory:
        state = Path(directory) / "state"
        command = [
            *(sys.executable, "-m", "ama_tui", "demo", "--market", "ETH-USD", "--state-dir", str(state)),
            *demo_arguments(scale, scale.block_times[-1]),
        ]
        with TerminalProgram(command, Path(directory), columns=COLUMNS, rows=ROWS) as program:
            _start_run(program, state, 2 * scale.orders_per_side * scale.wallets)
            program.watch(scale.memory_seconds)
            demo = psutil.Process(program.child.pid)
            ours = demo.memory_info().rss / MEGABYTE
            venue = sum(child.memory_info().rss for child in demo.children(recursive=True)) / MEGABYTE
            program.press(b"q")
            program.close(patience=20)
    after = f"{scale.wallets} wallets packed, {scale.memory_seconds:g} s later, {COLUMNS}×{ROWS}"
    return [
        Figure("memory, ama-tui demo", ours, "MB", GOAL, after),
        Figure("memory, its venue", venue, "MB", None, "the child process with chain, relayer and traders"),
        Figure("memory, both", ours + venue, "MB"),
    ]


def _start_run(program: TerminalProgram, state: Path, orders: int) -> None:
    """From the set-up, which the market option opens, to a packed fleet, as the run's own journal tells it."""
    _press_until(program, F2, lambda: any(state.rglob(JOURNAL)), "a run")
    _press_until(program, b"", lambda: _placed(state) >= orders, f"{orders} placements")


def _press_until(program: TerminalProgram, keys: bytes, is_so: Callable[[], bool], what: str) -> None:
    """Press keys again and again (they are refused while a screen is not ready) until something is so."""
    deadline = perf_counter() + STEP_LIMIT
    while not is_so():
        if perf_counter() > deadline:
            raise TimeoutError(f"not there within {STEP_LIMIT:g} s: {what}")
        program.press(keys)
        program.watch(0.2)


def _placed(state: Path) -> int:
    """How many placements the journals name as accepted."""
    return sum(
        entry.action == Action.PLACE_LIMIT.value and entry.error is None
        for path in state.rglob(JOURNAL)
        for entry in read_entries(path)
    )
