"""Loads the program once and forks runs of it. `tests/e2e/warm.py` starts it and sends it the runs, one JSON line each.

It is started by its path and imports nothing of the tests, so a run has the program's modules only.
"""

from __future__ import annotations

import fcntl
import gc
import json
import os
import runpy
import socket
import sys
import tempfile
import termios
import threading
from importlib import import_module
from typing import Any

from ama_tui.disk import failpoints

LOADED = (
    "ama_tui.cli.main",
    "ama_tui.cli.headless",
    "ama_tui.cli.wiring",
    "ama_tui.cli.cancel_all",
    "ama_tui.cli.doctor",
    "ama_tui.cli.journal",
    "ama_tui.cli.markets",
    "ama_tui.cli.sessions",
    "ama_tui.cli.wallets",
    "ama_tui.engine.doctor.runner",
    "ama_tui.engine.run.local_engine",
    "aiohttp",
    "eth_account",
    "web3",
)
DESCRIPTORS = 4
"""A run comes with its stdin, stdout and stderr, and a pipe for its pid and its exit code."""
LONGEST_REQUEST = 1 << 20


def main() -> None:
    """Fork a run for each request until the other end closes; only a run's process returns."""
    requests = socket.socket(fileno=int(sys.argv[1]))
    for name in LOADED:
        import_module(name)
    assert threading.active_count() == 1, "a fork would lose the other threads"
    gc.collect()
    gc.freeze()
    while True:
        line, descriptors = b"", []
        while not line.endswith(b"\n"):
            piece, more, _, _ = socket.recv_fds(requests, LONGEST_REQUEST, DESCRIPTORS)
            if not piece:
                _reap(0)
                sys.exit()
            line += piece
            descriptors += more
        if os.fork() == 0:
            requests.close()
            _run(json.loads(line), descriptors)
            return
        for descriptor in descriptors:
            os.close(descriptor)
        _reap(os.WNOHANG)


def _run(request: dict[str, Any], descriptors: list[int]) -> None:
    """Become the run, in a child of this process, which waits for its end and tells its exit code."""
    *streams, report = descriptors
    child = os.fork()
    if child:
        for stream in streams:
            os.close(stream)
        _, status = os.waitpid(child, 0)
        os.write(report, f"{os.waitstatus_to_exitcode(status)}\n".encode())
        os._exit(0)
    os.setsid()
    if request["owns_terminal"]:
        fcntl.ioctl(streams[0], termios.TIOCSCTTY, 0)
    os.write(report, f"{os.getpid()}\n".encode())
    os.close(report)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdout.reconfigure(line_buffering=os.isatty(1))  # type: ignore[union-attr]  # as Python opens it
    os.chdir(request["directory"])
    os.environ.clear()
    os.environ.update(request["environ"])
    tempfile.tempdir = None  # looked up again when needed
    failpoints.arm(os.environ.get(failpoints.VARIABLE, ""))
    sys.argv = ["ama-tui", *request["arguments"]]


def _reap(options: int) -> None:
    """Wait for the children that have ended, or for all of them."""
    try:
        while os.waitpid(-1, options)[0]:
            pass
    except ChildProcessError:
        pass


if __name__ == "__main__":
    main()
    runpy.run_module("ama_tui", run_name="__main__", alter_sys=True)
