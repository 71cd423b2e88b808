"""An operator's working directory, and the program run in it as its own process."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.e2e.warm import PROGRAM, WarmRun, start_program
from tests.sizes import PATIENCE_S

PACK = ("run", "--headless", "--until", "packed", "--json", "--min-delay-ms", "20", "--max-delay-ms", "80")
"""A run until packed with short delays, so that a test does not wait for them."""
KEY_PIECE = 16
"""This many consecutive hexadecimal digits of a key must never appear."""

VENUE_NAMES = (
    "RPC_URL",
    "RPC_URL_HYPEREVM",
    "CHAIN_ID",
    "NEXT_PUBLIC_CHAIN_ID",
    "SESSION_REGISTRY_ADDRESS",
    "APP_URL",
)


@dataclass(frozen=True)
class Finished:
    """How a run of the program ended."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def summary(self) -> dict[str, Any]:
        """The only JSON object, last on stdout."""
        summary = json.loads(self.out.splitlines()[-1])
        assert isinstance(summary, dict)
        return summary

    def packed(self) -> dict[str, Any]:
        """The summary of a run that must have ended with a packed fleet."""
        assert self.code == 0, f"exit {self.code}: {self.out}{self.err}"
        summary = self.summary
        assert summary["packed"], summary
        if not self.err:
            return summary  # its progress went to a terminal
        *_, last = re.findall(r"resting (\d+)/(\d+), pending (\d+), unknown (\d+), block (\d+)", self.err)
        resting = summary["resting_bids"] + summary["resting_asks"]
        told = (resting, summary["target_orders"], summary["pending"], summary["unknown"], summary["block"])
        assert tuple(map(int, last)) == told, "the last line of progress is of another read than the summary"
        return summary

    def refusal(self, code: int) -> str:
        """The only line on stderr of a run that must have ended with this exit code and no other output."""
        assert self.code == code, f"exit {self.code}: {self.out}{self.err}"
        assert self.out == ""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("ama-tui: ")
        assert "Traceback" not in lines[0]
        return lines[0].removeprefix("ama-tui: ")


class Running:
    """The program while it runs."""

    def __init__(self, operator: Operator, child: subprocess.Popen[bytes] | WarmRun, out: Path, err: Path) -> None:
        self._operator = operator
        self._child = child
        self._out, self._err = out, err
        self._began = time.monotonic()

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def err(self) -> str:
        """What it has written to stderr so far."""
        return self._err.read_text()

    @property
    def is_over(self) -> bool:
        return self._child.poll() is not None

    def signal(self, number: signal.Signals) -> None:
        self._child.send_signal(number)

    def until(self, what: str, is_so: Callable[[], bool], limit: float = PATIENCE_S) -> None:
        """Wait until a condition holds; the program must not end before that."""
        deadline = time.monotonic() + limit
        while not is_so():
            assert not self.is_over, f"it ended (exit {self._child.returncode}) before {what}: {self.err}"
            assert time.monotonic() < deadline, f"waited {limit:.0f} s for {what}: {self.err}"
            time.sleep(0.01)

    def wait(self, limit: float = PATIENCE_S) -> Finished:
        """Wait until it ends. Nothing in its output may be part of a key."""
        code = self._child.wait(limit)
        finished = Finished(code, self._out.read_text(), self._err.read_text(), time.monotonic() - self._began)
        self._operator.assert_no_key_in(finished.out, "stdout")
        self._operator.assert_no_key_in(finished.err, "stderr")
        return finished

    def end(self) -> None:
        """Make sure that it has ended; for a test's clean-up."""
        if not self.is_over:
            self._child.kill()
        self._child.wait()


class Operator:
    """A directory with `.env` and `wallets.csv`, as `ama-tui venue --write` leaves it for a client."""

    def __init__(self, directory: Path, client_files: Path | None = None) -> None:
        self.directory = directory
        directory.mkdir(mode=0o700, exist_ok=True)
        self._said = directory.with_name(directory.name + "-said")
        self._said.mkdir(exist_ok=True)
        self._runtime = directory.with_name(directory.name + "-runtime")
        self._runtime.mkdir(mode=0o700, exist_ok=True)
        self._started: list[Running] = []
        if client_files is not None:
            for name in (".env", "wallets.csv"):
                shutil.copy(client_files / name, directory / name)

    @property
    def state(self) -> Path:
        return self.directory / "state"

    @property
    def wallets_file(self) -> Path:
        return self.directory / "wallets.csv"

    def set_env(self, **settings: str) -> None:
        """Change lines of `.env`."""
        lines = (self.directory / ".env").read_text().splitlines()
        kept = [line for line in lines if line.split("=", 1)[0] not in settings]
        self.write(".env", "\n".join([*kept, *(f"{name}={value}" for name, value in settings.items())]) + "\n")

    def write(self, name: str, text: str) -> Path:
        path = self.directory / name
        path.write_text(text)
        path.chmod(0o600)
        return path

    def market_state(self) -> Path:
        """The state directory of the only market that was run here."""
        (found,) = self.state.glob("*/0x*")
        return found

    def checkpoint(self) -> dict[str, Any]:
        stored = json.loads((self.market_state() / "checkpoint.json").read_text())
        assert isinstance(stored, dict)
        return stored

    def journal(self) -> list[dict[str, Any]]:
        """The complete lines of the only market's journal; empty before there is one."""
        journals = list(self.state.glob("*/0x*/actions.jsonl"))
        if not journals:
            return []
        whole, _, _ = journals[0].read_bytes().rpartition(b"\n")
        return [json.loads(line) for line in whole.splitlines()]

    def start(
        self,
        *arguments: str,
        environ: Mapping[str, str] | None = None,
        program: Sequence[str] = PROGRAM,
        stderr: int | None = None,
    ) -> Running:
        """Start the program here; `stderr` is a descriptor in place of a file."""
        number = len(self._started)
        out, err = self._said / f"{number}.out", self._said / f"{number}.err"
        around = {name: value for name, value in os.environ.items() if name not in VENUE_NAMES}
        with out.open("wb") as out_file, err.open("wb") as err_file:
            streams = (subprocess.DEVNULL, out_file.fileno(), err_file.fileno() if stderr is None else stderr)
            around |= {"XDG_RUNTIME_DIR": str(self._runtime), **(environ or {})}
            child = start_program(program, arguments, self.directory, around, streams)
        self._started.append(Running(self, child, out, err))
        return self._started[-1]

    def ama(
        self,
        *arguments: str,
        limit: float = PATIENCE_S,
        environ: Mapping[str, str] | None = None,
        program: Sequence[str] = PROGRAM,
    ) -> Finished:
        """Run the program here to its end."""
        return self.start(*arguments, environ=environ, program=program).wait(limit)

    def ama_on_a_terminal(self, *arguments: str) -> tuple[Finished, str]:
        """Run the program to its end with a terminal as stderr; also returns what that terminal showed."""
        screen, stderr = os.openpty()
        try:
            running = self.start(*arguments, stderr=stderr)
        finally:
            os.close(stderr)
        shown = b""
        with os.fdopen(screen, "rb", buffering=0) as terminal, suppress(OSError):  # EIO: the other end was closed
            while piece := terminal.read(65_536):
                shown += piece
        text = shown.decode(errors="replace")
        self.assert_no_key_in(text, "the terminal")
        return running.wait(), text

    def end(self) -> None:
        """End everything still running, and search for keys in the files that the runs left."""
        for running in self._started:
            running.end()
        for path in self.state.rglob("*"):
            if path.is_file():
                self.assert_no_key_in(path.read_bytes().decode(errors="replace"), str(path))

    def assert_no_key_in(self, text: str, where: str) -> None:
        """No piece of any private key in the wallets file is in the text."""
        found = {one.lower() for one in re.findall(rf"[0-9a-fA-F]{{{KEY_PIECE},}}", text)}
        for key in self._keys():
            pieces = [key[at : at + KEY_PIECE] for at in range(len(key) - KEY_PIECE + 1)]
            assert not any(piece in one for one in found for piece in pieces), f"a private key stands in {where}"

    def _keys(self) -> list[str]:
        if not self.wallets_file.is_file():
            return []
        with self.wallets_file.open(newline="") as rows:
            return [(row.get("privateKey") or "").removeprefix("0x").lower() for row in csv.DictReader(rows)]


def hashes(directory: Path) -> dict[str, str]:
    """The SHA-256 of every file below a directory, by relative path."""
    return {
        str(path.relative_to(directory)): sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }
