"""What the engine publishes: an immutable snapshot (latest wins) and a lossless log of actions."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from ama_tui.domain.fill_quality import FillQuality
from ama_tui.domain.market import Book, Market
from ama_tui.domain.order import RestingOrder
from ama_tui.domain.parameters import Parameters
from ama_tui.domain.plan import PendingOrder
from ama_tui.domain.pnl import Pnl
from ama_tui.domain.wallet import Role


class EngineState(Enum):
    """The state of a run."""

    READY = "READY"
    PREPARING = "PREPARING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    NO_NEW = "NO_NEW"
    STOPPING = "STOPPING"
    KILLING = "KILLING"
    STOPPED = "STOPPED"
    FAULTED = "FAULTED"

    @property
    def is_final(self) -> bool:
        return self in (EngineState.STOPPED, EngineState.FAULTED)


class Action(Enum):
    """The action names in the journal. INTENT, FILL and NOTE are ours; the original tool has the others too."""

    SESSION_INIT = "SESSION_INIT"
    PLACE_LIMIT = "PLACE_LIMIT"
    PLACE_MARKET = "PLACE_MARKET"
    CANCEL_ORDER = "CANCEL_ORDER"
    MODIFY_ORDER = "MODIFY_ORDER"
    SKIP = "SKIP"
    ERROR = "ERROR"
    INTENT = "INTENT"
    FILL = "FILL"
    NOTE = "NOTE"


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One line of the action log."""

    ts_ms: int
    """Unix milliseconds."""
    action: Action
    text: str
    wallet: str = ""
    """Address in lower case; empty if the line is about the whole run."""
    nickname: str = ""
    is_error: bool = False
    tx_hash: str = ""


class SessionState(Enum):
    """What is known of a wallet's session."""

    NONE = "none"
    CREATING = "creating"
    VALID = "valid"
    UNUSABLE = "unusable"


@dataclass(frozen=True, slots=True)
class WalletRow:
    """One wallet as front ends show it. Collateral is in USDC with 6 decimals, None until it is read."""

    address: str
    nickname: str
    index: int
    role: Role = Role.MAKER
    bids: int = 0
    """Resting bids."""
    asks: int = 0
    """Resting asks."""
    target_bids: int = 0
    target_asks: int = 0
    """Orders wanted on each side."""
    available6: int | None = None
    cap6: int | None = None
    reserved6: int | None = None
    pending: int = 0
    """Orders sent and not on the chain yet."""
    unknown: int = 0
    """Orders sent without a reply, not resolved yet."""
    position18: int = 0
    """Positive when long."""
    pnl: Pnl = field(default_factory=Pnl)
    """The result of its trades, over all processes of the run."""
    session: SessionState = SessionState.NONE
    session_expiry: int = 0
    """Unix seconds, 0 if there is no session."""
    session_used_percent: int | None = None
    """How much of the session's notional budget is used; None if it has no budget."""
    last_action_at: int = 0
    """Unix milliseconds, 0 if there was none."""
    note: str = ""
    """Why the wallet does not quote everything, or empty."""
    is_packed: bool = False
    """Every level is filled, or vacant for a standing reason."""
    is_paused: bool = False
    """Paused by the operator."""
    session_id: str = ""
    orders: tuple[RestingOrder, ...] = ()
    pending_orders: tuple[PendingOrder, ...] = ()


@dataclass(frozen=True, slots=True)
class Totals:
    """Counters of the run in this process, without earlier processes of a resumed run."""

    cycles: int = 0
    sent: int = 0
    rejected: int = 0
    fills: int = 0
    """Trades of our orders; one that is ours on both sides counts once."""
    crossed: int = 0
    """Maker orders that traded on arrival although we could have seen it when sending."""
    overtaken: int = 0
    """Maker orders that traded on arrival because the book moved after sending."""
    cancelled: int = 0
    late: int = 0
    """Orders that had been written off and came to rest after all."""
    self_trades: int = 0
    taker_trades: int = 0
    modifies: int = 0
    """Orders moved on the chain."""
    kept: int = 0
    """Requests that strategies saved by keeping orders where they are."""
    sessions_created: int = 0
    sessions_renewed: int = 0
    """Sessions among `sessions_created` that replaced another during the run."""
    max_utilization: float = 0.0
    """The largest share of a wallet's collateral that was reserved at any time."""
    errors: int = 0
    read_mismatches: int = 0
    """Wallets whose orders changed although no event said so."""
    rpc_requests: int = 0
    api_requests: int = 0


@dataclass(frozen=True, slots=True)
class SendBudget:
    """Concurrent requests that send orders."""

    limit: int = 0
    """How many may be open at once."""
    busy: int = 0
    """How many are open now."""
    closed_s: float = 0.0
    """Seconds until the venue accepts requests again."""


class KillStage(Enum):
    """What a kill is doing, in its order."""

    READ = "read"
    """Reading the open orders for the first time."""
    CANCEL = "cancel"
    """Orders are open, or may still reach the book."""
    CONFIRM = "confirm"
    """A read shows no order, and a second one must confirm it."""
    CHECK = "check"
    """Both reads agree, and events, vault and second node are asked."""
    REVOKE = "revoke"
    """Proven, and the sessions are being revoked."""


@dataclass(frozen=True, slots=True)
class RateLimitWait:
    """A host that limits our requests now. This is a wait, not an error."""

    host: str
    """`venue`, `node` or `second node`."""
    refused: int
    """Requests refused since it began."""
    asked_s: float
    """How many seconds it last asked us to wait."""
    left_s: float
    """Seconds until it is asked again; 0 if it is being asked, at a lower rate."""

    def text(self, seconds: float) -> str:
        """`waiting for the venue's rate limit (12 s)`."""
        how_long = f" ({seconds:.0f} s)" if seconds >= 0.5 else ""
        return f"waiting for the {self.host}'s rate limit{how_long}"


@dataclass(frozen=True, slots=True)
class KillProgress:
    """The progress of a kill."""

    done: int = 0
    """Orders cancelled."""
    total: int = 0
    """Orders to cancel."""
    sent: int = 0
    """Orders that a cancel was sent for."""
    block: int = 0
    """The block of its last read, 0 before the first."""
    stage: KillStage = KillStage.READ
    empty_reads: int = 0
    """Reads in a row that show no order; two that are far enough apart are needed."""
    waiting_for: str = ""
    """What it waits for, as text; empty while nothing is overdue."""
    waiting_since_ms: int = 0
    """When that wait began, Unix milliseconds."""


@dataclass(frozen=True, slots=True)
class EngineSnapshot:
    """The whole run, published after every cycle and every change of state."""

    state: EngineState
    reason: str = ""
    """Why the run is in this state, or empty."""
    market: Market | None = None
    run_id: str = ""
    started_at_ms: int = 0
    """Unix milliseconds."""
    block: int = 0
    """The block of the last chain read."""
    read_at_ms: int = 0
    """When the chain was last read, Unix milliseconds; 0 if never."""
    best_bid6: int | None = None
    best_ask6: int | None = None
    mark6: int | None = None
    last_trade6: int | None = None
    anchor_x2: int | None = None
    """Twice the anchor price (6 decimals)."""
    book: Book = field(default_factory=Book)
    wallets: tuple[WalletRow, ...] = ()
    totals: Totals = field(default_factory=Totals)
    cycle_ms: float = 0.0
    """Duration of the last cycle."""
    rpc_ms: float = 0.0
    """Duration of the last request to the node."""
    api_ms: float = 0.0
    """Duration of the last request to the venue's API."""
    next_cycle_at_ms: int = 0
    """Unix milliseconds; 0 if no cycle is scheduled."""
    packed: bool = False
    """Every wallet is packed."""
    parameters: Parameters = field(default_factory=Parameters)
    budget: SendBudget = field(default_factory=SendBudget)
    rate_limits: tuple[RateLimitWait, ...] = ()
    """Hosts that limit our requests now."""
    kill: KillProgress = field(default_factory=KillProgress)
    order_lifetime_s: float | None = None
    """Median time on the book of orders that have left it; None before the first."""
    pnl: Pnl = field(default_factory=Pnl)
    """The results of all wallets together, over all processes of the run."""
    pnl_problem: str = ""
    """Why they may be off, as text; '' if they are exact."""
    fill_quality: FillQuality = field(default_factory=FillQuality)
    """What the fills captured of the spread, and where the price went after them, in this process."""
    fills_unknown_from: int = 0
    """The first block whose fills the node does not report; 0 while all are known."""
    news: str = ""
    """Where the engine hears of new blocks: `push` or `polling`, '' before the first cycle."""
    errors_by_kind: tuple[tuple[str, int], ...] = ()
    """This run's errors by kind, most frequent first."""
    errors_last_minute: int = 0
    missing_wallets: tuple[str, ...] = ()
    """Wallets of the checkpoint that this run does not have, each as `nickname (n open orders)`."""
    journal_path: str = ""
    """The journal file; empty before it is opened."""
    recovery: str = ""
    """What became of orders sent by earlier processes, as text; empty if there were none."""
    cancels_on_stop: bool = False
    """A stop cancels all orders instead of leaving them."""
    way_out: str = ""
    """How the operator can leave this state, as text; empty before a run starts."""

    @property
    def is_live(self) -> bool:
        """Whether a run is being prepared, running or stopping. READY counts only once the run has an id."""
        return not self.state.is_final and (self.state is not EngineState.READY or bool(self.run_id))

    @property
    def known_mark6(self) -> int | None:
        """The mark for results; None while it, or a fill that the node does not report, is unknown."""
        return None if self.fills_unknown_from else self.mark6

    @property
    def result6(self) -> int | None:
        """What the run's trades have earned, closed or not (USDC, 6 decimals, before fees), by the mark price.

        None while the mark is not known or the node does not report all fills.
        """
        mark6 = self.known_mark6
        return None if mark6 is None else self.pnl.result6(mark6)

    @property
    def target_orders(self) -> int:
        return sum(row.target_bids + row.target_asks for row in self.wallets)

    @property
    def resting(self) -> int:
        return sum(row.bids + row.asks for row in self.wallets)

    @property
    def pending(self) -> int:
        return sum(row.pending for row in self.wallets)

    @property
    def unknown(self) -> int:
        return sum(row.unknown for row in self.wallets)
