"""Runs a command that must not outlive its parent: `python -m ama_tui.localnet.child_guard COMMAND...`.

The command runs in its own process group. The whole group is killed when standard input closes: when the parent closes
it or dies.
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

    def exit_with_child() -> None:
        os._exit(child.wait())

    threading.Thread(target=exit_with_child, daemon=True).start()
    sys.stdin.buffer.read()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1:])
