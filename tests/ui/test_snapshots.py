"""Every screen as it looks at three sizes, with the same fleet, the same book and the clock standing still."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest
from textual.widgets import Input

from ama_tui.config.presets import BUILT_IN, Presets
from ama_tui.domain.event import Action, EngineSnapshot, EngineState, LogEvent, SessionState, Totals
from ama_tui.domain.parameters import Parameters
from ama_tui.engine.desk import StartRequest
from ama_tui.ui.history import History
from ama_tui.ui.panels.statistics import Statistics
from ama_tui.ui.screens.help import HelpScreen
from ama_tui.ui.screens.kill import KillScreen
from ama_tui.ui.screens.preparation import PreparationScreen
from ama_tui.ui.screens.wallet import WalletScreen
from ama_tui.ui.screens.welcome import WelcomeScreen
from tests.ui.books import packed, with_wallet
from tests.ui.fakes import NOW, market, wallet
from tests.ui.frames import check, frame
from tests.ui.stage import HUGE, MEDIUM, NARROW, Stage, dashboard

SIZES = (NARROW, MEDIUM, HUGE)
CALM = 3
"""As many looks in a row must see the same before a screen counts as painted."""


def running(**changes: object) -> EngineSnapshot:
    """A fleet of ten: nine at their target, one two bids short with an order on its way, one without a session."""
    state = with_wallet(packed(), 3, bids=4, in_flight=1, is_packed=False, note="2 bids to place")
    state = with_wallet(state, 7, session=SessionState.UNUSABLE, note="session revoked: start again to renew it")
    return replace(state, packed=False, errors_by_kind=(("session_revoked", 2),), **changes)  # type: ignore[arg-type]


def events() -> list[LogEvent]:
    """Thirty actions, four seconds apart."""
    kinds = (Action.PLACE_LIMIT, Action.PLACE_LIMIT, Action.FILL, Action.CANCEL_ORDER, Action.SKIP, Action.ERROR)
    made = []
    for number in range(30):
        row, action = wallet(number * 7 % 10), kinds[number * 5 % len(kinds)]
        text = f"{'sell' if number % 2 else 'buy'} 0.184 @ 2,500.{number:02d} L{number % 6 + 1}  mined {1100 + number}"
        is_error = action is Action.ERROR
        at = int((NOW - 4 * (30 - number)) * 1000)
        made.append(LogEvent(at, action, text, row.address, row.nickname, is_error))
    return made


async def live(stage: Stage, **changes: object) -> None:
    await stage.to_live(running(**changes))
    await stage.publish(running(**changes), *events())


async def welcome(stage: Stage) -> None:
    await stage.on(WelcomeScreen)


async def markets(stage: Stage) -> None:
    await stage.to_markets()
    await stage.until(lambda: "2,499.90" in (text := stage.text()) and " · " not in text, "every row's prices")


async def setup(stage: Stage) -> None:
    await stage.to_setup()
    await stage.shows("orders to place")


async def preparation(stage: Stage) -> None:
    await stage.to_setup()
    stage.app.begin(StartRequest(market(), Parameters(), False, 10))
    await stage.on(PreparationScreen)
    await stage.until(lambda: bool(stage.desk.requests), "the start")
    states = [SessionState.VALID] * 5 + [SessionState.UNUSABLE, SessionState.VALID] + [SessionState.CREATING] * 3
    rows = tuple(
        replace(
            wallet(index, bids=0, asks=0),
            session=state,
            session_expiry=int(NOW) + 86_400 if state is SessionState.VALID else 0,
            last_action_at=0,
            note="the relayer refused: expired" if state is SessionState.UNUSABLE else "",
        )
        for index, state in enumerate(states)
    )
    await stage.publish(EngineSnapshot(EngineState.PREPARING, market=market(), wallets=rows), *events()[:5])


async def statistics(stage: Stage) -> None:
    await stage.to_markets()
    stage.app.history = history = History()
    for second in range(0, 700, 2):
        totals = Totals(cycles=second, sent=second // 4, fills=second // 50, cancelled=second // 60)
        state = running(best_ask6=2_500_100_000 + second % 90 * 10_000, totals=totals)
        history.note(state, NOW - 700 + second)
    await live(stage, totals=totals)
    await stage.press("4")
    await stage.until(lambda: bool(stage.app.screen.query(Statistics)), "the statistics")
    await stage.publish(running(totals=totals))


async def one_wallet(stage: Stage) -> None:
    await live(stage)
    await stage.press("enter")
    await stage.on(WalletScreen)
    await stage.publish(running())


async def help_of_live(stage: Stage) -> None:
    await live(stage)
    await stage.press("question_mark")
    await stage.on(HelpScreen)


async def kill(stage: Stage) -> None:
    await live(stage)
    await stage.press("f10")
    await stage.on(KillScreen)


@dataclass(frozen=True)
class Scene:
    """A screen, how to come to it, and the desk it needs."""

    go: Callable[[Stage], Awaitable[None]]
    problems: tuple[str, ...] = ()
    waits_for: str = ""
    """A call of the desk that does not come back."""


SCENES = {
    "welcome": Scene(welcome, problems=("RPC_URL is not set", "wallets.csv: no such file")),
    "markets": Scene(markets),
    "set-up": Scene(setup),
    "preparation": Scene(preparation, waits_for="start"),
    "live": Scene(live),
    "statistics": Scene(statistics),
    "wallet": Scene(one_wallet),
    "help": Scene(help_of_live),
    "kill": Scene(kill),
}


@pytest.fixture(autouse=True)
def plain_surroundings() -> Iterator[None]:
    """The same time zone and colours everywhere, and no presets of anyone's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC")
        patch.delenv("NO_COLOR", raising=False)
        patch.setattr("ama_tui.ui.screens.setup.load_presets", lambda directory: Presets(BUILT_IN))
        time.tzset()
        yield
    time.tzset()


@asynccontextmanager
async def scene(name: str, size: tuple[int, int]) -> AsyncIterator[Stage]:
    """A dashboard at a scene, painted and at rest."""
    one = SCENES[name]
    gates = {one.waits_for: threading.Event()} if one.waits_for else {}
    async with dashboard(size, problems=one.problems, gates=gates) as stage:
        await one.go(stage)
        await at_rest(stage)
        yield stage


async def at_rest(stage: Stage) -> None:
    """Stop every cursor's blinking, and wait until nothing changes any more."""
    for field in stage.app.screen.query(Input):
        field.cursor_blink = False
    seen: list[str] = []
    while len(seen) < CALM or len(set(seen[-CALM:])) > 1:
        assert len(seen) < 200, "the screen never comes to rest"
        await stage.pilot.pause(0.02)
        seen.append(stage.text())


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", SCENES)
async def test_screen_looks_as_it_did(name: str, size: tuple[int, int], request: pytest.FixtureRequest) -> None:
    async with scene(name, size) as stage:
        shown = frame(stage.app)
    check(f"{name}-{size[0]}x{size[1]}", shown, update=request.config.getoption("update_snapshots"))


async def test_too_small_a_terminal_looks_as_it_did(request: pytest.FixtureRequest) -> None:
    async with scene("live", (60, 20)) as stage:
        shown = frame(stage.app)
    check("too-small-60x20", shown, update=request.config.getoption("update_snapshots"))
