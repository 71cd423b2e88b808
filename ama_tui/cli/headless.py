"""Run without the dashboard: progress on stderr, summary on stdout, exit codes for scripts."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import Sequence
from time import monotonic

import click

from ama_tui.cli import event_loop
from ama_tui.cli.arguments import Arguments
from ama_tui.cli.hardening import refuse_debugging
from ama_tui.cli.profile import profiled
from ama_tui.cli.progress import Progress
from ama_tui.cli.run_text import plan_row, plan_text, summary_text
from ama_tui.cli.signals import INTERRUPTED, SIGNALS
from ama_tui.cli.wiring import build_engine, wallets_source
from ama_tui.domain.errors import AmaError, ConfigError, PreflightError
from ama_tui.engine.freeze import Freeze
from ama_tui.engine.publisher import Publisher
from ama_tui.engine.run.market_run import error_line
from ama_tui.engine.run.market_start import MarketStart
from ama_tui.engine.run.run import STOP_PATIENCE_S, Run
from ama_tui.engine.run.stop_condition import StopCondition
from ama_tui.keys.wallet_source import WalletsSource

SURVIVORS = 4
NOT_PACKED = 5
_SECONDS = re.compile(r"(\d+(?:\.\d+)?)s?")


def run_headless(arguments: Arguments, *, demo: bool = False) -> int:
    """Run until the requested stop condition or a signal. Returns the exit code. Raises AmaError."""
    if not demo:
        refuse_debugging(os.environ, is_allowed=arguments.allow_debug)
    until = _until(arguments.until)
    # May prompt for a password, so before the event loop.
    wallets = None if demo else wallets_source(arguments)
    with profiled(arguments.profile):
        headless = _Headless(arguments, until, wallets)
        return event_loop.run(headless.run(), on_stop=headless.stop)


def _until(text: str | None) -> float | None:
    """Parse --until to seconds; None for `packed` or no value. Raises ConfigError."""
    if text is None or text == "packed":
        return None
    match = _SECONDS.fullmatch(text)
    if match is None:
        raise ConfigError(f"--until is {text!r}", "use 'packed' or a time such as 30s")
    return float(match[1])


class _Headless:
    """One headless run."""

    def __init__(self, arguments: Arguments, until: float | None, wallets: WalletsSource | None) -> None:
        self._arguments = arguments
        self._until = until
        self._publisher = Publisher()
        self._engine = build_engine(arguments, wallets, self._publisher, Freeze())
        self._stop_requested = asyncio.Event()
        self._stop_by = float("inf")
        """On the monotonic clock, once a stop is requested."""
        self._is_preparing = False
        self._stop_condition = StopCondition()
        if arguments.until == "packed":
            self._stop_condition = StopCondition(when_packed=True, at=monotonic() + arguments.within)

    async def run(self) -> int:
        """Run from start to finish. Always closes the engine."""
        try:
            with Progress(self._publisher, sys.stderr) as progress:
                return await self._run_engine(progress)
        finally:
            await self._engine.close()

    async def _run_engine(self, progress: Progress) -> int:
        """Start, run and finish."""
        stop = asyncio.create_task(self._stop_requested.wait())
        code = await self._start_or_stop(progress, stop)
        if code is not None:
            return code
        finished = asyncio.create_task(self._engine.finished())
        await asyncio.wait({finished, stop}, return_when=asyncio.FIRST_COMPLETED)
        if finished.done():
            finished.result()  # raises what ended the only market
        finished.cancel()
        return await self._finish(progress)

    async def _start_or_stop(self, progress: Progress, stop: asyncio.Task[object]) -> int | None:
        """Start the run. A stop meanwhile waits briefly for sessions being created, but not for reads."""
        begin = asyncio.create_task(self._start(progress))
        limit = self._arguments.within if self._arguments.until == "packed" else None
        await asyncio.wait({begin, stop}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        if stop.done() and not begin.done() and self._is_preparing:
            await asyncio.wait({begin}, timeout=self._seconds_to_stop())
        if begin.done():
            return begin.result()
        begin.cancel()
        await asyncio.gather(begin, return_exceptions=True)
        if stop.done():
            return self._interrupted(progress)
        progress.close(quietly=True)
        print(f"not packed within {limit:g} s: the run has not even started", file=sys.stderr)
        return NOT_PACKED

    async def _start(self, progress: Progress) -> int | None:
        """Open the venue, prepare and start the run. Returns an exit code if nothing runs. Raises AmaError."""
        engine = self._engine
        await engine.open()
        if engine.problems:
            raise ConfigError("; ".join(engine.problems))
        markets = await engine.chosen_markets(engine.preselected)
        starts = [
            MarketStart(market, *await engine.resolved_for(market, self._arguments.run.resume)) for market in markets
        ]
        if self._stop_requested.is_set():
            return self._interrupted(progress)
        if self._arguments.run.dry_run:
            await self._show_plans(starts)
            return 0
        progress.begin()
        self._is_preparing = True
        await engine.begin_all(starts, self._stop_condition)
        if self._until is not None:
            self._stop_condition.at = monotonic() + self._until
        return None

    async def _show_plans(self, starts: Sequence[MarketStart]) -> None:
        """Print what a run would place first on each market. Raises PreflightError if one cannot be quoted."""
        plans = []
        for start in starts:
            others = [other.market for other in starts if other is not start]
            preview = await self._engine.preview_of(start.market, start.resolved, others)
            if preview.refusal:
                raise PreflightError(f"{start.market.symbol} cannot be quoted", preview.refusal)
            plans.append((start.market, preview.plan))
        for note in self._engine.notes:
            print(note, file=sys.stderr)
        if self._arguments.as_json:
            rows = [plan_row(market, plan) for market, plan in plans]
            click.echo(json.dumps(rows[0] if len(rows) == 1 else {"markets": rows}))
        else:
            for market, plan in plans:
                click.echo(plan_text(market, plan))

    async def _finish(self, progress: Progress) -> int:
        """Stop and print the summary, as of the read that ended the run, or as of the stop after a signal.

        The last line of progress is of the same read.
        """
        engine = self._engine
        was_stopped = self._stop_requested.is_set()
        runs = [one.run for one in engine.markets_run if one.run is not None]
        if any(run.cancel_on_stop for run in runs):
            SIGNALS.lift_limit()
        if was_stopped:
            await engine.stop(self._seconds_to_stop())
        summary = engine.summary()
        progress.hold()
        if not was_stopped:
            await engine.stop(self._seconds_to_stop())
        progress.close()
        if self._arguments.as_json:
            click.echo(json.dumps(summary))
        else:
            click.echo(summary_text(summary))
        return self._exit_code(runs, is_short=self._arguments.until is not None and not was_stopped)

    def _exit_code(self, runs: Sequence[Run], *, is_short: bool) -> int:
        """The most serious result of any market: orders left, an error that ended it, or levels not filled.

        `is_short`: a market that is not packed ends the run with an error.
        """
        for market, failure in self._engine.failures:
            print(f"{market.symbol}: {error_line(failure)}", file=sys.stderr)
        left = [run.ended for run in runs if run.ended is not None and not run.ended.is_proven]
        for report in left:
            print(report.text, file=sys.stderr)
            for order in report.survivors:
                print(f"{order.nickname}  {order.wallet}  order {order.order_id}", file=sys.stderr)
        if left:
            return SURVIVORS
        for _, failure in self._engine.failures:
            return failure.exit_code if isinstance(failure, AmaError) else 1
        return NOT_PACKED if is_short and not all(run.packed for run in runs) else 0

    def _interrupted(self, progress: Progress) -> int:
        progress.close(quietly=True)
        print("stopped before the run started", file=sys.stderr)
        return INTERRUPTED

    def _seconds_to_stop(self) -> float:
        return min(STOP_PATIENCE_S, max(0.0, self._stop_by - monotonic()))

    def stop(self) -> None:
        """Stop in order."""
        self._stop_by = monotonic() + STOP_PATIENCE_S
        self._stop_requested.set()
        print("stopping: finishing pending requests (press again to quit now)", file=sys.stderr)
