"""A sensible mix: a bad day, on which a careful client still gets everything done."""

from __future__ import annotations

from ama_tui.localnet.faults.kinds import API, RPC
from ama_tui.localnet.faults.rules import Faults, Rule

LATEST = 20.0


def chaos(seed: int, *, settle_after: float = 60.0, own_node: bool = True) -> Faults:
    """What `--chaos` does. A late order comes well within the client's `settle_after`, in seconds.

    Without a node of our own (`own_node`) the chain answers as it should.
    """
    latest = min(LATEST, settle_after / 3)
    rules = (
        Rule("delay", on=API, rate=0.05, seconds=(0.1, 1.5)),
        Rule("lose_request", rate=0.02),
        Rule("lose_reply", rate=0.03),
        Rule("late", rate=0.02, seconds=(min(1.0, latest), latest)),
        Rule("rate_limit", on=API, rate=0.02, seconds=(1.0, 2.0)),
        Rule("unavailable", on=API, rate=0.01, seconds=(1.0, 2.0)),
        Rule("error_500", rate=0.01),
        Rule("error_500_hash", rate=0.01),
        Rule("html", on=API, rate=0.01),
        Rule("cut_body", on=API, rate=0.01),
        Rule("pending_forever", rate=0.01),
        Rule("revert_pending", rate=0.01),
    )
    node_rules = (
        Rule("delay", on=RPC, rate=0.02, seconds=(0.1, 1.0)),
        Rule("lose_request", on=RPC, rate=0.005),
        Rule("html", on=RPC, rate=0.005),
        Rule("rpc_error", rate=0.01),
        Rule("rpc_empty", rate=0.005),
        Rule("rpc_truncated", rate=0.005),
        Rule("lag", rate=0.01, blocks=(1, 2)),
        Rule("batch_shuffled", rate=0.02),
        Rule("batch_missing", rate=0.01),
        Rule("reorg", rate=0.02, blocks=(1, 1)),
    )
    return Faults(rules + node_rules if own_node else rules, seed)
