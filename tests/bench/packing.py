"""How long the fleet's orders take to rest on localnet, sessions aside, run as anyone would run it."""

from __future__ import annotations

import json
import subprocess
import sys
from tempfile import TemporaryDirectory

from tests.bench.figures import Figure, Goal, under
from tests.bench.scale import Scale, demo_arguments

GOALS: dict[float, Goal] = {0: under(5), 1: under(20)}
LONGEST_RUN = 180.0


def measure(scale: Scale) -> list[Figure]:
    """Seconds from the first order sent until the chain shows all of them, for each block time."""
    return [_packed(scale, block_time) for block_time in scale.block_times]


def _packed(scale: Scale, block_time: float) -> Figure:
    command = [
        *(sys.executable, "-m", "ama_tui", "demo", "--headless", "--until", "packed", "--json"),
        *demo_arguments(scale, block_time),
    ]
    with TemporaryDirectory(prefix="ama-bench-") as directory:
        done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=LONGEST_RUN)
    if done.returncode != 0:
        raise RuntimeError(f"the demo ended with {done.returncode}: {done.stderr.strip().splitlines()[-1:]}")
    summary = json.loads(done.stdout.splitlines()[-1])
    blocks = "a block per transaction" if block_time == 0 else f"{block_time:g} s blocks"
    detail = (
        f"{summary['target_orders']} orders; {summary['cycles']} cycles, {summary['rpc_requests']} RPC and "
        f"{summary['api_requests']} API requests; sessions {summary['seconds_sessions']:.2f} s"
    )
    return Figure(f"packing, {blocks}", summary["seconds_to_packed"], "s", GOALS.get(block_time), detail)
