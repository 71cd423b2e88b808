"""A prepared run: its states, and the loop that drives its cycles."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field, replace
from time import monotonic

from ama_tui.domain.errors import CheckpointError, ConfigError, VenueError
from ama_tui.domain.event import Action, EngineState, KillProgress, KillStage
from ama_tui.domain.parameters import Parameters
from ama_tui.domain.plan import Cancel, CancelReason
from ama_tui.domain.reading import FleetRead
from ama_tui.engine.cancel.kill import CancelAll
from ama_tui.engine.engine_api import KillReport
from ama_tui.engine.execution.send_queues import SendQueues
from ama_tui.engine.execution.sender import Sender
from ama_tui.engine.freeze import Switch
from ama_tui.engine.publisher import Publisher
from ama_tui.engine.reconciliation.second_node import SecondNode
from ama_tui.engine.run.autosave import Autosave
from ama_tui.engine.run.block_watch import BlockWatch
from ama_tui.engine.run.cycle import Cycle
from ama_tui.engine.run.kill_display import keep_showing
from ama_tui.engine.run.lifecycle import CYCLING, moved
from ama_tui.engine.run.outages import Outages
from ama_tui.engine.run.pace import Pace
from ama_tui.engine.run.packing import is_packed
from ama_tui.engine.run.snapshot_builder import run_snapshot
from ama_tui.engine.run.stop_condition import StopCondition
from ama_tui.engine.run_context import RunContext
from ama_tui.engine.sessions.manager import SessionManager
from ama_tui.engine.sessions.renewal import Renewals
from ama_tui.engine.sessions.revocation import WalletRevoker
from ama_tui.engine.wallet_account import utilization_of
from ama_tui.engine.wallet_book import WalletBook
from ama_tui.store.state_store import StateStore
from ama_tui.strategies.chosen import Strategy

STOP_PATIENCE_S = 9.0
"""The longest wait for pending requests on stop."""
FINAL_READ_S = 3.0
"""The longest wait for the last read, which is only for display."""


@dataclass(slots=True)
class Run:
    """One prepared run. `cycle_on` drives it; the operator's calls come on the same loop."""

    context: RunContext
    cycle: Cycle
    store: StateStore
    publisher: Publisher
    freeze: Switch
    sessions: SessionManager
    blocks: BlockWatch
    missing: tuple[WalletBook, ...] = ()
    """Wallets in the checkpoint that are not part of this run. A kill cancels their orders too."""
    cancel_on_stop: bool = False
    state: EngineState = EngineState.READY
    reason: str = ""
    packed_at: float = 0.0
    packed: bool = False
    ended: KillReport | None = None
    """What the chain showed after everything was cancelled, None without a cancel-all."""
    sender: Sender = field(init=False)
    send_queues: SendQueues = field(init=False)
    kill_progress: KillProgress = field(init=False, default_factory=KillProgress)
    outages: Outages = field(init=False)
    renewals: Renewals = field(init=False)
    _pace: Pace = field(init=False)
    _autosave: Autosave = field(init=False)
    _is_paused: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self.sender = Sender(self.context, self._may_place)
        self.send_queues = SendQueues(self.sender.send, self.context.rate_limiter, self.context.read_share)
        self.outages = Outages(self.context, self.store.journal)
        self.renewals = Renewals(self.context, self.sessions)
        self._pace = Pace(self.context, self.outages.push, self.blocks, lambda: self.send_queues.orders_wait)
        self._autosave = Autosave(
            self.store, self.context.fleet, self.context.pnl, self.outages.saving.end, self._not_saved
        )

    async def cycle_on(self, ending: StopCondition) -> None:
        """Run cycles until the stop condition, a stop or a kill. Raises errors that the venue did not cause."""
        self._update_state()
        external = self.context.external
        if external is not None:
            await external.refresh()
        watching = [
            asyncio.create_task(self.sessions.relayers.watch(), name="relayers"),
            asyncio.create_task(SecondNode(self.context).watch(self._nodes_compared), name="second node"),
        ]
        if external is not None:
            watching.append(asyncio.create_task(external.watch(), name="price sources"))
        ending.members += 1
        try:
            async with self.blocks.watching(self._pace.listener):
                await self._cycle_until(ending)
        finally:
            ending.left(self)
            for task in watching:
                task.cancel()

    async def _cycle_until(self, ending: StopCondition) -> None:
        while self.state in CYCLING:
            if ending.met and self.packed:
                return
            self._pace.begin()
            read = await self._cycle()
            if self.send_queues.failure is not None:
                raise self.send_queues.failure
            if self.state not in CYCLING:
                return
            if ending.when_packed and read is not None and not ending.look(self, read):
                self.cycle.reads.doubt()  # the end takes one read that shows every wallet
            if ending.met and self.packed:
                return
            if monotonic() >= ending.at:
                return
            await self._pace.wait(read, ending.at, self._show_pause)

    def pause(self) -> None:
        """Stop placing. Orders stay, monitoring continues."""
        if self.state in CYCLING and not self._is_paused:
            self._is_paused = True
            self._update_state()
            self.context.action_log.note("paused")

    def resume(self) -> None:
        """Place again, unless something else blocks new orders."""
        if self.state is EngineState.PAUSED:
            self._is_paused = False
            self._update_state()
            self.context.action_log.note("resumed")
            self.cycle.reads.doubt()
            self._pace.wake()

    def pause_wallet(self, address: str, *, paused: bool) -> None:
        """Pause or resume one wallet. Its orders stay. Raises ConfigError if the wallet is not part of this run."""
        book = self._book(address)
        if book.is_paused != paused:
            book.pause() if paused else book.resume()
            self.cycle.reads.want(book.address)
            self.send_queues.drop(book.address)
            text = f"{book.wallet.nickname} {'paused' if paused else 'resumed'}"
            self.context.action_log.outcome(book.wallet, Action.NOTE, text)
            self.publish()

    async def renew(self, address: str) -> None:
        """Give a wallet a new session, even if its session was revoked. Returns once the wallet has it.

        Raises ConfigError if the wallet is not part of this run or is getting a session already, VenueError on failure.
        """
        await self.renewals.ask(self._book(address))
        self.publish()

    async def cancel_order(self, address: str, order_id: int) -> None:
        """Cancel one order. The level is filled again unless the wallet or the run is paused.

        Raises ConfigError if the wallet has no such order, VenueError if the cancel was not accepted.
        """
        book = self._book(address)
        order = next((order for order in book.orders if order.order_id == order_id), None)
        if order is None:
            raise ConfigError(f"order {order_id} is not on the book any more", "nothing to cancel")
        by_hand = Cancel(
            book.address, order_id, order.side, order.price6, order.amount18, CancelReason.OPERATOR, order.level
        )
        if not await self.sender.cancel(book, by_hand):
            raise VenueError(f"the cancel of order {order_id} was not accepted", "see the log for the reason")

    def change(self, parameters: Parameters, strategy: Strategy) -> None:
        """Switch to other parameters and their strategy. Raises ConfigError unless paused."""
        if self.state is not EngineState.PAUSED:
            raise ConfigError("parameters can only change while the run is paused", "pause it first")
        before, after = self.context.parameters.as_keys(), parameters.as_keys()
        for setting in parameters.strategy.all:
            key, value = setting.key, after[setting.key]
            if value != before[key]:
                change = {"key": key, "stored": before[key], "used": value}
                name = setting.form_name or setting.short_option
                self.context.action_log.note(f"{name}: {before[key]} → {value}", params=change)
        self.context.parameters, self.context.strategy = parameters, strategy
        for book in self.context.fleet:
            book.share.utilization = utilization_of(parameters)
        self.packed, self.packed_at = False, 0.0
        self.cycle.reads.doubt()
        self._pace.wake()
        self.publish()

    async def stop(self, patience: float | None = None) -> None:
        """Finish pending requests, save, and leave orders resting or cancel them, as set up.

        Pending requests get 9 s, or `patience`. A kill during a stop takes over. Raises CheckpointError if the state
        could not be saved.
        """
        if self.state in (EngineState.STOPPING, EngineState.KILLING) or self.state.is_final:
            return
        self._become(EngineState.STOPPING, "finishing pending requests")
        self.send_queues.clear()
        self.renewals.hold()
        patience = STOP_PATIENCE_S if patience is None else patience
        deadline = monotonic() + patience
        await self.send_queues.idle(patience)
        await self._reconcile_until(deadline)
        if self._is_stopping:
            await self.renewals.close(max(0.0, deadline - monotonic()))
        if self.cancel_on_stop and self._is_stopping:
            self.reason = "cancelling"
            self.publish()
            report = await self._cancel_all(list(self.context.fleet), CancelReason.OPERATOR)
            self.context.action_log.note(f"cancelled on stop: {report.text}", is_error=not report.is_proven)
            await self._final_read()
        if self._is_stopping:
            await self._end(self._stop_text())

    async def kill(self, *, revoke: bool = False) -> KillReport:
        """Freeze all sends, cancel everything, prove it from the chain, then stop.

        A kill that is not proven leaves the run FAULTED: it may be tried again. With `revoke`, also revoke the sessions
        once no orders are left. Raises ConfigError if the run has ended.
        """
        if self.state is EngineState.STOPPED:
            raise ConfigError("nothing is running", "start a run first")
        self.freeze.set()
        self.kill_progress = KillProgress()
        self._become(EngineState.KILLING, "cancelling everything")
        self.send_queues.clear()
        showing = asyncio.create_task(keep_showing(self.context, self.cycle, self.publish), name="kill display")
        try:
            report = await self._cancel_and_revoke([*self.context.fleet, *self.missing], revoke=revoke)
        except BaseException:  # a defect must not leave a kill that nobody can repeat
            self._become(EngineState.FAULTED, "kill not proven: it ended with an error")
            raise
        finally:
            showing.cancel()
        self.context.action_log.note(f"kill: {report.text}", is_error=not report.is_proven)
        await self._final_read()
        try:
            if report.is_proven:
                await self._end(report.text)
            else:
                await self._end(f"kill not proven: {report.text}", EngineState.FAULTED)
        except CheckpointError as error:  # still report what the chain shows
            self.context.action_log.note(str(error), is_error=True)
        return report

    async def _cancel_and_revoke(self, books: list[WalletBook], *, revoke: bool) -> KillReport:
        report = await self._cancel_all(books, CancelReason.KILL)
        if not (revoke and report.is_proven):
            return report
        if not self.context.may_revoke():
            self.context.action_log.note("sessions kept: the run's other markets use them")
            return report
        self._show_kill(replace(self.kill_progress, stage=KillStage.REVOKE))
        await self.renewals.close(STOP_PATIENCE_S)  # includes a session that was being created
        return replace(report, revoked=(*report.revoked, *await WalletRevoker(self.context).revoke_all(books)))

    def publish(self) -> None:
        """Publish a snapshot of the run."""
        self.context.rate_limits.look()
        self.publisher.publish(run_snapshot(self))

    async def _cycle(self) -> FleetRead | None:
        """One cycle. None if the chain could not be read: the send queues then keep their intents."""
        context = self.context
        if self.state in (EngineState.READY, EngineState.NO_NEW):
            self.cycle.reads.doubt()
        try:
            read = await self.cycle.watch()
        except VenueError as error:
            self.outages.chain_unread(error)
            self.outages.check_journal()
            self._update_state()
            self.publish()
            return None
        self.outages.chain_read()
        self.outages.check_journal()
        intents = await self.cycle.decide(read)
        self.outages.mark.check(context.mark_problem)
        self.outages.prices.check(context.price_conflict)
        self.outages.external.check(context.external_problem)
        self.outages.strategy.check(context.strategy_problem)
        self.outages.fills.check(context.fills_problem)
        self.outages.check_orders(read, context.fleet)
        context.action_log.report_repeated()
        self.renewals.look(read)
        self.packed = is_packed(self.context.fleet, self.context.strategy, read)
        if self.packed and not self.packed_at:
            self.packed_at = monotonic()
        self._autosave.begin_if_due()
        self._update_state()
        if self._may_place():
            self.send_queues.load(intents)
        elif self.state in (EngineState.READY, EngineState.NO_NEW) and not self.freeze.is_set():
            self.send_queues.load(intent for intent in intents if isinstance(intent, Cancel))
        self.publish()
        return read

    def _show_pause(self) -> None:
        self.publisher.publish(replace(self.publisher.latest, next_cycle_at_ms=self.context.next_cycle_at_ms))

    async def _reconcile_until(self, deadline: float) -> None:
        """Reconcile until no order or take is pending, or until the deadline."""
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, deadline - monotonic())):
                while any(book.pending or book.takes for book in self.context.fleet) and self._is_stopping:
                    try:
                        self.cycle.reads.doubt()
                        await self.cycle.watch()
                    except VenueError as error:
                        self.outages.chain_unread(error)
                    self.publish()
                    await asyncio.sleep(0.3)

    async def _cancel_all(self, books: list[WalletBook], reason: CancelReason) -> KillReport:
        work = CancelAll(self.context, self.sender, books, reason, on_progress=self._show_kill)
        for book in books:
            book.pending.drop_missing()
        await self.send_queues.idle(1.0)
        self.ended = await work.finish()
        return self.ended

    def _show_kill(self, progress: KillProgress) -> None:
        """Publish the progress of a cancel-all."""
        self.kill_progress = progress
        self.publish()

    def _book(self, address: str) -> WalletBook:
        book = self.context.fleet.books.get(address.lower())
        if book is None:
            raise ConfigError(f"{address} is not a wallet of this run")
        return book

    async def _final_read(self) -> None:
        """Read once more, so that the screen and the summary show what is left."""
        with suppress(VenueError, TimeoutError):
            async with asyncio.timeout(FINAL_READ_S):
                self.cycle.reads.doubt()
                await self.cycle.watch()
                self.context.shown = None

    async def _end(self, reason: str, state: EngineState = EngineState.STOPPED) -> None:
        await self.send_queues.abandon()
        await self.renewals.close()
        self.context.action_log.report_repeated(is_last=True)
        self._pace.wake()
        try:
            await self.save()
        finally:
            self._become(state, reason)

    def _stop_text(self) -> str:
        resting = sum(len(book.orders) for book in self.context.fleet)
        open_intents = sum(len(book.pending) + len(book.takes) for book in self.context.fleet)
        text = f"{resting} orders stay on the book"
        return f"{text}, {open_intents} pending" if open_intents else text

    def fault(self, reason: str) -> None:
        """The run cannot continue; orders stay on the book. A run that is already ending keeps ending."""
        if self.state in CYCLING:
            self.send_queues.clear()
            self.renewals.abandon()
            self._become(EngineState.FAULTED, reason)

    async def save(self) -> None:
        """Write the checkpoint and the wallets' files. Raises CheckpointError."""
        await self._autosave.save()

    def _nodes_compared(self) -> None:
        self.outages.nodes.check(self.context.nodes_differ)
        self.outages.second_node.check(self.context.second_node_problem)

    def _not_saved(self, error: CheckpointError) -> None:
        self.outages.saving.begin(str(error))
        self._update_state()

    @property
    def _is_stopping(self) -> bool:
        """False once a kill has taken over."""
        return self.state is EngineState.STOPPING

    def _may_place(self) -> bool:
        return self.state is EngineState.RUNNING and not self.freeze.is_set()

    def _become(self, state: EngineState, reason: str = "") -> None:
        self.state, self.reason = moved(self.state, state), reason
        self.publish()

    def _update_state(self) -> None:
        """Switch to the state the run should be in while it cycles."""
        if self.state not in CYCLING:
            return
        context = self.context
        block = self.outages.block_reason(monotonic() - context.read_at)
        unresolved = sum(pending.is_earlier for _, pending in context.fleet.pending())
        unresolved += sum(take.is_earlier for book in context.fleet if book.takes for take in book.takes)
        state, reason = EngineState.RUNNING, ""
        if self._is_paused:
            state, reason = EngineState.PAUSED, "paused"
        elif block:
            state, reason = EngineState.NO_NEW, block
        elif unresolved:
            state, reason = EngineState.READY, f"resolving {unresolved} orders sent earlier"
        if state is not self.state:
            self.send_queues.clear()
        if (state, reason) != (self.state, self.reason):
            self._become(state, reason)
