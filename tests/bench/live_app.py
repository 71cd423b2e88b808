"""The dashboard's live screen over a made-up engine, for the benchmark that watches it on a terminal.

    python -m tests.bench.live_app [--wallets N] [--states HZ] [--events HZ] [--idle] [--seconds S] [--report FILE]

By hand it measures the load that the options name; `--profile FILE` keeps cProfile's figures of the screen's thread.
Frames that show where the cursor went are marked: see `cursor_marks`.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import sys
import time
from contextlib import nullcontext
from pathlib import Path

from ama_tui.engine.run.garbage import collect_rarely
from ama_tui.ui.app import AmaApp
from ama_tui.ui.run import SWITCH_INTERVAL_S
from ama_tui.ui.screens.live import LiveScreen
from tests.bench.cursor_marks import CursorMarks
from tests.bench.engine_play import EnginePlay, Load
from tests.ui.fakes import FakeHost, market

SETTLE_SECONDS = 1.5
"""Between the first state and the measurement: one-time work is done by then."""


class LiveApp(AmaApp):
    """Goes to the live screen, measures itself for some seconds and ends; `figures` holds the results."""

    def __init__(
        self, host: FakeHost, load: Load, seconds: float, profile: cProfile.Profile | None, marks: CursorMarks
    ) -> None:
        super().__init__(lambda: host)
        self._host, self._load, self._seconds, self._profile = host, load, seconds, profile
        self._marks = marks
        self.figures: dict[str, object] = {}

    def on_mount(self) -> None:
        self.run_worker(self._measure())

    async def _measure(self) -> None:
        while self.facts is None:  # noqa: ASYNC110 - the dashboard has no event for it
            await asyncio.sleep(0.02)
        play = EnginePlay(self._host.publisher, self._load)
        played = self._host.call(lambda engine: play.play())
        self.market = market()
        await self.push_screen(LiveScreen(market()))
        await asyncio.sleep(SETTLE_SECONDS)
        play.late_ms.clear()
        self._marks.begin(self)
        cpu, wall = time.thread_time(), time.perf_counter()
        with self._profile or nullcontext():
            await asyncio.sleep(self._seconds)
        cpu, wall = time.thread_time() - cpu, time.perf_counter() - wall
        play.is_over = True
        self.figures = {"cpu_share": cpu / wall, "late_ms": list(play.late_ms)}
        await asyncio.wrap_future(played)
        self.exit()


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
    marks = CursorMarks()
    marks.install()
    app = LiveApp(host, load, options.seconds, profile, marks)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    collect_rarely()
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
