"""Open the wallets and the venue. Private keys go to the signer only."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ama_tui.config.environment import environment_problems, load_environment
from ama_tui.config.urls import masked_url
from ama_tui.domain.errors import ConfigError, PreflightError
from ama_tui.domain.market import Market, find_market
from ama_tui.domain.wallet import FleetWallet
from ama_tui.engine.connections import Connections, connect
from ama_tui.engine.retry import retry_read
from ama_tui.keys.signer import Signer
from ama_tui.keys.wallet_key import EVERY_WALLET
from ama_tui.keys.wallet_source import WalletsSource, open_wallets, permissions_warning


@dataclass(frozen=True, slots=True)
class VenueSource:
    """Where to read the configuration of the venue and the wallets from."""

    directory: Path
    environ: Mapping[str, str]
    wallets: WalletsSource
    is_demo: bool = False
    insecure_http: bool = False


@dataclass(slots=True)
class OpenVenue:
    """The venue and wallets of a source. If there are problems, nothing can run."""

    connections: Connections | None = None
    """None if there are problems."""

    wallets: tuple[FleetWallet, ...] = ()
    problems: tuple[str, ...] = ()
    problem_lines: tuple[str, ...] = ()
    """The problems, with one line per setting."""

    notes: tuple[str, ...] = ()
    label: str = ""
    is_demo: bool = False
    _markets: tuple[Market, ...] = ()

    async def markets(self, connections: Connections) -> tuple[Market, ...]:
        """Read the venue's markets. Their chain id is the node's. Raises VenueError."""
        markets = await retry_read(connections.api.markets)
        if not markets:
            raise PreflightError("the venue lists no markets", "check APP_URL or ask the venue's operator")
        self._markets = tuple(replace(market, chain_id=connections.chain_id) for market in markets)
        return self._markets

    async def market(self, connections: Connections, selector: str | None) -> Market:
        """Find a market by symbol, identifier or address. None selects the only market, or the demo's first.

        Raises ConfigError if there is no such market, VenueError.
        """
        markets = self._markets or await self.markets(connections)
        if selector is None:
            if self.is_demo or len(markets) == 1:
                return markets[0]
            raise ConfigError("no market selected", "choose one with --market; list them with `ama-tui markets`")
        market = find_market(markets, selector)
        if market is not None:
            return market
        raise ConfigError(f"no market named {selector!r}", "list them with `ama-tui markets`")


def open_signer(source: WalletsSource) -> tuple[tuple[FleetWallet, ...], Signer]:
    """Open all wallets. Returns them without keys, and the signer with the keys. Raises WalletsError."""
    rows = open_wallets(source, EVERY_WALLET)
    return tuple(row.public() for row in rows), Signer({row.address: row.key for row in rows})


def wallets_warning(source: VenueSource) -> str:
    """One line about unsafe permissions of the wallets file that were accepted, or empty."""
    return permissions_warning(source.wallets)


async def open_venue(source: VenueSource) -> OpenVenue:
    """Read the wallets and the environment, and connect to the node. Raises VenueError if that fails.

    With a problem of the wallets or the environment it does not connect: the operator is told of that first.
    """
    venue = OpenVenue(is_demo=source.is_demo)
    signer = Signer({})
    try:
        venue.wallets, signer = await asyncio.to_thread(open_signer, source.wallets)
    except ConfigError as error:
        venue.problems = (str(error),)
    try:
        environment = load_environment(source.directory, source.environ, insecure_http=source.insecure_http)
    except ConfigError as error:
        lines = environment_problems(source.directory, source.environ, insecure_http=source.insecure_http)
        venue.problem_lines = (*lines, *venue.problems)
        venue.problems = (str(error), *venue.problems)
        return venue
    venue.problem_lines = venue.problems
    if venue.problems:
        return venue
    connections, notes = await retry_read(lambda: connect(environment, signer))
    insecure = await asyncio.to_thread(wallets_warning, source)
    venue.notes = tuple(filter(None, (*notes, insecure)))
    kind = "DEMO localnet" if source.is_demo else f"{masked_url(environment.app_url)} chain"
    venue.connections, venue.label = connections, f"{kind} {connections.chain_id}"
    return venue
