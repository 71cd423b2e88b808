"""What the parts of a running engine share."""

from __future__ import annotations

from dataclasses import dataclass, field

from ama_tui.domain.market import Market, MarketTerms
from ama_tui.domain.parameters import Parameters
from ama_tui.domain.plan import Plan
from ama_tui.domain.reading import FleetRead
from ama_tui.engine.fleet import Fleet
from ama_tui.engine.limiter import SendLimiter
from ama_tui.engine.links import Links
from ama_tui.engine.reconciliation import Reconciliation
from ama_tui.engine.scribe import Scribe
from ama_tui.engine.tally import Tally
from ama_tui.strategies.registry import Strategy


@dataclass(slots=True)
class RunContext:
    """One run. Times named `_at` are on the monotonic clock, 0 for never.

    `read` is the last good read of the fleet, `plan` what was decided on it, `mark6` the API's last live mark.
    New sessions last `session_hours`; only with `has_session_caps` are they limited in what they may trade.
    """

    market: Market
    terms: MarketTerms
    parameters: Parameters
    strategy: Strategy
    links: Links
    scribe: Scribe
    settle_after: float
    session_hours: float = 24.0
    has_session_caps: bool = True
    started_at_ms: int = 0
    fleet: Fleet = field(default_factory=Fleet)
    limiter: SendLimiter = field(default_factory=SendLimiter)
    tally: Tally = field(default_factory=Tally)
    read: FleetRead | None = None
    read_at: float = 0.0
    read_at_ms: int = 0
    plan: Plan = field(default_factory=Plan)
    mark6: int | None = None
    trades_block: int = 0
    first_send_at: float = 0.0
    order_ms: float = 0.0
    cycle_ms: float = 0.0
    next_cycle_at_ms: int = 0
    recovery: Reconciliation = field(default_factory=Reconciliation)
