"""A venue as a child process: the demo's venue has its own interpreter, so neither slows the other.

The wallets' keys pass neither over the command line nor over a pipe: they go into the private files of
`write_dir`.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Self

from ama_tui.localnet.options import VenueOptions

START_LIMIT = 60.0
STOP_LIMIT = 5.0


class VenueStartError(Exception):
    """The child could not start; the text is one line that says why."""


@dataclass(frozen=True, slots=True)
class VenueInfo:
    """What the child says of itself once it serves."""

    app_url: str
    rpc_url: str
    chain_id: int
    registry: str
    symbols: tuple[str, ...]


class VenueProcess:
    """A running child. It ends by itself when this process does."""

    def __init__(self, child: subprocess.Popen[bytes], info: VenueInfo) -> None:
        self._child = child
        self.info = info

    @classmethod
    def spawn(
        cls,
        options: VenueOptions | None = None,
        write_dir: Path | None = None,
        log_path: Path | None = None,
    ) -> VenueProcess:
        """Start a venue and wait until it serves.

        `write_dir` gets the client's `.env` and `wallets.csv`; `log_path` what the child has to say (else it
        is dropped). Raises VenueStartError.
        """
        # -P: what lies in the working directory must not be imported in place of a library.
        command = [sys.executable, "-P", "-m", "ama_tui.localnet", "--json-options"]
        command.append(json.dumps(asdict(options or VenueOptions())))
        if write_dir is not None:
            command += ["--write", str(write_dir)]
        with TemporaryFile() if log_path is None else log_path.open("ab") as log:
            child = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,  # a Ctrl+C of the terminal is for the parent to deal with
            )
            try:
                return cls(child, _await_ready(child, log))
            except BaseException:
                _end(child)
                raise

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._child.pid

    @property
    def is_running(self) -> bool:
        """Whether the child is still there."""
        return self._child.poll() is None

    def stop(self) -> int:
        """Ask the child to end, wait, kill it if it does not, return its exit code; twice does no harm."""
        return _end(self._child)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _await_ready(child: subprocess.Popen[bytes], log: IO[bytes]) -> VenueInfo:
    line = _first_line(child)
    try:
        said = json.loads(line)
    except ValueError:
        raise VenueStartError(f"the local venue ended before it was ready: {_last_line(log)}") from None
    if "error" in said:
        raise VenueStartError(said["error"])
    return VenueInfo(**{**said, "symbols": tuple(said["symbols"])})


def _first_line(child: subprocess.Popen[bytes]) -> bytes:
    """What the child prints first, up to its newline or the end of its output."""
    if child.stdout is None:
        return b""
    deadline = time.monotonic() + START_LIMIT
    line = b""
    while not line.endswith(b"\n"):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([child.stdout], [], [], left)[0]:
            raise VenueStartError(f"the local venue was not ready within {START_LIMIT:.0f} s")
        piece = os.read(child.stdout.fileno(), 65_536)
        if not piece:
            break
        line += piece
    return line


def _last_line(log: IO[bytes]) -> str:
    """The last thing a failed child wrote, for the error that reports it."""
    if not log.readable():
        return "see its log"
    log.seek(0)
    lines = log.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def _end(child: subprocess.Popen[bytes]) -> int:
    """End a child: by the end of its input, then SIGTERM, then SIGKILL."""
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            pipe.close()
    for number in (None, signal.SIGTERM, signal.SIGKILL):
        if number is not None:
            child.send_signal(number)
        try:
            return child.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            continue
    return child.wait()
