"""The dashboard under test: a real app under Pilot, over a fake engine in a real engine thread, at a fixed time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any

from textual.app import App
from textual.pilot import Pilot
from textual.widget import Widget

from ama_tui.domain.event import Action, EngineSnapshot, LogEvent
from ama_tui.ui.app import AmaApp
from ama_tui.ui.base_app import SignalSource
from ama_tui.ui.exit_message import ExitMessage
from ama_tui.ui.screens.base import AmaScreen
from tests.sizes import PATIENCE_S
from tests.ui.fakes import NOW, FakeEngine, FakeHost, market, snapshot
from tests.ui.frames import painted

if TYPE_CHECKING:
    from ama_tui.ui.bridge import EngineFacts

NARROW, MEDIUM, WIDE, HUGE = (80, 24), (120, 40), (160, 48), (200, 60)


async def until(condition: Callable[[], bool], what: Callable[[], str] = lambda: "") -> None:
    """Wait until a condition holds; fails with `what` if it never does."""
    deadline = monotonic() + PATIENCE_S
    pause = 0.01
    while not condition():
        assert monotonic() < deadline, f"never came: {what()}"
        await asyncio.sleep(pause)
        pause = min(0.05, 1.3 * pause)  # a look at the screen renders all of it


class StageApp(AmaApp):
    """Does not show the market list by itself at first: mounting it would be most of the work of most tests."""

    _waits = False

    def hold_markets(self) -> None:
        self._waits = True

    def _show_markets(self, facts: EngineFacts, *, opens_preselected: bool = True) -> None:
        if self._waits:
            self._waits = False
        else:
            super()._show_markets(facts, opens_preselected=opens_preselected)

    def show_markets(self) -> None:
        """Show the market list as it would have been shown at first."""
        assert self.facts is not None
        super()._show_markets(self.facts)


@dataclass
class Stage:
    """One dashboard under test. It opens the venue and then waits for a `to_…` or `open_markets`."""

    app: AmaApp
    host: FakeHost
    pilot: Pilot[ExitMessage]

    @property
    def engine(self) -> FakeEngine:
        return self.host.engine

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Let the app work until a condition holds; an error in the app fails at once."""

        def holds() -> bool:
            if self.app.failure is not None:
                raise self.app.failure
            return condition()

        await until(holds, lambda: f"{what}\n{self.text()}")
        await self.pilot.pause()

    async def on(self, screen: type[AmaScreen[None]]) -> None:
        """Wait until a screen is on top and has settled."""
        await self.until(lambda: isinstance(self.app.screen, screen) and self.app.screen.is_mounted, screen.__name__)

    async def shows(self, text: str) -> None:
        """Wait until a text is on the screen."""
        await self.until(lambda: text in self.text(), f"{text!r} on the screen")

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def resize(self, size: tuple[int, int]) -> None:
        await self.pilot.resize_terminal(*size)
        await self.pilot.pause()

    async def publish(self, state: EngineSnapshot, *events: LogEvent) -> None:
        """Publish from the engine, and let the bridge poll."""
        for event in events:
            self.host.publisher.log(event)
        self.host.publisher.publish(state)
        self.app._poll()
        await self.pilot.pause()

    def focused(self) -> str:
        focused = self.app.focused
        return "" if focused is None else focused.id or ""

    def text(self) -> str:
        """What the top screen shows, line by line."""
        return screen_text(self.app)

    async def opened(self) -> None:
        """Wait until the venue is open."""
        await self.until(lambda: self.app.facts is not None, "the venue to be open")

    async def open_markets(self) -> None:
        """Show the market list; what it shows may still have to come."""
        await self.opened()
        assert isinstance(self.app, StageApp)
        self.app.show_markets()

    async def to_markets(self) -> None:
        from ama_tui.ui.screens.markets import MarketsScreen

        await self.open_markets()
        await self.on(MarketsScreen)
        await self.until(lambda: "Loading markets" not in self.text(), "the markets")

    async def to_setup(self) -> None:
        """Go straight to the set-up of ETH; `test_path.py` goes the long way."""
        from ama_tui.ui.screens.setup import SetupScreen

        await self.opened()
        facts = self.app.facts
        assert facts is not None
        self.engine.calls.clear()
        await self.app.push_screen(SetupScreen(market(), facts))
        await self.on(SetupScreen)
        await self.until(lambda: {"quote", "stored_run"} <= set(self.engine.calls), "the set-up's answers")

    async def to_live(self, state: EngineSnapshot | None = None) -> None:
        """Go straight to the live screen of an active run; `test_path.py` goes the long way."""
        from ama_tui.ui.screens.live import LiveScreen

        await self.opened()
        self.app.market = market()
        self.host.publisher.log(LogEvent(int(NOW * 1000), Action.NOTE, "the run began"))
        self.host.publisher.publish(state or snapshot())
        self.app._poll()
        await self.app.push_screen(LiveScreen(market()))
        await self.on(LiveScreen)


def screen_text(app: App[Any]) -> str:
    """The top screen as plain text."""
    return "\n".join(strip.text.rstrip() for strip in painted(app))


@asynccontextmanager
async def dashboard(
    size: tuple[int, int] = NARROW,
    *,
    host: FakeHost | None = None,
    autostart: bool = False,
    now: float = NOW,
    signals: SignalSource | None = None,
    **fields: object,
) -> AsyncIterator[Stage]:
    """A dashboard over a `FakeEngine` with these fields, at time `now`; its engine thread is closed at the end."""
    host = host or FakeHost(**fields)
    app = StageApp(lambda: host, autostart=autostart, clock=lambda: now, signals=signals)
    if not autostart:
        app.hold_markets()
    async with app.run_test(size=size) as pilot:
        try:
            yield Stage(app, host, pilot)
        finally:
            for gate in host.engine.gates.values():
                gate.set()
            if app.is_running:
                app.exit()
    host.close(PATIENCE_S)


def repaints(widget: Widget) -> list[int]:
    """Record calls of `render_line` from now on; the list holds the painted lines."""
    painted: list[int] = []
    original = widget.render_line

    def counting(y: int) -> object:
        painted.append(y)
        return original(y)

    widget.render_line = counting  # type: ignore[method-assign,assignment]
    return painted
