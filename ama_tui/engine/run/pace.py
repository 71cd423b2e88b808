"""When the next cycle starts: at a new block, at the operator's request, else after a random pause."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic

from ama_tui.domain.reading import FleetRead
from ama_tui.engine.action_log import now_ms
from ama_tui.engine.outage import Outage
from ama_tui.engine.run.block_watch import BlockWatch, Listener
from ama_tui.engine.run_context import RunContext

RETRY_S = 1.0
"""The shortest pause after a cycle that could not read the chain."""
CYCLE_SHARE = 1 / 4
LONGEST_GAP_S = 4.0
"""While orders of the latest plan wait to be sent, cycles may take this share of the time: reading and planning takes
processor time from sending, here and at the venue. So after a slow cycle the next one begins later, but at most this
long after it began: no order is sent on a read older than 8 s.
"""
CHECK_S = 0.02
"""How often to check whether orders still wait."""
LONGEST_WITHOUT_PUSH_S = 60.0
"""How long the stream of news is put off while the first plan's orders are sent. It takes a second of processor time to
connect, and then some for every block, when a new block is no reason for another cycle anyway.
"""


@dataclass(slots=True)
class Pace:
    """Waits between the cycles of a run."""

    context: RunContext
    push_outage: Outage
    blocks: BlockWatch
    orders_wait: Callable[[], bool]
    """Do orders of the latest plan wait to be sent?"""
    listener: Listener = field(init=False)
    _woken: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    _is_asked: bool = field(init=False, default=False)
    _began: float = field(init=False, default=0.0)
    """When the latest cycle began."""
    _is_planned: bool = field(init=False, default=False)
    """The first cycle is over."""

    def __post_init__(self) -> None:
        self.listener = Listener(self.context, self._woken.set, self.push_outage, self._until_sent)
        self.blocks.add(self.listener)

    def begin(self) -> None:
        """Note that a cycle begins."""
        self._is_asked, self._began = False, monotonic()

    def wake(self) -> None:
        """Start the next cycle now, at the operator's request."""
        self._is_asked = True
        self._woken.set()

    async def wait(self, read: FleetRead | None, until: float, on_pause: Callable[[], None]) -> None:
        """Wait for the next cycle, at most until a time on the monotonic clock.

        `read` is the latest cycle's, None if it could not read the chain: news then does not shorten the pause.
        `on_pause` is called when the pause is known.
        """
        self._is_planned = True
        parameters, gap = self.context.parameters, self.context.cycle_gap_s
        sending_gap = min(LONGEST_GAP_S, (monotonic() - self._began) / CYCLE_SHARE)
        seconds = random.uniform(parameters.min_delay_ms, parameters.max_delay_ms) / 1000
        if read is None:
            seconds, gap, sending_gap = max(seconds, RETRY_S), RETRY_S, 0.0
        seconds = max(0.0, min(seconds, until - monotonic()))
        shown = max(seconds, self._began + sending_gap - monotonic()) if self.orders_wait() else seconds
        self.context.next_cycle_at_ms = now_ms() + int(shown * 1000)
        on_pause()
        if not self._is_asked and not self._is_behind(read):
            self._woken.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        self._woken.clear()
        if not self._is_asked:
            await asyncio.sleep(min(self._began + gap, until) - monotonic())
        await self._while_sending(min(self._began + sending_gap, until))

    async def _while_sending(self, until: float) -> None:
        """Wait as long as orders wait to be sent, at most until a time, unless the operator asks for a cycle."""
        while not self._is_asked and self.orders_wait() and (left := until - monotonic()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(min(left, CHECK_S))

    async def _until_sent(self) -> None:
        """Wait until the first plan's orders are sent, but not for long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_WITHOUT_PUSH_S):
                while not self._is_planned or self.orders_wait():  # noqa: ASYNC110 - the end of a queue has no event
                    await asyncio.sleep(CHECK_S)

    def _is_behind(self, read: FleetRead | None) -> bool:
        """Is there anything new on the chain that the latest read does not show?"""
        return read is None or self.blocks.needs_read(read.block, self._began)
