"""Ending sessions: asked of the venue by their ids alone, and proven from the chain.

Proven means: two fresh reads of the chain, two blocks apart (10 s where no block came), show each of them over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import Enum

from ama_tui.domain.errors import RefusedError, VenueError
from ama_tui.domain.event import Action
from ama_tui.domain.reading import SessionsRead
from ama_tui.domain.session import SessionRecord
from ama_tui.domain.wallet import FleetWallet
from ama_tui.engine.action_log import ActionLog
from ama_tui.engine.connections import Connections
from ama_tui.engine.rate_limiter import RateLimiter
from ama_tui.engine.reconciliation.rules import is_far_apart
from ama_tui.engine.retry import again
from ama_tui.engine.sessions.registry import TROUBLE, KnownSession, SessionStanding, standing

BETWEEN_READS_S = 0.5
RETRY_REVOKE_S = 5.0
LONGEST_REVOKE_S = 15.0
"""An answer is not waited for longer: the chain shows what became of it."""
LONGEST_WAIT_S = 5.0
"""The most that `Retry-After` holds one back."""


class RevocationResult(Enum):
    """What became of one session."""

    REVOKED = "revoked"
    WAS_OVER = "was over"
    LEFT = "could not be revoked"


@dataclass(slots=True)
class RevocationTarget:
    """One session to end. `standing` is that of the latest read, `error` the latest that stood against ending it."""

    known: KnownSession
    action_log: ActionLog | None = None
    was_alive: bool = False
    is_over: bool = False
    standing: SessionStanding = SessionStanding.UNREAD
    tx_hash: str | None = None
    error: str = ""
    next_try: float = 0.0

    @property
    def outcome(self) -> RevocationResult:
        if not self.is_over:
            return RevocationResult.LEFT
        return RevocationResult.REVOKED if self.was_alive or self.tx_hash is not None else RevocationResult.WAS_OVER

    def take(self, record: SessionRecord | None, block_time: int) -> None:
        """Note what a read shows: alive is whatever it does not show to be over."""
        if record is not None and record.exists and not self.known.wallet:
            self.known = replace(self.known, wallet=record.trader)
        self.standing = standing(self.known.wallet, record, block_time, None)
        self.is_over = record is not None and record.is_over(block_time)
        self.was_alive |= record is not None and not self.is_over

    def write_down(self) -> None:
        """Leave a line in the market's journal of what was done."""
        if self.action_log is None or self.outcome is RevocationResult.WAS_OVER:
            return
        text = f"session {self.outcome.value}"
        wallet = FleetWallet(0, self.known.nickname, self.known.wallet)
        params = {"text": text, "sessionId": self.known.session_id}
        if self.is_over:
            self.action_log.outcome(wallet, Action.NOTE, text, params=params, tx_hash=self.tx_hash)
        else:
            error = self.error or "the chain shows it alive"
            self.action_log.outcome(wallet, Action.ERROR, text, params=params, error=error)


@dataclass(slots=True)
class SessionRevocation:
    """Reads all targets at once, asks for the end of those that are alive, and reads again until all are over."""

    connections: Connections
    targets: Sequence[RevocationTarget]
    block: int = 0
    _rate_limiter: RateLimiter = field(default_factory=RateLimiter)
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _over: list[tuple[int, float]] = field(default_factory=list)

    async def look_first(self) -> None:
        """Read what there is, before anything is done. Raises VenueError."""
        if self.targets:
            self._take(await again(self._read, after=TROUBLE))

    def leave_to_others(self, notes: list[str]) -> None:
        """Let go of what the files call ours and the chain somebody else's."""
        others = [target for target in self.targets if target.standing is SessionStanding.OTHER_WALLET]
        if others:
            notes.append(f"{len(others)} sessions are another wallet's, and left alone: name them by their ids")
            self.targets = [target for target in self.targets if target not in others]

    async def finish(self, patience: float) -> bool:
        """End them all: True once that is proven, False when the patience is over. Raises nothing of the venue's."""
        deadline = _now() + patience
        try:
            while self.targets:
                self._ask()
                await asyncio.sleep(BETWEEN_READS_S)
                with suppress(VenueError):  # it is asked again in a moment
                    async with asyncio.timeout(max(BETWEEN_READS_S, deadline - _now())):
                        if self._take(await self._read()):
                            return True
                if _now() >= deadline:
                    return False
            return True
        except TimeoutError:
            return False
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _read(self) -> SessionsRead:
        ids = sorted({target.known.session_id for target in self.targets})
        return await self.connections.chain.sessions(self.connections.registry, ids)

    def _take(self, read: SessionsRead) -> bool:
        """Note what a read shows; True once two that are far enough apart show all of them over."""
        if read.block < self.block:
            return False  # older than what was known already
        self.block = read.block
        for target in self.targets:
            target.take(read.records[target.known.session_id], read.block_time)
        if not all(target.is_over for target in self.targets):
            self._over.clear()
            return False
        seen = (read.block, _now())
        self._over.append(seen)
        return any(is_far_apart(earlier, seen) for earlier in self._over)

    def _ask(self) -> None:
        """Have the venue end what is alive, side by side, each again after a while."""
        for target in self.targets:
            session = target.known.session_id
            if not target.is_over and session not in self._tasks and _now() >= target.next_try:
                self._tasks[session] = asyncio.create_task(self._revoke(target), name=f"revoke {session}")

    async def _revoke(self, target: RevocationTarget) -> None:
        try:
            async with (
                asyncio.timeout(LONGEST_REVOKE_S),
                self._rate_limiter.slot(is_cancel=True, longest_wait=LONGEST_WAIT_S),
            ):
                answer = await self.connections.api.session_revoke(target.known.market.address, target.known.session_id)
            target.tx_hash, target.error = answer.tx_hash, ""
            self._rate_limiter.succeeded()
        except TimeoutError:
            target.error = f"no answer within {LONGEST_REVOKE_S:g} s"
        except VenueError as error:
            target.error = str(error)
            if isinstance(error, RefusedError) and error.is_rate_limit:
                self._rate_limiter.pushed_back(error.retry_after)
        finally:
            target.next_try = _now() + RETRY_REVOKE_S
            del self._tasks[target.known.session_id]


def _now() -> float:
    return asyncio.get_running_loop().time()
