"""Which faults there are, and where each can strike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

Endpoint = Literal["place", "cancel", "init", "revoke", "get", "rpc", "batch", "block"]
"""What a rule counts: the API's POSTs (`place`: modifications too) and its GETs, JSON-RPC requests (`batch`: of
two calls or more, `rpc`: any other), and blocks that were made."""

ENDPOINTS: Final[tuple[str, ...]] = get_args(Endpoint)
TRADES: Final = ("place", "cancel")
POSTS: Final = (*TRADES, "init", "revoke")
API: Final = (*POSTS, "get")
RPC: Final = ("rpc", "batch")

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class FaultKind:
    """A fault: where it strikes when a rule does not say, where it can, and the ranges that it draws from.

    `seconds` is a wait or a Retry-After, `blocks` how far back; None where it has no such thing.
    """

    on: tuple[str, ...]
    can: tuple[str, ...]
    seconds: Range | None = None
    blocks: tuple[int, int] | None = None


def _transport(on: tuple[str, ...], seconds: Range | None = None) -> FaultKind:
    return FaultKind(on, (*API, *RPC), seconds)


KINDS: Final[Mapping[str, FaultKind]] = {
    # the way there and back
    "delay": _transport(API, (0.2, 2.0)),  # held before anything is done; other faults can strike too
    "slow": _transport(API, (0.2, 2.0)),  # done at once, the answer is held
    "lose_request": _transport(POSTS),  # the connection is closed, nothing is done
    "lose_reply": _transport(POSTS),  # done, then the connection is closed
    "cut_body": _transport(POSTS),  # done, the answer is shorter than its Content-Length
    "html": _transport(POSTS),  # a proxy's page under any status; done in half of the cases
    "rate_limit": _transport(POSTS, (1.0, 2.0)),  # 429 in the API's words, nothing is done
    "unavailable": _transport(POSTS, (1.0, 2.0)),  # 503, nothing is done
    "error_500": _transport(POSTS),  # done, answered 500 without a word of it
    # the relayer
    "out_of_funds": FaultKind(POSTS, POSTS, (60.0, 60.0)),  # 503, nothing is done
    "late": FaultKind(TRADES, POSTS, (1.0, 20.0)),  # a closed connection, 500 or 504 now; done after a while
    "later": FaultKind(TRADES, POSTS, (70.0, 90.0)),  # the same, beyond the time that clients usually allow
    "error_500_hash": FaultKind(TRADES, POSTS),  # done, answered 500 with the transaction's hash
    "pending_forever": FaultKind(TRADES, TRADES),  # answered pending with a hash that is never mined
    "revert_pending": FaultKind(TRADES, TRADES),  # answered pending, then it reverts
    # the node
    "rpc_error": FaultKind(RPC, RPC),  # one answer is a JSON-RPC error
    "rpc_empty": FaultKind(RPC, RPC),  # one result is empty: 0x, null or []
    "rpc_truncated": FaultKind(RPC, RPC),  # one result's data ends too early
    "lag": FaultKind(RPC, RPC, blocks=(1, 3)),  # answered as the chain was some blocks ago
    "batch_shuffled": FaultKind(("batch",), ("batch",)),  # the answers in another order
    "batch_missing": FaultKind(("batch",), ("batch",)),  # one answer is not there
    "reorg": FaultKind(("block",), ("block",), (0.0, 1.0), (1, 3)),  # after a while the last blocks are mined anew
}
