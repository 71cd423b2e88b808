"""State shared by the parts of a running engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic, time

from ama_tui.domain.errors import AmaError, VenueError
from ama_tui.domain.event import WalletRow
from ama_tui.domain.market import Market, MarketTerms
from ama_tui.domain.parameters import Parameters
from ama_tui.domain.plan import AnchorChoice, AnchorSource, CollateralBasis, Plan, RunLimits, TakerLimits
from ama_tui.domain.reading import FleetRead
from ama_tui.domain.recovery import ReconciliationReport
from ama_tui.domain.settings import ANCHOR, COLLATERAL, CYCLE_GAP, PRICE_BAND
from ama_tui.engine.action_log import ActionLog
from ama_tui.engine.connections import Connections
from ama_tui.engine.counters import Counters
from ama_tui.engine.external_price import ExternalPrice, anchor_choice
from ama_tui.engine.fleet_pnl import FleetPnl
from ama_tui.engine.markouts import Markouts
from ama_tui.engine.rate_limit_watch import VENUE, RateLimitWatch
from ama_tui.engine.rate_limiter import RateLimiter
from ama_tui.engine.read_share import ReadShare
from ama_tui.engine.touch_moves import TouchMoves
from ama_tui.engine.wallet_book import Fleet
from ama_tui.strategies.chosen import Strategy


@dataclass(slots=True)
class RunContext:
    """One run. Times named `_at` are on the monotonic clock, 0 for never."""

    market: Market
    terms: MarketTerms
    parameters: Parameters
    strategy: Strategy
    connections: Connections
    action_log: ActionLog
    settle_after: float
    price_band_percent: float = PRICE_BAND.default
    """How far the anchor may be from the vault's mark before nothing is placed."""
    anchor_source: AnchorSource = ANCHOR.default
    external: ExternalPrice | None = None
    """The price sources that are asked, None without any."""
    external_problem: str = ""
    """Why the price sources had no price at the last read, '' if they had or are not asked."""
    basis: CollateralBasis = COLLATERAL.default
    takers: TakerLimits = field(default_factory=TakerLimits)
    """What the operator allows takers."""
    touch_moves: TouchMoves = field(default_factory=TouchMoves)
    """How far the best prices of the book give way from block to block."""
    price_conflict: str = ""
    """Why the last read's prices are not used, '' if they are."""
    session_hours: float = 24.0
    """How long new sessions last."""
    has_session_caps: bool = True
    """Whether new sessions limit the notional they may trade."""
    may_revoke: Callable[[], bool] = lambda: True
    """Whether a kill may revoke its wallets' sessions: not while other markets use them."""
    unix_now: Callable[[], int] = lambda: int(time())
    """This machine's clock, in Unix seconds: it decides when a new session ends."""
    started_at_ms: int = 0
    strategy_problem: str = ""
    """Why the strategy made no plan at the last read, '' if it did."""
    fleet: Fleet = field(default_factory=Fleet)
    rate_limiter: RateLimiter = field(default_factory=lambda: RateLimiter(monotonic))
    read_share: ReadShare = field(default_factory=lambda: ReadShare(monotonic))
    counters: Counters = field(default_factory=Counters)
    read: FleetRead | None = None
    """The last good read of the fleet."""
    shown: FleetRead | None = None
    """A later read that is only shown, during a kill; None outside of one."""
    shown_at_ms: int = 0
    """When it was made, Unix milliseconds."""
    read_at: float = 0.0
    read_at_ms: int = 0
    plan: Plan = field(default_factory=Plan)
    """The plan made from that read."""
    relayer_root: str | None = None
    """The relayer root that sessions must be signed for, as last confirmed; None before it was read."""
    mark6: int | None = None
    """The API's latest mark price (USDC, 6 decimals)."""
    mark_problem: str = ""
    """Why the API gave no mark price at the last read, '' if it did."""
    cycle_gap_s: float = CYCLE_GAP.default / 1000
    """The least time between two cycles that new blocks start."""
    news: str = ""
    """Where news of blocks comes from: `push` or `polling`, '' before the first cycle."""
    nodes_differ: str = ""
    """How the second node differed at the last comparison, '' if it did not or there is none."""
    second_node_problem: str = ""
    """Why the last comparison failed, '' if it did not."""
    trades_block: int = 0
    """The last block whose trades are counted."""
    pnl: FleetPnl = field(default_factory=FleetPnl)
    """What the fleet's trades have earned, over all processes of the run."""
    markouts: Markouts = field(default_factory=Markouts)
    """How good the fills of makers were."""
    fills_problem: str = ""
    """Why the fills after that block are unknown, '' if they are not."""
    first_send_at: float = 0.0
    order_ms: float = 0.0
    cycle_ms: float = 0.0
    next_cycle_at_ms: int = 0
    rows: dict[str, tuple[tuple[object, ...], WalletRow]] = field(default_factory=dict)
    """The latest row of each wallet without pending orders, and everything that it was made from."""
    recovery: ReconciliationReport = field(default_factory=ReconciliationReport)
    rate_limits: RateLimitWatch = field(init=False)

    def __post_init__(self) -> None:
        connections = self.connections
        self.rate_limiter.round_trip = lambda: connections.api.stats.fastest_ms / 1000
        hosts = {VENUE: connections.api.stats, "node": connections.chain.stats}
        if connections.check is not None:
            hosts["second node"] = connections.check.stats
        self.rate_limits = RateLimitWatch(
            hosts, self.action_log.note, monotonic, held_at=lambda: self.rate_limiter.held_at
        )

    @property
    def limits(self) -> RunLimits:
        """What every strategy keeps to."""
        return RunLimits(self.parameters.max_utilization, self.basis)

    @property
    def anchor(self) -> AnchorChoice:
        """Which price the anchor is now."""
        return anchor_choice(self.anchor_source, self.external)

    def failed(self, kind: str, error: AmaError) -> None:
        """Count a failed request as an error, unless the host limits requests: that is a wait."""
        if not (isinstance(error, VenueError) and error.is_rate_limit):
            self.counters.error(kind)
