"""Run a command that must not outlive us: `python -m ama_tui.localnet.child_guard COMMAND...`.

The command runs in a process group of its own and is killed, with whatever it started, once our
standard input ends: when the one who holds the other end closes it, or dies in any way.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading


def main(command: list[str]) -> None:
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)

    def leave_with_child() -> None:
        os._exit(child.wait())

    threading.Thread(target=leave_with_child, daemon=True).start()
    sys.stdin.buffer.read()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1:])
