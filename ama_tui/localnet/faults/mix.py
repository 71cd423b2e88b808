"""The mix of faults behind `--chaos`: hard, but a careful client still gets everything done."""

from __future__ import annotations

from ama_tui.localnet.faults.kinds import API, RPC
from ama_tui.localnet.faults.rules import FaultRule, Faults

LATEST = 20.0
"""Seconds after which a late order is processed at the latest."""


def chaos(seed: int, *, settle_after: float = 60.0, own_node: bool = True) -> Faults:
    """The faults of `--chaos`. Late orders are processed well within the client's `settle_after` seconds.

    Node faults need the embedded node (`own_node`).
    """
    latest = min(LATEST, settle_after / 3)
    rules = (
        FaultRule("delay", on=API, rate=0.05, seconds=(0.1, 1.5)),
        FaultRule("lose_request", rate=0.02),
        FaultRule("lose_reply", rate=0.03),
        FaultRule("late", rate=0.02, seconds=(min(1.0, latest), latest)),
        FaultRule("rate_limit", on=API, rate=0.02, seconds=(1.0, 2.0)),
        FaultRule("unavailable", on=API, rate=0.01, seconds=(1.0, 2.0)),
        FaultRule("error_500", rate=0.01),
        FaultRule("error_500_hash", rate=0.01),
        FaultRule("html", on=API, rate=0.01),
        FaultRule("cut_body", on=API, rate=0.01),
        FaultRule("pending_forever", rate=0.01),
        FaultRule("revert_pending", rate=0.01),
    )
    node_rules = (
        FaultRule("delay", on=RPC, rate=0.02, seconds=(0.1, 1.0)),
        FaultRule("lose_request", on=RPC, rate=0.005),
        FaultRule("html", on=RPC, rate=0.005),
        FaultRule("rpc_error", rate=0.01),
        FaultRule("rpc_empty", rate=0.005),
        FaultRule("rpc_truncated", rate=0.005),
        FaultRule("lag", rate=0.01, blocks=(1, 2)),
        FaultRule("replicas", rate=0.01),
        FaultRule("batch_shuffled", rate=0.02),
        FaultRule("batch_missing", rate=0.01),
        FaultRule("reorg", rate=0.02, blocks=(1, 1)),
        FaultRule("ws_drop", rate=0.02),
        FaultRule("ws_stall", rate=0.01, seconds=(2.0, 8.0)),
        FaultRule("ws_gap", rate=0.02),
    )
    return Faults(rules + node_rules if own_node else rules, seed)
