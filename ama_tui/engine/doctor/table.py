"""All checks, in the order they are reported."""

from __future__ import annotations

from ama_tui.engine.doctor import config_checks, node_checks, program_checks, state_checks, venue_checks
from ama_tui.engine.doctor.runner import Check

_NODE = "use a faster node"
_API = "check that the venue is running and APP_URL is correct"
_DISK = "check that the disk is mounted, or choose another --state-dir"
_RPC = "node not reachable"

CHECKS: tuple[Check, ...] = (
    Check("program", program_checks.installation, timeout_fix="check the disk with the installation"),
    Check(
        "environment",
        config_checks.environment,
        missing="environment incomplete",
        timeout_fix="check the disk with the .env files",
        limit_s=2,
    ),
    Check("RPC", node_checks.rpc, ("environment",), _RPC, "check that the node is running and RPC_URL is correct"),
    Check("chain id", node_checks.chain_id, ("RPC",)),
    Check("block age", node_checks.block_age, ("RPC",)),
    Check("clock", node_checks.clock, ("RPC",)),
    Check("second node", node_checks.second_node, ("RPC",), timeout_fix="use a faster node as RPC_URL_CHECK"),
    Check("push", node_checks.push, ("RPC",), timeout_fix="check that RPC_WS_URL points to the node's WebSocket"),
    Check("Multicall3", node_checks.multicall, ("RPC",), timeout_fix=_NODE),
    Check("registry", node_checks.registry, ("RPC",), "no session registry", _NODE),
    Check("API", venue_checks.api, ("environment",), "API not reachable", _API),
    Check("market", venue_checks.market, ("API",), "no market", limit_s=1),
    Check("relayers", venue_checks.relayers, ("API",), timeout_fix=_API),
    Check("vault", venue_checks.vault, ("RPC", "market"), "no vault", _NODE),
    Check(
        "wallets",
        config_checks.wallets,
        missing="no wallets",
        timeout_fix="check that the file is a regular file on a working disk",
    ),
    Check("collateral", venue_checks.collateral, ("wallets", "vault"), timeout_fix=_NODE),
    Check("sessions", state_checks.sessions, ("RPC", "registry"), timeout_fix=_NODE),
    Check("state", state_checks.state, timeout_fix=_DISK),
    Check("disk", state_checks.disk, timeout_fix=_DISK),
    Check("demo", program_checks.demo),
)
