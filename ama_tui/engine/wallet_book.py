"""What the engine knows of each wallet between two reads of the chain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import Enum

from ama_tui.domain.order import MAX_TAG_SEQUENCE, RestingOrder, Side, decode_tag
from ama_tui.domain.plan import PendingOrder, Place, Skip, SkipReason, WalletBudget, WalletSnapshot
from ama_tui.domain.reading import WalletRead
from ama_tui.domain.wallet import FleetWallet
from ama_tui.engine.session_slot import SessionSlot

FIRST_BACKOFF_S = 1.0
LONGEST_BACKOFF_S = 30.0
KEPT_LAPSED = 500
"""How many placements that came to nothing a wallet remembers, in case one turns up after all."""
LATE_GRACE_S = 60.0
"""How long the fleet still keeps clear of a placement that was given up: it could yet come to rest."""


class PendingStage(Enum):
    """How far a placement has come."""

    WIRE = "on the wire"
    ACCEPTED = "accepted"
    UNKNOWN = "unknown"


@dataclass(slots=True)
class PendingPlacement:
    """A placement that was journalled and that the chain has not settled yet.

    `sent_at` is on the engine's monotonic clock; `best_opposite6` is the best opposite price that was
    known when it was sent. `heard_at` is when the venue named its transaction: a slow answer means that it
    went out later than it was sent. `evidence` are (block, time) of the reads that spoke for `verdict`, how
    it seems to have ended. `last` is the order as it was last seen, of one that rested and is not shown any
    more. `is_earlier` marks what another process sent. `given_up_at` is when it was found void, 0 for never.
    """

    intent_id: str
    place: Place
    sent_at: float
    best_opposite6: int | None = None
    stage: PendingStage = PendingStage.WIRE
    tx_hash: str | None = None
    heard_at: float = float("-inf")
    verdict: str = ""
    evidence: list[tuple[int, float]] = field(default_factory=list)
    last: RestingOrder | None = None
    is_earlier: bool = False
    given_up_at: float = 0.0

    def accepted(self, tx_hash: str, now: float) -> None:
        """The venue named its transaction."""
        self.stage, self.tx_hash, self.heard_at = PendingStage.ACCEPTED, tx_hash, now

    @property
    def pending_orders(self) -> PendingOrder:
        place = self.place
        is_unknown = self.stage is PendingStage.UNKNOWN
        return PendingOrder(place.side, place.level, place.price6, place.amount18, place.margin6, is_unknown)


@dataclass(slots=True)
class PendingCancel:
    """A cancel that was journalled; it counts until the order is gone or `sent_at` is long ago."""

    order_id: int
    sent_at: float
    tx_hash: str | None = None


@dataclass(frozen=True, slots=True)
class OrderMemory:
    """What the chain does not say of a resting order: its level and the amount it was placed with.

    `block` is that of the first read that showed it, `intent_id` the placement's where it is known.
    """

    level: int
    placed18: int
    block: int = 0
    intent_id: str = ""


@dataclass(slots=True)
class WalletBook:
    """One wallet: its last good read, what is in flight, and why it may not trade."""

    wallet: FleetWallet
    session: SessionSlot = field(default_factory=SessionSlot)
    read: WalletRead | None = None
    read_error: str = ""
    pending: dict[str, PendingPlacement] = field(default_factory=dict)
    lapsed: dict[str, PendingPlacement] = field(default_factory=dict)
    """Placements that came to nothing or left the book, the latest last: one may turn up late."""
    traded18: dict[tuple[Side, int], int] = field(default_factory=dict)
    """What the wallet's resting orders traded by (side, price6) and no order's going has been put down to yet."""
    cancels: dict[int, PendingCancel] = field(default_factory=dict)
    memory: dict[int, OrderMemory] = field(default_factory=dict)
    placed: dict[tuple[Side, int, int], int] = field(default_factory=dict)
    """Amounts that earlier runs placed by (side, level, sequence), so that a resumed order knows its planned size."""
    sequence: int = 0
    venue_refusal: str | None = None
    """Why the venue takes no orders from this wallet on this market, None while it does."""
    is_paused: bool = False
    """The operator has paused this wallet alone."""
    budget: WalletBudget | None = None
    skips: tuple[Skip, ...] = ()
    note: str = ""
    last_action_at: int = 0
    backoff_until: float = 0.0
    failures: int = 0

    @property
    def address(self) -> str:
        return self.wallet.address

    @property
    def orders(self) -> tuple[RestingOrder, ...]:
        return self.read.orders if self.read is not None else ()

    @property
    def unusable(self) -> SkipReason | None:
        """Why the wallet cannot trade, other than by the operator's choice; None when it can."""
        if self.venue_refusal is not None:
            return SkipReason.WALLET_PAUSED
        return SkipReason.NO_SESSION if self.session.is_lost else None

    @property
    def unusable_detail(self) -> str:
        """The same in words, '' when it can trade."""
        return self.venue_refusal or self.session.loss or ""

    @property
    def idle_reason(self) -> SkipReason | None:
        """Why the wallet places no orders, None when it may."""
        if self.unusable is None and self.is_paused:
            return SkipReason.WALLET_PAUSED
        return self.unusable

    @property
    def idle_text(self) -> str:
        """The same in words, '' when it may."""
        if self.unusable is not None:
            detail = self.unusable_detail or self.unusable.value
            return f"{detail}; {self.session.note}" if self.session.note else detail
        return "paused by the operator" if self.is_paused else ""

    def refused_by_venue(self, why: str) -> None:
        """Stop placing orders: the venue takes none from this wallet on this market."""
        self.venue_refusal = why

    def session_shortage(self, place: Place, unix_now: float, ahead6: int = 0) -> str | None:
        """Why the session would refuse an order, or None.

        Pending orders count against its budget, and so does the notional `ahead6` that is sent first.
        """
        pending6 = sum(pending.place.notional6 for pending in self.pending.values())
        return self.session.shortage(place.notional6, unix_now, ahead6 + pending6)

    def resting(self, side: Side) -> int:
        return sum(1 for order in self.orders if order.side is side)

    def working_margin6(self) -> int:
        """Margin of everything in flight or unknown (USDC, 6 decimals)."""
        return sum(pending.place.margin6 for pending in self.pending.values())

    def reserved6(self) -> int:
        """Margin of the resting margin orders as last read (USDC, 6 decimals)."""
        return sum(order.margin6 for order in self.orders if order.is_margin)

    def count(self, stage: PendingStage) -> int:
        return sum(1 for pending in self.pending.values() if pending.stage is stage)

    def next_sequence(self, used: int) -> None:
        """Go on after a sequence number that was used."""
        self.sequence = (used + 1) % (MAX_TAG_SEQUENCE + 1)

    def has_used(self, sequence: int) -> bool:
        """Is a sequence number behind the next one? Half of all numbers count as behind: they begin anew some day."""
        return (sequence - self.sequence) % (MAX_TAG_SEQUENCE + 1) > MAX_TAG_SEQUENCE // 2

    def failed(self, now: float) -> None:
        """A send failed: wait longer each time before the next (1 to 30 s)."""
        self.failures += 1
        self.backoff_until = now + min(LONGEST_BACKOFF_S, FIRST_BACKOFF_S * 2 ** (self.failures - 1))

    def succeeded(self) -> None:
        self.failures = 0
        self.backoff_until = 0.0

    def lapse(self, pending: PendingPlacement) -> None:
        """Remember a placement that is not on its way any more and does not rest."""
        self.lapsed[pending.intent_id] = pending
        while len(self.lapsed) > KEPT_LAPSED:
            del self.lapsed[next(iter(self.lapsed))]

    def drop_unseen(self) -> None:
        """Forget the resting orders that the last reads did not show, but for those that a block may be undone of.

        Whoever cancels everything reads the chain until it shows none of them anyway.
        """
        self.pending = {
            key: pending
            for key, pending in self.pending.items()
            if pending.last is None or pending.sent_at > float("-inf")
        }

    def annotated(self, order: RestingOrder, block: int = 0) -> RestingOrder:
        """The order with the level and the planned size that we remember, or that its tag tells."""
        memory = self.memory.get(order.order_id)
        if memory is None:
            tag = decode_tag(order.amount18)
            # Without a history any number may have been used by an earlier process.
            if tag is None or not (self.sequence == 0 or self.has_used(tag.sequence)):
                return order
            placed18 = self.placed.get((order.side, tag.level, tag.sequence), order.amount18)
            if order.amount18 > placed18:
                return order  # an order never grows: the journal contradicts the tag
            memory = self.memory[order.order_id] = OrderMemory(tag.level, placed18, block)
        return replace(order, level=memory.level, placed18=memory.placed18)

    def snapshot(self, known: bool) -> WalletSnapshot:
        """The wallet as the planner sees it; `known` is False when this cycle's read of it failed."""
        read = self.read
        return WalletSnapshot(
            index=self.wallet.index,
            address=self.address,
            available6=read.available6 if read is not None else 0,
            orders=self.orders,
            pending_orders=tuple(pending.pending_orders for pending in self.pending.values()),
            cancelling=frozenset(self.cancels),
            sequence=self.sequence,
            known=known and read is not None,
            unusable=self.idle_reason,
            unusable_detail=self.unusable_detail,
        )


@dataclass(slots=True)
class Fleet:
    """The wallets of a run by address, in the order of their rows.

    `missing` are the checkpoint's wallets that this run does not have.
    """

    books: dict[str, WalletBook] = field(default_factory=dict)
    missing: tuple[WalletBook, ...] = ()

    def __iter__(self) -> Iterator[WalletBook]:
        return iter(self.books.values())

    def __len__(self) -> int:
        return len(self.books)

    def __contains__(self, address: str) -> bool:
        return address in self.books

    def best_own(self, side: Side, now: float, *, beside: str = "") -> int | None:
        """The best price of the fleet's resting, in-flight and unknown orders on a side, but for one wallet's.

        What was given up within `LATE_GRACE_S` before `now` counts too, and what the wallets that this run
        does not have sent shortly before it.
        """
        prices: list[int] = []
        for book in self:
            if book.address == beside:
                continue
            prices += [pending.place.price6 for pending in book.pending.values() if pending.place.side is side]
            prices += [order.price6 for order in book.orders if order.side is side]
            for pending in book.lapsed.values():
                if pending.place.side is side and pending.given_up_at and now - pending.given_up_at < LATE_GRACE_S:
                    prices.append(pending.place.price6)
        for book in self.missing:
            for pending in book.pending.values():
                if pending.place.side is side and now - pending.sent_at < LATE_GRACE_S:
                    prices.append(pending.place.price6)
        if not prices:
            return None
        return max(prices) if side.is_buy else min(prices)
