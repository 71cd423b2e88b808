"""A real terminal: however the dashboard ends, the terminal is restored and the engine stopped."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping
from pathlib import Path
from time import monotonic

import pytest

from tests.locales import C, latin_1
from tests.sizes import PATIENCE_S

ROOT = Path(__file__).parents[2]
LEAVES_SCREEN = "\x1b[?1049l"


class Terminal:
    """A process on a pseudo-terminal of 120×40."""

    def __init__(self, *arguments: str, environ: Mapping[str, str] | None = None) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self.before = termios.tcgetattr(slave)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.ui.play", *arguments, "--own-terminal"],
            cwd=ROOT,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env={
                **os.environ,
                "TERM": "xterm-256color",
                "COLORTERM": "truecolor",
                "COLUMNS": "",
                "LINES": "",
                **(environ or {}),
            },
        )
        os.close(slave)
        self.output = ""

    def read(self, seconds: float = 0.1) -> None:
        ready, _, _ = select.select([self.master], [], [], seconds)
        if ready:
            with contextlib.suppress(OSError):
                self.output += os.read(self.master, 65_536).decode(errors="replace")

    def wait_for(self, text: str) -> None:
        deadline = monotonic() + PATIENCE_S
        while text not in self.output:
            assert monotonic() < deadline, f"{text!r} never came: {self.output[-3000:]}"
            assert self.process.poll() is None, f"ended before {text!r}: {self.output[-3000:]}"
            self.read()

    def type(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def to_live(self) -> None:
        self.wait_for("Prepare sessions")
        self.type("\r")
        self.wait_for("RUNNING")

    def end(self) -> int:
        deadline = monotonic() + PATIENCE_S
        while self.process.poll() is None:
            assert monotonic() < deadline, f"never ended: {self.output[-3000:]}"
            self.read()
        self.read(0.5)
        return self.process.returncode

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        with contextlib.suppress(OSError):
            os.close(self.master)


@contextlib.contextmanager
def terminal(*arguments: str, environ: Mapping[str, str] | None = None) -> Iterator[Terminal]:
    one = Terminal(*arguments, environ=environ)
    try:
        yield one
    finally:
        one.close()


@pytest.mark.parametrize("how", ["q", "SIGTERM"])
def test_quit_restores_the_terminal_and_then_says_what_stays(how: str, tmp_path: Path) -> None:
    with terminal("plain", "--mark", str(tmp_path / "mark")) as one:
        one.to_live()
        if how == "q":
            one.type("q")
            one.wait_for("Leave them resting")
            one.type("\t\r")
        else:
            one.process.send_signal(signal.SIGTERM)
        assert one.end() == 0
        assert termios.tcgetattr(one.master) == one.before
        after = one.output.split(LEAVES_SCREEN)[-1]
        assert "ama-tui: stopped; 120 orders still resting on ETH" in after
        assert "\x1b[?25h" in after
        assert last_calls(tmp_path / "mark") == ["stop", "close"]


@pytest.mark.parametrize("is_latin_1", [False, True])
def test_terminal_without_unicode_gets_ascii_boxes_and_bars(is_latin_1: bool, tmp_path: Path) -> None:
    environ = latin_1(tmp_path) if is_latin_1 else C
    with terminal("plain", environ={**environ, "NO_COLOR": "1"}) as one:
        one.to_live()
        one.wait_for("-" * 100)
        os.write(one.master, b"\xe4\x03")  # invalid UTF-8 input does no harm, and Ctrl+C after it still works
        assert one.end() == 0
        assert "\\u" not in one.output
        assert set(re.findall(r".\?|\? .", re.sub(r"\x1b\[[?>=\d;]*\$?[a-zA-Z]", "", one.output))) <= {"? h", " ?"}
        assert is_latin_1 or one.output.isascii()


def last_calls(mark: Path) -> list[str]:
    """The last two calls of the engine, without plans, which may complete at any time."""
    return [call for call in mark.read_text().split() if call != "preview"][-2:]


def test_losing_the_terminal_stops_the_run(tmp_path: Path) -> None:
    with terminal("plain", "--mark", str(tmp_path / "mark")) as one:
        one.to_live()
        os.close(one.master)
        one.process.wait(PATIENCE_S)
        assert last_calls(tmp_path / "mark") == ["stop", "close"]


def test_second_ctrl_c_does_not_wait_for_the_engine(tmp_path: Path) -> None:
    with terminal("hang", "--mark", str(tmp_path / "mark")) as one:
        one.to_live()
        one.type("\x03")
        one.wait_for("quit now")
        one.type("\x03")
        assert one.end() == 130
        assert "exited immediately; 120 orders still resting on ETH" in one.output.split(LEAVES_SCREEN)[-1]
        assert not (tmp_path / "mark").exists()


def test_crash_restores_the_terminal_without_secrets_and_stops_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with terminal("crash", "--mark", str(tmp_path / "mark")) as one:
        one.wait_for("Prepare sessions")
        one.type("\r")
        assert one.end() == 1
        after = one.output.split(LEAVES_SCREEN)[-1]
        assert "the run was stopped; 120 orders still resting on ETH" in after
        assert "ama-tui: internal error (RuntimeError at play.py:" in after
        assert "Traceback" not in after
        assert "ab" * 32 not in one.output
        (report,) = (tmp_path / "ama-tui" / "crashes").iterdir()
        assert "RuntimeError: a defect of 66" in report.read_text()
        assert "ab" * 32 not in report.read_text()
        assert last_calls(tmp_path / "mark") == ["stop", "close"]
