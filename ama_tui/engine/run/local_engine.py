"""The engine API on top of a real venue."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import TypeVar

from ama_tui.config.paths import StatePaths
from ama_tui.config.run import Resolved, RunConfig, resolve
from ama_tui.config.run_options import RunOptions
from ama_tui.domain.errors import ConfigError, ParameterError, VenueError
from ama_tui.domain.event import EngineState
from ama_tui.domain.market import Market, Quote
from ama_tui.domain.parameters import Parameters
from ama_tui.domain.settings import WALLETS
from ama_tui.domain.wallet import Role, with_roles
from ama_tui.domain.weights import shares_of
from ama_tui.engine.connect import OpenVenue, VenueSource, open_venue
from ama_tui.engine.connections import Connections
from ama_tui.engine.engine_api import KillReport, PlanPreview, StartRequest, StoredRun
from ama_tui.engine.freeze import Freeze
from ama_tui.engine.publisher import Publisher
from ama_tui.engine.run.garbage import collect_rarely
from ama_tui.engine.run.market_run import MarketRun, error_line
from ama_tui.engine.run.market_start import MarketStart, prepare_all, requests_of
from ama_tui.engine.run.preview import preview
from ama_tui.engine.run.run import Run
from ama_tui.engine.run.stop_condition import StopCondition
from ama_tui.engine.run.stored_run import stored_run_of, valid_sessions
from ama_tui.engine.run.summary import summary_of_all
from ama_tui.store.checkpoint import Checkpoint, load_checkpoint, stored_config
from ama_tui.strategies import registry
from ama_tui.strategies.chosen import Strategy

T = TypeVar("T")


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

    def __init__(self, settings: EngineSettings, publisher: Publisher, freeze: Freeze) -> None:
        self.publisher = publisher
        self.problems: tuple[str, ...] = ()
        self.problem_lines: tuple[str, ...] = ()
        self.environment_label = ""
        self.is_demo = False
        self.wallets_available = 0
        self.wallets_asked = 0
        self.defaults = Parameters()
        self.preselected: tuple[str, ...] = ()
        self.resume_asked: bool | None = None
        self.confirms_quit = True
        self.directory = ""
        self.seconds_sessions = 0.0
        self.markets_run: tuple[MarketRun, ...] = ()
        """The markets of the latest run."""
        self._settings = settings
        self._freeze = freeze
        self._venue = OpenVenue()
        self._preparing: asyncio.Task[list[Run]] | None = None

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

    async def chosen_markets(self, selectors: Sequence[str]) -> tuple[Market, ...]:
        """The markets of a run, in the order given; without any the only market, or the demo's first.

        Raises ConfigError if one is unknown, named twice, or on another chain.
        """
        markets = [await self.market(selector) for selector in selectors or (None,)]
        for position, market in enumerate(markets):
            if market in markets[:position]:
                raise ConfigError(f"{market.symbol} is given twice", "name each market once")
        self._venue.refuse_unlike_chains(markets)
        return tuple(markets)

    async def quote(self, market: Market) -> Quote:
        """The API's live prices."""
        return (await self._connected().api.live(market)).quote

    async def stored_run(self, market: Market) -> StoredRun | None:
        """A market's saved run, None if there is none. Raises CheckpointError if it cannot be read."""
        stored = await asyncio.to_thread(self._checkpoint, market)
        if stored is None:
            return None
        resolved = self._resolve(stored)
        sessions = await valid_sessions(self._connected(), stored.wallets, _planner(resolved.run))
        return stored_run_of(stored, resolved.parameters, {wallet.address for wallet in self._venue.wallets}, sessions)

    async def start(self, *requests: StartRequest) -> None:
        """Prepare and start a run on the markets of these requests. Returns once it is running.

        Raises AmaError: then nothing is running.
        """
        await self.begin_all([MarketStart(one.market, await self._resolved(one), one.resume) for one in requests])

    async def begin(
        self, market: Market, resolved: Resolved, *, resume: bool, ending: StopCondition | None = None
    ) -> None:
        """Prepare a run on one market and start its cycles; see `begin_all`."""
        await self.begin_all([MarketStart(market, resolved, resume)], ending)

    async def begin_all(self, starts: Sequence[MarketStart], ending: StopCondition | None = None) -> None:
        """Prepare a run on one or more markets, and start its cycles in the background, until `ending`.

        Raises AmaError: then nothing is running.
        """
        if self._preparing is not None or any(one.is_cycling for one in self.markets_run):
            raise ConfigError("a run is active", "stop it first")
        for one in self.markets_run:
            await one.close()
        connections = self._connected()
        self._venue.refuse_unlike_chains([start.market for start in starts])
        shares = shares_of([start.market for start in starts], self._weights(starts))
        began = monotonic()
        publishers = self.publisher.for_markets(len(starts))
        self.markets_run = tuple(
            MarketRun(start.market, publisher, self._freeze.of(start.market.address))
            for start, publisher in zip(starts, publishers, strict=True)
        )
        requests = requests_of(starts, shares, self._venue, connections, self._settings.state_root)
        self._preparing = asyncio.create_task(prepare_all(self.markets_run, requests, connections), name="prepare")
        try:
            runs = await self._preparing
        except asyncio.CancelledError:
            await self._abort_start(EngineState.STOPPED, "stopped before the run began")
            if not self._preparing.cancelled():
                raise
            hint = "start again with --resume: sessions already created will be reused"
            raise ConfigError("stopped before the run began", hint) from None
        except BaseException as error:
            await self._abort_start(EngineState.FAULTED, error_line(error))
            raise
        finally:
            self._preparing = None
        collect_rarely()
        self.seconds_sessions = monotonic() - began
        ending = ending or StopCondition()
        for one, run in zip(self.markets_run, runs, strict=True):
            one.begin(run, ending)

    async def _abort_start(self, state: EngineState, reason: str) -> None:
        for one in self.markets_run:
            await one.abort(state, reason)

    async def preview(self, request: StartRequest) -> PlanPreview:
        """What a run would place first, planned on the real book. Signs and sends nothing."""
        return await self.preview_of(request.market, await self._resolved(request), request.others)

    async def preview_of(self, market: Market, resolved: Resolved, others: Sequence[Market] = ()) -> PlanPreview:
        """The same for a given configuration; problems name its settings as their source calls them. The run has
        `others` besides this market.
        """
        run, markets = resolved.run, (market, *others)
        shares = dict(zip(markets, shares_of(markets, run.weights), strict=True))
        wallets = self._venue.wallets[: run.wallets]
        if run.takers:
            wallets = with_roles(wallets, run.takers, await asyncio.to_thread(self._roles, market))
        return await preview(self._connected(), shares, wallets, _planner(run), run, resolved.called)

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

    async def change(self, parameters: Parameters, market: str | None = None) -> None:
        """Change and save the parameters of the paused run. Raises ConfigError, ParameterError."""
        one = self._one(market)
        run, store = one.running(), one.store
        if parameters.strategy.name != run.context.strategy.name:
            raise ConfigError(f"the run's strategy is {run.context.strategy.name}", "start another run with --fresh")
        checked = Parameters.checked(
            parameters.as_keys(), parameters.strategy, lambda setting: setting.form_name or setting.short_option
        )
        planner = registry.strategy(checked.strategy.name, checked.as_keys())
        refusal = planner.refusal(run.context.market.tick6, run.context.plan.anchor_x2, checked.form_name)
        if refusal is not None:
            raise ParameterError("the parameters do not fit the market", refusal)
        run.change(checked, planner)
        if store is not None and store.checkpoint is not None:
            config = stored_config(checked, store.checkpoint.config)
            await asyncio.to_thread(store.begin, replace(store.checkpoint, config=config))

    async def pause_wallet(self, address: str, market: str | None = None) -> None:
        """Pause one wallet."""
        self._one(market).running().pause_wallet(address, paused=True)

    async def resume_wallet(self, address: str, market: str | None = None) -> None:
        """Resume one wallet."""
        self._one(market).running().pause_wallet(address, paused=False)

    async def renew(self, address: str, market: str | None = None) -> None:
        """Give one wallet a new session. Returns once the wallet has it."""
        await self._one(market).running().renew(address)

    async def cancel_order(self, address: str, order_id: int, market: str | None = None) -> None:
        """Cancel one order by hand."""
        await self._one(market).running().cancel_order(address, order_id)

    async def finished(self) -> None:
        """Wait for the cycles of all markets to end. Raises the first error if an error ended all of them."""
        results = await asyncio.gather(*(one.finished() for one in self.markets_run), return_exceptions=True)
        failures = [result for result in results if isinstance(result, BaseException)]
        if failures and len(failures) == len(results):
            raise failures[0]

    @property
    def failures(self) -> list[tuple[Market, Exception]]:
        """The markets whose cycles an error ended."""
        return [(one.market, one.failure) for one in self.markets_run if one.failure is not None]

    def summary(self) -> dict[str, object]:
        """The run in numbers. Also publishes them, so that progress and summary agree."""
        runs = [one.run for one in self.markets_run if one.run is not None]
        for run in runs:
            run.publish()
        return summary_of_all(runs, seconds_sessions=self.seconds_sessions)

    async def pause(self, market: str | None = None) -> None:
        for one in self._chosen(market):
            if one.run is not None:
                one.run.pause()

    async def resume(self, market: str | None = None) -> None:
        for one in self._chosen(market):
            if one.run is not None:
                one.run.resume()

    async def stop(self, patience: float | None = None, *, market: str | None = None) -> KillReport | None:
        """Stop the run or its preparation, wait for a kill in progress, and release the state directories.

        Pending requests get 9 s, or `patience`. With a market, stop only that one. Returns the report of a cancel-all
        that the stop made, None if it made none.
        """
        if self._preparing is not None:
            self._preparing.cancel()
            await asyncio.wait({self._preparing})
        results = await asyncio.gather(*(one.stop(patience) for one in self._chosen(market)), return_exceptions=True)
        reports = _all_or_raise(results)
        found = [report for report in reports if report is not None]
        return KillReport.of_all(found) if found else None

    async def kill(self, *, revoke: bool = False, market: str | None = None) -> KillReport:
        """Cancel everything and prove it, on one market or on all. With `revoke`, also revoke the sessions. Raises
        ConfigError if nothing is running.

        A run in preparation is killed once it has the sessions that cancelling needs. It places nothing until then. A
        kill that is not proven keeps the state directory, and may be tried again.
        """
        self._freeze.set(market)
        try:
            if self._preparing is not None:
                await asyncio.wait({self._preparing})
                await asyncio.sleep(0)  # let begin() take over the run
            chosen = [one for one in self._chosen(market) if one.run is not None and one.store is not None]
            if not chosen:
                raise ConfigError("nothing is running", "start a run first")
            results = await asyncio.gather(*(one.kill(revoke=revoke) for one in chosen), return_exceptions=True)
            return KillReport.of_all(_all_or_raise(results))
        finally:
            self._freeze.clear(market)

    async def close(self) -> None:
        """Stop, disconnect, and stop the demo's venue."""
        try:
            await self.stop()
        finally:
            await self._disconnect()
            if self._settings.stop_venue is not None:
                await asyncio.to_thread(self._settings.stop_venue)

    async def _disconnect(self) -> None:
        connections, self._venue.connections = self._venue.connections, None
        if connections is not None:
            await connections.close()

    @property
    def run(self) -> Run | None:
        """The run on the first market, None before it is prepared."""
        return self.markets_run[0].run if self.markets_run else None

    def _chosen(self, market: str | None) -> Sequence[MarketRun]:
        """One market of the run by its order book's address, or all of them. Raises ConfigError."""
        return self.markets_run if market is None else [self._one(market)]

    def _one(self, market: str | None) -> MarketRun:
        """One market of the run by its order book's address, by default the first. Raises ConfigError."""
        for one in self.markets_run:
            if market in (None, one.market.address):
                return one
        raise ConfigError(
            "nothing is running" if market is None else f"{market} is not in this run", "start a run first"
        )

    def _weights(self, starts: Sequence[MarketStart]) -> tuple[str, ...]:
        return starts[0].resolved.run.weights if starts else ()

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
            strategies=registry,
            form=form,
        )

    async def resolved_for(self, market: Market, resume: bool | None) -> tuple[Resolved, bool]:
        """The configuration of a run on a market, and whether it resumes (by default if a run is saved)."""
        if resume is False:
            return self._resolve(), False
        stored = await asyncio.to_thread(self._checkpoint, market)
        return self._resolve(stored), stored is not None


def _all_or_raise(results: Sequence[T | BaseException]) -> list[T]:
    """The results of all markets; the first error once all have ended."""
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]


def _planner(run: RunConfig) -> Strategy:
    return registry.strategy(run.strategy, run.parameters.as_keys())
