"""`ama-tui markets`: list the venue's markets."""

from __future__ import annotations

import json

import click

from ama_tui.cli import event_loop
from ama_tui.cli.options import insecure_http_option
from ama_tui.cli.strict import StrictCommand
from ama_tui.domain.market import Market
from ama_tui.domain.money import PRICE_UNIT, decimals_of_tick


@click.command("markets", cls=StrictCommand)
@click.option("--json", "as_json", is_flag=True, help="Print the rows as a JSON list.")
@insecure_http_option
def command(as_json: bool, insecure_http: bool) -> None:
    """List the venue's markets."""
    markets = event_loop.run(_markets(insecure_http))
    if as_json:
        click.echo(json.dumps([_row(market) for market in markets]))
        return
    width = max(len(market.symbol) for market in markets)
    for market in markets:
        tick = f"{market.tick6 / PRICE_UNIT:.{decimals_of_tick(market.tick6)}f}" if market.tick6 else "?"
        click.echo(f"{market.symbol:{width}}  tick {tick:>9}  {market.label}")


async def _markets(insecure_http: bool) -> tuple[Market, ...]:
    import os
    from pathlib import Path

    from ama_tui.config.environment import load_environment
    from ama_tui.domain.errors import PreflightError
    from ama_tui.venue.api import VenueApi

    environment = load_environment(Path.cwd(), os.environ, insecure_http=insecure_http)
    for warning in environment.warnings:
        click.echo(warning, err=True)
    async with VenueApi(environment.app_url) as api:
        markets = await api.markets()
    if not markets:
        raise PreflightError("the venue lists no markets", "check APP_URL or ask the venue's operator")
    return markets


def _row(market: Market) -> dict[str, object]:
    return {
        "symbol": market.symbol,
        "market_identifier": market.identifier,
        "market_address": market.address,
        "market_id_bytes32": market.market_id,
        "chain_id": market.chain_id,
        "tick_size": market.tick6 / PRICE_UNIT,
    }
