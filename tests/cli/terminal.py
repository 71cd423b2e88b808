"""The program on its own terminal, with typed input."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from tests.e2e.warm import warm_server
from tests.sizes import PATIENCE_S


class Terminal:
    """A pseudo-terminal and the program on it; `shown` is everything it has shown so far."""

    def __init__(self, directory: Path, *arguments: str, environ: Mapping[str, str] | None = None) -> None:
        self._screen, program_side = os.openpty()
        self._child = warm_server().start(
            arguments,
            directory,
            {**os.environ, "TERM": "xterm-256color", **(environ or {})},
            (program_side, program_side, program_side),
            owns_terminal=True,
        )
        os.close(program_side)
        self.shown = ""
        self._seen = 0

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._child.poll() is None:
            self._child.kill()
            self._child.wait()
        os.close(self._screen)

    def answers(self, question: str, typed: str) -> None:
        """Wait for a question that is still unanswered, and type a line."""
        self.until(question)
        os.write(self._screen, typed.encode() + b"\n")

    def until(self, text: str) -> None:
        """Wait until the program shows this text after the last one awaited."""
        deadline = time.monotonic() + PATIENCE_S
        while (at := self.shown.find(text, self._seen)) < 0:
            assert time.monotonic() < deadline, f"waited in vain for {text!r}: {self.shown}"
            assert self._read(), f"it ended before {text!r}: {self.shown}"
        self._seen = at + len(text)

    def interrupt(self) -> None:
        """Type ^C."""
        os.write(self._screen, b"\x03")

    def end(self, number: signal.Signals | None = None) -> int:
        """Its exit code, after a signal if one is given; keeps reading meanwhile."""
        if number is not None:
            self._child.send_signal(number)
        deadline = time.monotonic() + PATIENCE_S
        while self._read():
            assert time.monotonic() < deadline, f"it does not end: {self.shown}"
        return self._child.wait(PATIENCE_S)

    def _read(self) -> bool:
        """Read what it shows within a moment; False once it has closed its side."""
        ready, _, _ = select.select([self._screen], [], [], 0.2)
        if not ready:
            return True
        try:
            piece = os.read(self._screen, 65_536)
        except OSError:  # EIO: the other side was closed
            return False
        self.shown += piece.decode(errors="replace")
        return bool(piece)
