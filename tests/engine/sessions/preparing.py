"""One call of the session manager and everything it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ama_tui.domain.errors import RefusedError, UnreachableError
from ama_tui.domain.plan import Plan
from ama_tui.engine.run_context import RunContext
from ama_tui.engine.sessions.adoption import SessionAdoption
from ama_tui.engine.sessions.manager import SessionManager
from ama_tui.engine.sessions.relayers import Relayers
from ama_tui.engine.wallet_book import WalletBook
from ama_tui.store.journal.replay import AnnouncedSession
from tests.engine.fakes import RELAYERS, FakeActionLog, FakeVenue, context_of
from tests.engine.samples import ALICE, book
from tests.engine.virtual_time import run_virtually

NOW = 3_000_000_000
LOST = UnreachableError("POST failed: the connection was dropped")


def refused(code: str, *, status: int = 400, proves: bool = True, limited: bool = False) -> RefusedError:
    return RefusedError(
        f"refused: {code}", status=status, code=code, proves_not_sent=proves, is_rate_limit=limited, retry_after=7.0
    )


@dataclass
class Preparation:
    """One call of the session manager and everything it needs."""

    venue: FakeVenue = field(default_factory=FakeVenue)
    candidates: Mapping[str, Sequence[str]] = field(default_factory=dict)
    renew_revoked: bool = False
    announced: Mapping[str, Sequence[AnnouncedSession]] = field(default_factory=dict)
    hours: float = 24.0
    has_caps: bool = True
    books: list[WalletBook] = field(default_factory=lambda: [unprepared(ALICE)])
    action_log: FakeActionLog = field(default_factory=FakeActionLog)
    attempts: int = 1
    """How often sessions are prepared, one time after another."""
    seconds: float = 0.0
    run: RunContext | None = None
    plan: Plan = field(default_factory=Plan)

    def go(self) -> WalletBook:
        """Prepare all of them in virtual time; returns the first."""

        async def main(clock: Callable[[], float]) -> None:
            began = clock()
            self.run = context_of(self.venue, *self.books, clock=clock, action_log=self.action_log)
            self.run.session_hours, self.run.has_session_caps = self.hours, self.has_caps
            self.run.plan = self.plan
            self.run.unix_now = lambda: NOW
            manager = SessionManager(
                self.run,
                Relayers(self.run, RELAYERS),
                SessionAdoption(self.run, self.candidates, self.announced, self.renew_revoked),
            )
            for _ in range(self.attempts):
                for one in self.books:
                    one.session.loss = None
                await manager.prepare(self.books, chain_time=NOW)
            self.seconds = clock() - began

        run_virtually(main)
        return self.books[0]


def unprepared(wallet: str) -> WalletBook:
    found = book(wallet)
    found.session.drop()
    return found
