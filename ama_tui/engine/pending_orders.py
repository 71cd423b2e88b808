"""One wallet's orders between two reads: what was sent and is not resolved, and what the chain does not remember."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum

from ama_tui.domain.order import MAX_TAG_SEQUENCE, RestingOrder, Side, decode_tag
from ama_tui.domain.plan import PendingOrder, Place

KEPT_LAPSED = 500
"""How many placements that ended off the book a wallet remembers, in case one appears late."""
CANCEL_PATIENCE_S = 15.0
"""A cancel is acknowledged before it is mined and may revert: after this long it is tried again."""

ReadMoment = tuple[int, float]
"""Block and monotonic time of a read of the chain."""


class PendingStage(Enum):
    """How far a placement has come."""

    WIRE = "on the wire"
    ACCEPTED = "accepted"
    UNKNOWN = "unknown"


@dataclass(slots=True)
class PendingPlacement:
    """A placement that was journalled and that the chain has not resolved yet. Changes only through its methods."""

    intent_id: str
    place: Place
    sent_at: float
    """Monotonic clock; minus infinity for an order that rested before this process began."""
    best_opposite6: int | None = None
    """The best opposite price that was known when it was sent."""
    stage: PendingStage = PendingStage.WIRE
    tx_hash: str | None = None
    heard_at: float = float("-inf")
    """When the venue named its transaction: after a slow response it went out later than it was sent."""
    verdict: str = ""
    """The resolution that the latest reads agree on, '' before the first."""
    evidence: list[ReadMoment] = field(default_factory=list)
    """The reads in a row that showed `verdict`."""
    last: RestingOrder | None = None
    """The order as last seen, if it rested and is not shown any more."""
    is_earlier: bool = False
    """Another process sent it."""
    given_up_at: float = 0.0
    """When it was found void (monotonic clock), 0 if it was not."""

    def accepted(self, tx_hash: str, now: float) -> None:
        """The venue named its transaction."""
        self.stage, self.tx_hash, self.heard_at = PendingStage.ACCEPTED, tx_hash, now

    def unacknowledged(self) -> None:
        """No usable response: nobody can say whether it reached the chain."""
        self.stage = PendingStage.UNKNOWN

    def priced_against(self, best_opposite6: int | None) -> None:
        """Note the best opposite price that is known as it is sent."""
        self.best_opposite6 = best_opposite6

    def rested_as(self, order: RestingOrder) -> None:
        """It rested before this process began, as this order."""
        self.last, self.sent_at = order, float("-inf")

    def given_up(self, now: float) -> None:
        """It was found void."""
        self.given_up_at = now

    def add_evidence(self, verdict: str, read: ReadMoment) -> tuple[ReadMoment, ...]:
        """Note what a read shows; returns the earlier reads in a row that showed the same."""
        if self.verdict != verdict:
            self.verdict = verdict
            self.evidence.clear()
        earlier = tuple(self.evidence)
        self.evidence.append(read)
        return earlier

    @property
    def as_pending_order(self) -> PendingOrder:
        """The placement as the planner and the screen see it."""
        place = self.place
        is_unknown = self.stage is PendingStage.UNKNOWN
        return PendingOrder(place.side, place.level, place.price6, place.amount18, place.margin6, is_unknown)


@dataclass(frozen=True, slots=True)
class PendingCancel:
    """A cancel that was journalled. It counts until its order is gone or `CANCEL_PATIENCE_S` have passed."""

    order_id: int
    sent_at: float
    """Monotonic clock."""


@dataclass(frozen=True, slots=True)
class OrderMemory:
    """What the chain does not say of a resting order."""

    level: int
    placed18: int
    """The amount it was placed with."""
    block: int = 0
    """The block of the first read that showed it."""
    intent_id: str = ""
    """Its placement's, where known."""


@dataclass(slots=True)
class PendingOrders:
    """A wallet's pending placements and cancels, and what is remembered of its orders. Iterates over the placements.

    Its fields change only through its methods.
    """

    placements: dict[str, PendingPlacement] = field(default_factory=dict)
    """By intent id."""
    lapsed: dict[str, PendingPlacement] = field(default_factory=dict)
    """Placements that ended off the book, the latest last: one may appear late."""
    traded18: dict[tuple[Side, int], int] = field(default_factory=dict)
    """Traded amounts by (side, price6) that do not explain the end of an order yet."""
    cancels: dict[int, PendingCancel] = field(default_factory=dict)
    """By order id."""
    memory: dict[int, OrderMemory] = field(default_factory=dict)
    """By order id."""
    placed: dict[tuple[Side, int, int], int] = field(default_factory=dict)
    """Amounts that earlier runs placed, by (side, level, sequence): a resumed order's planned size."""
    sequence: int = 0
    """The next tag's sequence number."""

    def __iter__(self) -> Iterator[PendingPlacement]:
        return iter(self.placements.values())

    def __len__(self) -> int:
        return len(self.placements)

    def __contains__(self, intent_id: str) -> bool:
        return intent_id in self.placements

    # ---- placements ----

    def add(self, placement: PendingPlacement) -> None:
        """From now on it holds its level and its margin."""
        self.placements[placement.intent_id] = placement

    def remove(self, placement: PendingPlacement) -> None:
        """It was not sent, or provably never reached the chain."""
        self.placements.pop(placement.intent_id, None)

    def rested(self, placement: PendingPlacement, order_id: int, block: int) -> None:
        """It is on the book, first shown in a read of `block`."""
        self._end(placement)
        place = placement.place
        self.remember(order_id, OrderMemory(place.level, place.amount18, block, placement.intent_id))

    def ended(self, placement: PendingPlacement) -> None:
        """It ended off the book."""
        self._end(placement)
        self.lapse(placement)

    def lapse(self, placement: PendingPlacement) -> None:
        """Remember a placement that is neither pending nor resting, in case it appears late."""
        self.lapsed[placement.intent_id] = placement
        while len(self.lapsed) > KEPT_LAPSED:
            del self.lapsed[next(iter(self.lapsed))]

    def drop_missing(self) -> None:
        """Forget resting orders that the last reads did not show, unless their block may have been undone.

        For a cancel-all, which reads the chain until it shows none of them anyway.
        """
        self.placements = {
            intent_id: placement
            for intent_id, placement in self.placements.items()
            if placement.last is None or placement.sent_at > float("-inf")
        }

    def _end(self, placement: PendingPlacement) -> None:
        self.placements.pop(placement.intent_id, None)
        self.lapsed.pop(placement.intent_id, None)

    # ---- sums ----

    @property
    def margin6(self) -> int:
        """Margin of every pending and unknown order (USDC, 6 decimals)."""
        return sum(placement.place.margin6 for placement in self)

    @property
    def notional6(self) -> int:
        """Notional of every pending and unknown order (USDC, 6 decimals)."""
        return sum(placement.place.notional6 for placement in self)

    @property
    def unknown(self) -> int:
        """How many placements have no usable response."""
        return sum(1 for placement in self if placement.stage is PendingStage.UNKNOWN)

    @property
    def has_missing(self) -> bool:
        """Is an order among them that rested and is not shown any more?"""
        return any(placement.last is not None for placement in self)

    # ---- trades ----

    def traded(self, side: Side, price6: int, amount18: int) -> None:
        """An order of this side and price traded; a negative amount takes off what a smaller order explains."""
        key = side, price6
        self.traded18[key] = self.traded18.get(key, 0) + amount18

    def explain_by_trades(self, order: RestingOrder) -> bool:
        """Did as much trade at the order's price as it held? Takes that off the trades."""
        if self.traded18.get((order.side, order.price6), 0) < order.amount18:
            return False
        self.traded(order.side, order.price6, -order.amount18)
        return True

    def forget_trades(self) -> None:
        """No order is missing: the trades have explained what they could."""
        self.traded18.clear()

    # ---- cancels ----

    def cancel_sent(self, order_id: int, now: float) -> None:
        """A cancel is on its way."""
        self.cancels[order_id] = PendingCancel(order_id, now)

    def cancel_refused(self, order_id: int) -> None:
        """A cancel provably was not sent."""
        self.cancels.pop(order_id, None)

    # ---- what is remembered of resting orders ----

    def remember(self, order_id: int, memory: OrderMemory) -> None:
        """Note the level and the planned size of a resting order."""
        self.memory[order_id] = memory

    def forget(self, order_id: int) -> None:
        """The id belongs to another order now."""
        self.memory.pop(order_id, None)

    def keep_only(self, order_ids: Collection[int], now: float) -> None:
        """Forget what belongs to orders that a good read does not show, and cancels that took too long."""
        watched = {*order_ids, *(placement.last.order_id for placement in self if placement.last is not None)}
        self.memory = {order_id: memory for order_id, memory in self.memory.items() if order_id in order_ids}
        self.cancels = {
            order_id: cancel
            for order_id, cancel in self.cancels.items()
            if order_id in watched and now - cancel.sent_at < CANCEL_PATIENCE_S
        }

    def annotated(self, order: RestingOrder, block: int = 0) -> RestingOrder:
        """The order with its level and planned size, as remembered or as its tag says."""
        memory = self.memory.get(order.order_id)
        if memory is None:
            tag = decode_tag(order.amount18)
            # Without a history any number may have been used by an earlier process.
            if tag is None or not (self.sequence == 0 or self.has_used(tag.sequence)):
                return order
            placed18 = self.placed.get((order.side, tag.level, tag.sequence), order.amount18)
            if order.amount18 > placed18:
                return order  # an order never grows: the journal contradicts the tag
            memory = OrderMemory(tag.level, placed18, block)
            self.remember(order.order_id, memory)
        return replace(order, level=memory.level, placed18=memory.placed18)

    # ---- sequence numbers ----

    def next_sequence(self, used: int) -> None:
        """Continue after a sequence number that was used; -1 for none."""
        self.sequence = (used + 1) % (MAX_TAG_SEQUENCE + 1)

    def has_used(self, sequence: int) -> bool:
        """Is a sequence number behind the next one? Numbers wrap around: half of all count as behind."""
        return (sequence - self.sequence) % (MAX_TAG_SEQUENCE + 1) > MAX_TAG_SEQUENCE // 2

    def placed_earlier(self, side: Side, level: int, sequence: int, amount18: int) -> None:
        """An earlier run placed this amount with this tag."""
        self.placed[side, level, sequence] = amount18
