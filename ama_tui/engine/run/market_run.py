"""One market of the engine's run: its state directory, its run, and the tasks that drive and kill it."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field

from ama_tui.config.paths import StatePaths
from ama_tui.domain.errors import AmaError, ConfigError
from ama_tui.domain.event import EngineSnapshot, EngineState
from ama_tui.domain.market import Market
from ama_tui.engine.engine_api import KillReport
from ama_tui.engine.freeze import MarketFreeze
from ama_tui.engine.publisher import Publisher
from ama_tui.engine.run.run import Run
from ama_tui.engine.run.stop_condition import StopCondition
from ama_tui.store.state_store import StateStore

_LOG = logging.getLogger(__name__)
"""For internal errors only: the command line turns each into a report without secrets."""

LAST_CYCLE_S = 1.0
"""How long to wait for the last cycle of a run that has ended."""


@dataclass(slots=True)
class MarketRun:
    """Opened before the run is prepared, closed after it has ended."""

    market: Market
    publisher: Publisher
    freeze: MarketFreeze
    store: StateStore | None = None
    run: Run | None = None
    failure: Exception | None = None
    """What ended the run's cycles, None if nothing did."""
    _cycling: asyncio.Task[None] | None = field(init=False, default=None)
    _killing: asyncio.Task[KillReport] | None = field(init=False, default=None)

    @property
    def is_cycling(self) -> bool:
        return self._cycling is not None and not self._cycling.done()

    async def open(self, paths: StatePaths, *, fresh: bool) -> StateStore:
        """Open and lock the state directory. Raises LockHeldError, CheckpointError, JournalError, StoreError."""
        opening = asyncio.create_task(asyncio.to_thread(StateStore.open, paths, fresh=fresh))
        try:
            self.store = await asyncio.shield(opening)
        except asyncio.CancelledError:
            self.store = await opening  # it is about to hold the lock, so it must be closed
            raise
        return self.store

    def begin(self, run: Run, ending: StopCondition) -> None:
        """Start the cycles in the background."""
        self.run = run
        self._cycling = asyncio.create_task(self._drive(run, ending), name=f"cycle {self.market.symbol}")

    async def finished(self) -> None:
        """Wait for the cycles to end. Raises the error that ended them, if any."""
        if self._cycling is not None:
            await asyncio.shield(self._cycling)

    def running(self) -> Run:
        """The run. Raises ConfigError if there is none."""
        if self.run is None or self.store is None:
            raise ConfigError("nothing is running", "start a run first")
        return self.run

    async def kill(self, *, revoke: bool) -> KillReport:
        """Cancel everything and prove it, or join a kill in progress. A kill that is not proven may be repeated."""
        run = self.running()
        try:
            if self._killing is None or self._killing.done():
                self._killing = asyncio.create_task(run.kill(revoke=revoke), name=f"kill {self.market.symbol}")
            report = await asyncio.shield(self._killing)
            await self._end_cycles()
            if report.is_proven:
                await self.close()
            return report
        finally:
            self.freeze.clear()

    async def stop(self, patience: float | None) -> KillReport | None:
        """Stop, wait for a kill in progress, and close. Returns the report of a cancel-all that the stop made."""
        before = None if self.run is None else self.run.ended
        try:
            if self.run is not None:
                await self.run.stop(patience)
            if self._killing is not None:
                await asyncio.wait({self._killing})
        finally:
            await self._end_cycles()
            await self.close()
        after = None if self.run is None else self.run.ended
        return None if after is before else after

    async def abort(self, state: EngineState, reason: str) -> None:
        """Give up a run that has not begun."""
        self.publisher.publish(EngineSnapshot(state, reason, self.market))
        await self.close()

    async def close(self) -> None:
        """Release the state directory."""
        store, self.store = self.store, None
        if store is not None:
            await asyncio.to_thread(store.close)

    async def _drive(self, run: Run, ending: StopCondition) -> None:
        try:
            await run.cycle_on(ending)
        except Exception as error:
            self.failure = error
            run.fault(error_line(error))
            if not isinstance(error, AmaError):
                _LOG.error("the run failed", exc_info=error)
            raise

    async def _end_cycles(self) -> None:
        if self._cycling is not None:
            await asyncio.wait({self._cycling}, timeout=LAST_CYCLE_S)
            self._cycling.cancel()  # it may still wait for a hanging node: nothing is lost
            await asyncio.gather(self._cycling, return_exceptions=True)
            self._cycling = None


def error_line(error: BaseException) -> str:
    """An error in one line. Another library's error text may contain a URL with a key."""
    if isinstance(error, AmaError):
        return str(error)
    return f"internal error ({type(error).__name__}): orders are still resting"
