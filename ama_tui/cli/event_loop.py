"""Runs a command's coroutine so that signals stop it cleanly."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from ama_tui.cli.signals import INTERRUPTED, SIGNALS, Interrupted

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T], on_stop: Callable[[], None] | None = None) -> T:
    """The result of `work`, run in an event loop of its own.

    The first signal calls `on_stop` on the loop; without it the work is cancelled, and Interrupted raised once it
    has cleaned up. Ctrl+C after that ends the process immediately: whatever must survive is on disk already.
    """

    async def stoppable() -> T:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - this is one
        _listen(on_stop or task.cancel)
        return await work

    try:
        return asyncio.run(stoppable())
    except asyncio.CancelledError:
        raise Interrupted from None
    finally:
        SIGNALS.interrupt()


def _listen(stop: Callable[[], object]) -> None:
    loop = asyncio.get_running_loop()
    is_stopping = False

    def receive(number: int) -> None:
        nonlocal is_stopping
        if is_stopping:
            if number == signal.SIGINT:
                SIGNALS.exit_now(INTERRUPTED)
            return
        is_stopping = True
        with suppress(RuntimeError):  # the loop has ended: so has the work
            loop.call_soon_threadsafe(stop)

    SIGNALS.deliver_to(receive)
