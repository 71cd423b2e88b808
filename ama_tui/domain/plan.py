"""What a strategy sees and what it decides. Everything here is a value; nothing acts."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from ama_tui.domain.money import notional6
from ama_tui.domain.order import RestingOrder, Side


class Rules(Enum):
    """The packer's rule sets: `even` spreads the levels, `original` follows the reference document."""

    EVEN = "even"
    ORIGINAL = "original"


class CollateralBasis(Enum):
    """Whether the venue's available collateral is net of what open orders reserve."""

    NET = "net"
    GROSS = "gross"


@dataclass(frozen=True, slots=True)
class PendingOrder:
    """An order of ours that was sent and that the chain does not show yet: in flight, or `is_unknown`."""

    side: Side
    level: int
    price6: int
    amount18: int
    margin6: int
    is_unknown: bool = False


@dataclass(frozen=True, slots=True)
class WalletSnapshot:
    """One wallet at one block.

    `known` is False when its read failed: then nothing may be concluded from its empty lists.
    `unusable` is a standing reason why it cannot trade (no session, parked), None when it can.
    `available6` is as the venue gives it. `sequence` is the next order tag's sequence number.
    `cancelling` holds ids whose cancel is in flight.
    """

    index: int
    address: str
    available6: int = 0
    orders: tuple[RestingOrder, ...] = ()
    pending_orders: tuple[PendingOrder, ...] = ()
    cancelling: frozenset[int] = frozenset()
    sequence: int = 0
    known: bool = True
    unusable: SkipReason | None = None
    unusable_detail: str = ""


@dataclass(frozen=True, slots=True)
class MarketSnapshot:
    """The market and the fleet at one block; prices are None where there is none.

    `best_bid6`/`best_ask6` are the whole book's; `others_bid6`/`others_ask6` the best that is not the
    fleet's. `mark6` is the API's live mark, `vault_mark6` the vault's. `now` is the block's Unix time.
    """

    tick6: int
    margin_req_bps: int
    now: int
    best_bid6: int | None = None
    best_ask6: int | None = None
    others_bid6: int | None = None
    others_ask6: int | None = None
    mark6: int | None = None
    vault_mark6: int | None = None
    last_trade6: int | None = None
    wallets: tuple[WalletSnapshot, ...] = ()
    block: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """Decided: rest an order. `distance_ticks` is from the anchor, for the log."""

    wallet: str
    side: Side
    level: int
    price6: int
    amount18: int
    margin6: int
    sequence: int
    distance_ticks: int = 0

    @property
    def notional6(self) -> int:
        """Its value in USDC (6 decimals)."""
        return notional6(self.amount18, self.price6)


class CancelReason(Enum):
    """Why a resting order goes."""

    EXCESS = "more orders than twice the target"
    REMNANT = "under a tenth of its planned size is left"
    FAR = "too far from the anchor"
    DOUBLE = "an older order has its level"
    KILL = "kill"
    OPERATOR = "asked by the operator"


@dataclass(frozen=True, slots=True)
class Cancel:
    """Decided: take a resting order off the book."""

    wallet: str
    order_id: int
    side: Side
    price6: int
    amount18: int
    reason: CancelReason
    level: int | None = None


Intent = Place | Cancel


class SkipReason(Enum):
    """Why a level stays vacant. The value is what the operator reads."""

    CAP = "cap reached"
    DUST = "too small to place"
    NO_ANCHOR = "no anchor price"
    PRICE_RANGE = "price out of range"
    NO_COLLATERAL = "no collateral"
    NO_SESSION = "no usable session"
    WALLET_PAUSED = "parked"
    WOULD_CROSS = "would cross the spread"
    UNREAD = "could not be read"
    SESSION_TOO_SMALL = "waits for a new session"

    @property
    def is_standing(self) -> bool:
        """Standing reasons count as packed: waiting one more cycle would not change them."""
        return self not in (SkipReason.WOULD_CROSS, SkipReason.UNREAD, SkipReason.SESSION_TOO_SMALL)


@dataclass(frozen=True, slots=True)
class Skip:
    """Decided: leave a level vacant, or (level None) a whole side or wallet."""

    wallet: str
    reason: SkipReason
    detail: str = ""
    side: Side | None = None
    level: int | None = None

    @property
    def text(self) -> str:
        return f"{self.reason.value}: {self.detail}" if self.detail else self.reason.value


@dataclass(frozen=True, slots=True)
class WalletBudget:
    """How a wallet's cap was reckoned, in USDC with 6 decimals; `scale` is the factor on its missing sizes."""

    basis6: int
    cap6: int
    reserved6: int
    in_flight6: int
    scale: float = 1.0

    @property
    def remaining6(self) -> int:
        return max(0, self.cap6 - self.reserved6 - self.in_flight6)


@dataclass(frozen=True, slots=True)
class Plan:
    """What one look at the market decided. `anchor_x2` is twice the anchor in price6, None without one."""

    intents: tuple[Intent, ...] = ()
    skips: tuple[Skip, ...] = ()
    anchor_x2: int | None = None
    budgets: dict[str, WalletBudget] = field(default_factory=dict)
