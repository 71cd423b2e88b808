"""Every screen at three sizes, over a run recorded on a real venue, at a fixed time."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from textual.widgets import Input

from ama_tui.config.presets import load_none
from ama_tui.domain.event import LogEvent
from ama_tui.domain.parameters import Parameters
from ama_tui.engine.engine_api import StartRequest, StoredRun
from ama_tui.ui.history import History
from ama_tui.ui.panels.statistics import Statistics
from ama_tui.ui.screens.help import HelpScreen
from ama_tui.ui.screens.kill import KillScreen
from ama_tui.ui.screens.live import LiveScreen
from ama_tui.ui.screens.parameters import ParametersScreen
from ama_tui.ui.screens.preparation import PreparationScreen
from ama_tui.ui.screens.setup import SetupScreen
from ama_tui.ui.screens.wallet import WalletScreen
from ama_tui.ui.screens.welcome import WelcomeScreen
from tests.ui.frames import check, frame
from tests.ui.recording import Moment, ReplayHost, recorded
from tests.ui.stage import HUGE, MEDIUM, NARROW, Stage, dashboard

SIZES = (NARROW, MEDIUM, HUGE)
RUN = recorded()
NO_PRICE = " · "
"""Shown in the market list where a price has not arrived yet."""
CALM = 3
"""A screen counts as painted once this many checks in a row see the same."""


async def welcome(stage: Stage) -> None:
    await stage.on(WelcomeScreen)


async def markets(stage: Stage) -> None:
    await stage.to_markets()


async def setup(stage: Stage) -> None:
    await stage.opened()
    facts = stage.app.facts
    assert facts is not None
    await stage.app.push_screen(SetupScreen(RUN.market, facts))
    await stage.on(SetupScreen)
    await stage.shows("orders to place" if stage.engine.stored is None else "Stored run")
    await stage.until(lambda: "preview" in stage.engine.calls, "the plan")


async def preparation(stage: Stage) -> None:
    await stage.opened()
    stage.app.begin(StartRequest(RUN.market, Parameters(), False, 10))
    await stage.on(PreparationScreen)
    await stage.until(lambda: "start" in stage.engine.calls, "the start")
    await stage.publish(RUN.preparing.snapshot)


async def live(stage: Stage) -> None:
    await on_live(stage, RUN.live, RUN.events)


async def on_live(stage: Stage, moment: Moment, events: tuple[LogEvent, ...] = ()) -> None:
    await stage.opened()
    stage.app.market = RUN.market
    stage.host.publisher.publish(moment.snapshot)
    await stage.app.push_screen(LiveScreen(RUN.market))
    await stage.on(LiveScreen)
    await stage.publish(moment.snapshot, *events)


async def statistics(stage: Stage) -> None:
    await stage.opened()
    stage.app.history = history = History()
    for moment in RUN.course:
        history.note(moment.snapshot, moment.now)
    await live(stage)
    await stage.press("4")
    await stage.until(lambda: bool(stage.app.screen.query(Statistics)), "the statistics")
    await stage.publish(RUN.live.snapshot)


async def one_wallet(stage: Stage) -> None:
    await live(stage)
    await stage.press("enter")
    await stage.on(WalletScreen)
    await stage.publish(RUN.live.snapshot)


async def help_of_live(stage: Stage) -> None:
    await live(stage)
    await stage.press("question_mark")
    await stage.on(HelpScreen)


async def kill(stage: Stage) -> None:
    await live(stage)
    await stage.press("f10")
    await stage.on(KillScreen)


async def kill_report(stage: Stage) -> None:
    await kill(stage)
    await stage.pilot.click("#cancel-all")
    await stage.shows("0 open at block")
    await stage.publish(RUN.killed.snapshot)


async def parameters(stage: Stage) -> None:
    await on_live(stage, RUN.paused)
    await stage.press("p")
    await stage.on(ParametersScreen)
    await stage.until(lambda: "preview" in stage.engine.calls, "the plan")


@dataclass(frozen=True)
class Scene:
    """A screen, how to reach it, the time (Unix seconds), and the fields of its engine."""

    go: Callable[[Stage], Awaitable[None]]
    now: float = RUN.live.now
    problems: tuple[str, ...] = ()
    stored: StoredRun | None = None
    waits_for: str = ""
    """An engine call that does not return."""


SCENES = {
    "welcome": Scene(welcome, problems=RUN.problems),
    "markets": Scene(markets, RUN.opened, stored=RUN.stored),
    "set-up": Scene(setup, RUN.opened),
    "resume": Scene(setup, RUN.stored_at, stored=RUN.stored),
    "preparation": Scene(preparation, RUN.preparing.now, waits_for="start"),
    "live": Scene(live),
    "statistics": Scene(statistics),
    "wallet": Scene(one_wallet),
    "help": Scene(help_of_live),
    "parameters": Scene(parameters, RUN.paused.now),
    "kill": Scene(kill),
    "kill-report": Scene(kill_report),
}


@pytest.fixture(autouse=True)
def plain_surroundings() -> Iterator[None]:
    """The same time zone and colours everywhere, and no user presets."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC")
        patch.delenv("NO_COLOR", raising=False)
        patch.setattr("ama_tui.ui.screens.setup.load_presets", lambda directory, strategy: load_none(strategy))
        time.tzset()
        yield
    time.tzset()


@asynccontextmanager
async def scene(name: str, size: tuple[int, int]) -> AsyncIterator[Stage]:
    """A dashboard at a scene, painted and idle."""
    one = SCENES[name]
    gates = {one.waits_for: threading.Event()} if one.waits_for else {}
    host = ReplayHost(problems=one.problems, stored=one.stored, gates=gates)
    async with dashboard(size, host=host, now=one.now) as stage:
        await one.go(stage)
        await at_rest(stage)
        yield stage


async def at_rest(stage: Stage) -> None:
    """Stop every blinking cursor, and wait until nothing changes any more."""
    for field in stage.app.screen.query(Input):
        field.cursor_blink = False
    seen: list[str] = []
    while len(seen) < CALM or len(set(seen[-CALM:])) > 1:
        assert len(seen) < 200, "the screen never comes to rest"
        await stage.pilot.pause(0.02)
        seen.append(stage.text())


@pytest.mark.parametrize("name", SCENES)
async def test_screen_matches_its_stored_frame_at_every_size(name: str, request: pytest.FixtureRequest) -> None:
    """It opens at the first size; the others come by resizing the terminal."""
    frames = {}
    async with scene(name, SIZES[0]) as stage:
        for size in SIZES:
            await stage.pilot.resize_terminal(*size)
            await at_rest(stage)
            while name == "markets" and NO_PRICE in stage.text():
                await at_rest(stage)
            frames[size] = frame(stage.app)
    for (width, height), shown in frames.items():
        check(f"{name}-{width}x{height}", shown, update=request.config.getoption("update_snapshots"))


async def test_too_small_terminal_matches_its_stored_frame(request: pytest.FixtureRequest) -> None:
    async with scene("live", (60, 20)) as stage:
        shown = frame(stage.app)
    check("too-small-60x20", shown, update=request.config.getoption("update_snapshots"))
