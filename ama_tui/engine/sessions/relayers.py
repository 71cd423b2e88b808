"""Who relays: asked now and then, because a session serves only the relayers that its permit names."""

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
"""What was told this recently is not asked for again."""
CONFIRM_S = 1.0
"""Another set is asked for again after this long, before it is believed."""


@dataclass(slots=True)
class Relayers:
    """The relayer set as last believed."""

    context: RunContext
    known: RelayerSet
    _turn: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)
    _told_at: float = field(init=False, default=float("-inf"))

    @property
    def root(self) -> str:
        return self.known.root

    async def watch(self) -> None:
        """Ask every minute, for as long as nobody cancels it."""
        while True:
            await asyncio.sleep(REREAD_S)
            with suppress(VenueError):  # it is asked again in a minute, and before a session is made
                await self.refresh()

    async def refresh(self) -> None:
        """Ask now. Raises VenueError; another set is believed only when it fits its root, and when told twice."""
        async with self._turn:
            if monotonic() - self._told_at < FRESH_S:
                return
            told = await self.context.connections.api.relayer_set()
            self._told_at = monotonic()
            if told.root == self.root:
                return
            problem = relayer_set_problem(told)
            if problem is None:
                await asyncio.sleep(CONFIRM_S)
                if (await self.context.connections.api.relayer_set()).root != told.root:
                    problem = "the venue names different relayers each time"
            if problem is not None:
                raise VenueError(problem, "the sessions stay as they are")
            self.known = told
            self.context.action_log.note("the venue has other relayers: sessions are renewed")
