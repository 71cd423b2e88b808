"""`ama-tui demo`: the dashboard on a local test venue with funded wallets."""

from __future__ import annotations

import click

from ama_tui.cli.arguments import arguments_of
from ama_tui.cli.options import ask_option, fleet_options, headless_options, localnet_options, profile_option
from ama_tui.cli.strategy_options import StrategyCommand
from ama_tui.config.demo_extra import require_demo


@click.command("demo", cls=StrategyCommand)
@fleet_options
@ask_option(False)
@headless_options
@localnet_options
@profile_option
def command(**options: object) -> None:
    """Try the dashboard on a local test venue.

    The venue, its chain and its funded wallets exist only while the demo runs. No real money.
    """
    require_demo()
    ctx = click.get_current_context()
    arguments = arguments_of(options)
    if arguments.is_headless:
        from ama_tui.cli.headless import run_headless

        ctx.exit(run_headless(arguments, demo=True))
    from ama_tui.cli.dashboard import open_dashboard

    ctx.exit(open_dashboard(arguments, demo=True))
