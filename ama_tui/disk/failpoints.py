"""Named points where a test can kill the process, as a power cut would.

`AMA_TUI_FAILPOINT=name` kills it the first time it reaches that point, `name:N` the N-th time.
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
"""`intent` and `outcome`: a journal line was written; `sync`: lines were synced; `post`: an order was sent to the
venue; `replace`: a file was renamed; `dirsync`: a directory was synced.
"""


class _Armed:
    """The armed failpoint, and how many more passes until it kills."""

    def __init__(self, setting: str) -> None:
        self.name, _, times = setting.partition(":")
        if self.name not in NAMES or not (times or "1").isdecimal():
            raise StoreError(
                f"{VARIABLE}={setting} is not a failpoint", f"use NAME or NAME:N; names are {', '.join(NAMES)}"
            )
        self._left = int(times or "1")
        self._guard = threading.Lock()

    def count_pass(self) -> None:
        with self._guard:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


_armed: _Armed | None = None


def arm(setting: str) -> None:
    """Arm a failpoint in place of the one that is armed; "" arms none. Raises StoreError."""
    global _armed
    _armed = _Armed(setting) if setting else None


arm(os.environ.get(VARIABLE, ""))


def reach(name: str) -> None:
    """Kill the process if this point is armed and its count is reached."""
    if _armed is not None and _armed.name == name:
        _armed.count_pass()
