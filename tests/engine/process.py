"""The engine's core on the simulated venue: a process from start to crash."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, time, time_ns
from types import BuiltinFunctionType
from typing import Any

from ama_tui.domain.errors import VenueError
from ama_tui.domain.order import Side
from ama_tui.domain.parameters import Parameters
from ama_tui.domain.plan import Cancel, TakerLimits
from ama_tui.domain.reading import FleetRead
from ama_tui.domain.wallet import FleetWallet, Role
from ama_tui.engine.action_log import ActionLog
from ama_tui.engine.connections import Connections
from ama_tui.engine.execution.send_queues import SendQueues
from ama_tui.engine.execution.sender import Sender
from ama_tui.engine.publisher import Publisher
from ama_tui.engine.rate_limiter import RateLimiter
from ama_tui.engine.reconciliation.startup import recover
from ama_tui.engine.run.cycle import Cycle
from ama_tui.engine.run_context import RunContext
from ama_tui.engine.session_slot import SessionSlot
from ama_tui.engine.wallet_book import Fleet, WalletBook
from ama_tui.store.journal.entry import JournalEntry
from ama_tui.store.journal.replay import JournalReplay, replay
from ama_tui.strategies.chosen import Strategy
from ama_tui.strategies.registry import strategy
from tests.engine.samples import MARKET, TERMS
from tests.engine.simulated import SimulatedVenue


@contextmanager
def engine_on(clock: Callable[[], float]) -> Iterator[None]:
    """Every loaded module of the program takes its clocks from this one."""
    ours = {monotonic: clock, time: clock, time_ns: lambda: int(clock() * 1e9)}
    modules = [module for name, module in sys.modules.items() if name.startswith("ama_tui.")]
    replaced = [
        (module, name, value)
        for module in modules
        for name, value in vars(module).items()
        if type(value) is BuiltinFunctionType and value in ours
    ]
    for module, name, value in replaced:
        setattr(module, name, ours[value])
    try:
        yield
    finally:
        for module, name, value in replaced:
            setattr(module, name, value)


@dataclass
class MemoryJournal:
    """A journal that survives its process; lines that nobody waited for may be lost in a crash."""

    entries: list[JournalEntry] = field(default_factory=list)
    durable: int = 0
    path: Path = Path("actions.jsonl")

    def append(self, entry: JournalEntry) -> None:
        self.entries.append(entry)

    async def write_durable(self, entry: JournalEntry) -> None:
        self.append(entry)
        self.durable = len(self.entries)

    def crash(self, dice: random.Random) -> None:
        """Drop some of the lines that were not synced yet."""
        del self.entries[dice.randint(self.durable, len(self.entries)) :]


@dataclass
class Process:
    """One process on a venue and a journal that outlive it."""

    venue: SimulatedVenue
    journal: MemoryJournal
    addresses: Sequence[str]
    parameters: Parameters
    clock: Callable[[], float]
    settle_after: float
    is_paused: bool = False
    first_session: str | None = "0x" + "11" * 32
    takers: Sequence[str] = ()
    taker_limits: TakerLimits = field(default_factory=TakerLimits)
    make_strategy: Callable[[Parameters], Strategy] = lambda parameters: strategy("packer", parameters.as_keys())
    run: RunContext = field(init=False)
    cycle: Cycle = field(init=False)
    send_queues: SendQueues = field(init=False)
    sender: Sender = field(init=False)
    is_up: bool = False
    _has_unsettled: bool = True

    async def start(self) -> None:
        """Start up with the sessions in place; the first read may fail and is retried."""
        found = replay(self.journal.entries)
        fleet = Fleet()
        for index, address in enumerate(self.addresses):
            role = Role.TAKER if address in self.takers else Role.MAKER
            book = WalletBook(FleetWallet(index, f"User{index}", address, role), SessionSlot(self.first_session))
            book.pending.next_sequence(found.highest_sequence.get(address, -1))
            fleet.add(book)
        for (address, amount18), placed in found.placed.items():
            if placed.sequence is not None:
                fleet.books[address].pending.placed_earlier(placed.side, placed.level, placed.sequence, amount18)
        connections: Any = self.venue
        journal: Any = self.journal
        self.run = RunContext(
            market=MARKET,
            terms=TERMS,
            parameters=self.parameters,
            strategy=self.make_strategy(self.parameters),
            connections=Connections(
                connections, connections, connections, MARKET.chain_id, "0x" + "5e" * 20, str(MARKET.chain_id)
            ),
            action_log=ActionLog(journal, Publisher(), MARKET, "run"),
            settle_after=self.settle_after,
            takers=self.taker_limits,
            fleet=fleet,
            rate_limiter=RateLimiter(clock=self.clock),
        )
        self.cycle = Cycle(self.run)
        self.sender = Sender(self.run, self.may_place)
        self.send_queues = SendQueues(self.sender.send, self.run.rate_limiter, self.run.read_share)
        await self.cycle.watch()
        await recover(self.run, found)
        await self.prepare(found)
        self.is_up = self._has_unsettled = True

    async def prepare(self, found: JournalReplay) -> None:
        """Do nothing: every wallet has its session already."""

    def after(self, read: FleetRead) -> None:
        """Do nothing after a cycle has planned."""

    def may_place(self) -> bool:
        return not self.is_paused and not self.unsettled

    @property
    def unsettled(self) -> int:
        """Orders sent by earlier processes that are still unresolved. Once this is 0, it stays 0."""
        left = self._has_unsettled and sum(
            one.is_earlier for book in self.run.fleet for one in (*book.pending, *book.takes)
        )
        self._has_unsettled = bool(left)
        return int(left)

    @property
    def open(self) -> int:
        return sum(len(book.pending) + len(book.takes) for book in self.run.fleet)

    async def look(self) -> None:
        """Run one cycle; the send queues keep running."""
        try:
            if not self.is_up:
                await self.start()
            read = await self.cycle.watch()
        except VenueError:
            return
        intents = await self.cycle.decide(read)
        self.after(read)
        if self.may_place():
            self.send_queues.load(intents)
        else:
            self.send_queues.load(one for one in intents if isinstance(one, Cancel))
        assert self.send_queues.failure is None, self.send_queues.failure

    async def crash(self, dice: random.Random) -> None:
        """End at once, with sends in progress."""
        if self.is_up:
            await self.send_queues.abandon()
        self.journal.crash(dice)
        self.is_up = False

    def held(self) -> list[tuple[str, Side, int]]:
        """(wallet, side, level) of every order the engine considers resting or pending; an order and its move once."""
        found = []
        for book in self.run.fleet:
            found += [(book.address, one.side, one.level or 0) for one in book.orders]
            ids = {one.order_id for one in book.orders} | {one.last.order_id for one in book.pending if one.last}
            found += [(book.address, one.place.side, one.place.level) for one in book.pending if one.moves not in ids]
        return found
