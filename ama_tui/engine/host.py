"""Runs the engine on its own thread and event loop, for a front end that has its own loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import TypeVar

from ama_tui.domain.errors import AmaError
from ama_tui.engine.engine_api import EngineApi, KillReport
from ama_tui.engine.freeze import Freeze
from ama_tui.engine.publisher import Publisher

T = TypeVar("T")

BuildEngine = Callable[[Publisher, Freeze], EngineApi]
"""Builds the engine on its thread. A freeze holds from the moment it is set."""


class EngineHost:
    """Owns the engine's thread. `start` returns at once; the engine and its imports load on the thread."""

    def __init__(self, build_engine: BuildEngine) -> None:
        self.publisher = Publisher()
        self._build_engine = build_engine
        self._freeze = Freeze()
        self._engine: EngineApi | None = None
        self._is_closing = False
        self._accepting = threading.Lock()
        self._is_closed = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="ama-engine", daemon=True)

    def start(self) -> None:
        """Start loading the engine."""
        self._thread.start()

    def call(self, action: Callable[[EngineApi], Awaitable[T]]) -> Future[T]:
        """Run an action on the engine's loop. Safe from any thread, never blocks; cancelled if the engine is closed."""

        async def run() -> T:
            if self._engine is None:
                self._engine = self._build_engine(self.publisher, self._freeze)
            return await action(self._engine)

        with self._accepting:
            if not self._is_closed:
                return asyncio.run_coroutine_threadsafe(run(), self._loop)
        refused: Future[T] = Future()
        refused.cancel()
        return refused

    def kill_now(self, *, revoke: bool = False, market: str | None = None) -> Future[KillReport]:
        """Freeze all sends on one market, or on all, immediately; then cancel everything there and prove it."""
        self._freeze.set(market)
        return self.call(lambda engine: engine.kill(revoke=revoke, market=market))

    def close(self, timeout: float) -> bool:
        """Close the engine, end the loop and join the thread. Returns False if that takes more than `timeout` seconds.

        Call it again to keep waiting.
        """
        if not self._thread.is_alive():
            self._end()
            return True
        if not self._is_closing:
            self._is_closing = True
            asyncio.run_coroutine_threadsafe(self._finish(), self._loop)
        self._thread.join(timeout)
        return not self._thread.is_alive()

    async def _finish(self) -> None:
        try:
            if self._engine is not None:
                with suppress(AmaError):
                    await self._engine.close()
        finally:
            self._refuse_calls()
            self._loop.stop()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._end()

    def _refuse_calls(self) -> None:
        with self._accepting:
            self._is_closed = True

    def _end(self) -> None:
        if self._loop.is_closed():
            return
        self._refuse_calls()
        self._loop.run_until_complete(_cancel_all_other_tasks())
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()


async def _cancel_all_other_tasks() -> None:
    """Calls that arrived just before the end are tasks by now: the loop runs what is queued in turn."""
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        for task in others:
            task.cancel()
        await asyncio.wait(others)
