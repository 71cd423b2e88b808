"""The way through the dashboard that the pictures show: a real engine on a real venue, mostly by keys."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ama_tui.cli.wiring import open_host
from ama_tui.ui.app import AmaApp
from ama_tui.ui.screens.kill import KillScreen
from ama_tui.ui.screens.live import LiveScreen
from ama_tui.ui.screens.markets import MarketsScreen
from ama_tui.ui.screens.preparation import PreparationScreen
from ama_tui.ui.screens.setup import SetupScreen
from ama_tui.ui.widgets.plain import Plain
from tests.screenshots.album import Album
from tests.screenshots.guide import Guide

LARGE, SMALL = (160, 48), (80, 24)
LIVE_SECONDS = 40.0
"""How long the packed fleet is watched before its picture: some orders are filled and placed anew."""
SLOW_BLOCK_TIME = 4.0
"""Seconds between blocks where a picture must be taken before the next one."""
TRIES = 5


async def tour(album: Album, seed: int) -> None:
    """Markets, set-up, live large and small, kill, proof; and preparation. Raises TimeoutError when one stays out."""
    async with _demo(seed=seed, block_time=1.0) as guide:
        await _to_market(guide, album)
        await _run(guide, album)
        await _kill(guide, album)
    for _ in range(TRIES):
        async with _demo(seed=seed, block_time=SLOW_BLOCK_TIME, market="ETH-USD") as guide:
            if await _prepare(guide, album):
                return
    raise TimeoutError(f"the sessions were ready before they could be shown, {TRIES} times")


@asynccontextmanager
async def _demo(**options: object) -> AsyncIterator[Guide]:
    """The dashboard on a demo of ten wallets; it is left in good order at the end."""
    app = AmaApp(lambda: open_host({"wallets": 10, **options}, demo=True), is_demo=True)
    async with app.run_test(size=LARGE) as pilot:
        guide = Guide(pilot, app)
        yield guide
        await guide.leave()


async def _to_market(guide: Guide, album: Album) -> None:
    """From the list to the set-up of its first market."""
    await guide.arrive(MarketsScreen)
    await guide.until(lambda: any(line.text for line in guide.app.screen.query("#quote").results(Plain)))
    await guide.settle()
    album.take(guide.app, "markets")
    await guide.press("enter")
    await _set_up(guide)
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
    await guide.resize(*LARGE)


async def _kill(guide: Guide, album: Album) -> None:
    """The question, and what the chain shows after it was answered."""
    await guide.press("f10")
    await guide.arrive(KillScreen)
    await guide.settle()
    album.take(guide.app, "kill")
    await guide.click("#yes")
    await guide.until(lambda: guide.app.kill_report is not None)
    await guide.settle()
    album.take(guide.app, "kill-proof")


async def _prepare(guide: Guide, album: Album) -> bool:
    """Sessions while they are being made; False when they were ready too soon to be seen."""
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
