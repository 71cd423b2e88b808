"""What the engine tells the world: one immutable snapshot (latest wins) and a log of actions (lossless)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from ama_tui.domain.market import Book, Market
from ama_tui.domain.order import RestingOrder
from ama_tui.domain.parameters import Parameters
from ama_tui.domain.plan import PendingOrder
from ama_tui.domain.wallet import Role


class EngineState(Enum):
    """Where a run is."""

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
    """The journal's action names. INTENT is ours, the others are shared with the original tool."""

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
    """One line of the action log. `wallet` is an address in lower case, or '' for the run as a whole."""

    ts_ms: int
    action: Action
    text: str
    wallet: str = ""
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
    """One wallet as the screen shows it. Money is USDC with 6 decimals, None while unread.

    `session_expiry` is Unix seconds (0: none), `last_action_at` Unix milliseconds (0: none).
    `bids`/`asks` count resting orders, `working` holds what was sent and is not yet on the chain.
    `is_parked` is True while the operator has paused this wallet. `session_used_percent` is how much of the session's
    notional budget is used, None where it has none.
    """

    address: str
    nickname: str
    index: int
    role: Role = Role.MAKER
    bids: int = 0
    asks: int = 0
    target: int = 0
    available6: int | None = None
    cap6: int | None = None
    reserved6: int | None = None
    pending: int = 0
    unknown: int = 0
    position18: int = 0
    session: SessionState = SessionState.NONE
    session_expiry: int = 0
    session_used_percent: int | None = None
    last_action_at: int = 0
    note: str = ""
    is_packed: bool = False
    is_paused: bool = False
    session_id: str = ""
    orders: tuple[RestingOrder, ...] = ()
    pending_orders: tuple[PendingOrder, ...] = ()


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts since this process began its run; earlier processes of a resumed run are left out."""

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
    """Orders that were given up and rest after all."""
    self_trades: int = 0
    taker_trades: int = 0
    sessions_created: int = 0
    sessions_renewed: int = 0
    """Sessions among `sessions_created` that replaced another during the run."""
    max_utilization: float = 0.0
    """The largest share of a wallet's collateral that was reserved at any time."""
    errors: int = 0
    rpc_requests: int = 0
    api_requests: int = 0


@dataclass(frozen=True, slots=True)
class SendBudget:
    """How many sends may be on the wire at once, how many are, and for how many seconds the venue asked us to wait."""

    limit: int = 0
    busy: int = 0
    closed_s: float = 0.0


@dataclass(frozen=True, slots=True)
class KillProgress:
    """How far a kill has come: orders cancelled of those that were found."""

    done: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class EngineSnapshot:
    """The run as a whole, published after every cycle and every change of state.

    `read_at_ms` is when the chain was last read (Unix ms, 0: never); `block` its block number.
    `cycle_ms`, `rpc_ms` and `api_ms` are the latest durations. `next_cycle_at_ms` is Unix ms, 0: none due.
    `order_lifetime_s` is the median rest of the run's orders that are gone, None before the first.
    `errors_by_kind` counts this run's errors, the most frequent first; `errors_last_minute` the recent ones.
    """

    state: EngineState
    reason: str = ""
    market: Market | None = None
    run_id: str = ""
    started_at_ms: int = 0
    block: int = 0
    read_at_ms: int = 0
    best_bid6: int | None = None
    best_ask6: int | None = None
    mark6: int | None = None
    last_trade6: int | None = None
    anchor_x2: int | None = None
    book: Book = field(default_factory=Book)
    wallets: tuple[WalletRow, ...] = ()
    totals: Totals = field(default_factory=Totals)
    cycle_ms: float = 0.0
    rpc_ms: float = 0.0
    api_ms: float = 0.0
    next_cycle_at_ms: int = 0
    packed: bool = False
    parameters: Parameters = field(default_factory=Parameters)
    budget: SendBudget = field(default_factory=SendBudget)
    kill: KillProgress = field(default_factory=KillProgress)
    order_lifetime_s: float | None = None
    errors_by_kind: tuple[tuple[str, int], ...] = ()
    errors_last_minute: int = 0
    missing_wallets: tuple[str, ...] = ()
    """The checkpoint's wallets that this run does not have, each as `nickname (n open orders)`."""
    journal_path: str = ""
    """Where every action of the run is written, '' before there is a journal."""
    recovery: str = ""
    """What became of the orders that earlier processes sent, in words; '' where there were none."""
    cancels_on_stop: bool = False
    """A stop cancels the orders instead of leaving them."""
    way_out: str = ""
    """What leads out of the state, in the operator's words; '' before a run begins."""

    @property
    def is_live(self) -> bool:
        """Is a run being prepared, cycling or ending? READY is a run's only where it has an id."""
        return not self.state.is_final and (self.state is not EngineState.READY or bool(self.run_id))

    @property
    def target_orders(self) -> int:
        return sum(2 * row.target for row in self.wallets)

    @property
    def resting(self) -> int:
        return sum(row.bids + row.asks for row in self.wallets)

    @property
    def pending(self) -> int:
        return sum(row.pending for row in self.wallets)

    @property
    def unknown(self) -> int:
        return sum(row.unknown for row in self.wallets)
