"""`ama-tui cancel-all`: cancel all orders on a market and verify on chain, without a running instance."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, cast

import click

from ama_tui.cli import event_loop
from ama_tui.cli.arguments import arguments_of
from ama_tui.cli.hardening import refuse_debugging
from ama_tui.cli.options import allow_debug_option, insecure_http_option, patience_option, state_option, wallets_options
from ama_tui.cli.signals import INTERRUPTED
from ama_tui.cli.strict import StrictCommand
from ama_tui.domain.errors import AmaError

if TYPE_CHECKING:
    from ama_tui.domain.event import KillProgress
    from ama_tui.domain.market import Market
    from ama_tui.engine.engine_api import KillReport
    from ama_tui.engine.publisher import Publisher
    from ama_tui.keys.wallet_source import WalletsSource

SURVIVORS = 4


@click.command("cancel-all", cls=StrictCommand)
@click.option(
    "--market",
    "markets",
    required=True,
    multiple=True,
    metavar="SYMBOL|ADDRESS|all",
    help="Market to cancel on. May be repeated; `all` is every market with saved files.",
)
@wallets_options
@insecure_http_option
@allow_debug_option
@click.option("--wallets", type=click.IntRange(min=1), default=None, help="Only the first N wallets of the file [all].")
@state_option
@click.option("--force", is_flag=True, help="Override a running instance on this market, which may place new orders.")
@click.option("--revoke", is_flag=True, help="Also revoke the sessions once no orders are left.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object on stdout.")
@patience_option
def command(**options: object) -> None:
    """Cancel all orders of the fleet on one or more markets and verify on chain.

    Works without a running instance and with a damaged journal. Wallets of the saved run that are missing from the
    wallets file are included if their sessions are still valid.

    Exit code 0: on every market two chain reads two blocks apart, the book's events and the vault agree that no order
    is open, and none can still reach the book. Exit code 4: orders are left, or that could not be proven.
    """
    from ama_tui.cli.wiring import wallets_source

    refuse_debugging(os.environ, is_allowed=bool(options["allow_debug"]))
    work = _Command(options, wallets_source(arguments_of(options)))
    click.get_current_context().exit(event_loop.run(work.run(), on_stop=work.stop))


class _Command:
    """One cancel-all: its progress and report."""

    def __init__(self, options: Mapping[str, object], source: WalletsSource) -> None:
        self._options = options
        self._source = source
        self._stop = asyncio.Event()
        self._has_started = False
        self._has_failed = False
        """A market of several could not be cancelled on at all."""
        self._work: asyncio.Task[list[tuple[Market, KillReport]]] | None = None
        self._last_line = ""

    async def run(self) -> int:
        """Cancel, print the report and return the exit code. Raises AmaError."""
        from ama_tui.domain.event import Action
        from ama_tui.engine.cancel.command import report_row
        from ama_tui.engine.publisher import Publisher

        publisher = Publisher()
        self._work = asyncio.create_task(self._cancel(publisher))
        if self._stop.is_set():
            self._work.cancel()
        cursor = 0
        while not self._work.done():
            await asyncio.wait({self._work}, timeout=0.2)
            cursor, events = publisher.log_since(cursor)
            for event in events:
                if event.is_error and event.action is not Action.CANCEL_ORDER:  # cancels are retried
                    print(f"{event.nickname}  {event.text}".strip(), file=sys.stderr)
        if self._work.cancelled():
            print("stopped before cancelling anything", file=sys.stderr)
            return INTERRUPTED
        reports = self._work.result()
        rows = [report_row(market, report) for market, report in reports]
        if self._options["as_json"]:
            click.echo(json.dumps(rows[0] if len(rows) == 1 and not self._has_failed else {"markets": rows}))
        else:
            for market, report in reports:
                self._print(market, report)
        is_proven = not self._has_failed and all(report.is_proven for _, report in reports)
        return 0 if is_proven else SURVIVORS

    async def _cancel(self, publisher: Publisher) -> list[tuple[Market, KillReport]]:
        """Cancel on one market after another; each gets what is left of the time. Raises AmaError."""
        from ama_tui.engine.cancel.command import CancelAllRequest, cancel_all, markets_named
        from ama_tui.engine.connect import VenueSource

        options = self._options
        source = VenueSource(Path.cwd(), os.environ, self._source, insecure_http=bool(options["insecure_http"]))
        state_root, named = Path(str(options["state_dir"])), options["markets"]
        within_s = float(str(options["within"]))
        deadline = monotonic() + within_s
        selectors = [str(one) for one in cast(Sequence[object], named)]
        markets = await markets_named(source, state_root, selectors, within_s)
        reports: list[tuple[Market, KillReport]] = []
        for number, market in enumerate(markets):
            request = CancelAllRequest(
                market=market,
                source=source,
                state_root=state_root,
                wallets=options["wallets"] if isinstance(options["wallets"], int) else None,
                within_s=max(0.0, (deadline - monotonic()) / (len(markets) - number)),
                force=bool(options["force"]),
                revoke=bool(options["revoke"]),
            )
            self._has_started, left = False, markets[number + 1 :]
            try:
                done = await cancel_all(request, publisher=publisher, on_progress=self._progress, stop=self._stop)
            except AmaError as error:
                if len(markets) == 1:
                    raise
                self._has_failed = True
                print(f"{market}: {error}", file=sys.stderr)
            except asyncio.CancelledError:
                if not reports:
                    raise
                left = markets[number:]
            else:
                reports.append(done)
            if self._stop.is_set() and left:
                self._has_failed = True
                print(f"stopped before cancelling on {', '.join(left)}", file=sys.stderr)
                break
        return reports

    def _print(self, market: Market, report: KillReport) -> None:
        click.echo(f"{market.symbol}: {report.text}")
        for order in report.survivors:
            click.echo(f"  {order.nickname}  {order.wallet}  order {order.order_id}")

    def _progress(self, progress: KillProgress) -> None:
        self._has_started = True
        line = f"cancelling {progress.done}/{progress.total}"
        if progress.total and line != self._last_line:
            self._last_line = line
            print(line, file=sys.stderr, flush=True)

    def stop(self) -> None:
        """Finish pending requests and report, or end what has not sent anything."""
        self._stop.set()
        if self._has_started:
            print("finishing pending requests (press again to quit now)", file=sys.stderr)
        elif self._work is not None:
            self._work.cancel()
