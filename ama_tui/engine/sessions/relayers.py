"""Watches the venue's relayer set, because a session only works for the relayers that its permit names."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic

from ama_tui.domain.errors import VenueError
from ama_tui.domain.session import RelayerSet
from ama_tui.engine.run_context import RunContext
from ama_tui.venue.permits import relayer_set_problem

REREAD_S = 60.0
FRESH_S = 5.0
"""A relayer set this recent is not read again."""
CONFIRM_S = 1.0
"""A different set is read again after this long, before it is believed."""


@dataclass(slots=True)
class Relayers:
    """The venue's relayer set, as last confirmed."""

    context: RunContext
    current: RelayerSet
    _turn: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)
    _read_at: float = field(init=False, default=float("-inf"))

    def __post_init__(self) -> None:
        self.context.relayer_root = self.root

    @property
    def root(self) -> str:
        return self.current.root

    async def watch(self) -> None:
        """Read the set every minute until cancelled."""
        while True:
            await asyncio.sleep(REREAD_S)
            with suppress(VenueError):  # read again in a minute, and before a session is created
                await self.refresh()

    async def refresh(self) -> None:
        """Read the set. A different set must match its root and be read twice. Raises VenueError."""
        async with self._turn:
            if monotonic() - self._read_at < FRESH_S:
                return
            latest = await self.context.connections.api.relayer_set()
            self._read_at = monotonic()
            if latest.root == self.root:
                return
            problem = relayer_set_problem(latest)
            if problem is None:
                await asyncio.sleep(CONFIRM_S)
                if (await self.context.connections.api.relayer_set()).root != latest.root:
                    problem = "the venue reports different relayers each time"
            if problem is not None:
                raise VenueError(problem, "sessions unchanged")
            self.current = latest
            self.context.relayer_root = self.root
            self.context.action_log.note("the relayer set changed: renewing sessions")
