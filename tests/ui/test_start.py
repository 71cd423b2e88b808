"""Starting: the first frame appears before the engine is created, and missing settings are shown with a way out."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from ama_tui.domain.errors import PreflightError
from ama_tui.engine.host import EngineHost
from ama_tui.ui.app import AmaApp
from ama_tui.ui.exit_message import ExitMessage
from ama_tui.ui.screens.markets import MarketsScreen
from ama_tui.ui.screens.starting import StartingScreen
from ama_tui.ui.screens.welcome import WelcomeScreen
from tests.sizes import PATIENCE_S
from tests.ui.fakes import NOW, FakeHost
from tests.ui.stage import NARROW, WIDE, Stage, dashboard, screen_text


async def test_first_frame_is_painted_before_the_engine_is_created() -> None:
    frames: list[str] = []

    def make_host() -> EngineHost:
        frames.append(screen_text(app))
        return host

    host = FakeHost()
    app = AmaApp(make_host, is_demo=True, clock=lambda: NOW)
    async with app.run_test() as pilot:
        await Stage(app, host, pilot).on(MarketsScreen)
        app.exit()
    assert "Starting the demo venue…" in frames[0]
    host.close(PATIENCE_S)


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_missing_settings_are_listed_with_how_to_set_them(size: tuple[int, int]) -> None:
    problems = ("RPC_URL is not set", "[red]wallets.csv[/]: no such file")
    async with dashboard(size, problems=problems) as stage:
        await stage.on(WelcomeScreen)
        for text in (*problems, "✗ RPC_URL  ", "✓ SESSION_REGISTRY_ADDRESS", "✗ wallets", ".env.local", "Try again"):
            assert text in stage.text(), text
        assert "Start the demo" not in stage.text()
        await stage.press("q")
    assert stage.app.return_value is not None
    assert stage.app.return_value.exit_code == 2
    assert stage.host.was_closed


@pytest.mark.parametrize("how", ["d", "button", "click"])
async def test_demo_is_offered_and_started(how: str) -> None:
    real, demo = FakeHost(problems=("RPC_URL is not set",)), FakeHost(is_demo=True)
    app = AmaApp(lambda: real, make_demo_host=lambda: demo, clock=lambda: NOW)
    async with app.run_test(size=(100, 30)) as pilot:
        stage = Stage(app, real, pilot)
        await stage.on(WelcomeScreen)
        assert stage.focused() == "demo"
        if how == "click":
            await pilot.click("#demo")
        else:
            await stage.press("enter" if how == "button" else "d")
        await stage.on(MarketsScreen)
        assert app.is_demo
        assert app.facts is not None
        assert app.facts.is_demo
        await stage.until(lambda: real.was_closed, "the first engine's end")
        app.exit()
    demo.close(PATIENCE_S)


async def test_try_again_opens_the_venue_again() -> None:
    hosts = [FakeHost(problems=("RPC_URL is not set",)), FakeHost()]
    made: list[FakeHost] = []

    def make_host() -> EngineHost:
        made.append(hosts[len(made)])
        return made[-1]

    app = AmaApp(make_host, clock=lambda: NOW)
    async with app.run_test() as pilot:
        stage = Stage(app, hosts[0], pilot)
        await stage.on(WelcomeScreen)
        await stage.press("r")
        await stage.on(MarketsScreen)
        await stage.press("ctrl+q")
    assert app.return_value is not None
    assert app.return_value.exit_code == 0
    assert all(host.was_closed for host in made)


async def test_unusable_venue_is_reported_with_its_hint() -> None:
    error = PreflightError("the chain id is 1, not 999", "correct CHAIN_ID")
    async with dashboard(errors={"open": error}) as stage:
        await stage.on(WelcomeScreen)
        assert "the chain id is 1, not 999" in stage.text()
        assert "→ correct CHAIN_ID" in stage.text()
        await stage.press("q")
    assert stage.app.return_value is not None
    assert stage.app.return_value.exit_code == 3


async def test_quit_while_the_venue_is_opening_does_not_wait_for_it() -> None:
    gate = threading.Event()
    async with dashboard(gates={"open": gate}) as stage:
        await stage.on(StartingScreen)
        await stage.until(lambda: "open" in stage.engine.calls, "the opening")
        await stage.press("q")
        gate.set()
    assert stage.app.return_value == ExitMessage(0)


def test_first_frame_does_not_import_the_engine_or_slow_libraries() -> None:
    code = "import sys, ama_tui.ui.run; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    late = {"ama_tui.engine", "ama_tui.domain", "ama_tui.ui.bridge", "httpx", "aiohttp", "pydantic", "eth_account"}
    assert late & set(loaded) == set()


async def test_run_keys_say_that_no_run_is_active() -> None:
    async with dashboard() as stage:
        await stage.to_markets()
        await stage.press("f10")
        assert isinstance(stage.app.screen, MarketsScreen)
        assert [one.message for one in stage.app._notifications] == ["KILL: no run is active"]
