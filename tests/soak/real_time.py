"""Real processes in real time: a venue with chaos and traders, a headless run and a dashboard, each with a market.

Their samples are in `venue.jsonl`, `headless.jsonl` and `dashboard.jsonl` of the run's directory.
"""

from __future__ import annotations

import signal
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.bench.terminal import TerminalProgram
from tests.e2e.operator import Operator, Running
from tests.soak.samples import Sample, read_samples
from tests.soak.verdicts import Verdict, of_clock, of_engine, of_process
from tests.soak.watched import watched

FLEET = 5
"""Wallets of each of the two runs."""
NEAR = ("--wallets", str(FLEET), "--min-distance-ticks", "3", "--max-distance-ticks", "40", "--fresh")
"""Orders so near to the touch that the traders fill some all the time."""
COLUMNS, ROWS = 160, 48
CALM_LIMIT_S = 180.0
"""A run that waits for unknown orders needs a minute; one that is held by an outage, some seconds."""
STOP_LIMIT_S = 30.0


@dataclass(frozen=True, slots=True)
class Scale:
    """How long, how often sampled, how large the journal's files, and how long a block takes; seconds and bytes."""

    seconds: float = 3600.0
    every: float = 10.0
    segment_bytes: int = 128 * 1024
    block_time: float = 1.0


def soak(scale: Scale, directory: Path) -> list[Verdict]:
    """Run everything, calm the venue, let both fleets pack, stop, and judge what was sampled."""
    with ExitStack() as stack:
        place = _Place(scale, directory)
        stack.callback(place.end)
        client_files = place.serve()
        headless = place.operator("headless", client_files, range(FLEET))
        dashboard = place.operator("dashboard", client_files, range(FLEET, 2 * FLEET))
        run = headless.start(
            *("run", "--headless", "--json", "--market", "ETH-USD", *NEAR), program=place.program("headless")
        )
        command = [*place.program("dashboard"), "--no-ask", "--market", "BTC-USD", *NEAR]
        terminal = stack.enter_context(TerminalProgram(command, dashboard.directory, columns=COLUMNS, rows=ROWS))
        terminal.watch(scale.seconds)
        samples = {name: place.samples(name) for name in ("venue", "headless", "dashboard")}
        httpx.delete(place.faults).raise_for_status()
        short = place.until_packed(terminal)
        terminal.press(b"\x03")
        terminal.close(patience=STOP_LIMIT_S)
        run.signal(signal.SIGTERM)
        ended = run.wait(STOP_LIMIT_S)
        verdicts = [verdict for name in samples for verdict in of_process(name, samples[name])]
        for name in ("headless", "dashboard"):
            verdicts += [of_clock(name, samples[name]), *of_engine(name, samples[name])]
        codes = (ended.code, terminal.child.returncode)
        return [
            *verdicts,
            Verdict("both packed once it is calm", not short, str(short or "")),
            Verdict("exit codes", codes == (0, 0), f"{codes[0]} and {codes[1]}"),
            *(place.journal(operator) for operator in (headless, dashboard)),
        ]


class _Place:
    """The directory of a run, with the venue and the operators in it."""

    def __init__(self, scale: Scale, directory: Path) -> None:
        self._scale, self._directory = scale, directory
        self._operators: list[Operator] = []
        self._settings: dict[str, str] = {}

    def program(self, name: str) -> list[str]:
        return watched(self._directory / f"{name}.jsonl", self._scale.every, self._scale.segment_bytes)

    def samples(self, name: str) -> list[Sample]:
        return read_samples(self._directory / f"{name}.jsonl")

    def serve(self) -> Path:
        """Start the venue; returns where it wrote its files."""
        venue = Operator(self._directory / "venue")
        self._operators.append(venue)
        options = ("--wallets", str(2 * FLEET), "--block-time", f"{self._scale.block_time:g}", "--chaos")
        running: Running = venue.start("venue", "--write", "client", *options, program=self.program("venue"))
        client_files = venue.directory / "client"
        running.until("the venue serves", (client_files / ".env").exists)
        lines = (client_files / ".env").read_text().splitlines()
        self._settings = dict(line.split("=", 1) for line in lines if "=" in line)
        return client_files

    @property
    def faults(self) -> str:
        """Where the venue's faults are switched."""
        return f"{self._settings['APP_URL']}/localnet/faults"

    def operator(self, name: str, client_files: Path, wallets: range) -> Operator:
        """An operator with some of the venue's wallets, who hears of blocks by push."""
        operator = Operator(self._directory / name, client_files)
        self._operators.append(operator)
        head, *rows = operator.wallets_file.read_text().splitlines()
        operator.write("wallets.csv", "\n".join([head, *(rows[number] for number in wallets)]) + "\n")
        operator.set_env(RPC_WS_URL=self._settings["RPC_URL"].replace("http", "ws", 1))
        return operator

    def until_packed(self, terminal: TerminalProgram) -> dict[str, dict[str, str]]:
        """Wait until each run was packed once; what the others say that never are."""
        waiting: dict[str, dict[str, str]] = {"headless": {}, "dashboard": {}}
        deadline = time.monotonic() + CALM_LIMIT_S
        while waiting and time.monotonic() < deadline:
            terminal.watch(self._scale.every)
            last = {name: self.samples(name)[-1].short for name in waiting}
            waiting = {name: short for name, short in last.items() if short}
        return waiting

    def journal(self, operator: Operator) -> Verdict:
        """Is the journal whole, and has it been numbered?"""
        files = [file.name for file in operator.market_state().glob("actions*.jsonl")]
        verified = operator.ama("journal", "verify", "state")
        seen = f"{len(files)} files; {verified.out.strip().rpartition('/')[2] or verified.err.strip()}"
        return Verdict(f"{operator.directory.name}: journal", verified.code == 0 and len(files) > 1, seen)

    def end(self) -> None:
        for operator in self._operators:
            operator.end()
