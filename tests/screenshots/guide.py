"""Walking through the dashboard: press keys and wait for their effect."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from textual.pilot import Pilot
from textual.screen import Screen

from ama_tui.domain.event import EngineSnapshot, EngineState, SessionState
from ama_tui.ui.app import AmaApp
from ama_tui.ui.bridge import POLL_SECONDS
from ama_tui.ui.exit_message import ExitMessage

STEP_LIMIT = 90.0


class Guide:
    """One running dashboard. Anything that takes more than a minute and a half raises TimeoutError."""

    def __init__(self, pilot: Pilot[ExitMessage], app: AmaApp) -> None:
        self._pilot = pilot
        self.app = app

    @property
    def snapshot(self) -> EngineSnapshot:
        """The engine's latest snapshot, an empty one before there is an engine."""
        return EngineSnapshot(EngineState.READY) if self.app.bridge is None else self.app.bridge.snapshot

    @property
    def snapshots(self) -> tuple[EngineSnapshot, ...]:
        """The engine's latest snapshot of each market."""
        return () if self.app.bridge is None else self.app.bridge.snapshots

    @property
    def makes_sessions(self) -> bool:
        """Whether a wallet's session is being created."""
        return any(row.session is SessionState.CREATING for row in self.snapshot.wallets)

    async def press(self, key: str) -> None:
        await self._pilot.press(key)

    async def click(self, selector: str) -> None:
        await self._pilot.click(selector)

    async def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size and let the screen follow."""
        await self._pilot.resize_terminal(columns, rows)
        await self.settle()

    async def arrive(self, screen: type[Screen[Any]]) -> None:
        """Wait until a screen is on top."""
        await self.until(lambda: isinstance(self.app.screen, screen) and self.app.screen.is_mounted)

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait until a condition holds."""
        async with asyncio.timeout(STEP_LIMIT):
            while not is_so():  # noqa: ASYNC110 - what is waited for has no event
                await asyncio.sleep(0.02)

    async def settle(self) -> None:
        """Let published state reach the screen: wait for twice the repaint interval."""
        await self._pilot.pause(2 * POLL_SECONDS)

    async def leave(self) -> None:
        """Stop the run and wait until the application has ended, with its engine and its venue."""
        await self._pilot.press("ctrl+q")
        await self.until(lambda: self.app.return_code is not None)
