"""Runs a venue as a child process with its own interpreter, so it does not slow down the dashboard.

The wallets' keys are only written to the private files in `write_dir`, never passed on a command line or a pipe.
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
    """The child process could not start. The message is one line."""


@dataclass(frozen=True, slots=True)
class VenueInfo:
    """The venue's addresses, as the child reports them once it is ready."""

    app_url: str
    rpc_url: str
    chain_id: int
    registry: str
    symbols: tuple[str, ...]


class VenueProcess:
    """A running venue process. It exits when this process does."""

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
        """Start a venue and wait until it is ready.

        The client's `.env` and `wallets.csv` go to `write_dir`, the child's stderr to `log_path` (else nowhere).
        Raises VenueStartError.
        """
        # -P: modules in the working directory must not shadow a library.
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
                start_new_session=True,  # Ctrl+C is handled by the parent
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
        """Whether the child is still running."""
        return self._child.poll() is None

    def stop(self) -> int:
        """Stop the child, by force if needed, and return its exit code. Safe to call again."""
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
        message = json.loads(line)
    except ValueError:
        raise VenueStartError(f"the local venue exited before it was ready: {_last_line(log)}") from None
    if "error" in message:
        raise VenueStartError(message["error"])
    return VenueInfo(**{**message, "symbols": tuple(message["symbols"])})


def _first_line(child: subprocess.Popen[bytes]) -> bytes:
    """The first line of the child's output, up to a newline or the end."""
    if child.stdout is None:
        return b""
    deadline = time.monotonic() + START_LIMIT
    line = b""
    while not line.endswith(b"\n"):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([child.stdout], [], [], left)[0]:
            raise VenueStartError(f"the local venue was not ready within {START_LIMIT:.0f} s")
        chunk = os.read(child.stdout.fileno(), 65_536)
        if not chunk:
            break
        line += chunk
    return line


def _last_line(log: IO[bytes]) -> str:
    """The last line a failed child logged, for the error message."""
    if not log.readable():
        return "see its log"
    log.seek(0)
    lines = log.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it logged nothing"


def _end(child: subprocess.Popen[bytes]) -> int:
    """Stop a child: close its input, then SIGTERM, then SIGKILL."""
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
