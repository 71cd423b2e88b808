"""What the doctor is asked to check, and what its checks have read so far."""

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
from ama_tui.engine.connections import second_node
from ama_tui.venue.api import VenueApi
from ama_tui.venue.chain import ChainReader
from ama_tui.venue.rpc import JsonRpc

CLOSING_S = 1.0
"""Most seconds to wait for connections to close."""


@dataclass(frozen=True, slots=True)
class DoctorRequest:
    """What to check."""

    directory: Path
    environ: Mapping[str, str]
    wallets_file: Path
    open_wallets: Callable[[], Sequence[FleetWallet]]
    """Opens the wallets file. Returns its wallets without their keys."""

    state_root: Path
    permissions_problem: Callable[[], AmaError | None] = lambda: None
    """Returns why the permissions of an opened file are unsafe, or None."""

    market: str | None = None
    """Symbol or address. None is the venue's first market."""

    wallets: int = WALLETS.default
    """Wallets to check, from the start of the file."""

    insecure_http: bool = False
    """Allow unencrypted HTTP to a remote venue."""


@dataclass(frozen=True, slots=True)
class Head:
    """The node's latest block, and the clocks when it was read. Times are Unix seconds."""

    number: int
    block_time: int
    our_time: float
    server_time: float | None
    """The clock of the node's HTTP server. None if it reports none."""


@dataclass(slots=True, repr=False)
class DoctorContext:
    """What the checks have read. Each field is set by a check, before the checks that depend on it run."""

    request: DoctorRequest
    environment: Environment = field(init=False)
    rpc: JsonRpc = field(init=False)
    chain: ChainReader = field(init=False)
    second_node: ChainReader | None = field(init=False)
    api: VenueApi = field(init=False)
    chain_id: int = field(init=False)
    head: Head = field(init=False)
    markets: tuple[Market, ...] = field(init=False)
    market: Market = field(init=False)
    terms: MarketTerms = field(init=False)
    wallets: tuple[FleetWallet, ...] = field(init=False)
    _is_open: bool = field(init=False, default=False)

    def connect(self, environment: Environment) -> None:
        """Create the clients for the venue. Sends nothing yet. Raises ConfigError."""
        self.environment = environment
        self.rpc = JsonRpc(environment.rpc_url, masked=f"RPC_URL {masked_url(environment.rpc_url)}")
        self.chain = ChainReader(self.rpc)
        self.second_node = second_node(environment)
        self.api = VenueApi(environment.app_url)
        self._is_open = True

    async def close(self) -> None:
        """Close the connections. Waits at most `CLOSING_S`."""
        if not self._is_open:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSING_S):
                await self.api.aclose()
                await self.rpc.aclose()
                if self.second_node is not None:
                    await self.second_node.aclose()
