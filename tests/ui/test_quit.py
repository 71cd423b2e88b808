"""Quitting while orders rest: a key or a button asks once, a signal never does."""

from __future__ import annotations

import signal
import threading
from dataclasses import replace

import pytest

from ama_tui.domain.event import EngineState
from ama_tui.engine.engine_api import KillReport
from ama_tui.ui.exit_message import ExitMessage
from ama_tui.ui.screens.help import HelpScreen
from ama_tui.ui.screens.kill import KillScreen
from ama_tui.ui.screens.live import LiveScreen
from ama_tui.ui.screens.quit import QuitScreen
from tests.ui.fakes import snapshot, survivors
from tests.ui.stage import NARROW, WIDE, Stage, dashboard
from tests.ui.test_stop import FakeSignals

LEFT = ExitMessage(0, "ama-tui: stopped; 120 orders still resting on ETH")


async def ended(stage: Stage) -> ExitMessage:
    await stage.until(lambda: stage.app.return_value is not None, "the end")
    assert stage.app.return_value is not None
    return stage.app.return_value


def bare() -> tuple[object, ...]:
    return tuple(replace(row, bids=0, asks=0) for row in snapshot().wallets)


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_dialog_names_the_resting_orders_and_focuses_stay(size: tuple[int, int]) -> None:
    async with dashboard(size) as stage:
        await stage.to_live()
        await stage.press("q")
        await stage.on(QuitScreen)
        assert "120 orders from 10 wallets rest on ETH." in stage.text()
        assert "--no-confirm-quit" in stage.text()
        for button in ("Stay here", "Leave them resting", "Cancel all, then quit"):
            assert button in stage.text()
        assert stage.focused() == "stay"
        await stage.press("q", "ctrl+q", "space")
        await stage.press("enter")
        await stage.on(LiveScreen)
        assert "stop" not in stage.engine.calls
        assert "kill" not in stage.engine.calls
        await stage.press("q", "escape")
        await stage.on(LiveScreen)


@pytest.mark.parametrize("how", ["q", "ctrl+q", "button", "palette"])
async def test_leaving_orders_resting_stops_the_run(how: str) -> None:
    async with dashboard() as stage:
        await stage.to_live()
        if how == "button":
            await stage.pilot.click("#stop")
        elif how == "palette":
            await stage.app.run_action("quit")
        else:
            await stage.press(how)
        await stage.on(QuitScreen)
        await stage.press("right", "enter")
        assert await ended(stage) == LEFT
    assert "kill" not in stage.engine.calls


async def test_cancel_all_then_quit_exits_once_it_is_proven() -> None:
    async with dashboard(gates={"kill": threading.Event()}) as stage:
        await stage.to_live()
        await stage.press("q", "right", "right", "enter")
        await stage.on(KillScreen)
        await stage.until(lambda: "kill" in stage.engine.calls, "the kill")
        assert "Quits once that is" in stage.text()
        assert stage.app.return_value is None
        stage.engine.gates["kill"].set()
        outcome = await ended(stage)
    assert (outcome.exit_code, "killed on ETH: 0 open" in outcome.last_line) == (0, True)
    assert stage.engine.revoked == [False]


async def test_cancel_all_then_quit_stays_with_the_banner_if_unproven() -> None:
    async with dashboard(WIDE, report=survivors(2)) as stage:
        await stage.to_live()
        await stage.press("q", "right", "right", "enter")
        await stage.shows("Cancellation not confirmed.")
        assert stage.app.return_value is None
        assert any("Not quitting" in one.message for one in stage.app._notifications)
        await stage.press("escape")
        await stage.on(LiveScreen)
        assert "KILL NOT PROVEN on ETH: 2 orders still on the book" in stage.text()
        await stage.press("q")
        await stage.on(QuitScreen)
        assert "The kill on ETH is not proven: 2 orders still on the book" in stage.text()
        assert "120 orders" not in stage.text()
        stage.engine.report = KillReport(cancelled=2, block=1300, seconds=1.0)
        await stage.press("right", "right", "enter")
        assert (await ended(stage)).exit_code == 0


@pytest.mark.parametrize("how", ["SIGTERM", "SIGHUP", "SIGINT", "ctrl+c"])
async def test_signals_and_ctrl_c_never_ask_even_while_the_dialog_is_open(how: str) -> None:
    signals = FakeSignals()
    async with dashboard(signals=signals) as stage:
        await stage.to_live()
        await stage.press("q")
        await stage.on(QuitScreen)
        if how.startswith("SIG"):
            signals.receiver(getattr(signal, how))
        else:
            await stage.press(how)
        assert await ended(stage) == LEFT


async def test_signal_during_an_unproven_kill_still_quits() -> None:
    signals = FakeSignals()
    async with dashboard(report=survivors(2), gates={"kill": threading.Event()}, signals=signals) as stage:
        await stage.to_live()
        await stage.press("f10", "right", "enter")
        await stage.until(lambda: "kill" in stage.engine.calls, "the kill")
        signals.receiver(signal.SIGTERM)
        await stage.pilot.pause(0.1)
        assert stage.app.return_value is None
        stage.engine.gates["kill"].set()
        assert (await ended(stage)).exit_code == 4


async def test_dialog_can_be_turned_off() -> None:
    async with dashboard(confirms_quit=False) as stage:
        await stage.to_live()
        await stage.press("q")
        assert await ended(stage) == LEFT


@pytest.mark.parametrize(
    "changes",
    [{"wallets": bare()}, {"cancels_on_stop": True}, {"state": EngineState.STOPPED}, {"state": EngineState.PREPARING}],
    ids=lambda changes: next(iter(changes)),
)
async def test_nothing_is_asked_when_no_orders_would_be_left(changes: dict[str, object]) -> None:
    async with dashboard() as stage:
        await stage.to_live(replace(snapshot(), **changes))  # type: ignore[arg-type]  # fields of the snapshot
        await stage.press("q")
        await ended(stage)
    assert "kill" not in stage.engine.calls


async def test_pending_orders_are_named_in_the_dialog_too() -> None:
    rows = snapshot().wallets
    async with dashboard() as stage:
        await stage.to_live(replace(snapshot(), wallets=(replace(rows[0], bids=0, asks=0, pending=2),)))
        await stage.press("q")
        await stage.shows("2 pending orders may still reach the book.")


async def test_f10_replaces_the_quit_dialog() -> None:
    async with dashboard() as stage:
        await stage.to_live()
        await stage.press("question_mark", "ctrl+q")
        await stage.on(QuitScreen)
        await stage.press("f10")
        await stage.on(KillScreen)
        await stage.press("escape")
        await stage.on(HelpScreen)
