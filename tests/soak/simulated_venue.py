"""A venue for weeks of simulated time: orders are taken all the time, things fail every day, and nothing here grows."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from ama_tui.domain.errors import UnreachableError
from ama_tui.domain.market import MarketTerms
from ama_tui.domain.reading import FleetRead
from ama_tui.venue.push import BlockHead, PushHandlers
from tests.engine.samples import TERMS
from tests.engine.sessions.registry import RegistryVenue
from tests.engine.simulated import Answer, Tx

DAY_S = 86_400.0
BLOCK_S = 1.0
"""Between two blocks while anything is to be mined."""
SETTLING_BLOCKS = 3
"""Blocks after the last transaction."""
KEPT_BLOCKS = 128
FAULTS = tuple(one for one in Answer if one not in (Answer.OK, Answer.TOO_LATE))
FAULTY = 0.02
"""The share of requests with a fault."""
SESSION_FAULTS = (Answer.LOST, Answer.LOST_EXECUTED, Answer.LATE, Answer.ERROR, Answer.ERROR_EXECUTED, Answer.BUSY)
OUTAGE_S = 200.0
"""How long the node answers nothing, and how long the stream of blocks is cut: longer than between two cycles."""
REMNANT = 0.3
"""The share of fills that leave a remnant, which the engine cancels."""


@dataclass
class SimulatedPush:
    """The stream of blocks. `is_cut` ends the connection, which is back some time later."""

    head: BlockHead
    is_cut: asyncio.Event = field(default_factory=asyncio.Event)
    handlers: PushHandlers | None = None

    async def listen(self, contract: str, handlers: PushHandlers) -> None:
        while True:
            self.handlers = handlers
            handlers.connected()
            handlers.head(self.head)
            await self.is_cut.wait()
            self.handlers = None
            handlers.lost("the connection was cut")
            await asyncio.sleep(OUTAGE_S)
            self.is_cut.clear()

    def tell(self, head: BlockHead) -> None:
        self.head = head
        if self.handlers is not None:
            self.handlers.head(head)


@dataclass
class LongVenue(RegistryVenue):
    """`trade` and `produce_blocks` drive it: some orders are taken every `round_s` or so.

    There are blocks while there are transactions, as on a chain that makes them on demand.
    """

    round_s: float = 180.0
    fail_every_s: float = 86_400.0
    taken_at_once: int = 6
    push: SimulatedPush = field(init=False)
    kept_states: int = KEPT_BLOCKS
    is_calm: bool = False
    """Nobody trades and nothing fails any more."""
    _dark_until: float = 0.0
    _has_work: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.push = SimulatedPush(BlockHead(self.height, ""))

    # ---- what happens on the market ----

    async def trade(self) -> None:
        """Take orders and let things fail until it is calm."""
        fail_at = self.clock() + self.fail_every_s
        while not self.is_calm:
            self._take_some()
            if self.clock() >= fail_at:
                fail_at += self.fail_every_s
                self._forget()
                self._fail()
            await asyncio.sleep(self.round_s * self.dice.uniform(0.8, 1.2))

    async def produce_blocks(self) -> None:
        """Mine while there is anything to be mined, until cancelled."""
        while True:
            await self._has_work.wait()
            self._has_work.clear()
            settling = 0
            while settling < SETTLING_BLOCKS:
                await asyncio.sleep(BLOCK_S)
                self.mine()
                self.push.tell(BlockHead(self.height, self.head.block_hash))
                settling = 0 if self.pool else settling + 1

    def _take_some(self) -> None:
        orders = list(self.head.orders.values())
        for order in self.dice.sample(orders, min(self.taken_at_once, len(orders))):
            left18 = order.amount18 // 20 if self.dice.random() < REMNANT else 0
            self.take(order, order.amount18 - left18)

    def _fail(self) -> None:
        """Blocks are undone, the stream is cut, and the node is silent for a while."""
        self.reorganise(2)
        self._has_work.set()
        self.push.is_cut.set()
        self._dark_until = self.clock() + OUTAGE_S

    def _send(self, tx: Tx) -> None:
        super()._send(tx)
        self._has_work.set()

    def mine(self, share: float = 1.0) -> None:
        super().mine(share)
        oldest = self.height - KEPT_BLOCKS
        receipts = {one: receipt for one, receipt in self.head.receipts.items() if receipt.block >= oldest}
        self.states[-1] = replace(self.head, receipts=receipts)
        self.posted.clear()
        self.asked.clear()

    def _forget(self) -> None:
        """Drop what the engine cannot ask for any more: a session that has long expired, a request of yesterday."""
        self.permits.clear()
        self.revokes.clear()
        self.restored.clear()
        since = self.clock() - DAY_S
        self.records = {one: record for one, record in self.records.items() if record.expiry > since}

    # ---- what an engine asks of it besides ----

    async def terms(self, order_book: str) -> MarketTerms:
        return TERMS

    async def block_number(self) -> int:
        self._answer_or_raise()
        return self.height

    async def read_fleet(self, **asked: Any) -> FleetRead:
        self._answer_or_raise()
        return await super().read_fleet(**asked)

    def _answer_or_raise(self) -> None:
        if self.clock() < self._dark_until:
            raise UnreachableError("the node does not answer")


def long_venue(clock: Callable[[], float], seed: int, settle_after: float, **more: float) -> LongVenue:
    """A venue with some faults in its answers."""
    dice = random.Random(seed)

    def one_of(faults: tuple[Answer, ...]) -> Callable[[], Answer]:
        return lambda: dice.choice(faults) if not venue.is_calm and dice.random() < FAULTY else Answer.OK

    venue = LongVenue(clock, dice, settle_after, **more)  # type: ignore[arg-type]
    venue.answer = venue.cancel_answer = one_of(FAULTS)
    venue.init_answer = one_of(SESSION_FAULTS)
    return venue
