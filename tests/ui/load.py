"""The live screen under load: 1,000 wallets at 4 Hz and 500 log events a second, keys timed to the painted frame.

    python -m tests.ui.load [--wallets N] [--hz N] [--events N] [--seconds S] [--profile FILE] [--report FILE]

On a terminal of its own size; prints one JSON line when it ends (into FILE with --report).
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import random
import threading
import time
from dataclasses import replace
from pathlib import Path
from statistics import quantiles

from textual import events
from textual.screen import Screen

from ama_tui.domain.event import Action, EngineSnapshot, LogEvent, Totals
from ama_tui.engine.publisher import Publisher
from ama_tui.ui.app import AmaApp
from ama_tui.ui.screens.live import LiveScreen
from ama_tui.ui.widgets.grid import Grid
from tests.ui.books import packed
from tests.ui.fakes import FakeHost, market, wallet

VARIANTS = 6
SETTLE_SECONDS = 2.0


def states(wallets: int) -> list[EngineSnapshot]:
    """Snapshots that differ in every wallet and in most levels of the book."""
    made = []
    for turn in range(VARIANTS):
        base = packed(wallets, mid6=2_500_000_000 + turn * 30_000)
        rows = tuple(
            replace(row, bids=row.bids - (index + turn) % 3, in_flight=(index + turn) % 2, note="")
            for index, row in enumerate(base.wallets)
        )
        made.append(replace(base, wallets=rows, packed=False))
    return made


class Load:
    """The engine's part: publishes from a thread of its own, and counts how late its 5 ms ticks are."""

    def __init__(self, publisher: Publisher, options: argparse.Namespace) -> None:
        self._publisher, self._options = publisher, options
        self._states = states(options.wallets)
        self._names = [wallet(index) for index in range(10)]
        self.late_ms: list[float] = []
        self.is_over = False

    def begin(self) -> None:
        self.publish(0)
        threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True).start()

    def publish(self, turn: int) -> None:
        now = time.time()
        self._publisher.publish(
            replace(
                self._states[turn % VARIANTS],
                read_at_ms=int(now * 1000),
                block=1000 + turn,
                started_at_ms=int((now - turn) * 1000),
                totals=Totals(cycles=turn, sent=turn * 40, fills=turn),
            )
        )

    def log(self, number: int) -> None:
        row = self._names[number % 10]
        action = (Action.PLACE_LIMIT, Action.PLACE_LIMIT, Action.CANCEL_ORDER, Action.FILL)[number % 4]
        text = f"sell 0.184 @ 2,500.{number % 100:02d} L{number % 6}  38 ms"
        self._publisher.log(LogEvent(int(time.time() * 1000), action, text, row.address, row.nickname))

    async def _serve(self) -> None:
        began = time.perf_counter()
        tick, turn, logged = 0, 0, 0
        while not self.is_over:
            tick += 1
            due = began + tick * 0.005
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            now = time.perf_counter()
            self.late_ms.append((now - due) * 1000)
            while self._options.hz and (now - began) * self._options.hz > turn:
                turn += 1
                self.publish(turn)
            while (now - began) * self._options.events > logged:
                logged += 1
                self.log(logged)
            if now - due > 0.1:
                began, tick = now - tick * 0.005, tick


class LoadApp(AmaApp):
    """Goes to the live screen and measures itself."""

    def __init__(self, host: FakeHost, options: argparse.Namespace) -> None:
        super().__init__(lambda: host)
        self._host, self._options = host, options
        self._asked: float | None = None
        self._is_done = False
        self.latencies_ms: list[float] = []
        self.figures: dict[str, float] = {}

    def on_mount(self) -> None:
        self.run_worker(self._play())

    def _display(self, screen: Screen[object], renderable: object) -> None:
        super()._display(screen, renderable)  # type: ignore[arg-type]
        if self._asked is not None and self._is_done:
            self.latencies_ms.append((time.perf_counter() - self._asked) * 1000)
            self._asked, self._is_done = None, False

    async def _play(self) -> None:
        while self.facts is None:  # noqa: ASYNC110 - the application has no event for it
            await asyncio.sleep(0.05)
        load = Load(self._host.publisher, self._options)
        load.begin()
        self.market = market()
        await self.push_screen(LiveScreen(market()))
        await asyncio.sleep(SETTLE_SECONDS)
        moved = Grid.move_to

        def move_to(grid: Grid[object], index: int) -> None:
            moved(grid, index)
            self._is_done = True

        Grid.move_to = move_to  # type: ignore[method-assign,assignment]
        profile = cProfile.Profile() if self._options.profile else None
        threading.Thread(target=self._press, daemon=True).start()
        if profile is not None:
            profile.enable()
        load.late_ms.clear()
        cpu, wall = time.thread_time(), time.perf_counter()
        await asyncio.sleep(self._options.seconds)
        cpu, wall = time.thread_time() - cpu, time.perf_counter() - wall
        if profile is not None:
            profile.disable()
            profile.dump_stats(self._options.profile)
        load.is_over = True
        self.figures = {
            "ui_cpu": round(cpu / wall, 3),
            "key_p50_ms": p(self.latencies_ms, 50),
            "key_p95_ms": p(self.latencies_ms, 95),
            "key_max_ms": round(max(self.latencies_ms, default=0), 1),
            "keys": len(self.latencies_ms),
            "tick_late_p95_ms": p(load.late_ms, 95),
        }
        self.exit()

    def _press(self) -> None:
        """Keys as a driver sends them, from another thread, at odd moments."""
        if not self._options.keys:
            return
        loop = self._loop
        while True:
            time.sleep(random.uniform(0.05, 0.25))
            if self._asked is None:
                self._asked = time.perf_counter()
                event = events.Key("down" if random.random() < 0.7 else "up", None)
                asyncio.run_coroutine_threadsafe(self._post_message(event), loop)  # type: ignore[arg-type]


def p(values: list[float], percent: int) -> float:
    return round(quantiles(values, n=100)[percent - 1], 1) if len(values) > 1 else 0.0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--wallets", type=int, default=1000)
    parser.add_argument("--hz", type=float, default=4)
    parser.add_argument("--events", type=float, default=500)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--keys", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--profile", type=Path)
    parser.add_argument("--report", type=Path)
    options = parser.parse_args()
    app = LoadApp(FakeHost(), options)
    app.run()
    line = json.dumps(app.figures)
    if options.report is not None:
        options.report.write_text(line)
    print(line)


if __name__ == "__main__":
    main()
