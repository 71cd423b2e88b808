"""Connections to a venue: its API, the chain and the signer."""

from __future__ import annotations

from dataclasses import dataclass

from ama_tui.config.environment import Environment
from ama_tui.config.paths import chain_name
from ama_tui.config.urls import masked_url
from ama_tui.domain.errors import PreflightError, VenueError
from ama_tui.domain.session import SessionPermit
from ama_tui.keys.signer import Signer
from ama_tui.venue.api import VenueApi
from ama_tui.venue.chain import ChainReader
from ama_tui.venue.permits import permit_digest
from ama_tui.venue.push import PushStream
from ama_tui.venue.rpc import JsonRpc

NODES_FAR_APART = 5
"""Blocks: two healthy nodes of one chain are not further apart."""


@dataclass(frozen=True, slots=True)
class Connections:
    """The engine's connections to one venue."""

    api: VenueApi
    chain: ChainReader
    signer: Signer
    chain_id: int
    """As reported by the node."""

    registry: str
    chain_name: str
    """The chain's id, for local chains also the node's address."""
    check: ChainReader | None = None
    """A second node that proofs are checked against, None without one."""
    push: PushStream | None = None
    """The node's WebSocket, None without one."""

    def sign_permit(self, permit: SessionPermit) -> str:
        """Sign a session permit with its trader's key. Raises WalletsError if the fleet lacks that key."""
        return self.signer.sign(permit.trader, permit_digest(permit, self.chain_id, self.registry))

    async def close(self) -> None:
        """Close the connections."""
        await self.api.aclose()
        await self.chain.aclose()
        if self.check is not None:
            await self.check.aclose()


async def connect(environment: Environment, signer: Signer | None = None) -> tuple[Connections, tuple[str, ...]]:
    """Connect to the venue and check its node. Without a signer nothing can be signed.

    Returns the connections, and warnings about the venue's configuration. If the node's chain id differs from the
    environment's, the node's is used (the venue's wire contract).
    Raises UnreachableError, PreflightError.
    """
    chain = ChainReader(JsonRpc(environment.rpc_url, masked=f"RPC_URL {masked_url(environment.rpc_url)}"))
    check = second_node(environment)
    api = VenueApi(environment.app_url)
    try:
        chain_id = await chain.chain_id()
        if not await chain.has_code(environment.registry):
            raise PreflightError(
                f"no contract at SESSION_REGISTRY_ADDRESS {environment.registry} on chain {chain_id}",
                "fix SESSION_REGISTRY_ADDRESS or RPC_URL",
            )
        if check is not None:
            await _refuse_other_chain(check, chain_id)
    except BaseException:
        for connection in (chain, api, check):
            if connection is not None:
                await connection.aclose()
        raise
    notes = list(environment.warnings)
    if chain_id != environment.chain_id:
        notes.append(
            f"CHAIN_ID is {environment.chain_id}, but the node reports {chain_id}: signing for chain {chain_id}"
        )
    name = chain_name(chain_id, environment.rpc_url)
    return Connections(
        api, chain, signer or Signer({}), chain_id, environment.registry, name, check, push_stream(environment)
    ), tuple(notes)


def second_node(environment: Environment) -> ChainReader | None:
    """A reader of the node that `RPC_URL_CHECK` names, None without one. It sends nothing yet."""
    url = environment.rpc_url_check
    return ChainReader(JsonRpc(url, masked=f"RPC_URL_CHECK {masked_url(url)}")) if url else None


def push_stream(environment: Environment) -> PushStream | None:
    """The stream that `RPC_WS_URL` names, None without one. It is not connected yet."""
    url = environment.rpc_ws_url
    return PushStream(url, f"RPC_WS_URL {masked_url(url)}") if url else None


async def _refuse_other_chain(check: ChainReader, chain_id: int) -> None:
    """Raise PreflightError if the second node is on another chain. One that does not answer is reported by the run."""
    try:
        other = await check.chain_id()
    except VenueError:
        return
    if other != chain_id:
        raise PreflightError(f"RPC_URL is on chain {chain_id}, RPC_URL_CHECK on chain {other}", "fix RPC_URL_CHECK")
