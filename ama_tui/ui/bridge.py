"""Connects the screen's thread with the engine's thread: snapshots in one direction, commands in the other.

The bridge polls the publisher four times a second. It tells the views on top only what they can show: another snapshot,
new log events, another second, data that is now overdue. Views under another screen are told once a second, and when
the run's state changes. Commands are awaited on the screen's loop; cancelling such an await does not
cancel the engine's work, except for a `read`.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import operator
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from ama_tui.domain.errors import AmaError
from ama_tui.domain.event import EngineSnapshot, EngineState, LogEvent
from ama_tui.domain.parameters import Parameters
from ama_tui.ui.states import freshness

if TYPE_CHECKING:
    from ama_tui.engine.engine_api import EngineApi, KillReport
    from ama_tui.engine.host import EngineHost
    from ama_tui.engine.publisher import Publisher

T = TypeVar("T")

_LOG = logging.getLogger(__name__)
"""Internal errors only: the command line turns each into a report without secrets."""

POLL_SECONDS = 0.25

COVERED_POLLS = 4
"""Views under another screen are updated on every n-th poll."""

CLOSE_SECONDS = 15.0
"""How long closing waits for the engine's thread; the engine itself waits at most 10 s for pending requests."""


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """Fixed facts about the open engine; `EngineApi` documents the fields."""

    problem_lines: tuple[str, ...]
    environment_label: str
    is_demo: bool
    wallets_available: int
    wallets_asked: int
    defaults: Parameters
    preselected: tuple[str, ...]
    resume_asked: bool | None
    confirms_quit: bool
    directory: str

    @property
    def wallets(self) -> int:
        """The default number of wallets for a run."""
        return max(1, min(self.wallets_asked, self.wallets_available))


class SnapshotView(Protocol):
    """Something that shows the engine's state."""

    def bridge_tick(self, snapshot: EngineSnapshot, now: float) -> None:
        """Show this snapshot as of `now` (Unix seconds)."""


class Bridge:
    """One engine and the views that show it. For use on the screen's loop only."""

    def __init__(self, host: EngineHost, *, clock: Callable[[], float]) -> None:
        self._host = host
        self._clock = clock
        self._views: list[SnapshotView] = []
        self._covered: list[SnapshotView] = []
        self._polls = 0
        self._selected = ""
        self._shown: tuple[EngineSnapshot, ...] = ()
        self._shown_at: tuple[object, ...] = ()
        self._is_news_for_covered = False
        self._states: tuple[EngineState, ...] = (host.publisher.latest.state,)

    @property
    def snapshot(self) -> EngineSnapshot:
        """The latest snapshot of the run's selected market."""
        return self._publisher(self._selected).latest

    @property
    def snapshots(self) -> tuple[EngineSnapshot, ...]:
        """The latest snapshot of every market of the run."""
        return tuple(publisher.latest for publisher in self._host.publisher.all)

    @property
    def has_several(self) -> bool:
        """Is the run on several markets?"""
        return bool(self._host.publisher.beside)

    @property
    def market(self) -> str | None:
        """The market that commands are for: the selected one's order book; None in a run on one market."""
        market = self.snapshot.market
        return market.address if market is not None and self.has_several else None

    def select(self, market: str) -> None:
        """Show one of the run's markets (its order book's address)."""
        self._selected = market

    def snapshot_of(self, market: str) -> EngineSnapshot:
        """The latest snapshot of one of the run's markets (its order book's address)."""
        return self._publisher(market).latest

    def log_since(self, cursor: int, market: str | None = None) -> tuple[int, tuple[LogEvent, ...]]:
        """The new cursor and the log events of a market, by default the selected one, after the given cursor, oldest
        first.
        """
        return self._publisher(self._selected if market is None else market).log_since(cursor)

    def _publisher(self, market: str) -> Publisher:
        """The publisher of a market; the first one if the run does not have it (any more)."""
        for publisher in self._host.publisher.all:
            if publisher.latest.market is not None and publisher.latest.market.address == market:
                return publisher
        return self._host.publisher

    def start(self) -> None:
        """Start loading the engine on its thread."""
        self._host.start()

    def attach(self, view: SnapshotView) -> None:
        """Update a view now and whenever a poll finds something new."""
        self.detach(view)
        self._views.append(view)
        view.bridge_tick(self.snapshot, self._clock())

    def cover(self, view: SnapshotView) -> None:
        """Update an attached view once a second: another screen is over it."""
        if view in self._views:
            self._views.remove(view)
            self._covered.append(view)

    def detach(self, view: SnapshotView) -> None:
        """Update a view no more."""
        for views in (self._views, self._covered):
            with suppress(ValueError):
                views.remove(view)

    def poll(self) -> EngineState | None:
        """Update the views if there is something new. Returns the selected market's state if any state changed."""
        snapshots, now = self.snapshots, self._clock()
        self._polls += 1
        views: list[SnapshotView] = []
        states = tuple(snapshot.state for snapshot in snapshots)
        logged = tuple(publisher.logged for publisher in self._host.publisher.all)
        moment = (int(now), logged, *(freshness(snapshot, now) for snapshot in snapshots))
        is_same = len(snapshots) == len(self._shown) and all(map(operator.is_, snapshots, self._shown))
        if not is_same or moment != self._shown_at:
            self._shown, self._shown_at, self._is_news_for_covered = snapshots, moment, True
            views += self._views
        if self._is_news_for_covered and (self._polls % COVERED_POLLS == 0 or states != self._states):
            self._is_news_for_covered = False
            views += self._covered
        for view in views:
            view.bridge_tick(self.snapshot, now)
        if states == self._states:
            return None
        self._states = states
        return self.snapshot.state

    async def open(self) -> EngineFacts:
        """Open the engine and return its facts. Raises AmaError."""

        async def open_engine(engine: EngineApi) -> EngineFacts:
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
                confirms_quit=engine.confirms_quit,
                directory=engine.directory,
            )

        return await self.ask(open_engine)

    async def ask(self, action: Callable[[EngineApi], Awaitable[T]]) -> T:
        """Run a command on the engine and wait for its result. Raises AmaError for every failure."""
        return await _result(self._host.call(action))

    async def read(self, action: Callable[[EngineApi], Awaitable[T]]) -> T:
        """Like `ask`, but cancelling the await cancels the request too. Raises AmaError."""
        future = self._host.call(action)
        try:
            return await _result(future)
        except asyncio.CancelledError:
            future.cancel()
            raise

    async def kill(self, *, revoke: bool = False, market: str | None = None) -> KillReport:
        """Block all sends on a market, or on all, immediately; then cancel everything there and verify it on chain.

        With `revoke` the sessions are revoked too. Raises AmaError.
        """
        return await _result(self._host.kill_now(revoke=revoke, market=market))

    async def close(self, timeout: float = CLOSE_SECONDS) -> bool:
        """Close the engine and join its thread. False when the thread did not end within `timeout` seconds."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[bool] = loop.create_future()

        def resolve(result: bool) -> None:
            if not ended.done():
                ended.set_result(result)

        def join() -> None:
            result = self._host.close(timeout)
            with suppress(RuntimeError):  # the screen's loop has ended
                loop.call_soon_threadsafe(resolve, result)

        threading.Thread(target=join, name="ama-close", daemon=True).start()
        return await ended

    def stop_without_screen(self, timeout: float = CLOSE_SECONDS) -> None:
        """Stop and close the engine without a running loop; blocks for at most twice `timeout` seconds."""
        if any(snapshot.is_live for snapshot in self.snapshots):
            with suppress(Exception):
                self._host.call(lambda engine: engine.stop()).result(timeout)
        self._host.close(timeout)


async def _result(future: concurrent.futures.Future[T]) -> T:
    """Wait for the engine's result; a cancellation is not passed on. Raises AmaError."""
    loop = asyncio.get_running_loop()
    done = asyncio.Event()

    def wake(_: concurrent.futures.Future[T]) -> None:
        with suppress(RuntimeError):  # the screen's loop has ended
            loop.call_soon_threadsafe(done.set)

    future.add_done_callback(wake)
    await done.wait()
    try:
        return future.result()
    except AmaError:
        raise
    except concurrent.futures.CancelledError:
        raise AmaError("the engine was closed before it could answer", "restart ama-tui") from None
    except Exception as error:
        # The text may contain a URL with a key, so only the type is shown; the crash report has the details.
        _LOG.error("the engine failed", exc_info=error)
        raise AmaError(
            f"internal error in the engine: {type(error).__name__}",
            "this is a bug in ama-tui: quit with q and report it",
        ) from error
