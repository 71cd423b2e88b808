"""The dashboard's live screen over a made-up engine, for the benchmark that watches it on a terminal.

    python -m tests.bench.live_app [--wallets N] [--states HZ] [--events HZ] [--idle] [--seconds S] [--report FILE]

By hand it measures the load that the options name; `--profile FILE` keeps cProfile's figures of the screen's thread.
Every frame that shows where the cursor went is followed by a mark that a terminal ignores: see `moved_mark`.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import time
from contextlib import nullcontext
from pathlib import Path

from rich.console import RenderableType
from textual.screen import Screen
from textual.strip import Strip

from ama_tui.ui.app import AmaApp
from ama_tui.ui.screens.live import LiveScreen
from ama_tui.ui.widgets.grid import Grid
from tests.bench.engine_play import EnginePlay, Load
from tests.ui.fakes import FakeHost, market

SETTLE_SECONDS = 1.5
"""Between the first state and the measurement: what is made once has been made."""

READY = b"\x1b]5379;ready\x07"
"""Written when the measurement begins."""


def moved_mark(moves: int) -> bytes:
    """Written after the frame in which the cursor's `moves`th step can be seen; an unknown command to a terminal."""
    return f"\x1b]5379;moved {moves}\x07".encode()


class LiveApp(AmaApp):
    """Goes to the live screen, measures itself for some seconds and ends; `figures` holds what it found."""

    def __init__(self, host: FakeHost, load: Load, seconds: float, profile: cProfile.Profile | None) -> None:
        super().__init__(lambda: host)
        self._host, self._load, self._seconds, self._profile = host, load, seconds, profile
        self.moves = self._painted = self._told = 0
        self.figures: dict[str, object] = {}

    def on_mount(self) -> None:
        self.run_worker(self._measure())

    def cursor_painted(self) -> None:
        """The line under the cursor goes into the frame that is made now."""
        self._painted = self.moves

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        super()._display(screen, renderable)
        if self._told != self._painted:
            self._told = self._painted
            self._write(moved_mark(self._told))

    def _write(self, mark: bytes) -> None:
        if self._driver is not None:
            self._driver.write(mark.decode())
            self._driver.flush()

    async def _measure(self) -> None:
        while self.facts is None:  # noqa: ASYNC110 - the dashboard has no event for it
            await asyncio.sleep(0.02)
        play = EnginePlay(self._host.publisher, self._load)
        played = self._host.call(lambda engine: play.play())
        self.market = market()
        await self.push_screen(LiveScreen(market()))
        await asyncio.sleep(SETTLE_SECONDS)
        play.late_ms.clear()
        self.moves = self._painted = self._told = 0
        self._write(READY)
        cpu, wall = time.thread_time(), time.perf_counter()
        with self._profile or nullcontext():
            await asyncio.sleep(self._seconds)
        cpu, wall = time.thread_time() - cpu, time.perf_counter() - wall
        play.is_over = True
        self.figures = {"cpu_share": cpu / wall, "late_ms": list(play.late_ms), "moves": self.moves}
        await asyncio.wrap_future(played)
        self.exit()


def watch_the_cursor(app: LiveApp) -> None:
    """Have every grid tell where its cursor goes and when that line is painted."""
    move_to, render_line = Grid.move_to, Grid.render_line

    def moving(grid: Grid[object], index: int) -> None:
        app.moves += 1
        move_to(grid, index)

    def rendering(grid: Grid[object], y: int) -> Strip:
        if y and grid.scroll_offset.y + y - 1 == grid.cursor:
            app.cursor_painted()
        return render_line(grid, y)

    Grid.move_to, Grid.render_line = moving, rendering  # type: ignore[method-assign,assignment]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.live_app")
    parser.add_argument("--wallets", type=int, default=1000)
    parser.add_argument("--states", type=float, default=4.0)
    parser.add_argument("--events", type=float, default=500.0)
    parser.add_argument("--idle", action="store_true")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--report", type=Path)
    parser.add_argument("--profile", type=Path)
    options = parser.parse_args()
    load = Load(options.wallets, options.states, options.events, options.idle)
    host = FakeHost()
    profile = cProfile.Profile() if options.profile else None
    app = LiveApp(host, load, options.seconds, profile)
    watch_the_cursor(app)
    app.run()
    host.close(5)
    if profile is not None:
        profile.dump_stats(options.profile)
    if options.report is not None:
        options.report.write_text(json.dumps(app.figures))
    else:
        print(f"{app.figures.get('cpu_share', 0):.1%} of a core")


if __name__ == "__main__":
    main()
