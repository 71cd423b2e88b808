"""The process of one try: started, watched and ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

from tests.e2e.warm import PROGRAM
from tests.hostile.signal_ways import SIGNALS, Try, Way

SIGN_S = 30.0
"""The longest wait for the text of a way."""


class Child:
    """The process of a try."""

    def __init__(self, one: Try, directory: Path, environ: dict[str, str]) -> None:
        self._out = (directory.parent / "said").open("w+b")
        self._sign = one.way.sign.encode()
        ignored = [one.number] if one.is_ignored else []
        code = (
            "import os, signal, sys\n"
            + ("os.login_tty(0)\n" if one.way.on_a_terminal else "")
            + "".join(
                f"signal.signal({int(number)}, signal.SIG_{'IGN' if number in ignored else 'DFL'})\n"
                for number in SIGNALS
            )
            + "os.execv(sys.argv[1], sys.argv[1:])"
        )
        self._screen = -1
        streams: dict[str, int] = {"stdin": subprocess.DEVNULL, "stdout": self._out.fileno()}
        if one.way.on_a_terminal:
            self._screen, program_side = os.openpty()
            streams = {"stdin": program_side, "stdout": program_side, "stderr": program_side}
        else:
            streams["stderr"] = self._out.fileno()
        self._child = subprocess.Popen(
            [sys.executable, "-ISc", code, *PROGRAM, *one.way.arguments],
            cwd=directory,
            env=environ | _more_environ(one.way, environ),
            start_new_session=True,
            **streams,  # type: ignore[call-overload]
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        if one.way.on_a_terminal:
            os.close(program_side)
            self._reader.start()
        self._wait_for_program()

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait()
        if self._screen >= 0:
            self._reader.join(5)
            os.close(self._screen)
        self._out.close()

    @property
    def code(self) -> int | None:
        code: int | None = self._child.poll()
        return code

    def wait(self, seconds: float) -> None:
        """Wait for its end, at most this long."""
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(seconds)

    def wait_for_sign(self) -> None:
        """Wait until it shows the text of its way, or ends."""
        deadline = time.monotonic() + SIGN_S
        while self._child.poll() is None and self._sign not in self._all() and time.monotonic() < deadline:
            time.sleep(0.02)

    def send(self, number: signal.Signals) -> None:
        self._child.send_signal(number)

    def handles_signals(self) -> bool:
        """Each signal is caught, or still ignored as it was at the start."""
        mask = self._mask("SigCgt") | self._mask("SigIgn")
        return all(mask >> (number - 1) & 1 for number in SIGNALS)

    def ignores(self, number: signal.Signals) -> bool:
        return self.code is not None or bool(self._mask("SigIgn") >> (number - 1) & 1)

    def said(self) -> str:
        """The end of its output."""
        return self._all().decode(errors="replace")[-600:]

    def _all(self) -> bytes:
        return Path(self._out.name).read_bytes()

    def _mask(self, name: str) -> int:
        with suppress(OSError):
            for line in Path(f"/proc/{self._child.pid}/status").read_text().splitlines():
                if line.startswith(f"{name}:"):
                    return int(line.split()[1], 16)
        return -1  # it has just ended

    def _wait_for_program(self) -> None:
        """Wait until the launcher has become the program."""
        while self._child.poll() is None and b"ama_tui" not in self._arguments():
            time.sleep(0.001)

    def _arguments(self) -> bytes:
        with suppress(OSError):
            words = Path(f"/proc/{self._child.pid}/cmdline").read_bytes().split(b"\0")
            return b"" if b"-ISc" in words else b" ".join(words)
        return b""

    def _read(self) -> None:
        with suppress(OSError):  # EIO: the other side was closed
            while piece := os.read(self._screen, 65_536):
                self._out.write(piece)
                self._out.flush()


def _more_environ(way: Way, environ: dict[str, str]) -> dict[str, str]:
    more = {"RPC_URL": _hanging(), "APP_URL": _hanging()} if way.hangs else {}
    if way.knows_password:
        more["AMA_VAULT_PASSWORD_FILE"] = f"{environ['XDG_STATE_HOME']}/password"
    return more


@cache
def _hanging() -> str:
    """The URL of a server that accepts connections and never answers."""
    _SERVERS.append(socket.create_server(("127.0.0.1", 0), backlog=4096))
    return f"http://127.0.0.1:{_SERVERS[-1].getsockname()[1]}"


_SERVERS: list[socket.socket] = []
