"""Prepares a run: market checks, reconciliation, sessions."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from time import monotonic

from ama_tui.config.paths import StatePaths
from ama_tui.config.run import Difference, RunConfig
from ama_tui.domain.errors import PreflightError
from ama_tui.domain.event import EngineState
from ama_tui.domain.market import Market
from ama_tui.domain.plan import CollateralBasis
from ama_tui.domain.session import RelayerSet
from ama_tui.domain.wallet import FleetWallet, Role, with_roles
from ama_tui.engine.action_log import ActionLog, now_ms
from ama_tui.engine.connections import Connections
from ama_tui.engine.external_price import external_price
from ama_tui.engine.freeze import Switch
from ama_tui.engine.market_terms import market_terms
from ama_tui.engine.publisher import Publisher
from ama_tui.engine.reconciliation.report import resting_ids
from ama_tui.engine.reconciliation.second_node import SecondNode
from ama_tui.engine.reconciliation.startup import recover, track_missing
from ama_tui.engine.reconciliation.trades_since import count_trades_since
from ama_tui.engine.retry import retry_read
from ama_tui.engine.run.common import Common
from ama_tui.engine.run.cycle import Cycle
from ama_tui.engine.run.run import Run
from ama_tui.engine.run.snapshot_builder import snapshot_of
from ama_tui.engine.run_context import RunContext
from ama_tui.engine.session_slot import SessionSlot
from ama_tui.engine.sessions.adoption import SessionAdoption
from ama_tui.engine.sessions.manager import SessionManager
from ama_tui.engine.sessions.relayers import Relayers
from ama_tui.engine.wallet_account import MarketShare, utilization_of
from ama_tui.engine.wallet_book import Fleet, WalletBook
from ama_tui.store.checkpoint import Checkpoint, WalletEntry, stored_config, wallet_indexes
from ama_tui.store.journal.replay import JournalReplay, session_ids
from ama_tui.store.state_store import StateStore
from ama_tui.strategies.chosen import as_it_is
from ama_tui.strategies.definition import Called
from ama_tui.strategies.registry import strategy
from ama_tui.venue.permits import relayer_set_problem

PUBLISH_EVERY_S = 0.2
PUBLISH_SHARE = 0.1
"""The largest share of the time that publishing the preparation's progress may take."""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """Everything a run needs."""

    market: Market
    config: RunConfig
    wallets: tuple[FleetWallet, ...]
    paths: StatePaths
    runtime: Path
    """The directory in which all of the user's runs on this chain claim their wallets."""
    resume: bool
    differences: tuple[Difference, ...] = ()
    notes: tuple[str, ...] = ()
    called: Called = as_it_is
    """What the operator calls the strategy's parameters."""
    share: Fraction = Fraction(1)
    """The market's share of each wallet's collateral."""
    allies: tuple[Path, ...] = ()
    """The state directories of the same run's other markets."""


@dataclass(slots=True)
class Startup:
    """Prepares one market's run. `store` stays open, with its lock, until the run ends or the preparation fails."""

    request: RunRequest
    connections: Connections
    publisher: Publisher
    freeze: Switch
    store: StateStore
    common: Common
    _replay: JournalReplay = field(init=False, default_factory=JournalReplay)
    _resumes: bool = field(init=False, default=False)
    _checkpoint: Checkpoint = field(init=False)
    _context: RunContext = field(init=False)
    _cycle: Cycle = field(init=False)
    _relayers: RelayerSet = field(init=False)

    async def check(self) -> None:
        """Lock the wallets and check the market. Nothing is signed, sent or journalled. Raises AmaError."""
        request, connections, common = self.request, self.connections, self.common
        nicknames = {wallet.address: wallet.nickname for wallet in request.wallets}
        await asyncio.to_thread(self.store.claim, nicknames, request.runtime, allies=request.allies)
        terms = await market_terms(connections, request.market)
        self._relayers = await self._read_relayers()
        self._checkpoint = checkpoint = self._saved_or_new()
        self._context = context = RunContext(
            market=request.market,
            terms=terms,
            parameters=request.config.parameters,
            strategy=strategy(request.config.strategy, request.config.parameters.as_keys()),
            basis=request.config.basis,
            anchor_source=request.config.anchor,
            external=external_price(
                request.config.anchor, request.config.price_sources, request.config.price_max_age_s
            ),
            connections=connections,
            action_log=ActionLog(self.store.journal, self.publisher, request.market, checkpoint.run_id),
            settle_after=request.config.settle_after_s,
            cycle_gap_s=request.config.cycle_gap_ms / 1000,
            price_band_percent=request.config.price_band_percent,
            takers=request.config.taker_limits,
            session_hours=request.config.session_hours,
            has_session_caps=request.config.session_caps,
            started_at_ms=now_ms(),
            rate_limiter=common.rate_limiter,
            read_share=common.read_share,
        )
        context.fleet = self._fleet(checkpoint)
        if common.sessions is not None:
            common.sessions.add(context, self._session_ids(), self._replay.sessions)
        self._cycle = Cycle(context, floor=self._replay.newest_block)
        await self._check_market(context, self._cycle)

    async def prepare(self) -> Run:
        """Reconcile, and give every wallet a session. Call it once every market of the run has been checked.

        Raises AmaError.
        """
        request, context, checkpoint = self.request, self._context, self._checkpoint
        if context.read is not None:  # by now the other markets' orders are known
            context.plan = context.strategy.plan(self._cycle.snapshot(context.read))
        self._begin(checkpoint, context)
        await retry_read(lambda: recover(context, self._replay))
        await self._count_trades(context, checkpoint)
        showing = asyncio.create_task(self._publish_progress(context))
        try:
            sessions = await self._sessions(context, self._relayers)
            context.fleet.leave_out(await self._missing(checkpoint, context))
        finally:
            showing.cancel()
        run = Run(
            context,
            self._cycle,
            self.store,
            self.publisher,
            self.freeze,
            sessions,
            self.common.blocks,
            missing=context.fleet.missing,
            cancel_on_stop=request.config.cancel_on_stop,
        )
        await run.save()
        return run

    def _saved_or_new(self) -> Checkpoint:
        """The saved run to resume, or a new run that keeps the saved wallets."""
        request, stored = self.request, self.store.checkpoint
        config = stored_config(
            request.config.parameters, stored.config if stored else None, **request.config.stored_settings()
        )
        self._resumes = stored is not None and request.resume
        if stored is not None and self._resumes:
            return replace(stored, market=request.market, config=config)
        moment = now_ms()
        return Checkpoint(
            market=request.market,
            run_id=str(uuid.uuid4()),
            started_at_ms=moment,
            updated_at_ms=moment,
            config=config,
            wallets=stored.wallets if stored is not None else {},
            raw=stored.raw if stored is not None else {},
        )

    def _fleet(self, checkpoint: Checkpoint) -> Fleet:
        indexes = wallet_indexes([wallet.address for wallet in self.request.wallets], checkpoint.wallets)
        self._replay = self.store.replay_journal()
        fleet = Fleet()
        config = self.request.config
        share = MarketShare(
            self.request.share,
            utilization_of(config.parameters),
            is_net=config.basis is CollateralBasis.NET,
        )
        shared = self.common.sessions
        earlier = {address: entry.role for address, entry in checkpoint.wallets.items()}
        for wallet in with_roles(self.request.wallets, config.takers, earlier):
            entry = checkpoint.wallets.get(wallet.address)
            book = WalletBook(
                replace(wallet, index=indexes[wallet.address]),
                SessionSlot() if shared is None else shared.slot_of(wallet.address),
                account=self.common.accounts.of(wallet.address),
                share=share,
            )
            stored_ms = entry.last_action_at or 0 if entry is not None else 0
            book.acted(max(stored_ms, self._replay.last_action_at.get(wallet.address, 0)))
            book.pending.next_sequence(self._replay.highest_sequence.get(wallet.address, -1))
            fleet.add(book)
        for (address, amount18), placed in self._replay.placed.items():
            if address in fleet and placed.sequence is not None:
                fleet.books[address].pending.placed_earlier(placed.side, placed.level, placed.sequence, amount18)
        for address, order_ids in resting_ids(self._replay).items():
            if address in fleet:
                fleet.books[address].pending.expect(order_ids)
        return fleet

    async def _check_market(self, context: RunContext, cycle: Cycle) -> None:
        """Read the market once. Refuses one that cannot be quoted, and nodes that disagree.

        Raises PreflightError, VenueError.
        """
        read = await retry_read(cycle.watch)
        await SecondNode(context).compare()
        if context.nodes_differ:
            raise PreflightError(context.nodes_differ, "find out which node is wrong; ama-tui doctor checks both")
        context.counters.restart_cycles()
        if context.external is not None:
            await context.external.refresh()
        context.plan = await cycle.planner.plan(context.strategy, cycle.snapshot(read))
        if cycle.planner.problem:
            raise PreflightError(cycle.planner.problem, "update the package that has it, or choose another strategy")
        refusal = context.strategy.refusal(context.market.tick6, context.plan.anchor_x2, self.request.called)
        if refusal is not None:
            raise PreflightError(f"{context.market.symbol} cannot be quoted", refusal)

    def _begin(self, checkpoint: Checkpoint, context: RunContext) -> None:
        """Write the checkpoint, then log how this run differs from the saved run."""
        wallets = dict(checkpoint.wallets)
        for book in context.fleet:
            stored = wallets.get(book.address) or WalletEntry(book.address, book.wallet.nickname)
            wallet = book.wallet
            wallets[book.address] = replace(stored, nickname=wallet.nickname, role=wallet.role, index=wallet.index)
        self.store.begin(replace(checkpoint, wallets=wallets))
        action_log = context.action_log
        verb = "resumed" if self._resumes else "started"
        takers = [book.wallet.nickname for book in context.fleet if book.wallet.role is Role.TAKER]
        taking = f"; takers: {', '.join(takers)}" if takers else ""
        action_log.note(f"run {verb}: {len(context.fleet)} wallets on {self.request.market.symbol}{taking}")
        for note in self.request.notes:
            action_log.note(note)
        for change in self.request.differences:
            text = f"{change.name} is {change.used} (saved run: {change.stored})"
            action_log.note(text, params={"key": change.key, "stored": change.stored, "used": change.used})
        if self.store.report.truncated is not None:
            action_log.note("journal: the last line was truncated and moved aside", is_error=True)
        if self.store.report.corrupt_checkpoint is not None:
            action_log.note(f"{self.store.report.corrupt_checkpoint}: moved aside as .corrupt", is_error=True)

    async def _count_trades(self, context: RunContext, checkpoint: Checkpoint) -> None:
        """Continue the saved run's results, or begin with the positions of the first read. Raises VenueError."""
        saved = {address: entry.pnl for address, entry in checkpoint.wallets.items() if entry.pnl is not None}
        counted = checkpoint.counted
        if self._resumes and counted.through:
            context.pnl.resume(saved, counted.through, counted.problem)
            await count_trades_since(context)
        if context.read is not None:
            context.pnl.begin(context.read, context.fleet.books)

    async def _read_relayers(self) -> RelayerSet:
        """The venue's relayers. Raises PreflightError if no session may be signed for them."""
        relayers = await retry_read(self.connections.api.relayer_set)
        problem = relayer_set_problem(relayers)
        if problem is not None:
            raise PreflightError(problem, "nothing was signed; ask the venue's operator")
        return relayers

    async def _sessions(self, context: RunContext, relayers: RelayerSet) -> SessionManager:
        shared, renew_revoked = self.common.sessions, self.request.config.renew_revoked
        stored = SessionAdoption(context, self._session_ids(), self._replay.sessions, renew_revoked)
        if shared is not None:
            market_ids = frozenset(run.terms.market_id for run in shared.runs)
            stored = SessionAdoption(
                context, shared.candidates, shared.announced, renew_revoked, market_ids, unread=shared.unread
            )
        manager = SessionManager(
            context, Relayers(context, relayers), stored, is_frozen=self.freeze.is_set, shared=shared
        )
        block_time = context.read.block_time if context.read is not None else 0
        await manager.prepare(list(context.fleet), chain_time=block_time)
        return manager

    def _session_ids(self) -> dict[str, tuple[str, ...]]:
        """The sessions that the checkpoint and the journal name, by wallet."""
        stored = self.store.checkpoint.wallets if self.store.checkpoint is not None else {}
        ids = {address: entry.session_id for address, entry in stored.items()}
        wallets = [wallet.address for wallet in self.request.wallets]
        return {address: session_ids(self._replay, address, ids.get(address)) for address in wallets}

    async def _missing(self, checkpoint: Checkpoint, context: RunContext) -> tuple[WalletBook, ...]:
        """Wallets in the checkpoint that are not part of this run, with a note about their open orders."""
        books = []
        for entry in checkpoint.wallets.values():
            if entry.address in context.fleet:
                continue
            book = WalletBook(FleetWallet(entry.index or 0, entry.nickname, entry.address, entry.role))
            book.session.use(entry.session_id, entry.session_expiry or 0)
            books.append(book)
        track_missing(books, self._replay)
        if books:
            addresses = [book.address for book in books]
            read = await retry_read(lambda: self.connections.chain.open_orders(context.market.address, addresses))
            for book in books:
                orders = read.orders[book.address]
                context.fleet.avoid(orders or ())
                count = "orders unreadable" if orders is None else f"{len(orders)} open orders"
                book.report(f"{book.wallet.nickname} ({count})")
                context.action_log.note(f"not in this run: {book.note}")
        return tuple(books)

    async def _publish_progress(self, context: RunContext) -> None:
        """Publish the preparation's progress a few times a second, less often for a fleet that takes longer."""
        while True:
            context.rate_limits.look()
            began = monotonic()
            self.publisher.publish(snapshot_of(context, EngineState.PREPARING, "preparing sessions"))
            await asyncio.sleep(max(PUBLISH_EVERY_S, (monotonic() - began) / PUBLISH_SHARE))
