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
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="ama-engine", daemon=True)

    def start(self) -> None:
        """Start loading the engine."""
        self._thread.start()

    def call(self, action: Callable[[EngineApi], Awaitable[T]]) -> Future[T]:
        """Run an action on the engine's loop. Safe from any thread, never blocks."""

        async def run() -> T:
            if self._engine is None:
                self._engine = self._build_engine(self.publisher, self._freeze)
            return await action(self._engine)

        return asyncio.run_coroutine_threadsafe(run(), self._loop)

    def kill_now(self, *, revoke: bool = False, market: str | None = None) -> Future[KillReport]:
        """Freeze all sends on one market, or on all, immediately; then cancel everything there and prove it."""
        self._freeze.set(market)
        return self.call(lambda engine: engine.kill(revoke=revoke, market=market))

    def close(self, timeout: float) -> bool:
        """Close the engine, end the loop and join the thread. Returns False if that takes more than `timeout` seconds.

        Call it again to keep waiting.
        """
        if not self._thread.is_alive():
            self._loop.close()
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
            self._loop.stop()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            pending = asyncio.all_tasks(self._loop)
            for task in pending:
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()
