"""What a cancel-all is doing, and what it waits for, as front ends show it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from ama_tui.domain.event import KillProgress, KillStage, RateLimitWait
from ama_tui.engine.action_log import now_ms

REPORT_EVERY_S = 0.25
OVERDUE_S = 1.0
"""Shorter waits than this are not shown."""


class Wait(Enum):
    """What a cancel-all may wait for, most fundamental first: of the overdue ones, the first is shown."""

    RATE_LIMIT = 0
    CHAIN = 1
    VENUE = 2
    ORDERS = 3
    BLOCKS = 4
    WITNESSES = 5


@dataclass(frozen=True, slots=True)
class _Awaited:
    began: float
    """The loop's clock."""
    began_ms: int
    """Unix milliseconds."""
    reason: str


_NOTHING = _Awaited(0.0, 0, "")


@dataclass(slots=True)
class ProgressReporter:
    """Collects the facts of a cancel-all and passes them on when they have changed, a few times a second."""

    on_progress: Callable[[KillProgress], None]
    rate_limits: Callable[[], Sequence[RateLimitWait]] = tuple
    """The hosts that limit our requests now."""
    _latest: KillProgress = field(default_factory=KillProgress)
    _reported: KillProgress | None = None
    _waits: dict[Wait, _Awaited] = field(default_factory=dict)

    def counted(self, done: int, total: int, sent: int, block: int) -> None:
        """Note how many orders are gone, were found, and were sent a cancel, as of a block."""
        self._latest = replace(self._latest, done=done, total=total, sent=sent, block=block)

    def reached(self, stage: KillStage, empty_reads: int = 0) -> None:
        """Note the stage, and how many reads in a row have shown no order."""
        self._latest = replace(self._latest, stage=stage, empty_reads=empty_reads)

    def begins(self, wait: Wait, reason: str) -> None:
        """Note something that may have to be awaited, unless it is already."""
        if wait not in self._waits:
            self.waits(wait, reason)

    def waits(self, wait: Wait, reason: str, since: float | None = None) -> None:
        """Note a wait that began at `since` (the loop's clock). A wait that continues keeps its start."""
        known = self._waits.get(wait)
        if known is None:
            now = asyncio.get_running_loop().time()
            began = now if since is None else since
            self._waits[wait] = _Awaited(began, now_ms() - int((now - began) * 1000), reason)
        else:
            self._waits[wait] = replace(known, reason=reason)

    def ends(self, *waits: Wait) -> None:
        """Note that these waits are over."""
        for wait in waits:
            self._waits.pop(wait, None)

    def read(self, unread: int) -> None:
        """Note that the chain answered, except for this many wallets."""
        if unread:
            self.waits(Wait.CHAIN, f"{_count(unread, 'wallet')} could not be read")
        else:
            self.ends(Wait.CHAIN)

    def judged(self, refused: Mapping[str, float], unsettled: int, *, is_shown: bool) -> None:
        """Note what delays the cancels: wallets whose cancels are refused, each with its start, and open requests."""
        if refused and is_shown:
            text = f"cancels of {_count(len(refused), 'wallet')} not accepted by the venue"
            self.waits(Wait.VENUE, text, min(refused.values()))
        else:
            self.ends(Wait.VENUE)
        if unsettled:
            self.waits(Wait.ORDERS, f"{_count(unsettled, 'unacknowledged order')} may still reach the book")
        else:
            self.ends(Wait.ORDERS)
        if is_shown or unsettled:
            self.ends(Wait.BLOCKS, Wait.WITNESSES)

    def report_changes(self) -> None:
        """Pass the facts on if they have changed."""
        limits = self.rate_limits()
        if limits:
            self.waits(Wait.RATE_LIMIT, limits[0].text(0))
        else:
            self.ends(Wait.RATE_LIMIT)
        overdue = asyncio.get_running_loop().time() - OVERDUE_S
        waits = [self._waits[wait] for wait in Wait if wait in self._waits and self._waits[wait].began <= overdue]
        first = waits[0] if waits else _NOTHING
        progress = replace(self._latest, waiting_for=first.reason, waiting_since_ms=first.began_ms)
        if progress != self._reported:
            self._reported = progress
            self.on_progress(progress)

    async def keep_reporting(self) -> None:
        """Keep passing them on until cancelled."""
        while True:
            self.report_changes()
            await asyncio.sleep(REPORT_EVERY_S)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
