"""`ama-tui venue`: run the local test venue alone, for any client."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import click

from ama_tui.cli import event_loop
from ama_tui.cli.options import localnet_options
from ama_tui.cli.strict import StrictCommand
from ama_tui.config.demo_extra import require_demo
from ama_tui.domain.errors import ConfigError, PreflightError


@click.command("venue", cls=StrictCommand)
@click.option(
    "--write",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    metavar="DIR",
    help="Write DIR/.env and DIR/wallets.csv for a client once the venue is ready.",
)
@click.option("--wallets", type=click.IntRange(min=1), default=10, show_default=True, help="Number of funded wallets.")
@click.option("--margin-only", is_flag=True, help="Refuse the two spot methods, like live venues.")
@localnet_options
def command(
    directory: Path | None, wallets: int, margin_only: bool, block_time: float, seed: int, node: str, chaos: bool
) -> None:
    """Run a local test venue (contracts, node, relayer, traders, funded wallets)."""
    require_demo()
    from ama_tui.localnet.faults import mix
    from ama_tui.localnet.options import VenueOptions

    options = VenueOptions(
        wallets=wallets,
        margin_only=margin_only,
        block_time=block_time,
        seed=seed,
        node="anvil" if node == "anvil" else "embedded",
        faults=mix.chaos(seed, own_node=node != "anvil") if chaos else None,
    )
    event_loop.run(_serve(options, directory))


async def _serve(options: object, directory: Path | None) -> None:
    from ama_tui.localnet.node import NodeError
    from ama_tui.localnet.options import VenueOptions
    from ama_tui.localnet.venue import LocalVenue

    assert isinstance(options, VenueOptions)  # noqa: S101 - made above
    try:
        venue = await LocalVenue.start(options)
    except (NodeError, OSError) as error:
        raise PreflightError(f"the venue failed to start: {error}") from None
    async with venue:
        if directory is not None:
            try:
                venue.write(directory)
            except OSError as error:
                raise ConfigError(
                    f"{directory} cannot be written to ({error.strerror})", "choose another directory with --write"
                ) from None
        click.echo(f"API {venue.app_url}  RPC {venue.rpc_url}  chain {venue.chain_id}", err=True)
        if directory is not None:
            click.echo(f"wrote {directory / '.env'} and {directory / 'wallets.csv'}", err=True)
            click.echo(f"next: cd {directory} && ama-tui", err=True)
        with suppress(asyncio.CancelledError):  # a signal: all that it served is over in order
            await asyncio.Event().wait()
