"""What the markets of one run have in common: the send budget, the wallets' collateral, and the news of blocks."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic

from ama_tui.engine.connections import Connections
from ama_tui.engine.rate_limiter import RateLimiter
from ama_tui.engine.read_share import ReadShare
from ama_tui.engine.run.block_watch import BlockWatch
from ama_tui.engine.sessions.sharing import SharedSessions
from ama_tui.engine.wallet_account import Accounts


@dataclass(slots=True)
class Common:
    """Made once for each run, however many markets it has.

    The markets' send queues take turns at the rate limiter: each has one order and one cancel in line at a time, so
    none waits longer than the others.
    """

    connections: Connections
    rate_limiter: RateLimiter = field(default_factory=lambda: RateLimiter(monotonic))
    read_share: ReadShare = field(default_factory=lambda: ReadShare(monotonic))
    accounts: Accounts = field(default_factory=Accounts)
    sessions: SharedSessions | None = None
    """None where every market has sessions of its own."""
    blocks: BlockWatch = field(init=False)

    def __post_init__(self) -> None:
        self.blocks = BlockWatch(self.connections)
