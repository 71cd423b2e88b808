"""`ama-tui run`: make a market, with or without the dashboard."""

from __future__ import annotations

import click

from ama_tui.cli.arguments import arguments_of
from ama_tui.cli.options import (
    allow_debug_option,
    ask_option,
    fleet_options,
    headless_options,
    insecure_http_option,
    profile_option,
    wallets_options,
)
from ama_tui.cli.strategy_options import StrategyCommand


@click.command("run", cls=StrategyCommand)
@wallets_options
@fleet_options
@ask_option(True)
@headless_options
@profile_option
@insecure_http_option
@allow_debug_option
def command(**options: object) -> None:
    """Make a market: keep every wallet's orders on the book.

    With --headless (implied by --json, --until and --dry-run) it runs without the dashboard, until stopped or until
    the condition of --until.
    """
    ctx = click.get_current_context()
    arguments = arguments_of(options)
    if arguments.is_headless:
        from ama_tui.cli.headless import run_headless

        ctx.exit(run_headless(arguments))
    from ama_tui.cli.dashboard import open_dashboard

    ctx.exit(open_dashboard(arguments))
