"""Preparation: the state of every wallet before the run begins, and the way back."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from ama_tui.domain.errors import ConfigError
from ama_tui.domain.event import EngineSnapshot, EngineState, SessionState
from ama_tui.ui.screens.preparation import STARTS_ITSELF, PreparationScreen, progress_line
from ama_tui.ui.screens.setup import SetupScreen
from tests.ui.fakes import market, wallet
from tests.ui.stage import HUGE, NARROW, Stage, dashboard


async def prepare(stage: Stage) -> None:
    await stage.to_setup()
    await stage.until(lambda: "preview" in stage.engine.calls, "the set-up's answers")
    await stage.press("f2")
    await stage.on(PreparationScreen)


@pytest.mark.parametrize("size", [NARROW, HUGE])
async def test_key_and_collateral_of_a_wallet_are_shown_next_to_its_session(size: tuple[int, int]) -> None:
    rows = tuple(
        replace(wallet(index, bids=0, asks=0), session=SessionState.CREATING, available6=available6)
        for index, available6 in enumerate((9_999_000_000, 0, None))
    )
    async with dashboard(size, gates={"start": threading.Event()}) as stage:
        await prepare(stage)
        await stage.publish(EngineSnapshot(EngineState.PREPARING, market=market(), wallets=rows))
        whole = [line for line in stage.text().splitlines() if "User00" in line]
        assert "9,999.00" in whole[0]
        assert "0.00" in whole[1]
        assert "–" in whole[2]
        assert all(("✓ ok" in line) == (size == HUGE) for line in whole)
        assert (STARTS_ITSELF in stage.text()) == (size == HUGE)


@pytest.mark.parametrize("how", ["escape", "click"])
async def test_cancelled_preparation_returns_to_the_setup_with_the_reason(how: str) -> None:
    gate = threading.Event()
    async with dashboard(NARROW, gates={"start": gate}) as stage:
        await prepare(stage)
        stage.engine.errors["start"] = ConfigError("stopped before the run started", "start again with --resume")
        await (stage.press("escape") if how == "escape" else stage.pilot.click("#give-up"))
        await stage.until(lambda: "stop" in stage.engine.calls, "the stop")
        gate.set()
        await stage.on(SetupScreen)
        await stage.shows("✗ stopped before the run started")


async def test_progress_bar_counts_sessions_that_are_ready_or_unusable() -> None:
    rows = tuple(
        replace(wallet(index), session=session)
        for index, session in enumerate((SessionState.VALID, SessionState.UNUSABLE, SessionState.CREATING))
    )
    text = "".join(text for one in progress_line(rows, 3, 75) for text, _ in one.spans)
    assert "sessions 1/3 ready" in text
    assert text.count("█") == 20
    assert "1m 15s" in text
    assert "✗ 1 unusable" in text
    assert "0/9" in "".join(text for one in progress_line((), 9) for text, _ in one.spans)
