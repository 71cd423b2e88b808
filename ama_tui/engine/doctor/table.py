"""The checks, in the order in which they are told."""

from __future__ import annotations

from ama_tui.engine.doctor import config_checks as configured
from ama_tui.engine.doctor import node_checks as node
from ama_tui.engine.doctor import program_checks as program
from ama_tui.engine.doctor import state_checks as remembered
from ama_tui.engine.doctor import venue_checks as venue
from ama_tui.engine.doctor.runner import Check

_NODE = "use a node that answers quicker"
_API = "is the venue running, and is APP_URL right?"
_DISK = "is that disk still there? name another with --state-dir"
_RPC = "RPC not reachable"

CHECKS: tuple[Check, ...] = (
    Check("program", program.installation, late="is the disk with the installation still there?"),
    Check(
        "environment",
        configured.environment,
        lacking="the environment is not complete",
        late="is the disk with the .env files still there?",
        limit_s=2,
    ),
    Check("RPC", node.rpc, ("environment",), _RPC, "is the node running, and is RPC_URL right?"),
    Check("chain id", node.chain_id, ("RPC",)),
    Check("block age", node.block_age, ("RPC",)),
    Check("clock", node.clock, ("RPC",)),
    Check("Multicall3", node.multicall, ("RPC",), late=_NODE),
    Check("registry", node.registry, ("RPC",), "no session registry", _NODE),
    Check("API", venue.api, ("environment",), "API not reachable", _API),
    Check("market", venue.market, ("API",), "no market to look at", limit_s=1),
    Check("relayers", venue.relayers, ("API",), late=_API),
    Check("vault", venue.vault, ("RPC", "market"), "no vault", _NODE),
    Check("wallets", configured.wallets, lacking="no wallets", late="is that file on a disk that answers?"),
    Check("collateral", venue.collateral, ("wallets", "vault"), late=_NODE),
    Check("sessions", remembered.sessions, ("RPC", "registry"), late=_NODE),
    Check("state", remembered.state, late=_DISK),
    Check("disk", remembered.disk, late=_DISK),
    Check("demo", program.demo),
)
