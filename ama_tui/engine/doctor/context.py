"""What a doctor is asked to look at, and what the checks have found out so far."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ama_tui.config.environment import Environment
from ama_tui.config.urls import masked_url
from ama_tui.domain.errors import AmaError
from ama_tui.domain.market import Market, MarketTerms
from ama_tui.domain.settings import WALLETS
from ama_tui.domain.wallet import FleetWallet
from ama_tui.venue.api import VenueApi
from ama_tui.venue.chain import ChainReader
from ama_tui.venue.rpc import JsonRpc

CLOSING_S = 1.0


@dataclass(frozen=True, slots=True)
class DoctorRequest:
    """What was asked for. `open_wallets` opens the wallets file and gives its wallets without their keys.

    `permissions_problem` is what is wrong with the permissions of a file that opened all the same. `market` None takes
    the venue's first; of the wallets the first `wallets` are looked at. `insecure_http` takes a venue that is plain
    http on another machine.
    """

    directory: Path
    environ: Mapping[str, str]
    wallets_file: Path
    open_wallets: Callable[[], Sequence[FleetWallet]]
    state_root: Path
    permissions_problem: Callable[[], AmaError | None] = lambda: None
    market: str | None = None
    wallets: int = WALLETS.default
    insecure_http: bool = False


@dataclass(frozen=True, slots=True)
class Head:
    """The node's latest block, and the clocks when it was read; times are Unix seconds.

    `server_time` is the node's HTTP server's, None where it names none.
    """

    number: int
    block_time: int
    our_time: float
    server_time: float | None


@dataclass(slots=True, repr=False)
class DoctorContext:
    """The facts. Each is there once the check that finds it out has let its followers go on."""

    order: DoctorRequest
    environment: Environment = field(init=False)
    rpc: JsonRpc = field(init=False)
    chain: ChainReader = field(init=False)
    api: VenueApi = field(init=False)
    chain_id: int = field(init=False)
    head: Head = field(init=False)
    markets: tuple[Market, ...] = field(init=False)
    market: Market = field(init=False)
    terms: MarketTerms = field(init=False)
    wallets: tuple[FleetWallet, ...] = field(init=False)
    _is_reachable: bool = field(init=False, default=False)

    def reach(self, environment: Environment) -> None:
        """Know where the venue is; connects to nothing yet. Raises ConfigError."""
        self.environment = environment
        self.rpc = JsonRpc(environment.rpc_url, masked=f"RPC_URL {masked_url(environment.rpc_url)}")
        self.chain = ChainReader(self.rpc)
        self.api = VenueApi(environment.app_url)
        self._is_reachable = True

    async def close(self) -> None:
        """Close the connections, but wait for that no longer than a moment."""
        if not self._is_reachable:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSING_S):
                await self.api.aclose()
                await self.rpc.aclose()
