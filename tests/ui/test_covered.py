"""Screens under a dialog stay true: once a second, and painted where it leaves them visible. Others cost nothing."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from ama_tui.domain.event import Action, EngineState, LogEvent
from ama_tui.ui.bridge import COVERED_POLLS
from ama_tui.ui.panels.log import ActivityLog
from ama_tui.ui.screens.help import HelpScreen
from ama_tui.ui.screens.kill import KillScreen
from ama_tui.ui.screens.live import LiveScreen
from ama_tui.ui.screens.parameters import ParametersScreen
from ama_tui.ui.screens.quit import QuitScreen
from ama_tui.ui.screens.stop import StopScreen
from tests.ui.fakes import market, snapshot, wallet
from tests.ui.stage import WIDE, Stage, dashboard, repaints


async def kill(stage: Stage) -> None:
    await stage.press("f10")
    await stage.on(KillScreen)


async def stop(stage: Stage) -> None:
    await stage.press("ctrl+c")
    await stage.on(StopScreen)


async def ask_to_quit(stage: Stage) -> None:
    await stage.press("q")
    await stage.on(QuitScreen)


async def parameters(stage: Stage) -> None:
    await stage.app.push_screen(ParametersScreen(market(), snapshot(EngineState.PAUSED)))
    await stage.on(ParametersScreen)


async def ask_for_help(stage: Stage) -> None:
    await stage.press("question_mark")
    await stage.on(HelpScreen)


async def palette(stage: Stage) -> None:
    await stage.press("ctrl+p")
    await stage.pilot.pause()


DIALOGS = (kill, stop, ask_to_quit, palette)
SCREENS = (parameters, ask_for_help)


async def polls(stage: Stage, number: int) -> None:
    for _ in range(number):
        stage.app._poll()
    await stage.pilot.pause()


@pytest.mark.parametrize("cover", DIALOGS, ids=lambda cover: cover.__name__)
async def test_covered_live_screen_follows_the_run(cover: Callable[[Stage], Awaitable[None]]) -> None:
    async with dashboard(WIDE, gates={"stop": threading.Event()}) as stage:
        await stage.to_live()
        live = stage.app.screen
        assert isinstance(live, LiveScreen)
        await cover(stage)
        assert stage.app.screen is not live
        state = stage.host.publisher.latest.state
        stage.host.publisher.publish(snapshot(state, block=4_321, wallets=0))
        await polls(stage, COVERED_POLLS)
        assert "block 4,321" in live.query_one("#status").text  # type: ignore[attr-defined]
        assert str(live.query_one("#wallets-frame").border_title).startswith("Wallets 0")
        stage.engine.gates["stop"].set()


@pytest.mark.parametrize("cover", SCREENS, ids=lambda cover: cover.__name__)
async def test_the_live_screen_is_left_alone_under_a_whole_screen_and_up_to_date_again_on_top(
    cover: Callable[[Stage], Awaitable[None]],
) -> None:
    async with dashboard(WIDE) as stage:
        await stage.to_live()
        live = stage.app.screen
        await cover(stage)
        before = live.query_one("#status").text  # type: ignore[attr-defined]
        stage.host.publisher.log(LogEvent(0, Action.NOTE, "meanwhile"))
        stage.host.publisher.publish(snapshot(block=4_321))
        await polls(stage, COVERED_POLLS)
        assert live.query_one("#status").text == before  # type: ignore[attr-defined]
        assert live.query_one(ActivityLog).events[-1].text == "meanwhile"
        await stage.press("escape")
        await stage.on(LiveScreen)
        assert "block 4,321" in stage.text()
        assert "meanwhile" in stage.text()


async def test_visible_part_behind_a_dialog_is_repainted_only_where_it_changed() -> None:
    async with dashboard(WIDE) as stage:
        await stage.to_live()
        grid = stage.app.screen.query_one("#wallets")
        await kill(stage)
        painted = repaints(grid)
        rows = (wallet(0, bids=1), *snapshot().wallets[1:])
        stage.host.publisher.publish(snapshot(wallets=0))
        await polls(stage, 1)
        stage.host.publisher.publish(replace(snapshot(), wallets=rows, block=1_300))
        await polls(stage, COVERED_POLLS)
        assert "1/6" in stage.text()
        assert "block 1,300" in stage.text()
        painted.clear()
        await polls(stage, COVERED_POLLS)
        assert painted == []
