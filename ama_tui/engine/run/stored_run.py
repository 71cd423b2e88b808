"""Reads a market's saved run, and checks which of its sessions are still valid."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ama_tui.config.run import stored_parameters
from ama_tui.domain.errors import VenueError
from ama_tui.domain.parameters import Parameters
from ama_tui.domain.session import SessionStatus, session_status
from ama_tui.engine.connections import Connections
from ama_tui.engine.engine_api import StoredRun
from ama_tui.store.checkpoint import Checkpoint, WalletEntry
from ama_tui.store.json_fields import iso_utc
from ama_tui.strategies import registry
from ama_tui.strategies.chosen import Strategy


def stored_run_of(stored: Checkpoint, asked: Parameters, own: Collection[str], sessions_valid: int | None) -> StoredRun:
    """A checkpoint as shown to the operator.

    `asked` are the parameters of a resumed run, `own` the addresses in the wallets file.
    """
    parameters, stored_keys = stored_parameters(stored.config, registry)
    return StoredRun(
        run_id=stored.run_id,
        started_at=iso_utc(stored.started_at_ms),
        updated_at=iso_utc(stored.updated_at_ms),
        wallets=len(stored.wallets),
        parameters=parameters,
        stored_keys=stored_keys & {setting.key for setting in parameters.strategy.asked},
        last_action_at=max((entry.last_action_at or 0 for entry in stored.wallets.values()), default=0),
        with_options=None if asked == parameters else asked,
        sessions_valid=sessions_valid,
        missing=tuple(entry.nickname for address, entry in stored.wallets.items() if address not in own),
    )


async def valid_sessions(
    connections: Connections, wallets: Mapping[str, WalletEntry], strategy: Strategy
) -> int | None:
    """The number of wallets whose saved session is still valid, by one batched read. None if it failed.

    Sessions that only the journal has are not counted; preparing a run finds them too.
    """
    stored = {entry.session_id: address for address, entry in wallets.items() if entry.session_id}
    if not stored:
        return 0
    try:
        read = await connections.chain.sessions(connections.registry, sorted(stored))
        root = (await connections.api.relayer_set()).root
    except VenueError:
        return None
    statuses = [
        session_status(
            record,
            trader=stored[session],
            block_time=read.block_time,
            relayer_root=root,
            methods=strategy.methods(wallets[stored[session]].role),
        )
        for session, record in read.records.items()
    ]
    return statuses.count(SessionStatus.LIVE)
