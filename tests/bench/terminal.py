"""A program on its own pseudo-terminal, watched from outside as a user would."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Self

import psutil

from tests.bench.client import own_environment

KEPT_BYTES = 1_000_000
ESCAPES = re.compile(
    rb"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\|$)"  # operating system commands
    rb"|\x1b[P_^][^\x1b]*(?:\x1b\\|$)"  # device control strings
    rb"|\x1b\[[0-?]*[ -/]*(?:[@-~]|$)"  # control sequences
    rb"|\x1b[ -/]*(?:[0-~]|$)"  # all others
)
"""Escape sequences, which a terminal acts on instead of showing them; the last one may be incomplete."""


class TerminalProgram:
    """A child on a terminal of `columns` × `rows`; its environment has nothing of ours but the PATH
    and this source tree, and `home` (otherwise `directory`, where it is started) for its home and its temporary files.

    `began` is the moment before it was started, on `perf_counter`. It ends with the `with` block.
    """

    def __init__(
        self,
        command: Sequence[str],
        directory: Path,
        *,
        columns: int = 80,
        rows: int = 24,
        home: Path | None = None,
    ) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        environment = {
            **own_environment(home or directory),
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
        }
        self._raw = b""
        self.began = perf_counter()
        self.child = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=directory, env=environment, start_new_session=True
        )
        os.close(theirs)

    @property
    def text(self) -> str:
        """The output so far without its escape sequences: words in the order they were painted."""
        return ESCAPES.sub(b"", self._raw).decode("utf-8", "replace")

    def wait_until(self, is_there: Callable[[str], bool], timeout: float, what: str) -> float:
        """Seconds from the start until `is_there` was true of the text.

        Raises TimeoutError (`what` is its text), or EOFError if the program ended first.
        """
        deadline = perf_counter() + timeout
        while perf_counter() < deadline:
            if self._read(deadline - perf_counter()):
                now = perf_counter()
                if is_there(self.text):
                    return now - self.began
        raise TimeoutError(f"not seen within {timeout:g} s: {what}; the end was {self.text[-300:]!r}")

    def wait_for(self, mark: bytes, timeout: float) -> float:
        """The time (`perf_counter`) at which `mark` was read; the output up to it is dropped.

        Raises TimeoutError, or EOFError when the program ended before.
        """
        deadline = perf_counter() + timeout
        now = perf_counter()
        while mark not in self._raw:
            if now > deadline:
                raise TimeoutError(f"not seen within {timeout:g} s: {mark!r}; the end was {self.text[-300:]!r}")
            self._read(deadline - now)
            now = perf_counter()
        self._raw = self._raw.partition(mark)[2]
        return now

    def watch(self, seconds: float) -> None:
        """Read the output, so that the program never waits for its terminal."""
        deadline = perf_counter() + seconds
        while (left := deadline - perf_counter()) > 0:
            self._read(left)

    def press(self, keys: bytes) -> None:
        """Send keys as a terminal sends them."""
        os.write(self._ours, keys)

    def close(self, patience: float = 0.0) -> None:
        """Give the program `patience` seconds to end by itself, then kill it."""
        deadline = perf_counter() + patience
        with suppress(EOFError):
            while self.child.poll() is None and (left := deadline - perf_counter()) > 0:
                self._read(min(left, 0.1))
        if self.child.poll() is None:
            # With its children: if they continued, they would slow down the next measurement.
            for process in (*psutil.Process(self.child.pid).children(recursive=True), self.child):
                with suppress(psutil.NoSuchProcess):
                    process.kill()
        self.child.wait()
        with suppress(OSError):
            os.close(self._ours)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read(self, timeout: float) -> bool:
        """Take what the program has written; False if it wrote nothing in time. Raises EOFError at its end."""
        if not select.select([self._ours], [], [], max(0.0, timeout))[0]:
            return False
        try:
            piece = os.read(self._ours, 65_536)
        except OSError:  # how Linux reports that the other end was closed
            piece = b""
        if not piece:
            raise EOFError(f"the program ended; its last words were {self.text[-300:]!r}")
        self._raw = (self._raw + piece)[-KEPT_BYTES:]
        return True
