"""A run on the screen: preparation, the live view at every size, pause, and what keys and buttons do."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from textual.command import CommandPalette

from ama_tui.domain.errors import AmaError
from ama_tui.domain.event import Action, EngineSnapshot, EngineState, LogEvent, SessionState
from ama_tui.ui.panels.log import ActivityLog
from ama_tui.ui.screens.kill import KillScreen
from ama_tui.ui.screens.live import LiveScreen
from ama_tui.ui.screens.preparation import PreparationScreen
from ama_tui.ui.screens.setup import SetupScreen
from ama_tui.ui.widgets.grid import Grid
from tests.ui.fakes import NOW, market, snapshot, wallet
from tests.ui.stage import HUGE, MEDIUM, NARROW, WIDE, dashboard, repaints


def preparing(*sessions: SessionState) -> EngineSnapshot:
    rows = tuple(
        replace(
            wallet(index, bids=0, asks=0),
            session=session,
            session_expiry=int(NOW) + 86_000 if session is SessionState.VALID else 0,
            note="session refused: bad_sig" if session is SessionState.UNUSABLE else "",
        )
        for index, session in enumerate(sessions)
    )
    return EngineSnapshot(EngineState.PREPARING, market=market(), wallets=rows)


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_preparation_shows_every_wallets_session_and_continues_by_itself(size: tuple[int, int]) -> None:
    async with dashboard(size, gates={"start": threading.Event()}) as stage:
        await stage.to_setup()
        await stage.press("f2")
        await stage.on(PreparationScreen)
        state = preparing(SessionState.VALID, SessionState.CREATING, SessionState.NONE, SessionState.UNUSABLE)
        await stage.publish(state, LogEvent(int(NOW * 1000), Action.SESSION_INIT, "session created"))
        text = stage.text()
        for part in (
            "PREPARING", "sessions 1/4 ready", "✗ 1 unusable", "✓ valid", "◔ creating", "· waiting", "✗ unusable",
            "session refused: bad_sig", "23 h 53 m left", "session created",
        ):  # fmt: skip
            assert part in text
        assert ("0x0000…abc0" in text) == (size == WIDE)
        await stage.publish(replace(state, recovery="3 adopted, 1 filled while away"))
        assert "earlier orders 3 adopted, 1 filled while away" in stage.text()
        stage.engine.gates["start"].set()
        await stage.on(LiveScreen)


async def test_open_dialog_survives_the_end_of_preparation() -> None:
    async with dashboard(gates={"start": threading.Event()}) as stage:
        await stage.to_setup()
        await stage.press("f2")
        await stage.on(PreparationScreen)
        await stage.publish(snapshot())
        await stage.press("f10")
        await stage.on(KillScreen)
        stage.engine.gates["start"].set()
        await stage.until(lambda: bool(stage.host.publisher.latest.wallets), "the start")
        await stage.pilot.pause(0.1)
        assert isinstance(stage.app.screen, KillScreen)
        await stage.press("escape")
        await stage.on(LiveScreen)


async def test_kill_is_refused_before_any_order_was_sent() -> None:
    async with dashboard(gates={"start": threading.Event()}) as stage:
        await stage.to_setup()
        await stage.press("f2")
        await stage.on(PreparationScreen)
        await stage.press("f10")
        assert isinstance(stage.app.screen, PreparationScreen)
        assert "no orders have been sent" in next(iter(stage.app._notifications)).message


async def test_unexpected_engine_failure_returns_to_the_setup() -> None:
    async with dashboard(WIDE) as stage:
        stage.engine.errors["start"] = ValueError("0xsecret")  # type: ignore[assignment]
        await stage.to_setup()
        await stage.press("f2")
        await stage.shows("✗ internal error in the engine: ValueError")
        assert isinstance(stage.app.screen, SetupScreen)
        assert "secret" not in stage.text()


async def test_live_shows_state_market_wallets_log_and_buttons_at_every_size() -> None:
    async with dashboard(NARROW) as stage:
        await stage.to_live()
        events = [LogEvent(int(NOW * 1000), Action.PLACE_LIMIT, "sell 0.184 @ 2,500.52 L3", "0xab", "User002")]
        await stage.publish(snapshot(), *events)
        for size in (NARROW, MEDIUM, WIDE, HUGE):
            await stage.resize(size)
            text = stage.text()
            for part in (
                "● RUNNING", "120/120", "2,499.90", "2,500.10", "User001", "User010", "6/6", "31337",
                "23:47", "packed", "sell 0.184 @ 2,500.52 L3", "Pause", "Stop  q", "KILL  F10", "placing: yes",
            ):  # fmt: skip
                assert part.lower() in text.lower(), part
            assert ("228/2,000" in text) == (size[0] >= 160)
            assert ("20 ticks · 0.8 bp" in text) == (size[0] >= 120)
            assert ("1 Wallets" in text) == (size[0] < 120)
            assert stage.focused() == "wallets"


async def test_large_fleet_scrolls_and_leaves_room_for_the_log() -> None:
    async with dashboard(NARROW, wallets_available=1000) as stage:
        await stage.to_live(snapshot(wallets=1000))
        assert stage.app.screen.query_one(ActivityLog).size.height >= 3
        await stage.press("end")
        assert "User1000" in stage.text()
        assert stage.app.screen.query_one("#wallets", Grid).cursor == 999


async def test_only_changed_parts_are_repainted() -> None:
    async with dashboard(WIDE) as stage:
        await stage.to_live()
        painted = repaints(stage.app.screen.query_one("#wallets"))
        log = repaints(stage.app.screen.query_one("#log"))
        status = repaints(stage.app.screen.query_one("#status"))
        await stage.publish(snapshot())
        assert (painted, log, status) == ([], [], [])
        await stage.publish(snapshot(best_bid6=2_499_800_000))
        assert (painted, log, set(status)) == ([], [], {1})


@pytest.mark.parametrize("how", ["space", "click"])
async def test_run_is_paused_and_resumed(how: str) -> None:
    async with dashboard() as stage:
        await stage.to_live()
        for state, label in (("‖ PAUSED", "Resume"), ("● RUNNING", "Pause")):
            await (stage.pilot.click("#pause") if how == "click" else stage.press("space"))
            await stage.shows(state)
            assert label in stage.text()
            await stage.pilot.pause(0.3)  # a button ignores a second press while it shows the first one
        assert [name for name in stage.engine.calls if name in {"pause", "resume"}] == ["pause", "resume"]


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_failed_pause_is_shown_until_dismissed_and_can_be_copied(size: tuple[int, int]) -> None:
    async with dashboard(size, errors={"pause": AmaError("cannot pause", "try again")}) as stage:
        await stage.to_live()
        await stage.press("space")
        await stage.shows("✗ cannot pause")
        assert "→ try again" in stage.text()
        assert "y copy · esc dismiss" in stage.text()
        assert "RUNNING" in stage.text()
        await stage.press("y")
        assert stage.app.clipboard == "✗ cannot pause\n→ try again"
        await stage.press("escape")
        assert "cannot pause" not in stage.text()


async def test_faulted_run_shows_why_and_cannot_be_paused() -> None:
    async with dashboard(WIDE) as stage:
        await stage.to_live()
        await stage.publish(snapshot(EngineState.FAULTED, reason="the journal cannot be written: disk full"))
        assert "✗ FAULTED" in stage.text()
        assert "the journal cannot be written: disk full" in stage.text()
        assert stage.app.screen.query_one("#pause").has_class("-refused")
        await stage.press("space")
        assert next(iter(stage.app._notifications)).message == "pause / resume: the run is FAULTED"
        await stage.press("f10")
        await stage.on(KillScreen)


async def test_keys_focus_the_panels_and_tab_cycles_through_the_buttons() -> None:
    async with dashboard(MEDIUM) as stage:
        await stage.to_live()
        await stage.press("3")
        assert stage.focused() == "log"
        await stage.press("1")
        assert stage.focused() == "wallets"
        seen = set()
        for _ in range(5):
            await stage.press("tab")
            seen.add(stage.focused())
        assert seen == {"ladder", "log", "pause", "stop", "kill"}


async def test_log_shows_when_it_is_scrolled_away_from_the_newest() -> None:
    async with dashboard() as stage:
        await stage.to_live()
        await stage.publish(snapshot(), *(LogEvent(number, Action.NOTE, f"note {number}") for number in range(90)))
        await stage.press("3", "pagedown")
        await stage.publish(snapshot(), LogEvent(99, Action.NOTE, "note 99"))
        assert "note 99" not in stage.text()
        assert "home: newest" in stage.text()
        await stage.press("home")
        await stage.publish(snapshot(block=1205))
        assert "note 99" in stage.text()
        assert "home: newest" not in stage.text()


async def test_wallets_missing_from_the_stored_run_are_counted() -> None:
    async with dashboard(WIDE) as stage:
        await stage.to_live(snapshot(missing_wallets=("User011 (3 open orders)",)))
        assert "1 from the stored run missing" in stage.text()


async def test_every_action_of_the_live_screen_is_in_the_palette() -> None:
    async with dashboard() as stage:
        await stage.to_live()
        titles = {command.title for command in stage.app.get_system_commands(stage.app.screen)}
        assert {"run: pause or resume", "run: kill", "run: stop and quit", "view: wallets", "view: activity"} <= titles
        await stage.press("ctrl+p")
        await stage.until(lambda: isinstance(stage.app.screen, CommandPalette), "the palette")
        await stage.press(*"pause")
        await stage.shows("run: pause or resume")
        await stage.press("enter")
        await stage.until(lambda: "pause" in stage.engine.calls, "the pause")


async def test_click_on_a_key_hint_acts_like_the_key() -> None:
    async with dashboard() as stage:
        await stage.to_live()
        line = stage.text().splitlines()[-1]
        await stage.pilot.click(offset=(line.index("y copy") + 2, stage.app.size.height - 1))
        assert stage.app.clipboard == wallet(0).address


async def test_layout_follows_a_smaller_terminal() -> None:
    async with dashboard(WIDE) as stage:
        await stage.to_live()
        assert "pending" in stage.text()
        await stage.pilot.resize_terminal(80, 24)
        await stage.publish(snapshot(block=1205))
        assert "of cap" in stage.text()
        assert "blk 1,205" in stage.text()
        assert "User010" in stage.text()
