"""Quitting: the engine is stopped and joined, the last line says what stays open, and nothing can block the exit."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ama_tui.domain.errors import CheckpointError
from ama_tui.domain.event import EngineState
from ama_tui.ui.app import AmaApp
from ama_tui.ui.exit_message import ExitMessage
from ama_tui.ui.screens.preparation import PreparationScreen
from ama_tui.ui.screens.stop import StopScreen, staying_text
from tests.ui.fakes import NOW, FakeHost, snapshot
from tests.ui.stage import NARROW, WIDE, Stage, dashboard, until


async def ended(stage: Stage) -> None:
    await stage.until(lambda: stage.app.return_value is not None, "the end")


class FakeSignals:
    """Signals sent by the test."""

    def __init__(self) -> None:
        self.receiver: Callable[[int], None] = lambda number: None
        self.is_limited = True

    def deliver_to(self, receiver: Callable[[int], None]) -> None:
        self.receiver = receiver

    def lift_limit(self) -> None:
        self.is_limited = False


@pytest.mark.parametrize("how", ["ctrl+c", "SIGTERM", "SIGHUP", "SIGINT"])
async def test_quit_stops_the_run_joins_the_engine_and_says_what_stays(how: str) -> None:
    signals = FakeSignals()
    async with dashboard(signals=signals) as stage:
        await stage.to_live()
        if how.startswith("SIG"):
            signals.receiver(getattr(signal, how))
        else:
            await stage.press(how)
        await ended(stage)
        assert not stage.host._thread.is_alive()
    assert stage.engine.calls[-2:] == ["stop", "close"]
    outcome = stage.app.return_value
    assert outcome is not None
    assert outcome == ExitMessage(0, "ama-tui: stopped; 120 orders still resting on ETH")


def test_demos_orders_do_not_stay() -> None:
    assert staying_text(snapshot(), is_demo=True) == "120 orders will be discarded with the demo venue."


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_stop_screen_shows_what_it_waits_for_and_what_stays(size: tuple[int, int]) -> None:
    rows = snapshot().wallets
    async with dashboard(size, gates={"stop": threading.Event()}) as stage:
        await stage.to_live()
        await stage.press("ctrl+c")
        await stage.on(StopScreen)
        waiting = (replace(rows[0], pending=2), *rows[1:])
        await stage.publish(replace(snapshot(EngineState.STOPPING), wallets=waiting))
        assert "Waiting up to 10 s for 2 pending orders…" in stage.text()
        await stage.publish(snapshot(EngineState.STOPPING))
        assert "Saving…" in stage.text()
        assert "120 orders will stay on the ETH book." in stage.text()
        await stage.publish(snapshot(EngineState.STOPPING, cancels_on_stop=True))
        assert "Cancelling 120 orders…" in stage.text()
        assert "will stay" not in stage.text()
        assert "^c: quit now" in stage.text()
        await stage.press("q", "escape", "f10")
        assert isinstance(stage.app.screen, StopScreen)
        stage.engine.gates["stop"].set()
        await ended(stage)


async def test_last_line_names_the_journal_if_it_exists(tmp_path: Path) -> None:
    journal = tmp_path / "actions.jsonl"
    async with dashboard() as stage:
        await stage.to_live(snapshot(journal_path=str(journal)))
        assert "log" not in stage.app._exit_line("stopped")
        journal.touch()
        assert stage.app._exit_line("stopped") == f"ama-tui: stopped; 120 orders still resting on ETH; log: {journal}"


async def test_last_line_of_a_demo_says_that_its_orders_were_discarded() -> None:
    async with dashboard() as stage:
        await stage.to_live(snapshot())
        stage.app.is_demo = True
        assert stage.app._exit_line("stopped") == "ama-tui: stopped; 120 orders on ETH discarded with the demo venue"


async def test_second_ctrl_c_exits_immediately() -> None:
    async with dashboard(gates={"stop": threading.Event()}) as stage:
        await stage.to_live()
        await stage.press("ctrl+c")
        await stage.on(StopScreen)
        await stage.press("ctrl+c")
        await ended(stage)
        outcome = stage.app.return_value
        assert outcome is not None
        assert (outcome.exit_code, outcome.is_forced) == (130, True)
        assert "exited immediately; 120 orders still resting on ETH" in outcome.last_line
        assert not stage.host.was_closed


async def test_failed_stop_is_shown_before_exit() -> None:
    error = CheckpointError("the checkpoint cannot be written", "free some disk space")
    async with dashboard(errors={"stop": error}) as stage:
        await stage.to_live()
        await stage.press("ctrl+c")
        await stage.shows("✗ the checkpoint cannot be written")
        assert "→ free some disk space" in stage.text()
        await stage.press("enter")
        await ended(stage)
    assert stage.host.was_closed


async def test_quit_before_a_run_says_nothing() -> None:
    async with dashboard() as stage:
        await stage.to_markets()
        await stage.press("ctrl+c")
        await ended(stage)
    assert stage.app.return_value == ExitMessage(0)
    assert "stop" not in stage.engine.calls


async def test_ctrl_c_in_a_text_field_stops_too() -> None:
    async with dashboard() as stage:
        await stage.to_setup()
        stage.app.screen.query_one("#field-wallets").focus()
        await stage.press("ctrl+c")
        await ended(stage)


async def test_quit_during_preparation_stops_it() -> None:
    async with dashboard(gates={"start": threading.Event()}) as stage:
        await stage.to_setup()
        await stage.press("f2")
        await stage.on(PreparationScreen)
        await stage.press("q")
        await stage.until(lambda: "stop" in stage.engine.calls, "the stop")
        stage.engine.gates["start"].set()
        await ended(stage)
    assert stage.app.return_value is not None
    assert stage.app.return_value.exit_code == 0
    assert stage.host.was_closed


async def test_ended_run_is_not_stopped_again() -> None:
    async with dashboard() as stage:
        await stage.to_live()
        await stage.publish(snapshot(EngineState.STOPPED))
        await stage.press("q")
        await ended(stage)
    assert "stop" not in stage.engine.calls
    assert "close" in stage.engine.calls


async def test_signal_ends_the_dashboard_even_if_the_engine_never_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ama_tui.ui.base_app.LONGEST_STOP_S", 0.3)
    signals = FakeSignals()
    async with dashboard(signals=signals, gates={"stop": threading.Event()}) as stage:
        await stage.to_live()
        signals.receiver(signal.SIGTERM)
        await ended(stage)
    outcome = stage.app.return_value
    assert outcome is not None
    assert (outcome.exit_code, outcome.is_forced, signals.is_limited) == (130, True, True)


async def test_signal_does_not_cut_short_a_stop_that_cancels_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ama_tui.ui.base_app.LONGEST_STOP_S", 0.3)
    signals, gate = FakeSignals(), threading.Event()
    async with dashboard(signals=signals, gates={"stop": gate}) as stage:
        await stage.to_live()
        await stage.publish(snapshot(cancels_on_stop=True))
        signals.receiver(signal.SIGTERM)
        await stage.on(StopScreen)
        await asyncio.sleep(0.6)
        assert stage.app.return_value is None
        assert not signals.is_limited
        gate.set()
        await ended(stage)
    assert stage.app.return_value is not None
    assert stage.app.return_value.exit_code == 0


async def crash(app: AmaApp, host: FakeHost) -> None:
    """Fail inside the dashboard, with a key among the local variables."""

    def defect() -> None:
        private_key = "0x" + "ab" * 32
        raise RuntimeError(f"a defect of {len(private_key)}")

    with contextlib.suppress(RuntimeError):
        async with app.run_test() as pilot:
            await Stage(app, host, pilot).to_live()
            app.call_later(defect)
            await until(lambda: app.failure is not None)


async def test_crash_prints_nothing_by_itself_and_stops_the_run() -> None:
    host = FakeHost()
    app = AmaApp(lambda: host, clock=lambda: NOW)
    await crash(app, host)
    assert app._exit_renderables == []
    outcome = app.stop_after_crash()
    assert outcome.exit_code == 1
    assert str(outcome.failure) == "a defect of 66"
    assert "the run was stopped; 120 orders still resting on ETH" in outcome.last_line
    assert host.engine.calls[-2:] == ["stop", "close"]
    assert not host._thread.is_alive()


async def test_failed_worker_is_reported_with_its_original_error() -> None:
    async def work() -> None:
        raise ValueError("a defect at work")

    app = AmaApp(FakeHost, clock=lambda: NOW)
    with contextlib.suppress(ValueError):
        async with app.run_test():
            app.run_worker(work())
            await until(lambda: app.failure is not None)
    assert repr(app.failure) == "ValueError('a defect at work')"


async def test_failing_input_ends_the_dashboard_with_an_internal_error() -> None:
    app = AmaApp(FakeHost, clock=lambda: NOW)
    with contextlib.suppress(OSError):
        async with app.run_test():
            app.call_later(app.input_failed, OSError("no more keys"))
            await until(lambda: app.failure is not None)
    assert (repr(app.failure), app.return_code) == ("OSError('no more keys')", 1)
