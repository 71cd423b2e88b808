"""How much memory the demo takes once its fleet is packed: the dashboard's process and the venue's."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import psutil

from ama_tui.domain.event import Action
from ama_tui.store.journal.reader import Scan
from tests.bench.figures import Figure, at_most
from tests.bench.scale import Scale, demo_arguments
from tests.bench.terminal import TerminalProgram

GOAL = at_most(300)
MEGABYTE = 1_000_000
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
            _wait_until_packed(program, state, 2 * scale.orders_per_side * scale.wallets)
            program.watch(scale.memory_seconds)
            demo = psutil.Process(program.child.pid)
            ours = demo.memory_info().rss / MEGABYTE
            venue = sum(child.memory_info().rss for child in demo.children(recursive=True)) / MEGABYTE
            program.press(b"\x03")
            program.close(patience=20)
    after = f"{scale.wallets} wallets packed, {scale.memory_seconds:g} s later, {COLUMNS}×{ROWS}"
    return [
        Figure("memory, ama-tui demo", ours, "MB", GOAL, after),
        Figure("memory, its venue", venue, "MB", None, "the child process with chain, relayer and traders"),
        Figure("memory, both", ours + venue, "MB"),
    ]


def _wait_until_packed(program: TerminalProgram, state: Path, orders: int) -> None:
    """The demo begins by itself; its run's own journal tells when the fleet has placed its orders."""
    deadline = perf_counter() + STEP_LIMIT
    while _placed(state) < orders:
        if perf_counter() > deadline:
            raise TimeoutError(f"not there within {STEP_LIMIT:g} s: {orders} placements")
        program.watch(0.2)


def _placed(state: Path) -> int:
    """How many placements the journals name as resting."""
    return sum(
        entry.action == Action.PLACE_LIMIT.value and (entry.params or {}).get("status") == "resting"
        for path in state.rglob(JOURNAL)
        for entry in Scan(path)
    )
