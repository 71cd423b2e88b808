"""An event loop with virtual time: sleeping costs nothing, and waiting for what can never come is an error."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from tests.sizes import PATIENCE_S

T = TypeVar("T")


class StuckError(Exception):
    """Every task is waiting and nothing is left that could wake one: a wake-up was lost."""


class _Leaping(selectors.SelectSelector):
    """Moves the clock forward by the timeout instead of waiting for it, unless a thread is at work."""

    now = 1000.0
    elsewhere = 0
    """How many pieces of work threads have."""
    stuck = False

    def select(self, timeout: float | None = None) -> list[Any]:
        is_waiting = self.elsewhere > 0 and timeout != 0
        ready = super().select(PATIENCE_S if is_waiting else 0)
        if ready or self.stuck:
            return ready
        if timeout is None or is_waiting:
            self.stuck = True
            raise StuckError("a thread does not end" if is_waiting else "every task waits for ever")
        self.now += max(0.0, timeout)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """For code without sockets; `time` is its clock. What a thread does takes no time."""

    def __init__(self) -> None:
        self._leaping = _Leaping()
        super().__init__(self._leaping)

    def time(self) -> float:
        return self._leaping.now

    @contextmanager
    def elsewhere(self) -> Iterator[None]:
        """A thread is about to wake the loop: the clock stands still until then."""
        self._leaping.elsewhere += 1
        try:
            yield
        finally:
            self._leaping.elsewhere -= 1

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        future = super().run_in_executor(executor, func, *args)
        work = self.elsewhere()
        work.__enter__()
        future.add_done_callback(lambda _: work.__exit__(None, None, None))
        return future

    async def shutdown_default_executor(self, *args: Any) -> None:
        with self.elsewhere():
            await super().shutdown_default_executor(*args)


def run_virtually(main: Callable[[Callable[[], float]], Coroutine[Any, Any, T]]) -> T:
    """Run `main(clock)` to its end in virtual time. Raises StuckError when it would wait for ever."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = runner.get_loop()
        return runner.run(main(loop.time))
