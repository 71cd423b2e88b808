"""Revoking sessions: for a kill, for a renewal that replaced a session, and for `sessions revoke`.

`ProvenRevocation` proves from the chain that sessions are over: two fresh reads, two blocks apart (10 s without a new
block), show all of them over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import Enum
from time import monotonic

from ama_tui.domain.errors import RefusedError, UnreachableError, VenueError
from ama_tui.domain.event import Action
from ama_tui.domain.reading import SessionsRead
from ama_tui.domain.session import REVOKED, SessionRecord, SessionStatus, session_status
from ama_tui.domain.wallet import FleetWallet
from ama_tui.engine.action_log import ActionLog
from ama_tui.engine.connections import Connections
from ama_tui.engine.rate_limiter import RateLimiter
from ama_tui.engine.reconciliation.rules import is_far_apart
from ama_tui.engine.retry import retry_read
from ama_tui.engine.run_context import RunContext
from ama_tui.engine.sessions.registry import TROUBLE, KnownSession
from ama_tui.engine.wallet_book import WalletBook

BETWEEN_READS_S = 0.5
RETRY_REVOKE_S = 5.0
"""A session that is not over yet is revoked again after this long."""
LONGEST_REVOKE_S = 15.0
"""A response takes no longer: the chain shows whether the session is over."""
LONGEST_STOP_S = 9.0
"""Once the operator wants to stop, pending requests and the reads of their results take no longer."""
LONGEST_WAIT_S = 5.0
"""The longest delay by `Retry-After` that a revocation accepts."""


@dataclass(slots=True)
class SessionRevoker:
    """Asks the venue to revoke sessions, and remembers when each may be requested again."""

    connections: Connections
    rate_limiter: RateLimiter
    _next_try: dict[str, float] = field(init=False, default_factory=dict)

    def is_due(self, session: str) -> bool:
        """Was the last request for this session at least `RETRY_REVOKE_S` ago?"""
        return _now() >= self._next_try.get(session, float("-inf"))

    async def revoke(self, order_book: str, session: str) -> str:
        """Revoke one session; returns the hash of the transaction. Raises VenueError, also without a response."""
        try:
            async with (
                asyncio.timeout(LONGEST_REVOKE_S),
                self.rate_limiter.slot(is_cancel=True, longest_wait=LONGEST_WAIT_S) as slot,
            ):
                slot.is_used = True
                response = await self.connections.api.session_revoke(order_book, session)
        except TimeoutError:
            raise UnreachableError(f"no response within {LONGEST_REVOKE_S:g} s") from None
        except RefusedError as error:
            if error.is_rate_limit:
                self.rate_limiter.rate_limited(slot, error.retry_after)
            raise
        finally:
            self._next_try[session] = _now() + RETRY_REVOKE_S
        self.rate_limiter.succeeded(slot)
        return response.tx_hash


@dataclass(slots=True)
class WalletRevoker:
    """Revokes sessions of a run's wallets, logs the result, and updates the wallets."""

    context: RunContext
    _revoker: SessionRevoker = field(init=False)

    def __post_init__(self) -> None:
        self._revoker = SessionRevoker(self.context.connections, self.context.rate_limiter)

    def is_due(self, session: str) -> bool:
        """Was the last request for this session at least `RETRY_REVOKE_S` ago?"""
        return self._revoker.is_due(session)

    async def revoke(self, book: WalletBook, session: str, text: str = REVOKED) -> bool:
        """Revoke one session of a wallet; True once the venue confirms it. Raises no VenueError."""
        context = self.context
        try:
            tx_hash = await self._revoker.revoke(context.market.address, session)
        except VenueError as error:
            context.failed("session not revoked", error)
            context.action_log.outcome(book.wallet, Action.ERROR, f"session not revoked: {error}", error=str(error))
            return False
        book.session.revoked(session)
        params = {"sessionId": session}
        context.action_log.outcome(book.wallet, Action.NOTE, text, params=params, tx_hash=tx_hash)
        return True

    async def revoke_all(self, books: Sequence[WalletBook]) -> tuple[str, ...]:
        """Revoke every session of these wallets; returns the nicknames of those whose sessions are all revoked."""

        async def revoke_wallet(book: WalletBook) -> bool:
            return all(await asyncio.gather(*(self.revoke(book, session) for session in book.session.ids)))

        with_session = [book for book in books if book.session.ids]
        results = await asyncio.gather(*map(revoke_wallet, with_session))
        return tuple(book.wallet.nickname for book, is_done in zip(with_session, results, strict=True) if is_done)

    async def end_replaced(self, book: WalletBook, session: str) -> None:
        """Revoke a replaced session unless the chain shows it over. Raises VenueError when it cannot be read."""
        context = self.context
        read = await context.connections.chain.sessions(context.connections.registry, [session])
        status = session_status(read.records[session], block_time=read.block_time)
        if status is SessionStatus.UNREAD:
            raise VenueError("the replaced session could not be read", "trying again")
        if status.is_over:
            book.session.ended(session)
        else:
            await self.revoke(book, session, "previous session revoked")


class RevocationResult(Enum):
    """What became of one session."""

    REVOKED = "revoked"
    WAS_OVER = "was over"
    LEFT = "could not be revoked"


@dataclass(slots=True)
class RevocationTarget:
    """One session to revoke."""

    known: KnownSession
    action_log: ActionLog | None = None
    was_alive: bool = False
    """A read showed the session before it was over."""
    status: SessionStatus = SessionStatus.UNREAD
    """As of the latest read."""
    is_over: bool = False
    tx_hash: str | None = None
    error: str = ""
    """Why the latest request failed, '' if it did not."""

    @property
    def outcome(self) -> RevocationResult:
        if not self.is_over:
            return RevocationResult.LEFT
        return RevocationResult.REVOKED if self.was_alive or self.tx_hash is not None else RevocationResult.WAS_OVER

    def take(self, record: SessionRecord | None, block_time: int) -> None:
        """Note what a read shows at `block_time` (Unix seconds)."""
        if record is not None and record.exists and not self.known.wallet:
            self.known = replace(self.known, wallet=record.trader)
        self.status = session_status(record, trader=self.known.wallet, block_time=block_time)
        self.is_over = session_status(record, block_time=block_time).is_over
        self.was_alive |= record is not None and not self.is_over

    def write_down(self) -> None:
        """Write the result to the market's journal."""
        if self.action_log is None or self.outcome is RevocationResult.WAS_OVER:
            return
        text = f"session {self.outcome.value}"
        wallet = FleetWallet(0, self.known.nickname, self.known.wallet)
        params = {"text": text, "sessionId": self.known.session_id}
        if self.is_over:
            self.action_log.outcome(wallet, Action.NOTE, text, params=params, tx_hash=self.tx_hash)
        else:
            error = self.error or "the chain shows it as valid"
            self.action_log.outcome(wallet, Action.ERROR, text, params=params, error=error)


@dataclass(slots=True)
class ProvenRevocation:
    """Revokes all targets that are valid, and reads the chain until it proves that all of them are over."""

    connections: Connections
    targets: Sequence[RevocationTarget]
    block: int = 0
    """The latest block that was read."""
    _revoker: SessionRevoker = field(init=False)
    _tasks: dict[str, asyncio.Task[None]] = field(init=False, default_factory=dict)
    _over: list[tuple[int, float]] = field(init=False, default_factory=list)
    """Block and time of the reads that showed all targets over."""

    def __post_init__(self) -> None:
        self._revoker = SessionRevoker(self.connections, RateLimiter(monotonic))

    async def read_first(self) -> None:
        """Read the targets before anything is sent. Raises VenueError."""
        if self.targets:
            self._take(await retry_read(self._read, after=TROUBLE))

    def drop_other_wallets(self, notes: list[str]) -> None:
        """Drop the targets that belong to another wallet on chain, and add a note about them."""
        others = [target for target in self.targets if target.status is SessionStatus.OTHER_WALLET]
        if others:
            notes.append(f"{len(others)} sessions belong to other wallets and are left alone; name them by id")
            self.targets = [target for target in self.targets if target.status is not SessionStatus.OTHER_WALLET]

    async def finish(self, patience: float, stop: asyncio.Event) -> bool:
        """Revoke all targets; True once that is proven, False after `patience` seconds. Raises no VenueError.

        Once `stop` is set it revokes no more, and reads on only as long as `LONGEST_STOP_S`.
        """
        if not self.targets:
            return True
        proving = asyncio.create_task(self._prove(stop), name="revoke and prove")
        stopping = asyncio.create_task(stop.wait())
        deadline = _now() + patience
        try:
            await asyncio.wait({proving, stopping}, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            if not proving.done() and stop.is_set():
                await asyncio.wait({proving}, timeout=min(LONGEST_STOP_S, max(0.0, deadline - _now())))
            return proving.done() and proving.result()
        finally:
            tasks = (proving, stopping, *self._tasks.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _prove(self, stop: asyncio.Event) -> bool:
        """Revoke and read until all targets are over, or until a read after `stop`, once its requests are answered."""
        while True:
            if not stop.is_set():
                self._begin()
            await asyncio.sleep(BETWEEN_READS_S)
            is_last = stop.is_set() and not self._tasks
            with suppress(VenueError):  # the next pass reads again
                if self._take(await self._read()):
                    return True
                if is_last and not all(target.is_over for target in self.targets):
                    return False

    async def _read(self) -> SessionsRead:
        ids = sorted({target.known.session_id for target in self.targets})
        return await self.connections.chain.sessions(self.connections.registry, ids)

    def _take(self, read: SessionsRead) -> bool:
        """Note what a read shows; True once two reads that are far enough apart show all targets over."""
        if read.block < self.block:
            return False  # a stale node
        self.block = read.block
        for target in self.targets:
            target.take(read.records[target.known.session_id], read.block_time)
        if not all(target.is_over for target in self.targets):
            self._over.clear()
            return False
        seen = (read.block, _now())
        self._over.append(seen)
        return any(is_far_apart(earlier, seen) for earlier in self._over)

    def _begin(self) -> None:
        """Start a request for each valid target that has none and is due."""
        for target in self.targets:
            session = target.known.session_id
            if not target.is_over and session not in self._tasks and self._revoker.is_due(session):
                self._tasks[session] = asyncio.create_task(self._revoke(target), name=f"revoke {session}")

    async def _revoke(self, target: RevocationTarget) -> None:
        session = target.known.session_id
        try:
            target.tx_hash = await self._revoker.revoke(target.known.market.address, session)
            target.error = ""
        except VenueError as error:
            target.error = str(error)
        finally:
            del self._tasks[session]


def _now() -> float:
    return asyncio.get_running_loop().time()
