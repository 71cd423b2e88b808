"""When a screen paints: at once, but no more often than Textual's rate.

Textual's own timer keeps a fixed beat. A frame that takes longer than a beat, such as one in which everything changed,
makes the next one wait for up to two more beats, also when that shows a key.
"""

from __future__ import annotations

import asyncio
from time import monotonic

from textual._context import active_app
from textual._time import sleep
from textual.timer import EventTargetGone, Timer

STEPS_OF_A_KEY = 6
"""Turns of the event loop from a key that was read to the widget that acts on it: it is in the frame that is due."""


class FrameTimer(Timer):
    """Calls back once for every `resume` or series of them."""

    async def _run(self) -> None:
        while not active_app.get()._exit:
            await self._active.wait()
            for _ in range(STEPS_OF_A_KEY):
                await asyncio.sleep(0)
            began = monotonic()
            try:
                await self._tick(next_timer=began, count=1)
            except EventTargetGone:
                return
            await sleep(began + self._interval - monotonic())
