"""Kill: available everywhere, never by accident, and finished only when the chain shows it."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from ama_tui.domain.errors import UnreachableError
from ama_tui.domain.event import EngineState, KillProgress, KillStage
from ama_tui.engine.engine_api import KillReport
from ama_tui.ui.screens.kill import KillScreen, ended_text, report_lines
from ama_tui.ui.screens.live import LiveScreen
from tests.ui.fakes import snapshot, survivors
from tests.ui.stage import NARROW, WIDE, dashboard

SENTENCE = "Cancel all 120 orders from 10 wallets on ETH? No new orders will be"


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_dialog_states_its_effect_and_focuses_the_safe_button(size: tuple[int, int]) -> None:
    async with dashboard(size) as stage:
        await stage.to_live()
        await stage.press("f10")
        await stage.on(KillScreen)
        assert SENTENCE in stage.text()
        assert stage.focused() == "keep"
        await stage.press("enter")
        await stage.on(LiveScreen)
        assert "kill" not in stage.engine.calls
        assert not stage.engine.freeze.is_set()


async def test_escape_cancels_the_dialog_and_letters_do_nothing() -> None:
    async with dashboard() as stage:
        await stage.to_live()
        await stage.press("f10")
        await stage.on(KillScreen)
        await stage.press("q", "y", "space", "k", "f10")
        assert isinstance(stage.app.screen, KillScreen)
        assert len(stage.app.screen_stack) == len(set(stage.app.screen_stack))
        await stage.press("escape")
        await stage.on(LiveScreen)
        assert stage.engine.calls.count("kill") == 0


async def test_pending_orders_are_named_too() -> None:
    rows = snapshot().wallets
    async with dashboard(WIDE) as stage:
        await stage.to_live(snapshot(wallets=0))
        await stage.publish(replace(snapshot(), wallets=(replace(rows[0], pending=2, unknown=1), *rows[1:])))
        await stage.press("f10")
        await stage.on(KillScreen)
        assert "3 pending orders will be cancelled" in " ".join(stage.text().split())


async def test_kill_freezes_then_shows_progress_and_the_proof() -> None:
    async with dashboard(gates={"kill": threading.Event()}) as stage:
        await stage.to_live()
        await stage.press("f10")
        await stage.on(KillScreen)
        await stage.press("right", "enter")
        await stage.until(lambda: "kill" in stage.engine.calls, "the kill")
        assert stage.engine.freeze.is_set()
        rows = stage.host.publisher.latest.wallets
        bare = tuple(replace(row, bids=0, asks=0) for row in rows[:5])
        await stage.publish(snapshot(EngineState.KILLING, wallets=0))
        await stage.publish(replace(snapshot(EngineState.KILLING), wallets=(*bare, *rows[5:])))
        assert "● read        open orders" in stage.text()
        await stage.publish(snapshot(EngineState.KILLING, kill=KillProgress(7, 121, 100, 1300, KillStage.CANCEL)))
        assert "✓ read        121 found by block 1,300" in stage.text()
        assert "● cancel        7/121 gone · 100 sent" in stage.text()
        assert "· confirm     0 of 2 reads show no order" in stage.text()
        await stage.press("escape")
        assert isinstance(stage.app.screen, KillScreen)
        stage.engine.gates["kill"].set()
        await stage.shows("✓ 0 open at block 1,231, confirmed twice; 120 cancelled in 2.1 s")
        assert stage.focused() == "stay"
        await stage.press("right", "enter")
        await stage.until(lambda: stage.app.return_value is not None, "the end")
    outcome = stage.app.return_value
    assert outcome is not None
    assert outcome.exit_code == 0
    assert outcome.last_line == "ama-tui: killed on ETH: 0 open at block 1,231, confirmed twice; 120 cancelled in 2.1 s"
    assert stage.engine.calls.count("stop") == 0


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_kill_can_also_revoke_the_sessions(size: tuple[int, int]) -> None:
    report = KillReport(cancelled=120, block=1231, seconds=2.1, revoked=tuple(f"User{row:03d}" for row in range(1, 11)))
    async with dashboard(size, report=report, gates={"kill": threading.Event()}) as stage:
        await stage.to_live()
        await stage.press("f10")
        await stage.on(KillScreen)
        assert "Cancel all and revoke sessions" in stage.text()
        await stage.press("right", "right", "enter")
        await stage.until(lambda: "kill" in stage.engine.calls, "the kill")
        assert "· revoke      sessions, once no order is left" in stage.text()
        proven = KillProgress(120, 120, 120, 1300, KillStage.REVOKE, 2)
        await stage.publish(snapshot(EngineState.KILLING, kill=proven))
        assert "● revoke      sessions" in stage.text()
        assert "✓ confirm     2 of 2 reads" in stage.text()
        stage.engine.gates["kill"].set()
        await stage.shows("All orders cancelled, 10 sessions revoked. Confirmed on chain:")
        assert "10 sessions" in stage.text()
    assert stage.engine.revoked == [True]


async def test_sessions_are_kept_unless_the_operator_revokes_them() -> None:
    async with dashboard() as stage:
        await stage.to_live()
        await stage.press("f10", "right", "enter")
        await stage.shows("confirmed twice")
    assert stage.engine.revoked == [False]


async def test_run_can_still_be_viewed_after_a_kill() -> None:
    async with dashboard() as stage:
        await stage.to_live()
        await stage.press("f10", "right", "enter")
        await stage.shows("confirmed twice")
        await stage.press("escape")
        await stage.on(LiveScreen)
        await stage.shows("■ STOPPED")
        await stage.press("f10")
        assert isinstance(stage.app.screen, LiveScreen)
        assert next(iter(stage.app._notifications)).message == "KILL: the run is STOPPED"


async def test_survivors_are_listed_and_exit_with_4() -> None:
    async with dashboard(WIDE, report=survivors(12)) as stage:
        await stage.to_live()
        await stage.press("f10", "right", "enter")
        await stage.shows("✗ 12 still open at block 1,231, 108 cancelled")
        assert "User001  order 901" in stage.text()
        assert "and 4 more" in stage.text()
        assert "ama-tui cancel-all --market" in stage.text()
        assert stage.focused() == "again"
        await stage.press("left", "enter")
        await stage.until(lambda: stage.app.return_value is not None, "the end")
    assert stage.app.return_value is not None
    assert stage.app.return_value.exit_code == 4
    assert "kill not proven on ETH: 12 still open" in stage.app.return_value.last_line
    assert "ama-tui cancel-all --market 0x1234" in stage.app.return_value.last_line


async def test_unproven_kill_can_be_retried_from_the_run() -> None:
    async with dashboard(WIDE, report=survivors(12)) as stage:
        await stage.to_live()
        await stage.press("f10", "right", "enter")
        await stage.shows("✗ 12 still open")
        await stage.press("escape")
        await stage.on(LiveScreen)
        await stage.shows("✗ FAULTED")
        assert "F10 cancels them" in stage.text()
        stage.engine.report = KillReport(cancelled=12, block=1300, seconds=1.0)
        await stage.press("f10")
        await stage.on(KillScreen)
        await stage.press("right", "enter")
        await stage.shows("✓ 0 open at block 1,300, confirmed twice")
    assert stage.engine.calls.count("kill") == 2


def test_unreadable_chain_is_not_called_empty() -> None:
    text = report_lines(KillReport(cancelled=0, block=0, seconds=60.0, unread=("User001",), read_twice=False))
    assert text.startswith("✗ the chain could not be read: any order may still be open")
    assert "0 still open" not in text


async def test_failed_kill_is_reported_and_can_be_retried() -> None:
    async with dashboard(WIDE, errors={"kill": UnreachableError("the node does not answer", "is it up?")}) as stage:
        await stage.to_live()
        await stage.press("f10", "right", "enter")
        await stage.shows("✗ the node does not answer")
        assert "→ is it up?" in stage.text()
        stage.engine.errors.clear()
        assert stage.focused() == "again"
        await stage.pilot.pause(0.3)  # a button ignores a second press while it shows the first one
        await stage.press("enter")
        await stage.shows("confirmed twice")


async def test_quit_during_a_kill_waits_for_the_proof() -> None:
    async with dashboard(gates={"kill": threading.Event()}) as stage:
        await stage.to_live()
        await stage.press("f10", "right", "enter")
        await stage.until(lambda: "kill" in stage.engine.calls, "the kill")
        await stage.press("ctrl+q")
        assert stage.app.return_value is None
        assert not stage.host.was_closed
        stage.engine.gates["kill"].set()
        await stage.until(lambda: stage.app.return_value is not None, "the end")
    assert stage.app.return_value is not None
    assert "confirmed twice" in stage.app.return_value.last_line
    assert stage.host.was_closed


def test_report_lists_everything_a_kill_could_not_prove() -> None:
    text = report_lines(KillReport(cancelled=3, block=9, seconds=60.0, unread=("User001", "User002"), unsettled=2))
    assert "0 still open at block 9, 3 cancelled" in text
    assert "could not read 2 wallets: User001, User002" in text
    assert "2 unacknowledged orders may still reach the book" in text


def test_sessions_revoked_to_block_late_orders_are_reported() -> None:
    report = KillReport(cancelled=3, block=9, seconds=60.0, revoked=("User001",))
    assert ended_text(report, revoke=False) == (
        "All orders cancelled; 1 session revoked to block late orders. Confirmed on chain:"
    )


def test_single_read_is_no_proof() -> None:
    text = report_lines(KillReport(cancelled=3, block=9, seconds=60.0, read_twice=False))
    assert text == "✗ 0 still open at block 9, 3 cancelled\n✗ only one chain read: a second one must confirm"
