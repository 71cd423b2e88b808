"""The tour of the dashboard that the pictures show: a real engine on a real venue, mostly by keys.

It is the path of `ama-tui demo --ask`, which shows the market list before it begins.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial

import psutil

from ama_tui.cli.arguments import Arguments
from ama_tui.cli.wiring import open_host
from ama_tui.config.run_options import RunOptions
from ama_tui.ui.app import AmaApp
from ama_tui.ui.panels.statistics import Statistics
from ama_tui.ui.screens.help import HelpScreen
from ama_tui.ui.screens.kill import KillScreen
from ama_tui.ui.screens.live import LiveScreen
from ama_tui.ui.screens.markets import MarketsScreen
from ama_tui.ui.screens.overview import OverviewScreen
from ama_tui.ui.screens.preparation import PreparationScreen
from ama_tui.ui.screens.quit import QuitScreen
from ama_tui.ui.screens.setup import SetupScreen
from ama_tui.ui.screens.wallet import WalletScreen
from tests.screenshots.album import Album
from tests.screenshots.guide import Guide
from tests.ui.stage import screen_text

LARGE, SMALL = (160, 48), (80, 24)
MARKETS = ("ETH-USD", "BTC-USD", "SOL-USD")
LIVE_SECONDS = 40.0
"""How long the packed fleet runs before its picture: some orders are filled and replaced."""
SLOW_BLOCK_TIME = 4.0
"""Seconds between blocks where a picture must be taken before the next one."""
SILENT = "CHAIN NOT ANSWERING"
WAITING = "chain not answering, 12 s"
TRIES = 5
PLANNED = "orders to place"
"""Shown in the set-up once the plan has been computed."""
NO_PRICE = " · "
"""Shown in the market list where a price has not arrived yet."""


async def tour(album: Album, seed: int) -> None:
    """A picture of every screen, some of them large and small. Raises TimeoutError if one does not appear."""
    async with _demo(seed=seed, block_time=1.0) as guide:
        await _to_market(guide, album)
        await _run(guide, album)
        await _look_around(guide, album)
        await _kill(guide, album)
    async with _demo(seed=seed, block_time=1.0, markets=MARKETS) as guide:
        await _several(guide, album)
    for _ in range(TRIES):
        async with _demo(seed=seed, block_time=SLOW_BLOCK_TIME, markets=MARKETS[:1]) as guide:
            if await _prepare(guide, album):
                return
    raise TimeoutError(f"the sessions were ready before they could be shown, {TRIES} times")


@asynccontextmanager
async def _demo(*, markets: tuple[str, ...] = (), seed: int = 1, block_time: float) -> AsyncIterator[Guide]:
    """The dashboard on a demo of ten wallets; it is closed cleanly at the end."""
    arguments = Arguments(run=RunOptions(wallets=10, market=markets), seed=seed, block_time=block_time)
    app = AmaApp(lambda: open_host(arguments, None), is_demo=True)
    async with app.run_test(size=LARGE) as pilot:
        guide = Guide(pilot, app)
        yield guide
        await guide.leave()


async def _to_market(guide: Guide, album: Album) -> None:
    """From the list to the set-up of its first market."""
    await guide.arrive(MarketsScreen)
    await guide.until(lambda: "asking" not in screen_text(guide.app) and NO_PRICE not in screen_text(guide.app))
    await guide.settle()
    album.take(guide.app, "markets")
    await guide.press("enter")
    await _set_up(guide)
    await guide.until(lambda: PLANNED in screen_text(guide.app))
    album.take(guide.app, "set-up")
    await guide.press("f2")


async def _set_up(guide: Guide) -> None:
    """Wait until the set-up is ready to begin a run."""
    await guide.arrive(SetupScreen)
    await guide.until(lambda: any(not button.disabled for button in guide.app.screen.query("#start")))
    await guide.settle()


async def _run(guide: Guide, album: Album) -> None:
    """The packed fleet, on a large and on a small terminal."""
    await guide.arrive(LiveScreen)
    await guide.until(lambda: guide.snapshot.packed)
    await asyncio.sleep(LIVE_SECONDS)
    await guide.until(lambda: guide.snapshot.packed)
    await guide.settle()
    album.take(guide.app, "live-160x48")
    await guide.resize(*SMALL)
    album.take(guide.app, "live-80x24")
    await guide.press("2")
    await guide.settle()
    album.take(guide.app, "book-80x24")
    await guide.press("1")
    await guide.resize(*LARGE)


async def _look_around(guide: Guide, album: Album) -> None:
    """The charts of the run, one of its wallets, the help, and back."""
    await guide.press("4")
    await guide.until(lambda: bool(guide.app.screen.query(Statistics)))
    await guide.settle()
    album.take(guide.app, "statistics")
    await guide.press("1")
    for key, screen, name in (("enter", WalletScreen, "wallet"), ("question_mark", HelpScreen, "help")):
        await guide.press(key)
        await guide.arrive(screen)
        await guide.settle()
        album.take(guide.app, name)
        await guide.press("escape")
        await guide.arrive(LiveScreen)


async def _kill(guide: Guide, album: Album) -> None:
    """Both dialogs, a venue that does not answer, a kill of its orders in vain, and its proof once it answers."""
    await guide.press("q")
    await guide.arrive(QuitScreen)
    await guide.settle()
    album.take(guide.app, "quit")
    await guide.press("escape")
    await guide.press("f10")
    await guide.arrive(KillScreen)
    await guide.settle()
    album.take(guide.app, "kill")
    await guide.press("escape")
    await guide.arrive(LiveScreen)
    with _silent_venue():
        await guide.until(lambda: SILENT in screen_text(guide.app))
        await guide.settle()
        album.take(guide.app, "venue-silent")
        await guide.press("f10")
        await guide.arrive(KillScreen)
        await guide.click("#cancel-all")
        await guide.until(lambda: WAITING in screen_text(guide.app))
        await guide.settle()
        album.take(guide.app, "kill-waiting")
        await guide.until(lambda: bool(guide.app.kills.unproven))
        await guide.press("escape")
        await guide.arrive(LiveScreen)
        await guide.settle()
        album.take(guide.app, "kill-unproven")
        await guide.press("m")
        await guide.arrive(MarketsScreen)
        await guide.settle()
        album.take(guide.app, "kill-unproven-markets")
    await guide.press("f10")
    await guide.arrive(KillScreen)
    await guide.click("#cancel-all")
    await guide.until(lambda: not guide.app.kills.unproven)
    await guide.settle()
    album.take(guide.app, "kill-proof")


async def _several(guide: Guide, album: Album) -> None:
    """Three packed markets in one table, and the choice of which to kill."""
    for symbol in MARKETS:
        await guide.until(partial(_is_shown, guide, symbol))
        await _set_up(guide)
        await guide.press("f2")
    await guide.arrive(OverviewScreen)
    await guide.until(lambda: all(one.packed for one in guide.snapshots))
    await asyncio.sleep(LIVE_SECONDS)
    await guide.until(lambda: all(one.packed for one in guide.snapshots))
    await guide.settle()
    album.take(guide.app, "overview")
    await guide.resize(*SMALL)
    album.take(guide.app, "overview-80x24")
    await guide.resize(*LARGE)
    await guide.press("f10")
    await guide.arrive(KillScreen)
    await guide.settle()
    album.take(guide.app, "kill-which")
    await guide.press("escape")
    await guide.arrive(OverviewScreen)
    await guide.press("q")
    await guide.arrive(QuitScreen)
    await guide.click("#leave")


def _is_shown(guide: Guide, symbol: str) -> bool:
    """Whether the first line, which names the market of a screen, has this one."""
    return symbol in next(iter(screen_text(guide.app).splitlines()), "")


@contextmanager
def _silent_venue() -> Iterator[None]:
    """The demo's venue accepts requests and does not answer."""
    children = psutil.Process().children(recursive=True)
    (venue,) = (child for child in children if "ama_tui.localnet" in child.cmdline())
    venue.suspend()
    try:
        yield
    finally:
        venue.resume()


async def _prepare(guide: Guide, album: Album) -> bool:
    """Sessions being created; False if they were ready too soon to be seen."""
    await _set_up(guide)
    await guide.press("f2")
    await guide.until(lambda: guide.makes_sessions or isinstance(guide.app.screen, LiveScreen))
    if not guide.makes_sessions or not isinstance(guide.app.screen, PreparationScreen):
        return False
    await guide.settle()
    if not isinstance(guide.app.screen, PreparationScreen):
        return False
    album.take(guide.app, "preparation")
    return True
