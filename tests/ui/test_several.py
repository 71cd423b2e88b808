"""A run on several markets: marked in the list, set up one by one, shown side by side, ended one by one or together."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from ama_tui.domain.errors import VenueError
from ama_tui.domain.event import Action, EngineState, LogEvent
from ama_tui.domain.order import Side
from ama_tui.domain.parameters import Parameters
from ama_tui.domain.pnl import Pnl
from ama_tui.engine.engine_api import KillReport, StartRequest
from ama_tui.ui.screens.kill import KillScreen
from ama_tui.ui.screens.live import LiveScreen
from ama_tui.ui.screens.markets import MarketsScreen
from ama_tui.ui.screens.overview import OverviewScreen
from ama_tui.ui.screens.preparation import PreparationScreen
from ama_tui.ui.screens.quit import QuitScreen
from ama_tui.ui.screens.setup import SetupScreen
from ama_tui.ui.screens.stop_market import StopMarketScreen
from tests.ui.fakes import NOW, markets, survivors, wallet
from tests.ui.frames import check, frame
from tests.ui.stage import NARROW, WIDE, Stage, dashboard

ETH, BTC, ODD = markets(3)
SIZES = [NARROW, WIDE]
PROVEN = KillReport(cancelled=120, block=1231, seconds=2.1)


@asynccontextmanager
async def overview(size: tuple[int, int] = NARROW, report: KillReport = PROVEN) -> AsyncIterator[Stage]:
    """The overview of a run on three markets."""
    async with dashboard(size, report=report) as stage:
        await stage.to_markets()
        stage.app.begin(*(StartRequest(market, Parameters(), False, 10) for market in (ETH, BTC, ODD)))
        await stage.on(OverviewScreen)
        yield stage


def on(stage: Stage, market: str) -> EngineState:
    return next(iter(stage.engine.publishers(market))).latest.state


async def publish(stage: Stage, market: str, **changes: object) -> None:
    """Change what the engine shows of one market."""
    (publisher,) = stage.engine.publishers(market)
    publisher.publish(replace(publisher.latest, **changes))  # type: ignore[arg-type]
    stage.app._poll()
    await stage.pilot.pause()


# ---- before the run


async def test_marked_markets_are_set_up_one_after_the_other_and_start_together() -> None:
    async with dashboard() as stage:
        await stage.to_markets()
        await stage.press("space", "down", "space")
        assert "marked: ETH, BTC" in stage.text()
        assert stage.text().count("✓ ") == 2
        await stage.press("enter")
        await stage.on(SetupScreen)
        await stage.shows("Set up 1 of 2")
        await stage.until(lambda: "Still" not in stage.text() and "stored_run" in stage.engine.calls, "the answers")
        assert "Next: BTC" in stage.text()
        await stage.press("f2")
        await stage.shows("Set up 2 of 2")
        await stage.until(lambda: stage.engine.calls.count("stored_run") == 2, "the answers")
        await stage.pilot.pause()
        assert "Prepare sessions" in stage.text()
        await stage.press("f2")
        await stage.on(OverviewScreen)
        assert [(one.market, one.others) for one in stage.engine.requests] == [(ETH, (BTC,)), (BTC, (ETH,))]


async def test_mark_can_be_taken_back_and_typing_goes_on_after_it() -> None:
    async with dashboard() as stage:
        await stage.to_markets()
        await stage.press("b", "t", "c", "space")
        assert "marked: BTC" in stage.text()
        assert "40 of 40" in stage.text()
        await stage.press("b", "t", "c", "space")
        assert "marked" not in stage.text()


async def test_markets_of_the_options_start_without_a_question() -> None:
    async with dashboard(autostart=True, preselected=("eth", "btc", "odd")) as stage:
        await stage.on(OverviewScreen)
        assert [one.market for one in stage.engine.requests] == [ETH, BTC, ODD]


async def test_market_named_twice_is_reported_and_nothing_starts() -> None:
    async with dashboard(autostart=True, preselected=("eth", "ETH-USD")) as stage:
        await stage.on(MarketsScreen)
        await stage.until(lambda: bool(stage.app._notifications), "a message")
        assert "ETH is given twice" in next(iter(stage.app._notifications)).message
        assert stage.engine.requests == []


async def test_preparation_names_the_market_that_is_prepared() -> None:
    async with dashboard(gates={"start": threading.Event()}) as stage:
        await stage.to_markets()
        stage.app.begin(*(StartRequest(market, Parameters(), False, 10) for market in (ETH, BTC)))
        await stage.on(PreparationScreen)
        await stage.shows("Preparing BTC, market 2 of 2")


async def test_failed_start_goes_back_to_the_last_set_up_with_the_error() -> None:
    async with dashboard(errors={"start": VenueError("no")}) as stage:
        await stage.to_markets()
        stage.app.begin(*(StartRequest(market, Parameters(), False, 10) for market in (ETH, BTC)))
        await stage.on(SetupScreen)
        await stage.shows("✗ no")
        assert "Set up 2 of 2" in stage.text()
        await stage.press("escape")
        await stage.shows("Set up 1 of 2")


# ---- the overview and the tabs


@pytest.mark.parametrize("size", SIZES)
async def test_overview_has_a_row_and_a_tab_for_each_market(size: tuple[int, int]) -> None:
    async with overview(size) as stage:
        await publish(stage, ODD.address, state=EngineState.NO_NEW, reason="disk full")
        text = stage.text()
        for market in (ETH, BTC, ODD):
            assert text.count(market.symbol) >= 2
        assert "◐ HOLDING" in text
        assert "disk f" in text
        assert "120/120" in text
        assert "resting 360/360" in text


async def test_overview_shows_the_result_of_the_trades_by_the_mark_and_none_while_fills_are_unknown() -> None:
    bought = Pnl().after(Side.BUY, 2_450_000_000, 2 * 10**18)
    async with overview() as stage:
        await publish(stage, ETH.address, mark6=2_500_000_000, pnl=bought)
        await stage.shows("+100.00")
        await publish(stage, ETH.address, mark6=2_400_000_000, pnl=bought)
        await stage.shows("-100.00")
        await publish(stage, ETH.address, mark6=2_400_000_000, pnl=bought, fills_unknown_from=7)
        await stage.until(lambda: "-100.00" not in stage.text(), "no result")


async def test_market_opens_from_its_row_and_keys_lead_on_and_back() -> None:
    async with overview() as stage:
        await stage.press("down", "enter")
        await stage.on(LiveScreen)
        assert stage.app.market == BTC
        assert "▌BTC▐" in stage.text()
        await stage.press("right_square_bracket")
        await stage.shows("▌ODD▐")
        await stage.press("right_square_bracket")
        await stage.on(OverviewScreen)
        await stage.press("left_square_bracket")
        await stage.shows("▌ODD▐")
        await stage.press("o")
        await stage.on(OverviewScreen)


async def test_each_market_has_its_own_log_and_keeps_its_view() -> None:
    async with overview(WIDE) as stage:
        stage.engine.publishers(BTC.address)[0].log(LogEvent(int(NOW * 1000), Action.NOTE, "only on BTC"))
        stage.app._poll()
        await stage.shows("BTC  only on BTC")
        stage.app.action_show_market(BTC.address)
        await stage.shows("only on BTC")
        await stage.press("4")
        await stage.shows("Statistics")
        stage.app.action_show_market(ETH.address)
        await stage.shows("▌ETH▐")
        assert "only on BTC" not in stage.text()
        stage.app.action_show_market(BTC.address)
        await stage.shows("Statistics")


async def test_run_on_one_market_has_no_tabs_and_no_keys_for_them() -> None:
    async with dashboard() as stage:
        await stage.to_live()
        assert "Overview" not in stage.text()
        await stage.press("o")
        assert isinstance(stage.app.screen, LiveScreen)
        assert "the run has one market" in next(iter(stage.app._notifications)).message


# ---- pause and stop


async def test_space_pauses_the_market_that_is_shown_and_all_of_them_on_the_overview() -> None:
    async with overview() as stage:
        stage.app.action_show_market(BTC.address)
        await stage.on(LiveScreen)
        await stage.press("space")
        await stage.until(lambda: on(stage, BTC.address) is EngineState.PAUSED, "the pause")
        assert on(stage, ETH.address) is EngineState.RUNNING
        await stage.press("o", "space")
        await stage.until(lambda: on(stage, ODD.address) is EngineState.PAUSED, "the pause of all")
        assert "Resume all" in stage.text()
        await stage.press("space")
        await stage.until(lambda: on(stage, BTC.address) is EngineState.RUNNING, "the resume")
        assert stage.engine.markets_asked == [BTC.address, None, None]


async def test_one_market_stops_after_a_question_and_the_others_go_on() -> None:
    async with overview() as stage:
        stage.app.action_show_market(ODD.address)
        await stage.on(LiveScreen)
        await stage.press("x")
        await stage.on(StopMarketScreen)
        assert "120 orders will stay on the book. The other markets" in " ".join(stage.text().split())
        await stage.press("enter")
        await stage.on(LiveScreen)
        assert "stop" not in stage.engine.calls
        await stage.press("x")
        await stage.on(StopMarketScreen)
        await stage.press("right", "enter")
        await stage.on(LiveScreen)
        assert (on(stage, ODD.address), on(stage, ETH.address)) == (EngineState.STOPPED, EngineState.RUNNING)


async def test_quitting_names_every_market_and_stops_all_of_them() -> None:
    async with overview() as stage:
        await stage.press("q")
        await stage.on(QuitScreen)
        for market in (ETH, BTC, ODD):
            assert f"120 orders from 10 wallets rest on {market.symbol}." in stage.text()
        await stage.press("right", "enter")
        await stage.until(lambda: stage.app.return_value is not None, "the end")
        assert stage.app.return_value is not None
        for market in (ETH, BTC, ODD):
            assert f"120 orders still resting on {market.symbol}" in stage.app.return_value.last_line
        assert set(stage.engine.markets_asked) == {ETH.address, BTC.address, ODD.address}


# ---- kill


@pytest.mark.parametrize("size", SIZES)
async def test_kill_asks_which_market_and_all_are_selected(size: tuple[int, int]) -> None:
    async with overview(size) as stage:
        await stage.shows("Markets 3 · 3 packed")
        await stage.press("f10")
        await stage.on(KillScreen)
        assert "(●) All 3 markets" in stage.text()
        assert "Cancel all 360 orders on 3 markets?" in stage.text()
        assert stage.focused() == "keep"
        await stage.press("right", "enter")
        await stage.shows("All orders cancelled. Confirmed on chain:")
        assert sorted(map(str, stage.engine.markets_asked)) == sorted((ETH.address, BTC.address, ODD.address))
        assert {on(stage, market.address) for market in (ETH, BTC, ODD)} == {EngineState.STOPPED}
        await stage.shows("Markets 3 · 0 packed")


async def test_kill_of_one_market_leaves_the_others_running() -> None:
    async with overview() as stage:
        stage.app.action_show_market(BTC.address)
        await stage.on(LiveScreen)
        await stage.press("f10")
        await stage.on(KillScreen)
        await stage.press("down", "down")
        await stage.shows("Cancel all 120 orders from 10 wallets on BTC?")
        await stage.press("right", "enter")
        await stage.shows("✓ 0 open at block")
        assert stage.engine.markets_asked == [BTC.address]
        assert on(stage, ETH.address) is EngineState.RUNNING
        await stage.press("escape", "f10")
        await stage.on(KillScreen)
        assert "(●) Both markets" in stage.text()


async def test_kill_that_is_not_proven_on_one_market_is_tried_again_there_only() -> None:
    async with overview(WIDE, report=survivors(2)) as stage:
        await stage.press("f10")
        await stage.on(KillScreen)
        await stage.press("right", "enter")
        await stage.shows("BTC: ✗ 2 still open")
        stage.app.kills.ended(ETH, KillReport(120, 1231, 2.0))
        stage.engine.report = KillReport(2, 1300, 1.0)
        stage.engine.markets_asked.clear()
        await stage.press("enter")
        await stage.shows("confirmed twice; 2 cancelled")
        assert sorted(map(str, stage.engine.markets_asked)) == sorted((BTC.address, ODD.address))


# ---- frames


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", ["overview", "market-tab", "kill-which"])
async def test_screens_of_several_markets_match_their_stored_frames(
    name: str, size: tuple[int, int], request: pytest.FixtureRequest
) -> None:
    async with overview(size) as stage:
        await publish(stage, BTC.address, state=EngineState.PAUSED, reason="paused", packed=True)
        rows = tuple(wallet(index, bids=4) for index in range(10))
        await publish(stage, ODD.address, wallets=rows, state=EngineState.NO_NEW, reason="disk full", packed=False)
        if name == "market-tab":
            stage.app.action_show_market(ODD.address)
            await stage.on(LiveScreen)
            await publish(stage, ODD.address, block=1300)
        elif name == "kill-which":
            await stage.press("f10")
            await stage.on(KillScreen)
        for _ in range(5):
            await stage.pilot.pause(0.05)
        shown = frame(stage.app)
    check(f"several-{name}-{size[0]}x{size[1]}", shown, update=request.config.getoption("update_snapshots"))
