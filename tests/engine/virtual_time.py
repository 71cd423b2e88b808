"""An event loop with virtual time: sleeping costs nothing, and waiting for what can never come is an error."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class StuckError(Exception):
    """Every task is waiting and nothing is left that could wake one: a wake-up was lost."""


class _Leaping(selectors.SelectSelector):
    """Moves the clock forward by the timeout instead of waiting for it."""

    now = 1000.0
    stuck = False

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if ready or self.stuck:
            return ready
        if timeout is None:
            self.stuck = True
            raise StuckError("every task waits for ever")
        self.now += max(0.0, timeout)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """For code without threads and sockets; `time` is its clock."""

    def __init__(self) -> None:
        self._leaping = _Leaping()
        super().__init__(self._leaping)

    def time(self) -> float:
        return self._leaping.now


def run_virtually(main: Callable[[Callable[[], float]], Coroutine[Any, Any, T]]) -> T:
    """Run `main(clock)` to its end in virtual time. Raises StuckError when it would wait for ever."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = runner.get_loop()
        return runner.run(main(loop.time))
