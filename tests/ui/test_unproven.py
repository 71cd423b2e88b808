"""An unproven kill: every screen shows it until one is proven."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ama_tui.cli.arguments import Arguments
from ama_tui.cli.dashboard import cancel_options
from ama_tui.domain.errors import UnreachableError
from ama_tui.domain.event import EngineState
from ama_tui.engine.engine_api import KillReport
from ama_tui.ui.kills import CancelCommand, Kills, Leaving, banner_text
from ama_tui.ui.screens.help import HelpScreen
from ama_tui.ui.screens.kill import KillScreen
from ama_tui.ui.screens.live import LiveScreen
from ama_tui.ui.screens.markets import MarketsScreen
from ama_tui.ui.screens.parameters import ParametersScreen
from ama_tui.ui.screens.setup import SetupScreen
from ama_tui.ui.screens.wallet import WalletScreen
from tests.ui.fakes import NOW, market, markets, snapshot, survivors
from tests.ui.stage import MEDIUM, NARROW, WIDE, Stage, dashboard

UNREAD = KillReport(cancelled=0, block=0, seconds=70.0, unread=("User001", "User002"), read_twice=False)
BANNER = "KILL NOT PROVEN on ETH: any of 120 orders may still rest"


async def kill_in_vain(stage: Stage) -> None:
    """A kill without a proof, with its dialog closed."""
    await stage.press("f10", "right", "enter")
    await stage.shows("Cancellation not confirmed.")
    await stage.press("escape")


def top(stage: Stage) -> str:
    """The first three rows of the screen, as one line."""
    return " ".join(" ".join(stage.text().splitlines()[:3]).split())


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_every_screen_shows_the_banner_and_how_to_retry(size: tuple[int, int]) -> None:
    async with dashboard(size, report=UNREAD) as stage:
        await stage.to_live()
        await kill_in_vain(stage)
        facts, wallet = stage.app.facts, stage.host.publisher.latest.wallets[0]
        assert facts is not None
        for screen in (
            None,
            WalletScreen(market(), wallet.address),
            HelpScreen("live"),
            ParametersScreen(market(), snapshot()),
            MarketsScreen(facts),
            SetupScreen(market(), facts),
            LiveScreen(market()),
        ):
            if screen is not None:
                await stage.app.push_screen(screen)
                await stage.pilot.pause()
            assert BANNER in top(stage), stage.text()
            assert "F10 tries again" in top(stage)
            assert "F8 copies the cancel-all command" in top(stage)
        await stage.press("f10")
        await stage.on(KillScreen)


async def test_proof_removes_the_banner_from_every_screen() -> None:
    async with dashboard(WIDE, report=UNREAD) as stage:
        await stage.to_live()
        live = stage.app.screen
        await kill_in_vain(stage)
        await stage.press("question_mark")
        await stage.on(HelpScreen)
        stage.engine.report = KillReport(cancelled=120, block=1300, seconds=1.0)
        await stage.press("f10", "right", "enter")
        await stage.shows("✓ 0 open at block 1,300")
        await stage.press("escape")
        await stage.on(HelpScreen)
        assert "KILL NOT PROVEN" not in stage.text()
        assert not live.query("Banner")
        await stage.press("escape", "ctrl+c")
    outcome = stage.app.return_value
    assert outcome is not None
    assert (outcome.exit_code, "killed on ETH: 0 open at block 1,300" in outcome.last_line) == (0, True)


async def test_kill_that_ends_with_an_error_is_unproven_too() -> None:
    async with dashboard(MEDIUM, errors={"kill": UnreachableError("the engine was closed")}) as stage:
        await stage.to_live()
        await stage.press("f10", "right", "enter")
        await stage.shows("✗ the engine was closed")
        assert stage.focused() == "again"
        await stage.press("escape")
        assert BANNER in top(stage)
        await stage.press("ctrl+c")
    outcome = stage.app.return_value
    assert outcome is not None
    assert outcome.exit_code == 4
    assert "kill not proven on ETH: the engine was closed; try again: ama-tui cancel-all" in outcome.last_line


async def test_copied_command_has_everything_another_terminal_needs() -> None:
    async with dashboard(WIDE, report=UNREAD) as stage:
        await stage.to_live()
        await stage.press("f8")
        assert "no kill is unproven" in [one.message.rpartition(": ")[2] for one in stage.app._notifications]
        stage.app._cancel_options = "--vault /keys/fleet.vault"
        await kill_in_vain(stage)
        await stage.press("f8")
    assert stage.app.clipboard == (
        f"cd /desk && ama-tui cancel-all --market {market().address} --vault /keys/fleet.vault --force"
    )
    assert any(one.message.startswith("Copied for another terminal: cd /desk") for one in stage.app._notifications)


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_dialog_shows_the_command_that_works_while_the_dashboard_holds_the_market(size: tuple[int, int]) -> None:
    async with dashboard(size, report=UNREAD) as stage:
        await stage.to_live()
        await stage.press("f10", "right", "enter")
        await stage.shows("Or in another terminal: cd /desk && ama-tui cancel-all")
        assert "--force" in stage.text()
        for button in ("Try again", "Copy command F8", "Stay here", "Quit"):
            assert button in stage.text()


async def test_pending_and_unacknowledged_orders_may_rest_too() -> None:
    async with dashboard(WIDE, report=UNREAD) as stage:
        rows = snapshot().wallets
        rows = (replace(rows[0], pending=7, unknown=3), *rows[1:])
        await stage.to_live(replace(snapshot(), wallets=rows))
        await kill_in_vain(stage)
        assert "any of 130 orders may still rest" in top(stage)


async def test_dialog_copies_the_command_too_and_a_text_field_does_not_swallow_the_key() -> None:
    async with dashboard(WIDE, report=UNREAD) as stage:
        await stage.to_live()
        await stage.press("f10", "right", "enter")
        await stage.shows("Copy command F8")
        await stage.pilot.click("#copy")
        assert "cancel-all" in stage.app.clipboard
        await stage.press("escape", "m")
        await stage.to_markets()
        stage.app.copy_to_clipboard("")
        await stage.press("f8")
        assert "cancel-all" in stage.app.clipboard


async def test_data_after_an_unproven_kill_is_marked_as_old() -> None:
    async with dashboard(WIDE, report=UNREAD, now=NOW + 30) as stage:
        await stage.to_live()
        await kill_in_vain(stage)
        await stage.shows("✗ FAULTED")
        assert "STALE" in stage.text()
        assert "old" in stage.text()
        assert " packed" not in stage.text().splitlines()[3]
        await stage.publish(snapshot(EngineState.STOPPED))
        assert "STALE" not in stage.text()


async def test_cancel_on_stop_that_left_orders_counts_as_unproven() -> None:
    async with dashboard(report=survivors(3)) as stage:
        await stage.to_live(snapshot(cancels_on_stop=True))
        await stage.press("q")
    outcome = stage.app.return_value
    assert outcome is not None
    assert outcome.exit_code == 4
    assert "kill not proven on ETH: 3 still open" in outcome.last_line


def test_each_market_stays_until_its_own_kill_is_proven() -> None:
    eth, btc, _ = markets(2)
    kills = Kills()
    kills.begin(120)
    kills.ended(eth, survivors(2))
    kills.new_run()
    assert kills.report is None
    kills.ended(btc, KillReport(cancelled=1, block=9, seconds=1.0))
    assert [one.market for one in kills.unproven] == [eth]
    text = banner_text(kills.unproven, can_retry=False, is_running=False)
    left = "2 orders still on the book at block 1,231"
    assert text == f"✗ KILL NOT PROVEN on ETH: {left} · F8 copies the cancel-all command"
    kills.failed(btc, UnreachableError("lost"))
    assert CancelCommand("/a b", "--insecure-http").anywhere(eth, btc) == (
        f"cd '/a b' && ama-tui cancel-all --market {eth.address} --market {btc.address} --insecure-http --force"
    )
    kills.ended(eth, KillReport(cancelled=2, block=10, seconds=1.0))
    kills.ended(btc, KillReport(cancelled=2, block=10, seconds=1.0))
    assert banner_text(kills.unproven, can_retry=True, is_running=False) == ""
    assert kills.leaving is Leaving.NO


def test_orders_resting_before_the_first_try_count_in_the_next() -> None:
    """After a first try that read nothing, the screen may show no orders: that is not certain either."""
    kills = Kills()
    kills.begin(120)
    kills.ended(market(), UNREAD)
    kills.begin(0)
    kills.ended(market(), UNREAD)
    assert kills.unproven[0].left == "any of 120 orders may still rest"


@pytest.mark.parametrize(
    ("report", "left"),
    [
        (KillReport(1, 9, 1.0, unread=("A",), unsettled=2), "1 wallet unread, 2 unacknowledged orders may rest"),
        (KillReport(1, 9, 1.0, objections=("the vault still holds margin",)), "the vault still holds margin"),
        (KillReport(1, 9, 1.0, read_twice=False), "confirmed by one read only"),
    ],
)
def test_orders_that_may_still_rest_are_described(report: KillReport, left: str) -> None:
    kills = Kills()
    kills.begin(5)
    kills.ended(market(), report)
    assert kills.unproven[0].left == left


def test_options_that_cancel_all_needs_are_passed_on() -> None:
    assert cancel_options(Arguments()) == ""
    given = Arguments(csv=Path("/k/my wallets.csv"), state_dir=Path("/s"), insecure_http=True)
    assert cancel_options(given) == "--vault '/k/my wallets.csv' --state-dir /s --insecure-http"
