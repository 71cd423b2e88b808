"""The whole path once, by keyboard: pick, set up, prepare, run, pause, resume, kill, exit."""

from __future__ import annotations

import threading

import pytest

from ama_tui.ui.screens.kill import KillScreen
from ama_tui.ui.screens.live import LiveScreen
from ama_tui.ui.screens.preparation import PreparationScreen
from ama_tui.ui.screens.setup import SetupScreen
from tests.ui.stage import NARROW, WIDE, dashboard


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_run_goes_from_the_markets_to_the_proof_of_a_kill(size: tuple[int, int]) -> None:
    async with dashboard(size, gates={"start": threading.Event()}, is_demo=True) as stage:
        await stage.to_markets()
        await stage.press("down", "enter")
        await stage.on(SetupScreen)
        assert stage.focused() == "start"
        await stage.until(lambda: "stored_run" in stage.engine.calls, "the look for a stored run")
        await stage.press("enter")
        await stage.on(PreparationScreen)
        await stage.shows("sessions  0/10 ready")
        stage.engine.gates["start"].set()
        await stage.on(LiveScreen)
        await stage.shows("● RUNNING")
        await stage.press("space")
        await stage.shows("‖ PAUSED")
        await stage.press("space")
        await stage.shows("● RUNNING")
        await stage.press("f10")
        await stage.on(KillScreen)
        await stage.press("tab", "enter")
        await stage.shows("✓ 0 open at block 1,231, confirmed twice")
        assert stage.focused() == "stay"
        await stage.press("right", "enter")
        await stage.until(lambda: stage.app.return_value is not None, "the end")
    outcome = stage.app.return_value
    assert outcome is not None
    assert outcome.exit_code == 0
    assert outcome.last_line.startswith("ama-tui: killed on BTC: 0 open")
    assert stage.host.was_closed
