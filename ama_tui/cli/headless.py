"""A run without the dashboard: progress on stderr, a summary on stdout, exit codes for scripts."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
import threading
from collections.abc import Mapping
from time import monotonic

import click

from ama_tui.cli.hardening import refuse_debugging
from ama_tui.cli.progress import Progress
from ama_tui.cli.wiring import build_desk, wallets_source
from ama_tui.domain.errors import ConfigError, PreflightError
from ama_tui.domain.market import Market, short_address
from ama_tui.domain.money import format_amount, format_price, format_usdc
from ama_tui.domain.plan import Place, Plan
from ama_tui.engine.engine_api import StartRequest
from ama_tui.engine.publisher import Publisher
from ama_tui.engine.run.run import STOP_PATIENCE_S, StopCondition
from ama_tui.keys.wallet_source import WalletsSource

SURVIVORS = 4
NOT_PACKED = 5
INTERRUPTED = 130
_SECONDS = re.compile(r"(\d+(?:\.\d+)?)s?")


def run_headless(options: Mapping[str, object], *, demo: bool = False) -> int:
    """Run until the ending that was asked for, or a signal; returns the exit code. Raises AmaError."""
    if not demo:
        refuse_debugging(options, os.environ)
    until = _until(options.get("until"))
    # Before the loop and the signals: it may ask for a password.
    wallets = None if demo else wallets_source(options)
    return asyncio.run(_Headless(options, until, wallets).run())


def _until(text: object) -> float | None:
    """None for `packed` or nothing, else seconds. Raises ConfigError."""
    if text is None or text == "packed":
        return None
    match = _SECONDS.fullmatch(str(text))
    if match is None:
        raise ConfigError(f"--until is {text!r}", "give 'packed' or a time such as 30s")
    return float(match[1])


class _Headless:
    """One headless run and its signals."""

    def __init__(self, options: Mapping[str, object], until: float | None, wallets: WalletsSource | None) -> None:
        self._options = options
        self._until = until
        self._publisher = Publisher()
        self._engine = build_desk(options, wallets, self._publisher, threading.Event())
        self._stop_asked = asyncio.Event()
        self._ending = StopCondition(when_packed=options.get("until") == "packed")

    async def run(self) -> int:
        """The whole run; the desk is closed whatever happens."""
        self._listen()
        try:
            with Progress(self._publisher, sys.stderr) as progress:
                return await self._go(progress)
        finally:
            await self._engine.close()

    async def _go(self, progress: Progress) -> int:
        """Begin, run and finish."""
        stop = asyncio.create_task(self._stop_asked.wait())
        code = await self._begin_or_stop(progress, stop)
        if code is not None:
            return code
        finished = asyncio.create_task(self._engine.finished())
        await asyncio.wait({finished, stop}, return_when=asyncio.FIRST_COMPLETED)
        if finished.done():
            finished.result()
        finished.cancel()
        return await self._finish(progress)

    async def _begin_or_stop(self, progress: Progress, stop: asyncio.Task[object]) -> int | None:
        """Begin; a stop meanwhile waits a while for the sessions that are being made, and then gives them up."""
        begin = asyncio.create_task(self._begin(progress))
        await asyncio.wait({begin, stop}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({begin}, timeout=STOP_PATIENCE_S)
        if begin.done():
            return begin.result()
        begin.cancel()
        await asyncio.gather(begin, return_exceptions=True)
        return self._interrupted(progress)

    async def _begin(self, progress: Progress) -> int | None:
        """Open the venue, prepare and begin the run; an exit code when there is nothing to run. Raises AmaError."""
        engine = self._engine
        await engine.open()
        if engine.problems:
            raise ConfigError("; ".join(engine.problems))
        market = await engine.market(engine.preselected)
        resume = self._options.get("resume")
        resolved, resumes = await engine.resolved_for(market, resume if isinstance(resume, bool) else None)
        if self._stop_asked.is_set():
            return self._interrupted(progress)
        if self._options.get("dry_run"):
            wanted = StartRequest(market, resolved.parameters, resumes, resolved.run.wallets)
            preview = await engine.preview(wanted)
            if preview.refusal:
                raise PreflightError(f"{market.symbol} cannot be quoted", preview.refusal)
            for note in engine.notes:
                print(note, file=sys.stderr)
            _print_plan(market, preview.plan, as_json=bool(self._options.get("as_json")))
            return 0
        progress.begin()
        await engine.begin(market, resolved, resume=resumes, ending=self._ending)
        self._ending.at = monotonic() + self._seconds()
        return None

    async def _finish(self, progress: Progress) -> int:
        """Stop and print the summary: of the read that ended the run, or of what a signal left."""
        engine = self._engine
        was_stopped = self._stop_asked.is_set()
        summary = engine.summary()
        await engine.stop()
        if was_stopped:
            summary = engine.summary()
        progress.close()
        if self._options.get("as_json"):
            click.echo(json.dumps(summary))
        else:
            click.echo(_sentence(summary))
        ended = engine.run.ended if engine.run is not None else None
        if ended is not None and not ended.is_proven:
            print(ended.text, file=sys.stderr)
            for one in ended.survivors:
                print(f"{one.nickname}  {one.wallet}  order {one.order_id}", file=sys.stderr)
            return SURVIVORS
        is_short = self._options.get("until") is not None and not was_stopped and not summary["packed"]
        return NOT_PACKED if is_short else 0

    def _interrupted(self, progress: Progress) -> int:
        progress.close(quietly=True)
        print("stopped before the run began", file=sys.stderr)
        return INTERRUPTED

    def _seconds(self) -> float:
        if self._until is not None:
            return self._until
        within = self._options.get("within")
        return float(str(within)) if self._options.get("until") == "packed" else float("inf")

    def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._stop_or_leave)

    def _stop_or_leave(self) -> None:
        """The first signal stops in good order, the second leaves at once: the journal is on the disk already."""
        if self._stop_asked.is_set():
            os._exit(INTERRUPTED)
        self._stop_asked.set()
        print("stopping: waiting for what is in flight (again: leave at once)", file=sys.stderr)


def _sentence(summary: Mapping[str, object]) -> str:
    """The summary for a person."""
    head = (
        f"{summary['market']}: {summary['resting_bids']} bids and {summary['resting_asks']} asks rest "
        f"of {summary['target_orders']}, {'packed' if summary['packed'] else 'not packed'} at block {summary['block']}"
    )
    short = summary["short"]
    if not isinstance(short, Mapping) or not short:
        return head
    return head + "".join(f"\n  {name}: {reason}" for name, reason in short.items())


def _print_plan(market: Market, plan: Plan, *, as_json: bool) -> None:
    """What a run would place first; nothing was signed or sent."""
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
    click.echo(f"{len(places)} orders on {market.symbol}; nothing has been signed or sent")
