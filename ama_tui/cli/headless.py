"""Run without the dashboard: progress on stderr, summary on stdout, exit codes for scripts."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import threading
from collections.abc import Mapping
from time import monotonic

import click

from ama_tui.cli import event_loop
from ama_tui.cli.arguments import Arguments
from ama_tui.cli.hardening import refuse_debugging
from ama_tui.cli.profile import profiled
from ama_tui.cli.progress import Progress
from ama_tui.cli.signals import INTERRUPTED, SIGNALS
from ama_tui.cli.wiring import build_engine, wallets_source
from ama_tui.domain.errors import ConfigError, PreflightError
from ama_tui.domain.market import Market, short_address
from ama_tui.domain.money import format_amount, format_price, format_usdc
from ama_tui.domain.plan import Place, Plan
from ama_tui.engine.publisher import Publisher
from ama_tui.engine.run.run import STOP_PATIENCE_S, StopCondition
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
        self._engine = build_engine(arguments, wallets, self._publisher, threading.Event())
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
            finished.result()
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
        market = await engine.market(engine.preselected)
        resolved, resumes = await engine.resolved_for(market, self._arguments.run.resume)
        if self._stop_requested.is_set():
            return self._interrupted(progress)
        if self._arguments.run.dry_run:
            preview = await engine.preview_of(market, resolved)
            if preview.refusal:
                raise PreflightError(f"{market.symbol} cannot be quoted", preview.refusal)
            for note in engine.notes:
                print(note, file=sys.stderr)
            _print_plan(market, preview.plan, as_json=self._arguments.as_json)
            return 0
        progress.begin()
        self._is_preparing = True
        await engine.begin(market, resolved, resume=resumes, ending=self._stop_condition)
        if self._until is not None:
            self._stop_condition.at = monotonic() + self._until
        return None

    async def _finish(self, progress: Progress) -> int:
        """Stop and print the summary, as of the read that ended the run, or as of the stop after a signal.

        The last line of progress is of the same read.
        """
        engine = self._engine
        was_stopped = self._stop_requested.is_set()
        if engine.run is not None and engine.run.cancel_on_stop:
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
            click.echo(_summary_text(summary))
        ended = engine.run.ended if engine.run is not None else None
        if ended is not None and not ended.is_proven:
            print(ended.text, file=sys.stderr)
            for order in ended.survivors:
                print(f"{order.nickname}  {order.wallet}  order {order.order_id}", file=sys.stderr)
            return SURVIVORS
        is_short = self._arguments.until is not None and not was_stopped and not summary["packed"]
        return NOT_PACKED if is_short else 0

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


def _summary_text(summary: Mapping[str, object]) -> str:
    """The summary as text."""
    head = (
        f"{summary['market']}: bids {summary['resting_bids']}, asks {summary['resting_asks']} "
        f"of {summary['target_orders']}, {'packed' if summary['packed'] else 'not packed'} at block {summary['block']}"
    )
    limits = summary["rate_limits"]
    if isinstance(limits, Mapping):
        for host, waited in limits.items():
            refused = f"{waited['refused']} requests refused"
            head += f"\n  waited {waited['seconds']:.0f} s for the {host}'s rate limit ({refused})"
    short = summary["short"]
    if not isinstance(short, Mapping) or not short:
        return head
    return head + "".join(f"\n  {name}: {reason}" for name, reason in short.items())


def _print_plan(market: Market, plan: Plan, *, as_json: bool) -> None:
    """Print the orders a run would place first."""
    places = [intent for intent in plan.intents if isinstance(intent, Place)]
    if as_json:
        rows = [
            {
                "wallet": place.wallet,
                "side": place.side.value,
                "level": place.level,
                "price6": str(place.price6),
                "amount18": str(place.amount18),
                "margin6": str(place.margin6),
            }
            for place in places
        ]
        skips = [{"wallet": skip.wallet, "reason": skip.text} for skip in plan.skips]
        click.echo(json.dumps({"market": market.symbol, "orders": rows, "skips": skips}))
        return
    for place in places:
        price, amount = format_price(place.price6, market.tick6), format_amount(place.amount18)
        margin = format_usdc(place.margin6)
        name = short_address(place.wallet)
        click.echo(f"{name}  {place.side.value:4} L{place.level:<2} {amount:>10} @ {price:>12}  margin {margin:>10}")
    for skip in plan.skips:
        click.echo(f"{short_address(skip.wallet)}  skipped: {skip.text}")
    click.echo(f"{len(places)} orders on {market.symbol}; nothing was signed or sent")
