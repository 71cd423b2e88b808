"""The kinds of faults, and the endpoints that each can affect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

Endpoint = Literal["place", "cancel", "init", "revoke", "get", "rpc", "batch", "block", "ws"]
"""What a rule counts: the API's POSTs (`place` includes modifications) and GETs, JSON-RPC requests (`batch`: at least
two calls, `rpc`: any other), mined blocks, and blocks told to a WebSocket client."""

ENDPOINTS: Final[tuple[str, ...]] = get_args(Endpoint)
TRADES: Final = ("place", "cancel")
POSTS: Final = (*TRADES, "init", "revoke")
API: Final = (*POSTS, "get")
RPC: Final = ("rpc", "batch")

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class FaultKind:
    """A kind of fault."""

    on: tuple[str, ...]
    """The endpoints it affects by default."""
    can: tuple[str, ...]
    """The endpoints it can affect."""
    seconds: Range | None = None
    """Default range of its delay or Retry-After; None if it has neither."""
    blocks: tuple[int, int] | None = None
    """Default range of how many blocks it goes back; None if it does not."""
    block_limits: tuple[int, int] = (1, 3)
    """The least and the most blocks that a rule may name."""


def _transport(on: tuple[str, ...], seconds: Range | None = None) -> FaultKind:
    return FaultKind(on, (*API, *RPC), seconds)


KINDS: Final[Mapping[str, FaultKind]] = {
    # transport
    "delay": _transport(API, (0.2, 2.0)),  # held before it is processed; other faults can apply too
    "slow": _transport(API, (0.2, 2.0)),  # processed immediately, the response is held
    "lose_request": _transport(POSTS),  # connection closed, not processed
    "lose_reply": _transport(POSTS),  # processed, then the connection is closed
    "cut_body": _transport(POSTS),  # processed, the response is shorter than its Content-Length
    "html": _transport(POSTS),  # a proxy's error page; processed half of the time
    "rate_limit": _transport(POSTS, (1.0, 2.0)),  # 429, not processed
    "unavailable": _transport(POSTS, (1.0, 2.0)),  # 503, not processed
    "error_500": _transport(POSTS),  # processed, but the response is a bare 500
    # the relayer
    "out_of_funds": FaultKind(POSTS, POSTS, (60.0, 60.0)),  # 503, not processed
    "late": FaultKind(TRADES, POSTS, (1.0, 20.0)),  # connection closed, 500 or 504 now; processed later
    "later": FaultKind(TRADES, POSTS, (70.0, 90.0)),  # the same, after the usual client timeouts
    "error_500_hash": FaultKind(TRADES, POSTS),  # processed, the response is a 500 with the hash
    "pending_forever": FaultKind(TRADES, TRADES),  # pending with a hash that is never mined
    "revert_pending": FaultKind(TRADES, TRADES),  # pending, then the transaction reverts
    # the node
    "rpc_error": FaultKind(RPC, RPC),  # one response is a JSON-RPC error
    "rpc_empty": FaultKind(RPC, RPC),  # one result is empty: 0x, null or []
    "rpc_truncated": FaultKind(RPC, RPC),  # one result's data is cut off
    "lag": FaultKind(RPC, RPC, blocks=(1, 3)),  # responds as of some blocks ago
    # a load balancer: each request goes to another replica, which is so many blocks behind
    "replicas": FaultKind(RPC, RPC, blocks=(0, 5), block_limits=(0, 5)),
    "batch_shuffled": FaultKind(("batch",), ("batch",)),  # responses in another order
    "batch_missing": FaultKind(("batch",), ("batch",)),  # one response is missing
    "orders_cut": FaultKind(RPC, RPC),  # a wallet's order list ends after five
    "orders_sparse": FaultKind(RPC, RPC),  # every second order is missing from the list
    "orders_cached": FaultKind(RPC, RPC),  # the list is the first that this fault has seen
    "ws_drop": FaultKind(("ws",), ("ws",)),  # the connection is cut
    "ws_stall": FaultKind(("ws",), ("ws",), (5.0, 20.0)),  # the connection stays open, nothing is sent for a while
    "ws_gap": FaultKind(("ws",), ("ws",)),  # a block is not told
    "reorg": FaultKind(("block",), ("block",), (0.0, 1.0), (1, 3)),  # the last blocks are mined again
}
