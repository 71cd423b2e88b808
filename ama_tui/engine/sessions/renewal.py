"""Renews the sessions of a run before they expire, and revokes the replaced ones.

Cycles never wait for a renewal: each one is a task, and its wallet uses the old session until the new one exists.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from time import monotonic

from ama_tui.domain.errors import AmaError, ConfigError, VenueError
from ama_tui.domain.event import Action
from ama_tui.domain.plan import SkipReason
from ama_tui.domain.reading import FleetRead
from ama_tui.domain.session import BAD_RELAYER
from ama_tui.engine.run_context import RunContext
from ama_tui.engine.sessions.creation import session_clock
from ama_tui.engine.sessions.manager import UNANSWERED, SessionManager
from ama_tui.engine.sessions.revocation import WalletRevoker
from ama_tui.engine.wallet_book import WalletBook

AT_ONCE = 8
"""Most renewals at the same time: the sessions of a fleet expire together, and its orders come first."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 5.0, 300.0
"""The pause after the first failure; it doubles with each further failure."""
BETWEEN_RENEWALS_S = 30.0
"""The shortest pause between two renewals of one wallet."""
OVER_SOON_S = 600
"""A replaced session that expires within this time is not revoked."""


@dataclass(slots=True)
class _Pace:
    """When a wallet's next renewal may begin (monotonic clock)."""

    next_at: float = float("-inf")
    end_next_at: float = float("-inf")
    misses: int = 0
    """Renewals in a row that failed or did not help."""

    def missed(self) -> float:
        """Wait longer after each miss; returns the pause in seconds."""
        self.misses += 1
        pause: float = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** (self.misses - 1))
        self.next_at = monotonic() + pause
        return pause


@dataclass(slots=True)
class Renewals:
    """Runs the renewals of one run."""

    context: RunContext
    manager: SessionManager
    _paces: dict[str, _Pace] = field(init=False, default_factory=dict)
    _tasks: dict[str, asyncio.Task[AmaError | None]] = field(init=False, default_factory=dict)
    _room: asyncio.Semaphore = field(init=False, default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    _is_closed: bool = field(init=False, default=False)
    _revoker: WalletRevoker = field(init=False)

    def __post_init__(self) -> None:
        self._revoker = WalletRevoker(self.context)

    def look(self, read: FleetRead) -> None:
        """Begin what is due after a read of the fleet, for the wallets that it asked for: each has its turn in time."""
        if self._is_closed or self.manager.is_frozen():
            return
        now = session_clock(read.block_time)
        for book in self.context.fleet.asked_by(read):
            if book.address in self._tasks:
                continue
            pace = self._paces.setdefault(book.address, _Pace())
            why = self._why(book, now)
            if why is None:
                book.session.report("")
            if why is not None and pace.next_at <= monotonic():
                self._begin(book, partial(self._renew, book, pace, why))
            else:
                self._end_replaced(book, pace, read.block_time, now)

    async def ask(self, book: WalletBook) -> None:
        """Renew a wallet's session at the operator's request, even one that was revoked.

        Raises ConfigError while a renewal is under way or nothing may be sent, and what the renewal raises.
        """
        if self._is_closed or self.manager.is_frozen():
            raise ConfigError("the run is stopping", "start another run")
        if book.address in self._tasks:
            raise ConfigError(
                f"the session of {book.wallet.nickname} is already being renewed", "wait for it to finish"
            )
        pace = self._paces.setdefault(book.address, _Pace())
        book.session.want()  # also for the attempts after this one
        error = await asyncio.shield(self._begin(book, partial(self._renew, book, pace, "requested by the operator")))
        if error is not None:
            raise error

    def hold(self) -> None:
        """Begin no more renewals."""
        self._is_closed = True

    def abandon(self) -> None:
        """Cancel what is under way. The journal has every request: the next start finds the session or asks again."""
        self.hold()
        for task in self._tasks.values():
            task.cancel()

    async def close(self, patience: float = 0.0) -> None:
        """Begin no more renewals, wait up to `patience` seconds for those under way, then cancel them."""
        self.hold()
        tasks = set(self._tasks.values())
        if tasks and patience > 0:
            await asyncio.wait(tasks, timeout=patience)
        self.abandon()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _why(self, book: WalletBook, now: int) -> str | None:
        """Why a wallet needs another session; None when it does not, or only gets one on request."""
        if book.session.is_revoked or book.unusable is SkipReason.WALLET_PAUSED:
            return None
        if book.session.loss is not None:
            return book.session.loss
        return self.manager.renewal_reason(book, now)

    def _end_replaced(self, book: WalletBook, pace: _Pace, block_time: int, now: int) -> None:
        """Forget expired replaced sessions, and begin to revoke one that is no longer needed."""
        for session, replaced in list(book.session.replaced.items()):
            if replaced.expiry <= block_time:
                book.session.ended(session)
            elif pace.end_next_at <= monotonic() and may_end(book, session, now):
                self._begin(book, partial(self._end, book, pace, session))
                return

    def _begin(self, book: WalletBook, work: Callable[[], Awaitable[AmaError | None]]) -> asyncio.Task[AmaError | None]:
        task = asyncio.create_task(self._guarded(book, work), name=f"session {book.address}")
        self._tasks[book.address] = task
        return task

    async def _guarded(self, book: WalletBook, work: Callable[[], Awaitable[AmaError | None]]) -> AmaError | None:
        try:
            return await work()
        finally:
            del self._tasks[book.address]

    async def _renew(self, book: WalletBook, pace: _Pace, why: str) -> AmaError | None:
        context, was_lost = self.context, book.session.is_lost
        book.session.report("creating a session" if was_lost else f"renewing the session: {why}")
        try:
            async with self._room:
                is_new = await self._replace(book, is_needed=why != UNANSWERED)
        except Exception as failure:
            error = _public(failure)
            pause = pace.missed()
            if book.session.id is None:
                book.session.report("")
                book.session.lose(f"no session: {error}")
            else:
                book.session.report(f"session not renewed: {error.message}")
            context.failed("session not renewed", error)
            text = f"session not renewed ({why}): {error}; trying again in {pause:.0f} s"
            context.action_log.outcome(book.wallet, Action.ERROR, text, error=str(error))
            return error
        if was_lost:
            pace.missed()  # if the venue refuses this session too, wait longer
        else:
            pace.misses, pace.next_at = 0, monotonic() + BETWEEN_RENEWALS_S
        book.session.report("")
        text = f"session renewed: {why}" if is_new else "no new session needed"
        context.action_log.outcome(book.wallet, Action.NOTE, text, params={"sessionId": book.session.id or ""})
        return None

    async def _replace(self, book: WalletBook, *, is_needed: bool) -> bool:
        """Create a session for the venue's present relayers; False when none was needed after all."""
        relayers = self.manager.relayers
        with suppress(VenueError):  # then use the last relayer set
            await relayers.refresh()
        is_refused = book.session.loss == BAD_RELAYER
        if is_refused and book.session.record is not None and book.session.record.relayer_set_root == relayers.root:
            raise VenueError("the venue refuses its own relayer", "reading the relayers again")
        read = self.context.read
        return await self.manager.renew(book, 0 if read is None else read.block_time, is_needed=is_needed)

    async def _end(self, book: WalletBook, pace: _Pace, session: str) -> AmaError | None:
        pace.end_next_at = monotonic() + BETWEEN_RENEWALS_S
        try:
            await self._revoker.end_replaced(book, session)
        except Exception as failure:
            return _public(failure)
        return None


def may_end(book: WalletBook, session: str, unix_now: int) -> bool:
    """May a replaced session be revoked: it lasts long, and no pending request was sent under it?"""
    replaced = book.session.replaced[session]
    if replaced.expiry <= unix_now + OVER_SOON_S:
        return False
    sent = []
    for one in book.account.using(book.session):
        sent += [pending.sent_at for pending in one.pending if pending.last is None]
        sent += [cancel.sent_at for cancel in one.pending.cancels.values()]
    return all(moment >= replaced.since for moment in sent)


def _public(failure: Exception) -> AmaError:
    """An error for the operator. The text of a foreign exception may hold a URL with a key in it."""
    if isinstance(failure, AmaError):
        return failure
    return AmaError(f"internal error ({type(failure).__name__})")
