"""When a screen paints: soon after a change, with the keys that were read before it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from textual.app import App

from ama_tui.ui import frame_timer
from ama_tui.ui.frame_timer import STEPS_OF_A_KEY, FrameTimer

INTERVAL_S = 1.0


class Clock:
    """A clock that only sleeping and painting move on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.slept: list[float] = []
        monkeypatch.setattr(frame_timer, "monotonic", lambda: self.now)
        monkeypatch.setattr(frame_timer, "sleep", self.sleep)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += max(0.0, seconds)


class Canvas(App[None]):
    """Something to paint, in `seconds`."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        super().__init__()
        self.clock, self.seconds = clock, seconds
        self.frames = 0
        self.painted = asyncio.Event()
        self.timer = FrameTimer(self, INTERVAL_S, callback=self.paint, pause=True)

    def on_mount(self) -> None:
        self.timer._start()

    def paint(self) -> None:
        self.timer.pause()
        self.frames += 1
        self.clock.now += self.seconds
        self.painted.set()

    async def paint_next(self) -> None:
        """Ask for a frame and wait for it."""
        self.painted.clear()
        self.timer.resume()
        await self.painted.wait()


@asynccontextmanager
async def canvas(monkeypatch: pytest.MonkeyPatch, seconds: float) -> AsyncIterator[Canvas]:
    app = Canvas(Clock(monkeypatch), seconds)
    async with app.run_test():
        yield app
        app.timer.stop()


@pytest.mark.parametrize(("seconds", "waits"), [(0.25, 0.75), (1.5, -0.5), (7.0, -6.0)])
async def test_next_frame_waits_for_the_rest_of_the_interval_only(
    monkeypatch: pytest.MonkeyPatch, seconds: float, waits: float
) -> None:
    async with canvas(monkeypatch, seconds) as app:
        await app.paint_next()
        await app.paint_next()
        assert app.clock.slept[0] == pytest.approx(waits)
        assert app.frames == 2


async def test_nothing_is_painted_before_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async with canvas(monkeypatch, 0.25) as app:
        for _ in range(50):
            await asyncio.sleep(0)
        assert (app.frames, app.clock.slept) == (0, [])


async def test_key_on_its_way_when_a_frame_is_due_is_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async with canvas(monkeypatch, 0.25) as app:
        seen: list[int] = []

        async def key() -> None:
            for _ in range(STEPS_OF_A_KEY - 1):
                await asyncio.sleep(0)
            seen.append(app.frames)

        on_its_way = asyncio.create_task(key())
        await app.paint_next()
        await on_its_way
        assert seen == [0]
