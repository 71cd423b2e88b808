"""A run that starts without a question, and the way back to the markets after a run has ended."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from click.testing import CliRunner

from ama_tui.cli.arguments import Arguments
from ama_tui.cli.main import cli
from ama_tui.domain.errors import ConfigError, PreflightError, UnreachableError
from ama_tui.domain.event import EngineState
from ama_tui.domain.parameters import Parameters
from ama_tui.engine.engine_api import StoredRun
from ama_tui.ui.autostart import chosen_markets, request_for
from ama_tui.ui.bridge import EngineFacts
from ama_tui.ui.screens.kill import KillScreen
from ama_tui.ui.screens.live import LiveScreen
from ama_tui.ui.screens.markets import MarketsScreen
from ama_tui.ui.screens.preparation import PreparationScreen
from ama_tui.ui.screens.setup import SetupScreen
from tests.ui.fakes import market, markets, snapshot, survivors
from tests.ui.stage import MEDIUM, NARROW, WIDE, dashboard

STORED = StoredRun(
    "1a2b", "2025-11-22T12:00:00Z", "2025-11-22T13:00:00Z", 3, Parameters.of(orders_per_side=4), frozenset()
)
FACTS = EngineFacts((), "chain 1", False, 25, 10, Parameters.of(orders_per_side=7), (), None, True, "")


def test_market_is_the_named_one_else_the_demos_first_else_the_only_one() -> None:
    several = markets(5)
    assert chosen_markets(several, replace(FACTS, preselected=("btc",))) == several[1:2]
    assert chosen_markets(several, replace(FACTS, is_demo=True)) == several[:1]
    assert chosen_markets(several[3:4], FACTS) == several[3:4]
    for facts, found in ((FACTS, several), (replace(FACTS, preselected=("nope",)), several), (FACTS, ())):
        with pytest.raises(ConfigError):
            chosen_markets(found, facts)


def test_stored_run_is_resumed_and_options_override_its_stored_values() -> None:
    fresh = request_for(market(), None, FACTS)
    assert (fresh.resume, fresh.parameters, fresh.wallets) == (False, FACTS.defaults, 10)
    assert request_for(market(), STORED, FACTS).parameters == STORED.parameters
    mixed = replace(STORED, with_options=Parameters.of(orders_per_side=9))
    assert request_for(market(), mixed, FACTS).parameters["orders_per_side"] == 9
    assert request_for(market(), mixed, FACTS).resume
    assert not request_for(market(), STORED, replace(FACTS, resume_asked=False)).resume
    assert request_for(market(), None, replace(FACTS, wallets_asked=99)).wallets == 25


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_demo_starts_on_its_first_market_without_a_key_press(size: tuple[int, int]) -> None:
    async with dashboard(size, autostart=True, is_demo=True, wallets_asked=4) as stage:
        await stage.on(LiveScreen)
        await stage.shows("● RUNNING")
        (request,) = stage.engine.requests
        assert (request.market, request.wallets, request.resume) == (market(), 4, False)
        assert stage.app.market == market()


async def test_named_market_on_a_real_venue_resumes_its_stored_run() -> None:
    async with dashboard(autostart=True, preselected=("btc",), stored=STORED) as stage:
        await stage.on(LiveScreen)
        (request,) = stage.engine.requests
        assert (request.market.symbol, request.resume, request.parameters) == ("BTC", True, STORED.parameters)


async def test_market_is_asked_for_when_it_cannot_be_decided() -> None:
    async with dashboard(autostart=True) as stage:
        told: set[str] = set()

        def has_told() -> bool:
            told.update(one.message for one in stage.app._notifications)
            return "no market selected: pick a market from the list" in told

        await stage.until(has_told, "the question for a market")
        await stage.to_markets()
        assert stage.engine.requests == []


async def test_unreadable_market_list_is_shown_as_an_error_with_a_retry() -> None:
    error = UnreachableError("no answer", "APP_URL is correct")
    async with dashboard(autostart=True, is_demo=True, errors={"markets": error}) as stage:
        await stage.on(MarketsScreen)
        await stage.shows("✗ no answer")
        assert "Try again" in stage.text()


@pytest.mark.parametrize("size", [NARROW, MEDIUM])
async def test_failed_start_shows_the_setup_with_the_error_and_a_way_to_the_markets(
    size: tuple[int, int],
) -> None:
    error = PreflightError("ETH cannot be quoted", "name another market")
    async with dashboard(size, autostart=True, is_demo=True, wallets_asked=4, errors={"start": error}) as stage:
        await stage.on(SetupScreen)
        await stage.shows("✗ ETH cannot be quoted")
        assert "→ name another market" in stage.text()
        assert stage.app.screen.query_one("#field-wallets").value == "4"  # type: ignore[attr-defined]
        await stage.press("escape")
        await stage.to_markets()
        assert "BTC" in stage.text()


async def test_another_run_can_be_set_up_after_a_kill() -> None:
    async with dashboard(autostart=True, is_demo=True) as stage:
        await stage.on(LiveScreen)
        await stage.press("m")
        assert isinstance(stage.app.screen, LiveScreen)
        assert "markets: the run is RUNNING: stop or kill it first" in [one.message for one in stage.app._notifications]
        await stage.press("f10")
        await stage.on(KillScreen)
        stage.app.screen.query_one("#cancel-all").focus()
        await stage.press("enter")
        await stage.shows("✓ 0 open at block 1,231, confirmed twice")
        stage.app.screen.query_one("#stay").focus()
        await stage.press("enter")
        await stage.on(LiveScreen)
        await stage.shows("m: markets")
        await stage.press("m")
        await stage.to_markets()
        await stage.press("down", "enter")
        await stage.on(SetupScreen)
        await stage.until(lambda: "preview" in stage.engine.calls, "the look for a stored run")
        await stage.press("f2")
        await stage.on(LiveScreen)
        await stage.shows("● RUNNING")
        assert stage.app.kills.report is None
        assert [one.market.symbol for one in stage.engine.requests] == ["ETH", "BTC"]
        await stage.press("ctrl+c")
    assert stage.app.return_value is not None
    assert stage.app.return_value.exit_code == 0


async def test_survivors_of_an_earlier_kill_are_still_reported_at_exit() -> None:
    async with dashboard(WIDE, autostart=True, is_demo=True, report=survivors(2)) as stage:
        await stage.on(LiveScreen)
        stage.app.kills.ended(markets(1)[0], survivors(2))
        await stage.publish(snapshot(EngineState.STOPPED))
        await stage.press("m")
        await stage.to_markets()
        stage.app.begin(replace(stage.engine.requests[0], market=markets(2)[1]))
        await stage.on(LiveScreen)
        assert "KILL NOT PROVEN on ETH: 2 orders still on the book" in stage.text()
        await stage.press("ctrl+c")
    assert stage.app.return_value is not None
    assert stage.app.return_value.exit_code == 4
    assert "kill not proven on ETH: 2 still open" in stage.app.return_value.last_line


async def test_new_run_does_not_show_the_old_runs_wallets_while_it_prepares() -> None:
    async with dashboard(WIDE, autostart=True, is_demo=True) as stage:
        await stage.on(LiveScreen)
        ended = snapshot(EngineState.STOPPED, reason="the old run")
        await stage.publish(ended)
        stage.engine.gates["start"] = threading.Event()
        original = stage.host.publisher.publish
        stage.host.publisher.publish = lambda _: None  # type: ignore[method-assign,assignment]
        stage.app.begin(stage.engine.requests[0])
        await stage.on(PreparationScreen)
        await stage.shows("Reading market and wallets…")
        assert "User001" not in stage.text()
        assert "the old run" not in stage.text()
        stage.host.publisher.publish = original  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("command", "asks"),
    [
        ((), True),
        (("--no-ask",), False),
        (("run",), True),
        (("run", "--no-ask"), False),
        (("demo",), False),
        (("demo", "--ask"), True),
    ],
)
def test_each_command_asks_first_or_starts_by_its_default_and_option(
    command: tuple[str, ...], asks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def open_dashboard(arguments: Arguments, *, demo: bool = False) -> int:
        asked.append(arguments.ask)
        return 0

    monkeypatch.setattr("ama_tui.cli.dashboard.open_dashboard", open_dashboard)
    assert CliRunner().invoke(cli, command).exit_code == 0
    assert asked == [asks]
