"""`ama-tui run` as a process of its own, as anyone would run it: what it says at its end, and what it used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
MARKET = "ETH-USD"
LONGEST_RUN = 1500
FILLED = (b'"status":"filled"', b'"status":"executed"')
"""In a journal line: the order was filled."""


@dataclass(frozen=True, slots=True)
class Journalled:
    """What a run's journal says."""

    intents: int
    """Placements that were journalled before they were sent."""
    filled: int
    """Orders that were filled meanwhile: each takes another intent."""
    session_seconds: float
    """From the first session that was going to be requested until the last was there."""


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A headless run that packed its fleet."""

    summary: dict[str, Any]
    cpu_seconds: float
    journalled: Journalled


def run_options(wallets: int, orders_per_side: int) -> list[str]:
    """The options of a run of so large a fleet on the benchmarks' market."""
    return ["--market", MARKET, "--wallets", str(wallets), "--orders-per-side", str(orders_per_side)]


def own_environment(directory: Path) -> dict[str, str]:
    """Nothing of ours but the PATH and this source tree; `directory` for the home and the temporary files."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": str(ROOT),
        "HOME": str(directory),
        "TMPDIR": str(directory),
        "LANG": "C.UTF-8",
    }


def run_until_packed(directory: Path, wallets: int, orders_per_side: int) -> FinishedRun:
    """Pack the fleet of the client files in `directory`. Raises RuntimeError if it is not packed."""
    command = [sys.executable, "-m", "ama_tui", "run", "--headless", "--until", "packed", "--json", "--fresh"]
    command += ["--within", str(LONGEST_RUN), *run_options(wallets, orders_per_side)]
    out, err = directory / "run.out", directory / "run.err"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        child = subprocess.Popen(
            command,
            cwd=directory,
            env=own_environment(directory),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
        )
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise RuntimeError(f"the run ended with {child.returncode}: {err.read_text().strip().splitlines()[-1:]}")
    summary = json.loads(out.read_text().splitlines()[-1])
    return FinishedRun(summary, used.ru_utime + used.ru_stime, journalled(directory / "state"))


@contextmanager
def running(directory: Path, options: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A headless run until the context is left; then it is killed."""
    command = [sys.executable, "-m", "ama_tui", "run", "--headless", "--fresh", *options]
    with (directory / "run.err").open("wb") as stderr:
        child = subprocess.Popen(
            command,
            cwd=directory,
            env=own_environment(directory),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
        )
    try:
        yield child
    finally:
        child.kill()
        child.wait()


def journalled(state: Path) -> Journalled:
    """Read the journals under a state directory."""
    intents = filled = 0
    asked: list[int] = []
    made: list[int] = []
    for path in state.rglob("actions*.jsonl"):
        for text in path.read_bytes().splitlines():
            filled += any(status in text for status in FILLED)
            if b'"INTENT"' not in text and b'"SESSION_INIT"' not in text:
                continue
            line = json.loads(text)
            method = (line.get("params") or {}).get("method")
            if line["action"] == "SESSION_INIT":
                made.append(line["ts"])
            elif method == "sessionInit":
                asked.append(line["ts"])
            elif method == "sessionPlaceMarginLimit":
                intents += 1
    return Journalled(intents, filled, (max(made, default=0) - min(asked, default=0)) / 1000)
