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
    """Where the venue and the fleet are read from: the environment's files and variables, and the wallets."""

    directory: Path
    environ: Mapping[str, str]
    wallets: WalletsSource
    is_demo: bool = False
    insecure_http: bool = False


@dataclass(slots=True)
class OpenVenue:
    """What was found at a source. What is missing or wrong there is in `problems`; then nothing can be run.

    `problem_lines` are the same, one for each setting. Without an environment there are no `links`.
    """

    connections: Connections | None = None
    wallets: tuple[FleetWallet, ...] = ()
    problems: tuple[str, ...] = ()
    problem_lines: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    label: str = ""
    is_demo: bool = False
    _markets: tuple[Market, ...] = ()

    async def markets(self, connections: Connections) -> tuple[Market, ...]:
        """The venue's markets, on the chain that the node speaks for. Raises VenueError."""
        found = await retry_read(connections.api.markets)
        if not found:
            raise PreflightError("the venue lists no market", "ask its operator, or check APP_URL")
        self._markets = tuple(replace(market, chain_id=connections.chain_id) for market in found)
        return self._markets

    async def market(self, connections: Connections, selector: str | None) -> Market:
        """The market of a symbol, identifier or address; the only one, or the first of the demo's, for None.

        Raises ConfigError where there is none such, VenueError.
        """
        markets = self._markets or await self.markets(connections)
        if selector is None:
            if self.is_demo or len(markets) == 1:
                return markets[0]
            raise ConfigError("no market named", "name one with --market; `ama-tui markets` lists them")
        market = find_market(markets, selector)
        if market is not None:
            return market
        raise ConfigError(f"no market is called {selector!r}", "`ama-tui markets` lists them")


def open_signer(source: WalletsSource) -> tuple[tuple[FleetWallet, ...], Signer]:
    """Every wallet of the source without its key, and the signer that holds the keys. Raises WalletsError."""
    rows = open_wallets(source, EVERY_WALLET)
    return tuple(row.public() for row in rows), Signer({row.address: row.key for row in rows})


async def open_venue(source: VenueSource) -> OpenVenue:
    """Read the wallets and the environment, and reach the node. Raises VenueError when it cannot be reached."""
    found = OpenVenue(is_demo=source.is_demo)
    signer = Signer({})
    try:
        found.wallets, signer = await asyncio.to_thread(open_signer, source.wallets)
    except ConfigError as error:
        found.problems = (str(error),)
    try:
        environment = load_environment(source.directory, source.environ, insecure_http=source.insecure_http)
    except ConfigError as error:
        lines = environment_problems(source.directory, source.environ, insecure_http=source.insecure_http)
        found.problem_lines = (*lines, *found.problems)
        found.problems = (str(error), *found.problems)
        return found
    found.problem_lines = found.problems
    connections, notes = await retry_read(lambda: connect(environment, signer))
    insecure = await asyncio.to_thread(permissions_warning, source.wallets)
    found.notes = tuple(filter(None, (*notes, insecure)))
    kind = "DEMO localnet" if source.is_demo else f"{masked_url(environment.app_url)} chain"
    found.connections, found.label = connections, f"{kind} {connections.chain_id}"
    return found
