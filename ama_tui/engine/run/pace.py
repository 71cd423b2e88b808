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


@dataclass(slots=True)
class Pace:
    """Waits between the cycles of a run."""

    context: RunContext
    push_outage: Outage
    blocks: BlockWatch
    listener: Listener = field(init=False)
    _woken: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    _is_asked: bool = field(init=False, default=False)
    _began: float = field(init=False, default=0.0)
    """When the latest cycle began."""

    def __post_init__(self) -> None:
        self.listener = Listener(self.context, self._woken.set, self.push_outage)
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
        parameters, gap = self.context.parameters, self.context.cycle_gap_s
        seconds = random.uniform(parameters.min_delay_ms, parameters.max_delay_ms) / 1000
        if read is None:
            seconds, gap = max(seconds, RETRY_S), RETRY_S
        seconds = max(0.0, min(seconds, until - monotonic()))
        self.context.next_cycle_at_ms = now_ms() + int(seconds * 1000)
        on_pause()
        if not self._is_asked and not self._is_behind(read):
            self._woken.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        self._woken.clear()
        if not self._is_asked:
            await asyncio.sleep(min(self._began + gap, until) - monotonic())

    def _is_behind(self, read: FleetRead | None) -> bool:
        """Is there anything new on the chain that the latest read does not show?"""
        return read is None or self.blocks.needs_read(read.block, self._began)
