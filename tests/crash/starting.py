"""Starting a run that will be killed, on a venue that may refuse it for a while."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.e2e.operator import Operator, Running

STARTS = 4
VENUE_TROUBLE = 3


def begun(operator: Operator, start: Callable[[], Running], limit: float) -> Running:
    """A run that holds its lock; a run that hit too many faults at its start is started again."""
    for _ in range(STARTS):
        running = start()
        deadline = time.monotonic() + limit
        while not _holds_lock(operator, running) and not running.is_over:
            assert time.monotonic() < deadline, f"no lock within {limit:.0f} s: {running.err}"
            time.sleep(0.005)
        if not running.is_over:
            return running
    raise AssertionError(f"it did not begin: {running.err}")


def _holds_lock(operator: Operator, running: Running) -> bool:
    pid = str(running.pid)
    return any(path.read_text().strip() == pid for path in operator.state.glob("*/0x*/*.pid"))
