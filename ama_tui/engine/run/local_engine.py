"""The engine API on top of a real venue."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic

from ama_tui.config.paths import StatePaths, runtime_directory
from ama_tui.config.run import Resolved, RunConfig, resolve
from ama_tui.config.run_options import RunOptions
from ama_tui.domain.errors import AmaError, ConfigError, ParameterError, VenueError
from ama_tui.domain.event import EngineSnapshot, EngineState
from ama_tui.domain.market import Market, Quote
from ama_tui.domain.parameters import Parameters
from ama_tui.domain.settings import MIN_DISTANCE_TICKS, WALLETS
from ama_tui.domain.wallet import Role, with_roles
from ama_tui.engine.connect import OpenVenue, VenueSource, open_venue
from ama_tui.engine.connections import Connections
from ama_tui.engine.engine_api import KillReport, PlanPreview, StartRequest, StoredRun
from ama_tui.engine.publisher import Publisher
from ama_tui.engine.run.garbage import collect_rarely
from ama_tui.engine.run.preview import preview
from ama_tui.engine.run.run import Run, StopCondition
from ama_tui.engine.run.startup import RunRequest, Startup
from ama_tui.engine.run.stored_run import stored_run_of, valid_sessions
from ama_tui.engine.run.summary import summary_of
from ama_tui.store.checkpoint import Checkpoint, load_checkpoint, stored_config
from ama_tui.store.state_store import StateStore
from ama_tui.strategies.registry import Strategy, names, strategy

_LOG = logging.getLogger(__name__)
"""For internal errors only: the command line turns each into a report without secrets."""

LAST_CYCLE_S = 1.0
"""How long to wait for the last cycle of a run that has ended."""


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """The command line's arguments for the engine. `find_venue` runs in a thread: the demo needs seconds to start its
    venue.
    """

    find_venue: Callable[[], VenueSource]
    state_root: Path
    options: RunOptions = field(default_factory=RunOptions)
    config_file: Path | None = None
    stop_venue: Callable[[], object] | None = None
    """Called when the engine closes. The demo stops its venue here."""


class LocalEngine:
    """Implements `EngineApi` for one venue, with one run at a time."""

    def __init__(self, settings: EngineSettings, publisher: Publisher, freeze: threading.Event) -> None:
        self.publisher = publisher
        self.problems: tuple[str, ...] = ()
        self.problem_lines: tuple[str, ...] = ()
        self.environment_label = ""
        self.is_demo = False
        self.wallets_available = 0
        self.wallets_asked = 0
        self.defaults = Parameters()
        self.preselected: str | None = None
        self.resume_asked: bool | None = None
        self.confirms_quit = True
        self.directory = ""
        self.seconds_sessions = 0.0
        self.run: Run | None = None
        self._settings = settings
        self._freeze = freeze
        self._venue = OpenVenue()
        self._preparing: asyncio.Task[Run] | None = None
        self._cycling: asyncio.Task[None] | None = None
        self._killing: asyncio.Task[KillReport] | None = None
        self._store: StateStore | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """Warnings about the venue's configuration."""
        return self._venue.notes

    async def open(self) -> None:
        """Open the venue and the wallets. Missing or wrong settings are listed in `problems`.

        Call it again to retry. Raises AmaError if the venue cannot be reached or the options are wrong.
        """
        await self._disconnect()
        self._venue, self.problems, self.problem_lines = OpenVenue(), (), ()
        resolved = self._resolve()
        self.defaults, self.preselected = resolved.parameters, resolved.run.market
        self.wallets_asked, self.resume_asked = resolved.run.wallets, resolved.run.resume
        self.confirms_quit = resolved.run.confirm_quit
        source = await asyncio.to_thread(self._settings.find_venue)
        self.directory = str(source.directory.absolute())
        self._venue = venue = await open_venue(source)
        self.is_demo, self.environment_label = venue.is_demo, venue.label
        self.wallets_available = len(venue.wallets)
        self.problems, self.problem_lines = venue.problems, venue.problem_lines

    async def markets(self) -> tuple[Market, ...]:
        """The venue's markets."""
        return await self._venue.markets(self._connected())

    async def market(self, selector: str | None) -> Market:
        """A market by symbol, identifier or address. None selects the only market, or the demo's first."""
        return await self._venue.market(self._connected(), selector)

    async def quote(self, market: Market) -> Quote:
        """The API's live prices."""
        return (await self._connected().api.live(market)).quote

    async def stored_run(self, market: Market) -> StoredRun | None:
        """A market's saved run, None if there is none. Raises CheckpointError if it cannot be read."""
        stored = await asyncio.to_thread(self._checkpoint, market)
        if stored is None:
            return None
        resolved = self._resolve(stored)
        sessions = await valid_sessions(self._connected(), stored.wallets, _planner(resolved.run).methods)
        return stored_run_of(stored, resolved.parameters, {wallet.address for wallet in self._venue.wallets}, sessions)

    async def start(self, request: StartRequest) -> None:
        """Prepare and start a run. Returns once it is running. Raises AmaError: then nothing is running."""
        await self.begin(request.market, await self._resolved(request), resume=request.resume)

    async def begin(
        self, market: Market, resolved: Resolved, *, resume: bool, ending: StopCondition | None = None
    ) -> None:
        """Prepare a run and start its cycles in the background, until `ending`. Raises AmaError: then nothing is
        running.
        """
        if self._preparing is not None or (self._cycling is not None and not self._cycling.done()):
            raise ConfigError("a run is active", "stop it first")
        await self._close_store()
        connections = self._connected()
        paths = StatePaths(self._settings.state_root, connections.chain_id, market.address)
        notes = list(self._venue.notes)
        if resolved.missing_in_checkpoint:
            names, origins = resolved.names, resolved.origins
            where = [f"{names[key]} from {origins[key].value}" for key in resolved.missing_in_checkpoint]
            notes.append(f"not in the saved run: {', '.join(where)}")
        run_request = RunRequest(
            market,
            resolved.run,
            self._venue.wallets[: resolved.run.wallets],
            paths,
            runtime_directory(connections.chain_name),
            resume,
            resolved.differences,
            tuple(notes),
            resolved.names[MIN_DISTANCE_TICKS.key],
        )
        began = monotonic()
        self.run = None
        self._preparing = asyncio.create_task(self._prepare(run_request, connections), name="prepare")
        try:
            self.run = await self._preparing
        except asyncio.CancelledError:
            await self._abort_start(market, EngineState.STOPPED, "stopped before the run began")
            if not self._preparing.cancelled():
                raise
            hint = "start again with --resume: sessions already created will be reused"
            raise ConfigError("stopped before the run began", hint) from None
        except BaseException as error:
            await self._abort_start(market, EngineState.FAULTED, _error_line(error))
            raise
        finally:
            self._preparing = None
        collect_rarely()
        self.seconds_sessions = monotonic() - began
        self._cycling = asyncio.create_task(self._drive(self.run, ending or StopCondition()), name="cycle")

    async def _prepare(self, request: RunRequest, connections: Connections) -> Run:
        opening = asyncio.create_task(asyncio.to_thread(StateStore.open, request.paths, fresh=not request.resume))
        try:
            self._store = await asyncio.shield(opening)
        except asyncio.CancelledError:
            self._store = await opening  # it is about to hold the lock, so it must be closed
            raise
        return await Startup(request, connections, self.publisher, self._freeze, self._store).prepare()

    async def _abort_start(self, market: Market, state: EngineState, reason: str) -> None:
        self.publisher.publish(EngineSnapshot(state, reason, market))
        await self._close_store()

    async def preview(self, request: StartRequest) -> PlanPreview:
        """What a run would place first, planned on the real book. Signs and sends nothing."""
        return await self.preview_of(request.market, await self._resolved(request))

    async def preview_of(self, market: Market, resolved: Resolved) -> PlanPreview:
        """The same for a given configuration; problems name its settings as their source calls them."""
        run, name = resolved.run, resolved.names[MIN_DISTANCE_TICKS.key]
        wallets = self._venue.wallets[: run.wallets]
        if run.takers:
            wallets = with_roles(wallets, run.takers, await asyncio.to_thread(self._roles, market))
        return await preview(self._connected(), market, wallets, _planner(run), run.price_band_percent, name)

    async def resumable(self, markets: Sequence[Market]) -> frozenset[str]:
        """The order books of these markets that have a checkpoint in the state directory."""

        def with_checkpoint() -> frozenset[str]:
            root = self._settings.state_root
            return frozenset(
                market.address
                for market in markets
                if StatePaths(root, market.chain_id, market.address).checkpoint.is_file()
            )

        return await asyncio.to_thread(with_checkpoint)

    async def change(self, parameters: Parameters) -> None:
        """Change and save the parameters of the paused run. Raises ConfigError, ParameterError."""
        run = self._running()
        checkpoint = self._store.checkpoint if self._store else None
        resolved = self._resolve(checkpoint, RunOptions(), form=parameters.as_keys())
        refusal = _planner(resolved.run).refusal(run.context.market.tick6, run.context.plan.anchor_x2)
        if refusal is not None:
            raise ParameterError("the parameters do not fit the market", refusal)
        run.change(resolved.parameters, _planner(resolved.run))
        if self._store is not None and self._store.checkpoint is not None:
            config = stored_config(resolved.parameters, self._store.checkpoint.config)
            await asyncio.to_thread(self._store.begin, replace(self._store.checkpoint, config=config))

    async def pause_wallet(self, address: str) -> None:
        """Pause one wallet."""
        self._running().pause_wallet(address, paused=True)

    async def resume_wallet(self, address: str) -> None:
        """Resume one wallet."""
        self._running().pause_wallet(address, paused=False)

    async def renew(self, address: str) -> None:
        """Give one wallet a new session. Returns once the wallet has it."""
        await self._running().renew(address)

    async def cancel_order(self, address: str, order_id: int) -> None:
        """Cancel one order by hand."""
        await self._running().cancel_order(address, order_id)

    async def finished(self) -> None:
        """Wait for the run's cycles to end. Raises the error that ended them, if any."""
        if self._cycling is not None:
            await asyncio.shield(self._cycling)

    def summary(self) -> dict[str, object]:
        """The run in numbers. Also publishes them, so that progress and summary agree."""
        assert self.run is not None  # noqa: S101 - only called after begin()
        self.run.publish()
        return summary_of(self.run, seconds_sessions=self.seconds_sessions)

    async def pause(self) -> None:
        if self.run is not None:
            self.run.pause()

    async def resume(self) -> None:
        if self.run is not None:
            self.run.resume()

    async def stop(self, patience: float | None = None) -> KillReport | None:
        """Stop the run or its preparation, wait for a kill in progress, and release the state directory.

        Pending requests get 9 s, or `patience`. Returns the report of a cancel-all that the stop made, None if it made
        none.
        """
        before = None if self.run is None else self.run.ended
        if self._preparing is not None:
            self._preparing.cancel()
            await asyncio.wait({self._preparing})
        try:
            if self.run is not None:
                await self.run.stop(patience)
            if self._killing is not None:
                await asyncio.wait({self._killing})
        finally:
            await self._release()
        after = None if self.run is None else self.run.ended
        return None if after is before else after

    async def kill(self, *, revoke: bool = False) -> KillReport:
        """Cancel everything and prove it. With `revoke`, also revoke the sessions. Raises ConfigError if nothing is
        running.

        A run in preparation is killed once it has the sessions that cancelling needs. It places nothing until then. A
        kill that is not proven keeps the state directory, and may be tried again.
        """
        self._freeze.set()
        try:
            if self._preparing is not None:
                await asyncio.wait({self._preparing})
                await asyncio.sleep(0)  # let begin() take over the run
            run = self._running()
            if self._killing is None or self._killing.done():
                self._killing = asyncio.create_task(run.kill(revoke=revoke), name="kill")
            report = await asyncio.shield(self._killing)
            await self._end_cycles()
            if report.is_proven:
                await self._close_store()
            return report
        finally:
            self._freeze.clear()

    async def close(self) -> None:
        """Stop, disconnect, and stop the demo's venue."""
        try:
            await self.stop()
        finally:
            await self._disconnect()
            if self._settings.stop_venue is not None:
                await asyncio.to_thread(self._settings.stop_venue)

    async def _drive(self, run: Run, ending: StopCondition) -> None:
        try:
            await run.cycle_on(ending)
        except Exception as error:
            run.fault(_error_line(error))
            if not isinstance(error, AmaError):
                _LOG.error("the run failed", exc_info=error)
            raise

    async def _release(self) -> None:
        await self._end_cycles()
        await self._close_store()

    async def _end_cycles(self) -> None:
        if self._cycling is not None:
            await asyncio.wait({self._cycling}, timeout=LAST_CYCLE_S)
            self._cycling.cancel()  # it may still wait for a hanging node: nothing is lost
            await asyncio.gather(self._cycling, return_exceptions=True)
            self._cycling = None

    async def _close_store(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            await asyncio.to_thread(store.close)

    async def _disconnect(self) -> None:
        connections, self._venue.connections = self._venue.connections, None
        if connections is not None:
            await connections.close()

    def _running(self) -> Run:
        if self.run is None or self._store is None:
            raise ConfigError("nothing is running", "start a run first")
        return self.run

    async def _resolved(self, request: StartRequest) -> Resolved:
        """The configuration of a request. Missing values come from the options and the saved run."""
        stored = await asyncio.to_thread(self._checkpoint, request.market) if request.resume else None
        return self._resolve(stored, form={**request.parameters.as_keys(), WALLETS.key: request.wallets})

    def _connected(self) -> Connections:
        if self.problems:
            raise ConfigError("; ".join(self.problems))
        if self._venue.connections is None:
            raise VenueError("not connected to a venue", "retry")
        return self._venue.connections

    def _roles(self, market: Market) -> dict[str, Role]:
        stored = self._checkpoint(market)
        return {} if stored is None else {address: entry.role for address, entry in stored.wallets.items()}

    def _checkpoint(self, market: Market) -> Checkpoint | None:
        paths = StatePaths(self._settings.state_root, market.chain_id, market.address)
        return load_checkpoint(paths.checkpoint, chain_id=market.chain_id, order_book=market.address)

    def _resolve(
        self,
        checkpoint: Checkpoint | None = None,
        options: RunOptions | None = None,
        form: Mapping[str, object] | None = None,
    ) -> Resolved:
        return resolve(
            self._settings.options if options is None else options,
            self._settings.config_file,
            None if checkpoint is None else checkpoint.config,
            strategies=names(),
            form=form,
        )

    async def resolved_for(self, market: Market, resume: bool | None) -> tuple[Resolved, bool]:
        """The configuration of a run on a market, and whether it resumes (by default if a run is saved)."""
        if resume is False:
            return self._resolve(), False
        stored = await asyncio.to_thread(self._checkpoint, market)
        return self._resolve(stored), stored is not None


def _error_line(error: BaseException) -> str:
    """An error in one line. Another library's error text may contain a URL with a key."""
    if isinstance(error, AmaError):
        return str(error)
    return f"internal error ({type(error).__name__}): orders are still resting"


def _planner(run: RunConfig) -> Strategy:
    return strategy(run.strategy, run.parameters, run.rules, run.basis)
