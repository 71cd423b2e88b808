"""The input of a strategy (snapshots) and its output (a plan). Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction

from ama_tui.domain.market import Book
from ama_tui.domain.money import notional6
from ama_tui.domain.order import RestingOrder, Side
from ama_tui.domain.reading import Trade
from ama_tui.domain.wallet import Role


class Rules(Enum):
    """The packer's rule sets. `even` spreads levels evenly, `original` follows the reference document."""

    EVEN = "even"
    ORIGINAL = "original"


class Mode(Enum):
    """Which sides the makers of `classic` quote."""

    MEAN = "MEAN"
    """Both."""
    UP = "UP"
    """Only bids."""
    DOWN = "DOWN"
    """Only asks."""


class CollateralBasis(Enum):
    """Whether the venue's available collateral already excludes the margin of open orders (`net`)."""

    NET = "net"
    GROSS = "gross"


class AnchorSource(Enum):
    """Which price the anchor is."""

    BOOK = "book"
    """The book's mid, else the mark, else the last trade."""
    MARK = "mark"
    """The venue's mark."""
    EXTERNAL = "external"
    """The price of sources outside the venue."""


@dataclass(frozen=True, slots=True)
class AnchorChoice:
    """Which price the anchor is, and the one from outside the venue."""

    source: AnchorSource = AnchorSource.BOOK
    external6: int | None = None
    """The price of the price sources (6 decimals), None without one."""
    problem: str = ""
    """Why the price sources have no price, '' if they have one or are not asked."""


@dataclass(frozen=True, slots=True)
class RunLimits:
    """Settings of the run that every strategy keeps to."""

    max_utilization: float = 0.20
    """The largest share of a wallet's collateral that its orders may tie up."""
    basis: CollateralBasis = CollateralBasis.NET


@dataclass(frozen=True, slots=True)
class Targets:
    """What a strategy keeps resting for each maker."""

    bids: int
    asks: int
    largest18: int
    """The largest amount that it gives an order. A session allows orders of this size."""
    farthest_ticks: int = 0
    """How far from the anchor it places orders."""

    def on(self, side: Side) -> int:
        """The number of orders on one side."""
        return self.bids if side is Side.BUY else self.asks

    @property
    def orders(self) -> int:
        """The number of orders on both sides."""
        return self.bids + self.asks


NO_TARGETS = Targets(0, 0, 0)
"""What a taker keeps resting."""


@dataclass(frozen=True, slots=True)
class PendingOrder:
    """An order that was sent and is not on the book yet."""

    side: Side
    level: int
    price6: int
    amount18: int
    margin6: int
    is_unknown: bool = False
    """The venue did not reply, so whether it was placed is open."""
    moves: int = 0
    """The id of the order that it moves, 0 for a new order. Both have one level; `margin6` is what it adds."""


@dataclass(frozen=True, slots=True)
class SharedCollateral:
    """How a wallet's collateral is shared with the run's other markets. Amounts are in USDC with 6 decimals."""

    share: Fraction
    """This market's share of whatever the wallet's orders may tie up."""
    elsewhere6: int
    """The part of its collateral that its orders on the other markets tie up. Negative if this market's last read shows
    more collateral than there is by now.
    """
    held6: int
    """The most that those orders may tie up, pending ones included."""
    limit: Fraction
    """The share of the collateral that its orders on all markets together may tie up."""


@dataclass(frozen=True, slots=True)
class WalletSnapshot:
    """One wallet at one block."""

    index: int
    address: str
    available6: int = 0
    """Available collateral as the venue reports it (USDC, 6 decimals)."""
    orders: tuple[RestingOrder, ...] = ()
    pending_orders: tuple[PendingOrder, ...] = ()
    cancelling: frozenset[int] = frozenset()
    """Ids of orders whose cancel is pending."""
    sequence: int = 0
    """The sequence number of the next order's tag."""
    position18: int = 0
    """Its position on this market, positive when long."""
    role: Role = Role.MAKER
    shared: SharedCollateral | None = None
    """None in a run on one market: all of its collateral is for this one."""
    taken_at: int = 0
    """When it last sent a take, Unix seconds; 0 if never."""
    was_read: bool = True
    """False if the wallet could not be read. Its empty lists then mean nothing."""
    unusable: SkipReason | None = None
    """Why the wallet cannot place orders (no session, paused); None if it can."""
    unusable_detail: str = ""


@dataclass(frozen=True, slots=True)
class TakerLimits:
    """What the operator allows the takers of a run. The engine enforces it, whatever a strategy plans."""

    size_max18: int = 0
    """The largest order."""
    budget6: int = 0
    """The most that a wallet may trade in an hour (USDC, 6 decimals)."""
    slippage_ticks: int = 0
    """How far from the best price an order may trade."""


@dataclass(frozen=True, slots=True)
class MarketSnapshot:
    """The market and the fleet at one block. A price is None if there is none."""

    tick6: int
    margin_req_bps: int
    now: int
    """The block's time, Unix seconds."""
    best_bid6: int | None = None
    """The best bid of the whole book."""
    best_ask6: int | None = None
    """The best ask of the whole book."""
    others_bid6: int | None = None
    """The best bid that is not the fleet's."""
    others_ask6: int | None = None
    """The best ask that is not the fleet's."""
    mark6: int | None = None
    """The live mark price of the API."""
    vault_mark6: int | None = None
    """The mark price of the vault contract."""
    last_trade6: int | None = None
    wallets: tuple[WalletSnapshot, ...] = ()
    block: int = 0
    book: Book = field(default_factory=Book)
    """The depth of both sides as the chain shows it, the fleet's own orders included."""
    live_book: Book = field(default_factory=Book)
    """The depth according to the API, which may be older; empty without one."""
    trades: tuple[Trade, ...] = ()
    """The market's trades since the last plan, oldest first."""
    takers: TakerLimits = field(default_factory=TakerLimits)
    price_conflict: str = ""
    """Why the prices above are not to be used, '' if they may be. They are None then."""
    limits: RunLimits = field(default_factory=RunLimits)
    anchor: AnchorChoice = field(default_factory=AnchorChoice)


@dataclass(frozen=True, slots=True)
class Place:
    """The decision to place a resting order."""

    wallet: str
    side: Side
    level: int
    price6: int
    amount18: int
    margin6: int
    sequence: int
    """The sequence number in its tag."""
    distance_ticks: int = 0
    """Distance from the anchor, for the log."""

    @property
    def notional6(self) -> int:
        """Its value in USDC (6 decimals)."""
        return notional6(self.amount18, self.price6)


class CancelReason(Enum):
    """Why a resting order is cancelled."""

    EXCESS = "more than twice the target"
    REMNANT = "less than 10% of its planned size left"
    FAR = "too far from the anchor"
    OUT_OF_BOUNDS = "beyond the price floor or ceiling"
    DUPLICATE = "an older order is at this level"
    TAKER = "its wallet takes now"
    KILL = "kill"
    OPERATOR = "manual"


@dataclass(frozen=True, slots=True)
class Cancel:
    """The decision to cancel a resting order."""

    wallet: str
    order_id: int
    side: Side
    price6: int
    amount18: int
    reason: CancelReason
    level: int | None = None


@dataclass(frozen=True, slots=True)
class Modify:
    """The decision to move a resting order with one request. The venue gives it a new id and new priority."""

    wallet: str
    order_id: int
    """The id of the order that is moved."""
    side: Side
    level: int
    price6: int
    """The new price."""
    amount18: int
    """The new amount, with a tag of its own."""
    margin6: int
    """The margin that the moved order needs."""
    sequence: int
    """The sequence number in its new tag."""
    old_price6: int
    old_amount18: int
    reason: str = ""
    """Why it is moved, for the log."""

    @property
    def notional6(self) -> int:
        """Its new value in USDC (6 decimals)."""
        return notional6(self.amount18, self.price6)

    @property
    def as_place(self) -> Place:
        """The order that it leaves."""
        return Place(self.wallet, self.side, self.level, self.price6, self.amount18, self.margin6, self.sequence)


@dataclass(frozen=True, slots=True)
class Take:
    """The decision to trade at once against orders of others. Only wallets that the operator named as takers may."""

    wallet: str
    side: Side
    amount18: int
    limit6: int
    """The worst price that the operator accepts for any part of it (6 decimals)."""

    @property
    def notional6(self) -> int:
        """Its value at the limit in USDC (6 decimals)."""
        return notional6(self.amount18, self.limit6)


Order = Place | Modify | Take
"""The intents that need collateral and a session that allows them."""
Intent = Order | Cancel


def level_of(intent: Intent) -> int | None:
    """The level that an intent is about; None without one."""
    return None if isinstance(intent, Take) else intent.level


class SkipReason(Enum):
    """Why a level stays vacant. The value is shown to the operator."""

    CAP = "cap reached"
    DUST = "too small to place"
    NO_ANCHOR = "no anchor price"
    PRICE_RANGE = "price out of range"
    NO_COLLATERAL = "no collateral"
    NO_SESSION = "no usable session"
    WALLET_PAUSED = "wallet paused"
    WOULD_CROSS = "would cross the spread"
    UNREAD = "could not be read"
    SESSION_TOO_SMALL = "waiting for a new session"
    MAX_OPEN_ORDERS = "most open orders (maker_max_open_orders)"
    IN_PLACE = "already where it would be moved to"
    NOTHING_TO_TAKE = "nothing to take"
    STRATEGY = "the strategy does not work"
    FILLED = "waiting after a fill"

    @property
    def is_standing(self) -> bool:
        """Whether the reason outlasts a cycle. A level that is vacant for a standing reason counts as packed."""
        return self not in (
            SkipReason.WOULD_CROSS,
            SkipReason.UNREAD,
            SkipReason.SESSION_TOO_SMALL,
            SkipReason.STRATEGY,
        )


@dataclass(frozen=True, slots=True)
class Skip:
    """The decision to leave a level vacant."""

    wallet: str
    reason: SkipReason
    detail: str = ""
    side: Side | None = None
    level: int | None = None
    """None for all missing levels of the side, or of the wallet if `side` is None too."""

    @property
    def text(self) -> str:
        return f"{self.reason.value}: {self.detail}" if self.detail else self.reason.value


@dataclass(frozen=True, slots=True)
class WalletBudget:
    """How much margin a wallet may use, in USDC with 6 decimals."""

    basis6: int
    """The collateral that the cap is a share of."""
    cap6: int
    """The most margin that its orders may use together."""
    reserved6: int
    """The margin of its resting orders."""
    pending6: int
    """The margin of its pending orders."""
    scale: float = 1.0
    """The factor applied to the sizes of its missing orders."""
    limit6: int | None = None
    """The most margin that its orders on all markets of the run may use together; None in a run on one market."""

    @property
    def remaining6(self) -> int:
        """The margin left for new orders."""
        return max(0, self.cap6 - self.reserved6 - self.pending6)


@dataclass(frozen=True, slots=True)
class Plan:
    """The decisions for one market snapshot."""

    intents: tuple[Intent, ...] = ()
    skips: tuple[Skip, ...] = ()
    anchor_x2: int | None = None
    """Twice the anchor price (6 decimals); None without an anchor."""
    budgets: Mapping[str, WalletBudget] = field(default_factory=dict)
    """By wallet address."""
    kept: int = 0
    """How many requests it saved by keeping orders where they are, without those that an earlier plan counted."""
