"""Between the engine's thread and the screen: state on a timer one way, commands the other.

The bridge reads the publisher's latest snapshot and hands it to the views that are attached; a screen
under a dialog detaches itself and is not repainted. Commands return awaitables of the screen's own
loop. Abandoning such an awaitable never cancels the engine's work, except of a `read`.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from ama_tui.domain.errors import AmaError
from ama_tui.domain.event import EngineSnapshot, EngineState, LogEvent
from ama_tui.domain.parameters import Parameters

if TYPE_CHECKING:
    from ama_tui.engine.engine_api import EngineApi, KillReport
    from ama_tui.engine.host import EngineHost

T = TypeVar("T")

_LOG = logging.getLogger(__name__)
"""Takes defects only: the command line turns each into a report without secrets."""

POLL_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What the desk knows once it is open; see `EngineApi` for the fields."""

    problem_lines: tuple[str, ...]
    environment_label: str
    is_demo: bool
    wallets_available: int
    wallets_asked: int
    defaults: Parameters
    preselected: str | None
    resume_asked: bool | None

    @property
    def wallets(self) -> int:
        """How many wallets take part unless the operator says otherwise."""
        return max(1, min(self.wallets_asked, self.wallets_available))


class View(Protocol):
    """What shows the engine's state."""

    def bridge_tick(self, snapshot: EngineSnapshot, now: float) -> None:
        """Show this snapshot as of `now` (Unix seconds)."""


class Bridge:
    """One engine and the views that watch it. Everything here runs on the screen's loop."""

    def __init__(self, host: EngineHost, *, clock: Callable[[], float]) -> None:
        self._host = host
        self._clock = clock
        self._views: list[View] = []
        self._state = host.publisher.latest.state

    @property
    def snapshot(self) -> EngineSnapshot:
        return self._host.publisher.latest

    def log_since(self, cursor: int) -> tuple[int, tuple[LogEvent, ...]]:
        """The new cursor and the log events after the given one, oldest first."""
        return self._host.publisher.log_since(cursor)

    def start(self) -> None:
        """Begin to load the engine on its thread."""
        self._host.start()

    def attach(self, view: View) -> None:
        """Feed a view from now on, starting at once."""
        if view not in self._views:
            self._views.append(view)
        view.bridge_tick(self.snapshot, self._clock())

    def detach(self, view: View) -> None:
        with suppress(ValueError):
            self._views.remove(view)

    def poll(self) -> EngineState | None:
        """Feed the views; the new state when it differs from the last poll's."""
        snapshot, now = self.snapshot, self._clock()
        for view in tuple(self._views):
            view.bridge_tick(snapshot, now)
        if snapshot.state is self._state:
            return None
        self._state = snapshot.state
        return snapshot.state

    async def open(self) -> EngineFacts:
        """Open the desk and say what it found. Raises AmaError."""

        async def opened(engine: EngineApi) -> EngineFacts:
            await engine.open()
            return EngineFacts(
                problem_lines=tuple(engine.problem_lines),
                environment_label=engine.environment_label,
                is_demo=engine.is_demo,
                wallets_available=engine.wallets_available,
                wallets_asked=engine.wallets_asked,
                defaults=engine.defaults,
                preselected=engine.preselected,
                resume_asked=engine.resume_asked,
            )

        return await self.ask(opened)

    async def ask(self, action: Callable[[EngineApi], Awaitable[T]]) -> T:
        """Have the desk do something, and wait for it. Raises AmaError, whatever went wrong."""
        return await _settled(self._host.call(action))

    async def read(self, action: Callable[[EngineApi], Awaitable[T]]) -> T:
        """Like `ask`, for what may be broken off: giving up the answer takes the request back. Raises AmaError."""
        future = self._host.call(action)
        try:
            return await _settled(future)
        except asyncio.CancelledError:
            future.cancel()
            raise

    async def kill(self, *, revoke: bool = False) -> KillReport:
        """Freeze every send at once, then cancel everything and prove it; `revoke` ends the sessions too.

        Raises AmaError.
        """
        return await _settled(self._host.kill_now(revoke=revoke))

    async def close(self, timeout: float) -> bool:
        """Close the engine and join its thread; False when it did not end in `timeout` seconds."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[bool] = loop.create_future()

        def tell(result: bool) -> None:
            if not ended.done():
                ended.set_result(result)

        def join() -> None:
            result = self._host.close(timeout)
            with suppress(RuntimeError):  # the screen's loop has ended
                loop.call_soon_threadsafe(tell, result)

        threading.Thread(target=join, name="ama-close", daemon=True).start()
        return await ended

    def stop_without_screen(self, timeout: float) -> None:
        """Stop and close the engine when there is no loop to wait on; blocks at most twice `timeout` seconds."""
        if self.snapshot.is_live:
            with suppress(Exception):
                self._host.call(lambda engine: engine.stop()).result(timeout)
        self._host.close(timeout)


async def _settled(future: concurrent.futures.Future[T]) -> T:
    """Wait for the engine without passing a cancellation on to it. Raises AmaError."""
    loop = asyncio.get_running_loop()
    settled = asyncio.Event()

    def wake(_: concurrent.futures.Future[T]) -> None:
        with suppress(RuntimeError):  # the screen's loop has ended
            loop.call_soon_threadsafe(settled.set)

    future.add_done_callback(wake)
    await settled.wait()
    try:
        return future.result()
    except AmaError:
        raise
    except concurrent.futures.CancelledError:
        raise AmaError("the engine was closed before it could answer", "start ama-tui again") from None
    except Exception as error:
        # Its text may hold a URL with a key in it, so only its kind is told; the report has what may be told.
        _LOG.error("the engine failed", exc_info=error)
        raise AmaError(
            f"the engine failed with {type(error).__name__}", "this is a defect of ama-tui: stop with q and report it"
        ) from error
