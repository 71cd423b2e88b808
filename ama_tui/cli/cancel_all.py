"""`ama-tui cancel-all`: take everything off a market's book and prove it, without a running instance."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ama_tui.cli.hardening import refuse_debugging
from ama_tui.cli.options import allow_debug_option, insecure_http_option, patience_option, state_option, wallets_options

if TYPE_CHECKING:
    from ama_tui.domain.event import KillProgress
    from ama_tui.domain.market import Market
    from ama_tui.engine.engine_api import KillReport
    from ama_tui.keys.wallet_source import WalletsSource

SURVIVORS = 4
INTERRUPTED = 130


@click.command("cancel-all")
@click.option("--market", required=True, metavar="SYMBOL|ADDRESS", help="The market whose orders are cancelled.")
@wallets_options
@insecure_http_option
@allow_debug_option
@click.option("--wallets", type=click.IntRange(min=1), default=None, help="Only the first N wallets of the file [all].")
@state_option
@click.option("--force", is_flag=True, help="Go on although a running instance has the market: it may place again.")
@click.option("--revoke", is_flag=True, help="End the sessions too, once nothing rests any more.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object on stdout.")
@patience_option
def command(**options: object) -> None:
    """Cancel every order of the fleet on a market, and prove it from the chain.

    It needs no running instance, nor a journal in good order. Wallets that the stored run has and the file has not
    are included while their sessions work.

    Exit code 0 means proven: two reads of the chain, two blocks apart, show no order of any wallet, and nothing sent
    before can still come to rest. 4 means that something is left, or could not be read.
    """
    from ama_tui.cli.wiring import wallets_source

    refuse_debugging(options, os.environ)
    click.get_current_context().exit(asyncio.run(_Command(options, wallets_source(options)).run()))


class _Command:
    """One cancel-all, its signals and what it says."""

    def __init__(self, options: Mapping[str, object], source: WalletsSource) -> None:
        self._options = options
        self._source = source
        self._is_interrupted = False
        self._has_begun = False
        self._work: asyncio.Task[tuple[Market, KillReport]] | None = None
        self._shown = ""

    async def run(self) -> int:
        """Cancel, tell, and return the exit code. Raises AmaError."""
        from ama_tui.domain.event import Action
        from ama_tui.engine.cancel.command import CancelAllRequest, cancel_all, report_row
        from ama_tui.engine.publisher import Publisher

        options = self._options
        order = CancelAllRequest(
            market=str(options["market"]),
            directory=Path.cwd(),
            environ=os.environ,
            source=self._source,
            state_root=Path(str(options["state_dir"])),
            wallets=options["wallets"] if isinstance(options["wallets"], int) else None,
            within_s=float(str(options["within"])),
            force=bool(options["force"]),
            revoke=bool(options["revoke"]),
            insecure_http=bool(options["insecure_http"]),
        )
        publisher = Publisher()
        self._listen()
        self._work = asyncio.create_task(
            cancel_all(order, publisher=publisher, on_progress=self._progress, is_enough=lambda: self._is_interrupted)
        )
        cursor = 0
        while not self._work.done():
            await asyncio.wait({self._work}, timeout=0.2)
            cursor, events = publisher.log_since(cursor)
            for event in events:
                if event.is_error and event.action is not Action.CANCEL_ORDER:  # those are tried again
                    print(f"{event.nickname}  {event.text}".strip(), file=sys.stderr)
        if self._work.cancelled():
            print("stopped before anything was cancelled", file=sys.stderr)
            return INTERRUPTED
        market, report = self._work.result()
        if options["as_json"]:
            click.echo(json.dumps(report_row(market, report)))
        else:
            self._tell(market, report)
        return 0 if report.is_proven else SURVIVORS

    def _tell(self, market: Market, report: KillReport) -> None:
        click.echo(f"{market.symbol}: {report.text}")
        for one in report.survivors:
            click.echo(f"  {one.nickname}  {one.wallet}  order {one.order_id}")

    def _progress(self, progress: KillProgress) -> None:
        self._has_begun = True
        line = f"cancelling {progress.done}/{progress.total}"
        if progress.total and line != self._shown:
            self._shown = line
            print(line, file=sys.stderr, flush=True)

    def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._end_or_leave)

    def _end_or_leave(self) -> None:
        """The first signal ends with the pass that is under way and its report, the second leaves at once."""
        if self._is_interrupted:
            os._exit(INTERRUPTED)
        self._is_interrupted = True
        if self._has_begun or self._work is None:
            print("ending with what is under way (again: leave at once)", file=sys.stderr)
        else:
            self._work.cancel()
