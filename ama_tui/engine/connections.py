"""The ways out of the engine: the venue's API, the chain, the signer."""

from __future__ import annotations

from dataclasses import dataclass

from ama_tui.config.environment import Environment
from ama_tui.config.urls import masked_url
from ama_tui.domain.errors import PreflightError
from ama_tui.keys.signer import Signer
from ama_tui.venue.api import VenueApi
from ama_tui.venue.chain import ChainReader
from ama_tui.venue.rpc import JsonRpc


@dataclass(frozen=True, slots=True)
class Connections:
    """One venue as the engine reaches it. `chain_id` is the RPC's own."""

    api: VenueApi
    chain: ChainReader
    signer: Signer
    chain_id: int
    registry: str

    async def close(self) -> None:
        """Close the connections."""
        await self.api.aclose()
        await self.chain.aclose()


async def connect(environment: Environment, signer: Signer) -> tuple[Connections, tuple[str, ...]]:
    """Reach the node and check what it is.

    Returns the links and what the operator should know of how the venue is configured. Where the node's chain
    id differs from the environment's, the node's counts (the venue's wire contract).
    Raises UnreachableError, PreflightError.
    """
    chain = ChainReader(JsonRpc(environment.rpc_url, masked=f"RPC_URL {masked_url(environment.rpc_url)}"))
    api = VenueApi(environment.app_url)
    try:
        chain_id = await chain.chain_id()
        if not await chain.has_code(environment.registry):
            raise PreflightError(
                f"no contract stands at SESSION_REGISTRY_ADDRESS {environment.registry} on chain {chain_id}",
                "correct SESSION_REGISTRY_ADDRESS or RPC_URL",
            )
    except BaseException:
        await chain.aclose()
        await api.aclose()
        raise
    notes = list(environment.warnings)
    if chain_id != environment.chain_id:
        notes.append(f"CHAIN_ID is {environment.chain_id}, but the node says {chain_id}: signing for chain {chain_id}")
    return Connections(api, chain, signer, chain_id, environment.registry), tuple(notes)
