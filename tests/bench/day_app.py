"""A day of a run in a minute: the real dashboard, its clock and its engine simulated, its memory read every hour.

    python -m tests.bench.day_app [--wallets N] [--hours N] [--hour-seconds N] [--paint-every N] [--report FILE]

Every simulated second has a state and two log events; the live screen is painted now and then, and every hour the
other screens are shown and left again.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import sys
from itertools import cycle
from pathlib import Path

import psutil

from ama_tui.ui.app import AmaApp
from ama_tui.ui.screens.live import LiveScreen
from tests.bench.engine_play import Load, dated, event, states
from tests.ui.fakes import NOW, FakeHost, market

EVENTS_PER_SECOND = 2
FRAME_SECONDS = 0.02
"""Real time per frame: the screen paints at most sixty a second."""

ROUND = ("4", "f", "f", "1", "enter", "escape", "question_mark", "escape", "f10", "escape", "ctrl+p", "escape")
"""Statistics, freeze and unfreeze, a wallet, the help, the kill dialog, the palette; and back from each."""


class DayApp(AmaApp):
    """Runs through some hours and ends; `memory` has the resident bytes and allocated blocks after each."""

    def __init__(self, host: FakeHost, options: argparse.Namespace) -> None:
        super().__init__(lambda: host, clock=lambda: self.now)
        self._host, self._options = host, options
        self.now = NOW
        self.memory: list[tuple[int, int]] = []

    def on_mount(self) -> None:
        self.run_worker(self._live())

    async def _live(self) -> None:
        while self.facts is None:  # noqa: ASYNC110 - the dashboard has no event for it
            await asyncio.sleep(0.02)
        self.market = market()
        await self.push_screen(LiveScreen(market()))
        for hour in range(self._options.hours):
            await self._hour(hour * self._options.hour_seconds)
            await self._look_around()
            gc.collect()
            self.memory.append((psutil.Process().memory_info().rss, sys.getallocatedblocks()))
        self.exit()

    async def _hour(self, start: int) -> None:
        kept = states(Load(self._options.wallets, 1, EVENTS_PER_SECOND))
        publisher = self._host.publisher
        for second, state in zip(range(start, start + self._options.hour_seconds), cycle(kept), strict=False):
            self.now = NOW + second
            publisher.publish(dated(state, second, self.now, NOW))
            for number in range(EVENTS_PER_SECOND):
                publisher.log(event(state, second * EVENTS_PER_SECOND + number, self.now))
            if second % self._options.paint_every == 0:
                self._poll()
                await asyncio.sleep(FRAME_SECONDS)
            elif self.history is not None:
                self.history.note(publisher.latest, self.now)

    async def _look_around(self) -> None:
        for key in ROUND:
            self.simulate_key(key)
            await asyncio.sleep(FRAME_SECONDS)
            self._poll()
            await asyncio.sleep(5 * FRAME_SECONDS)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.day_app")
    parser.add_argument("--wallets", type=int, default=10)
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--hour-seconds", type=int, default=3600)
    parser.add_argument("--paint-every", type=int, default=60)
    parser.add_argument("--report", type=Path, required=True)
    options = parser.parse_args()
    host = FakeHost()
    app = DayApp(host, options)
    app.run()
    host.close(5)
    options.report.write_text(json.dumps(app.memory))


if __name__ == "__main__":
    main()
