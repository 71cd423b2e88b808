"""Helpers for a cancel-all of a few wallets in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, cast

from ama_tui.domain.errors import RefusedError, UnreachableError
from ama_tui.domain.event import KillProgress
from ama_tui.domain.plan import CancelReason
from ama_tui.engine.cancel.kill import PATIENCE_S, CancelAll
from ama_tui.engine.engine_api import KillReport
from ama_tui.engine.execution.sender import Sender
from ama_tui.engine.wallet_book import WalletBook
from tests.engine.fakes import FakeActionLog, FakeVenue, context_of, record
from tests.engine.samples import ALICE, BOB, book, order
from tests.engine.virtual_time import run_virtually

NOW = 1_000.0
"""The start of virtual time."""
HASH = "0x" + "77" * 32
LOST = UnreachableError("POST failed: the connection was dropped")
REVOKED = RefusedError("refused", status=400, code="session_revoked", proves_not_sent=True)
BUSY = RefusedError("busy", status=503, code="service_temporarily_unavailable", retry_after=60.0)


def session_of(wallet: str) -> str:
    return f"0x{wallet[2:4] * 32}"


@dataclass
class Killing:
    """One cancel-all of these wallets in virtual time. `blocks` come with every read."""

    venue: FakeVenue
    books: list[WalletBook] = field(default_factory=lambda: [book(ALICE), book(BOB)])
    blocks: int = 1
    seconds: float = 0.0
    action_log: FakeActionLog = field(default_factory=FakeActionLog)
    second: FakeVenue | None = None
    """A second node."""
    look_back_from: int | None = None
    """As for a cancel-all whose journal does not know the orders."""
    clock: Callable[[], float] = lambda: 0.0
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    progress: list[KillProgress] = field(default_factory=list)

    def go(self, patience: float = PATIENCE_S) -> KillReport:
        on_read = self.venue.on_read

        def read() -> Exception | None:
            self.venue.block += self.blocks
            return on_read()

        self.venue.on_read = read

        async def main(clock: Callable[[], float]) -> KillReport:
            self.clock = clock
            for one in self.books:
                if one.session.id is not None:
                    one.session.use(session_of(one.address))
                    self.venue.records.setdefault(one.session.id, record(one.address, one.session.id))
            run = context_of(self.venue, *self.books, clock=clock, action_log=self.action_log)
            run.connections = replace(run.connections, check=cast(Any, self.second))
            sender = Sender(run, lambda: False)
            work = CancelAll(
                run,
                sender,
                self.books,
                CancelReason.KILL,
                patience,
                self.progress.append,
                stop=self.stop,
            )
            work.witnesses.look_back_from = self.look_back_from
            report = await work.finish()
            self.seconds = report.seconds
            return report

        return run_virtually(main)


def with_orders(*order_ids: int, wallet: str = ALICE) -> FakeVenue:
    return FakeVenue(open={wallet: [order(wallet, order_id) for order_id in order_ids]})
