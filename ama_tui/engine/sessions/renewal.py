"""Keeps the sessions of a run good while it cycles: renewed before they end, and the replaced ones ended.

Nothing here holds a cycle up: each renewal is a task of its own, and its wallet goes on under the old session until
the new one is there.
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
from ama_tui.engine.action_log import now_ms
from ama_tui.engine.run_context import RunContext
from ama_tui.engine.sessions.ending import end_former, may_end
from ama_tui.engine.sessions.manager import UNANSWERED, SessionManager
from ama_tui.engine.wallet_book import WalletBook

AT_ONCE = 8
"""So many renewals go on side by side: the sessions of a fleet expire together, and its orders go before."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 5.0, 300.0
"""The pause after a first failure, which doubles with each further one."""
BETWEEN_RENEWALS_S = 30.0
"""The shortest pause between two renewals of one wallet."""


@dataclass(slots=True)
class _Pace:
    """When a wallet's next renewal may begin; `misses` counts those in a row that failed, or did not help."""

    next_at: float = float("-inf")
    end_next_at: float = float("-inf")
    misses: int = 0

    def missed(self) -> float:
        """Wait longer each time; returns for how many seconds."""
        self.misses += 1
        pause: float = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** (self.misses - 1))
        self.next_at = monotonic() + pause
        return pause


@dataclass(slots=True)
class Renewals:
    """What `look` finds due is begun; `close` ends it."""

    context: RunContext
    manager: SessionManager
    _paces: dict[str, _Pace] = field(init=False, default_factory=dict)
    _tasks: dict[str, asyncio.Task[AmaError | None]] = field(init=False, default_factory=dict)
    _room: asyncio.Semaphore = field(init=False, default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    _is_closed: bool = field(init=False, default=False)

    def look(self, read: FleetRead) -> None:
        """Begin what is due after a read of the fleet that was planned on."""
        if self._is_closed or self.manager.is_frozen():
            return
        now = max(read.block_time, now_ms() // 1000)
        for book in self.context.fleet:
            if book.address in self._tasks:
                continue
            pace = self._paces.setdefault(book.address, _Pace())
            why = self._why(book, now)
            if why is None:
                book.session.report("")
            if why is not None and pace.next_at <= monotonic():
                self._begin(book, partial(self._renew, book, pace, why))
            else:
                self._look_at_former(book, pace, read.block_time, now)

    async def ask(self, book: WalletBook) -> None:
        """Renew a wallet's session because the operator says so, also one that was revoked.

        Raises ConfigError while one is being made or nothing may be sent, and what the renewal raises.
        """
        if self._is_closed or self.manager.is_frozen():
            raise ConfigError("the run is ending", "start another")
        if book.address in self._tasks:
            raise ConfigError(f"{book.wallet.nickname} is at its session already", "wait for it")
        pace = self._paces.setdefault(book.address, _Pace())
        book.session.want()  # from here on it is wanted, should it take more than one attempt
        error = await asyncio.shield(self._begin(book, partial(self._renew, book, pace, "asked for by the operator")))
        if error is not None:
            raise error

    def hold(self) -> None:
        """Begin nothing more."""
        self._is_closed = True

    def abandon(self) -> None:
        """Give up what is under way. What was asked for is written down: the next start finds it, or asks again."""
        self.hold()
        for task in self._tasks.values():
            task.cancel()

    async def close(self, patience: float = 0.0) -> None:
        """Begin nothing more, wait `patience` seconds for what is under way, and give up the rest."""
        self.hold()
        tasks = set(self._tasks.values())
        if tasks and patience > 0:
            await asyncio.wait(tasks, timeout=patience)
        self.abandon()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _why(self, book: WalletBook, now: int) -> str | None:
        """Why a wallet needs another session, None when it does not, or must not get one by itself."""
        if book.session.is_revoked or book.unusable is SkipReason.WALLET_PAUSED:
            return None
        if book.session.loss is not None:
            return book.session.loss
        return self.manager.wear(book, now)

    def _look_at_former(self, book: WalletBook, pace: _Pace, block_time: int, now: int) -> None:
        """Forget the replaced sessions that are over; begin to end one that is not needed any more."""
        for session, former in list(book.session.replaced.items()):
            if former.expiry <= block_time:
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
        book.session.report("a session is being made" if was_lost else f"renewing its session: {why}")
        try:
            async with self._room:
                is_new = await self._remake(book, is_needed=why != UNANSWERED)
        except Exception as failure:
            error = _told(failure)
            pause = pace.missed()
            if book.session.id is None:
                book.session.report("")
                book.session.lose(f"no session: {error}")
            else:
                book.session.report(f"session not renewed: {error.message}")
            context.counters.error("session not renewed")
            text = f"session not renewed ({why}): {error}; tried again in {pause:.0f} s"
            context.action_log.outcome(book.wallet, Action.ERROR, text, error=str(error))
            return error
        if was_lost:
            pace.missed()  # should the venue refuse this one too, the next one waits longer
        else:
            pace.misses, pace.next_at = 0, monotonic() + BETWEEN_RENEWALS_S
        book.session.report("")
        text = f"session renewed: {why}" if is_new else "no other session is needed"
        context.action_log.outcome(book.wallet, Action.NOTE, text, params={"sessionId": book.session.id or ""})
        return None

    async def _remake(self, book: WalletBook, *, is_needed: bool) -> bool:
        """A new session that serves the relayers in charge; False where there is no need of one after all."""
        relayers = self.manager.relayers
        with suppress(VenueError):  # then those that were known last
            await relayers.refresh()
        is_refused = book.session.loss == BAD_RELAYER
        if is_refused and book.session.record is not None and book.session.record.relayer_set_root == relayers.root:
            raise VenueError("the venue refuses its own relayer", "it is asked for its relayers again")
        read = self.context.read
        return await self.manager.renew(book, 0 if read is None else read.block_time, is_needed=is_needed)

    async def _end(self, book: WalletBook, pace: _Pace, session: str) -> AmaError | None:
        pace.end_next_at = monotonic() + BETWEEN_RENEWALS_S
        try:
            await end_former(self.context, book, session)
        except Exception as failure:
            return _told(failure)
        return None


def _told(failure: Exception) -> AmaError:
    """An error for the operator. The text of one that is not ours may hold a URL with a key in it."""
    if isinstance(failure, AmaError):
        return failure
    return AmaError(f"a fault of the program ({type(failure).__name__})")
