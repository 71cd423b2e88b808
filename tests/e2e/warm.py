"""Program runs that start warm: forked from a process that has imported everything, which saves each about a second.

Otherwise each run is a normal process, with its own session, streams and exit code.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

SERVER = Path(__file__).with_name("warm_server.py")
PROGRAM = (sys.executable, "-P", "-m", "ama_tui")
READ_AT_START = ("PYTHON", "TEXTUAL", "LC_", "LANG")
"""How the environment variables begin that Python and its libraries read as they start."""


class WarmRun:
    """A run, with the part of `subprocess.Popen` that tests of whole runs use."""

    def __init__(self, report: int) -> None:
        self._report = report
        self._told = b""
        self.returncode: int | None = None
        self.pid = int(self._line(None) or 0)
        assert self.pid, "the process that forks the runs has ended"

    def poll(self) -> int | None:
        """The exit code, negative for a signal, or None while it runs."""
        return self._code(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; the exit code. Raises TimeoutExpired."""
        code = self._code(timeout)
        if code is None:
            raise subprocess.TimeoutExpired("ama-tui", timeout or 0.0)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):  # it ended just now
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _code(self, timeout: float | None) -> int | None:
        if self.returncode is None and (line := self._line(timeout)) is not None:
            self.returncode = int(line)
            os.close(self._report)
        return self.returncode

    def _line(self, timeout: float | None) -> bytes | None:
        """The next whole line of the report, b"" at its end, None if it takes longer."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while b"\n" not in self._told:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not select.select([self._report], [], [], left)[0]:
                return None
            piece = os.read(self._report, 64)
            if not piece:
                return b""
            self._told += piece
        line, _, self._told = self._told.partition(b"\n")
        return line


class WarmServer:
    """The process that forks the runs."""

    def __init__(self) -> None:
        self._requests, theirs = socket.socketpair()
        with theirs:
            self._child = subprocess.Popen(
                [sys.executable, "-P", str(SERVER), str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )

    def start(
        self,
        arguments: Sequence[str],
        directory: Path,
        environ: Mapping[str, str],
        streams: Sequence[int],
        *,
        owns_terminal: bool = False,
    ) -> WarmRun:
        """Start `ama-tui ARGUMENTS` with descriptors for its stdin, stdout and stderr.

        With `owns_terminal`, its stdin is a terminal and becomes its controlling terminal.
        """
        request = {
            "arguments": list(arguments),
            "directory": str(directory),
            "environ": dict(environ),
            "owns_terminal": owns_terminal,
        }
        report, theirs = os.pipe()
        line = json.dumps(request).encode() + b"\n"
        sent = socket.send_fds(self._requests, [line], [*streams, theirs])
        self._requests.sendall(line[sent:])
        os.close(theirs)
        return WarmRun(report)

    def close(self) -> None:
        """End the process, once its runs have ended."""
        self._requests.close()
        self._child.wait()


def start_program(
    program: Sequence[str],
    arguments: Sequence[str],
    directory: Path,
    environ: Mapping[str, str],
    streams: tuple[int, int, int],
) -> subprocess.Popen[bytes] | WarmRun:
    """Start a program in a session of its own, warm if it is `PROGRAM` and its environment lets it."""
    if program == PROGRAM and _read_at_start(environ) == _read_at_start(os.environ):
        with Path(os.devnull).open() as nothing:
            opened = [nothing.fileno() if one == subprocess.DEVNULL else one for one in streams]
            return warm_server().start(arguments, directory, environ, opened)
    stdin, stdout, stderr = streams
    return subprocess.Popen(
        [*program, *arguments],
        cwd=directory,
        env=environ,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
    )


def _read_at_start(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name.startswith(READ_AT_START)}


@cache
def warm_server() -> WarmServer:
    """This process's own."""
    server = WarmServer()
    atexit.register(server.close)
    return server
