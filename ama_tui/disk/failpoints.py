"""Named points at which a test can have the process killed, as by a power cut.

`AMA_TUI_FAILPOINT=name` kills it the first time it comes to that point, `name:N` the N-th time.
"""

from __future__ import annotations

import os
import signal
import threading

from ama_tui.domain.errors import StoreError

VARIABLE = "AMA_TUI_FAILPOINT"
NAMES = (
    "intent.before",
    "intent.after",
    "sync.before",
    "sync.after",
    "post.before",
    "post.after",
    "outcome.before",
    "outcome.after",
    "replace.before",
    "replace.after",
    "dirsync.before",
    "dirsync.after",
)
"""`intent` and `outcome`: a journal line is written; `sync`: lines are made durable; `post`: an order goes to the
venue; `replace`: a file takes another's name; `dirsync`: names are made durable."""


class _Armed:
    """The one point that is armed, and how often it is still passed."""

    def __init__(self, setting: str) -> None:
        self.name, _, times = setting.partition(":")
        if self.name not in NAMES or not (times or "1").isdecimal():
            raise StoreError(f"{VARIABLE} is {setting}", f"use NAME or NAME:N, with one of {', '.join(NAMES)}")
        self._left = int(times or "1")
        self._guard = threading.Lock()

    def pass_by(self) -> None:
        with self._guard:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


_armed = _Armed(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None


def reach(name: str) -> None:
    """Die here if this point is armed and its turn has come."""
    if _armed is not None and _armed.name == name:
        _armed.pass_by()
