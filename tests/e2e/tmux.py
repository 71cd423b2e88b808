"""A terminal as a user has it: a shell in tmux, with keys typed into it and its screen read."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.sizes import PATIENCE_S

PROMPT = "ready> "

_SETTINGS = """\
set -g status off
set -g default-terminal tmux-256color
set -s escape-time 20
set -g remain-on-exit on
"""


class Terminal:
    """One window of a tmux server with a shell in it."""

    def __init__(self, tmux: Tmux, name: str) -> None:
        self._tmux, self._name = tmux, name

    def type(self, text: str) -> None:
        """Type characters, exactly these."""
        self._tmux.run("send-keys", "-t", self._name, "-l", text)

    def press(self, *keys: str) -> None:
        """Press keys by tmux's names: Enter, Space, F10, Right, C-c."""
        self._tmux.run("send-keys", "-t", self._name, *keys)

    def enter(self, command: str) -> None:
        """Have the shell run a command."""
        self.type(command)
        self.press("Enter")

    @property
    def lines(self) -> list[str]:
        """The screen's lines, without trailing blank ones."""
        shown = self._tmux.run("capture-pane", "-p", "-J", "-t", self._name)
        return [line.rstrip() for line in shown.rstrip().splitlines()]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def fact(self, name: str) -> str:
        """A tmux variable of the terminal, such as `alternate_on`."""
        return self._tmux.run("display-message", "-p", "-t", self._name, f"#{{{name}}}").strip()

    def until(self, what: str, is_so: Callable[[str], bool], limit: float = PATIENCE_S) -> str:
        """Wait until a condition holds for the screen's text, and return the text."""
        deadline = time.monotonic() + limit
        while not is_so(shown := self.text):
            assert time.monotonic() < deadline, f"waited {limit:.0f} s for {what}:\n{shown}"
            time.sleep(0.1)
        return shown

    def shows(self, *texts: str, limit: float = PATIENCE_S) -> str:
        """Wait until all of these are shown."""
        return self.until(" and ".join(map(repr, texts)), lambda shown: all(text in shown for text in texts), limit)

    def prompts(self) -> list[str]:
        """Wait until the shell is ready again; returns the lines above its prompt."""
        self.until("the prompt", lambda shown: shown.endswith(PROMPT.rstrip()))
        return self.lines[:-1]


class Tmux:
    """A separate tmux server that ignores the user's configuration; it is stopped by `end`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._socket = f"ama-{os.getpid()}-{secrets.token_hex(4)}"
        self._settings = directory / "tmux.conf"
        self._settings.write_text(_SETTINGS)

    def open(self, directory: Path, columns: int, rows: int) -> Terminal:
        """A shell in a directory, on a terminal of this size."""
        name = f"w{secrets.token_hex(4)}"
        size = ("-x", str(columns), "-y", str(rows))
        self.run("new-session", "-d", "-s", name, "-c", str(directory), *size, "sh")
        terminal = Terminal(self, f"{name}:")
        terminal.enter(f"PS1='{PROMPT}'; clear")
        terminal.prompts()
        return terminal

    def run(self, *arguments: str) -> str:
        """Run one tmux command and return its output."""
        command = ["tmux", "-L", self._socket, "-f", str(self._settings), *arguments]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, f"{arguments}: {done.stderr}"
        return done.stdout

    def end(self) -> None:
        """Stop the server; everything in its terminals gets SIGHUP."""
        command = ["tmux", "-L", self._socket, "kill-server"]
        subprocess.run(command, env=self._environment, capture_output=True, timeout=30)

    @property
    def _environment(self) -> dict[str, str]:
        # The tree under test, where it is not the installed one.
        tree = {"PYTHONPATH": os.environ["PYTHONPATH"]} if "PYTHONPATH" in os.environ else {}
        return tree | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "HOME": str(self._directory),
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
        }
