"""One wallet's pending placements and cancels, and details of its orders that the chain does not store."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace

from ama_tui.domain.order import MAX_TAG_SEQUENCE, RestingOrder, Side, decode_tag
from ama_tui.domain.plan import PendingOrder, Place
from ama_tui.engine.own_prices import WalletPrices
from ama_tui.engine.sent_request import PendingStage, ReadMoment, SentRequest

KEPT_LAPSED = 500
"""How many finished placements a wallet remembers, in case one of them reaches the book late."""
CANCEL_PATIENCE_S = 15.0
"""A cancel is acknowledged before it is mined and may revert: after this long it is sent again."""

UNEXPLAINED = "unexplained"
"""The verdict on an order that is not shown any more without a trade, a cancel or a release of its margin."""


@dataclass(slots=True)
class PendingPlacement(SentRequest):
    """A journalled placement that the chain has not resolved yet. Changes only through its methods."""

    intent_id: str
    place: Place
    sent_at: float
    """Monotonic clock; minus infinity for an order that rested before this process started."""
    best_opposite6: int | None = None
    """The best opposite price at the time of sending (USDC, 6 decimals)."""
    stage: PendingStage = PendingStage.SENDING
    tx_hash: str | None = None
    acknowledged_at: float = float("-inf")
    """When the venue returned the transaction hash (monotonic clock). After a slow response the transaction may have
    been sent later than the request.
    """
    block: int = 0
    """The block that the venue says it is in, 0 if it named none."""
    verdict: str = ""
    """The resolution that the latest reads agree on, '' before the first."""
    evidence: list[ReadMoment] = field(default_factory=list)
    """The consecutive reads that support `verdict`."""
    last: RestingOrder | None = None
    """The order as last seen, if it rested and is missing from the latest read."""
    is_earlier: bool = False
    """It was sent by another process."""
    given_up_at: float = 0.0
    """When it was written off (monotonic clock), 0 if it was not."""
    moves: int = 0
    """The id of the order that it moves, 0 for a new order."""
    replaced6: int = 0
    """Margin of that order that is counted elsewhere (USDC, 6 decimals): only what the move adds counts here."""

    def priced_against(self, best_opposite6: int | None) -> None:
        """Note the best opposite price at the time of sending."""
        self.best_opposite6 = best_opposite6

    def rested_as(self, order: RestingOrder) -> None:
        """Note that it rested as this order before this process started."""
        self.last, self.sent_at = order, float("-inf")

    def given_up(self, now: float) -> None:
        """Note that it was written off."""
        self.given_up_at = now

    def unexplained(self, read: ReadMoment) -> None:
        """Note a read that does not show the order although nothing explains its end. Keeps the first and the last."""
        self.add_evidence(UNEXPLAINED, read)
        del self.evidence[1:-1]

    @property
    def unexplained_reads(self) -> tuple[ReadMoment, ...]:
        """The first and the latest of the reads that show neither the order nor its end; empty if it is explained."""
        return tuple(self.evidence) if self.verdict == UNEXPLAINED else ()

    def replaces(self, margin6: int) -> None:
        """Note the margin of the order that it moves, as far as that order still counts."""
        self.replaced6 = margin6

    @property
    def margin6(self) -> int:
        """The margin that it may take beyond what is counted elsewhere (USDC, 6 decimals)."""
        return max(0, self.place.margin6 - self.replaced6)

    @property
    def as_pending_order(self) -> PendingOrder:
        """The placement as the planner and the screen see it."""
        place = self.place
        is_unknown = self.stage is PendingStage.UNKNOWN
        return PendingOrder(place.side, place.level, place.price6, place.amount18, self.margin6, is_unknown, self.moves)


@dataclass(frozen=True, slots=True)
class PendingCancel:
    """A journalled cancel. It counts until its order is gone or `CANCEL_PATIENCE_S` have passed."""

    order_id: int
    sent_at: float
    """Monotonic clock."""


@dataclass(frozen=True, slots=True)
class OrderMemory:
    """Details of a resting order that the chain does not store."""

    level: int
    placed18: int
    """The amount at placement (18 decimals)."""
    block: int = 0
    """The block of the first read that showed the order."""
    intent_id: str = ""
    """The intent of its placement, '' if unknown."""


@dataclass(slots=True)
class PendingOrders:
    """A wallet's pending placements and cancels, and the levels of its orders. Iterates over the placements.

    Its fields change only through its methods.
    """

    placements: dict[str, PendingPlacement] = field(default_factory=dict)
    """By intent id."""
    lapsed: dict[str, PendingPlacement] = field(default_factory=dict)
    """Placements that are over, newest last: one of them may still reach the book."""
    traded18: dict[tuple[Side, int], int] = field(default_factory=dict)
    """Traded amounts by (side, price6) that no finished order accounts for yet."""
    cancels: dict[int, PendingCancel] = field(default_factory=dict)
    """By order id."""
    memory: dict[int, OrderMemory] = field(default_factory=dict)
    """By order id."""
    placed: dict[tuple[Side, int, int], int] = field(default_factory=dict)
    """Amounts placed by earlier runs, by (side, level, sequence): the planned size of a resumed order."""
    expected: frozenset[int] = frozenset()
    """Order ids that rested according to the journal, until the first good read."""
    sequence: int = 0
    """The next tag's sequence number."""
    prices: WalletPrices = field(default_factory=WalletPrices, repr=False, compare=False)
    """Notified of every placement added or removed."""

    def __iter__(self) -> Iterator[PendingPlacement]:
        return iter(self.placements.values())

    def __len__(self) -> int:
        return len(self.placements)

    def __contains__(self, intent_id: str) -> bool:
        return intent_id in self.placements

    # ---- placements ----

    def add(self, placement: PendingPlacement) -> None:
        """Reserve the level and the margin of a placement."""
        self.remove(placement)
        self.placements[placement.intent_id] = placement
        self._count(placement)

    def remove(self, placement: PendingPlacement) -> None:
        """Release a placement that was not sent, or that provably never reached the chain."""
        known = self.placements.pop(placement.intent_id, None)
        if known is not None:
            self.prices.not_pending(known.intent_id, known.place.side, known.place.price6)

    def rested(self, placement: PendingPlacement, order_id: int, block: int) -> None:
        """Move a placement to the book; `block` is the first read that showed it."""
        self._end(placement)
        place = placement.place
        self.remember(order_id, OrderMemory(place.level, place.amount18, block, placement.intent_id))

    def ended(self, placement: PendingPlacement) -> None:
        """Note that a placement is over and not on the book."""
        self._end(placement)
        self.lapse(placement)

    def lapse(self, placement: PendingPlacement) -> None:
        """Remember a placement that is neither pending nor resting, in case it reaches the book late."""
        self._forget_lapsed(placement.intent_id)
        self.lapsed[placement.intent_id] = placement
        self._count_lapsed(placement)
        while len(self.lapsed) > KEPT_LAPSED:
            self._forget_lapsed(next(iter(self.lapsed)))

    def count_replaced(self, resting: Iterable[RestingOrder]) -> None:
        """Count each move only with what it adds to the margin of its order, which rests or is missing."""
        moves = [placement for placement in self if placement.moves]
        if not moves:
            return
        counted = {placement.last.order_id: placement.place.margin6 for placement in self if placement.last is not None}
        counted |= {order.order_id: order.margin6 for order in resting if order.is_margin}
        for placement in moves:
            placement.replaces(counted.get(placement.moves, 0))

    def holds(self, side: Side, level: int) -> bool:
        """Is a placement or a move at this level pending?"""
        return any(placement.place.side is side and placement.place.level == level for placement in self)

    def drop_missing(self) -> None:
        """Forget orders that the last reads did not show, unless a reorg may have removed them.

        For a cancel-all, which reads the chain until no order is left anyway.
        """
        for placement in list(self):
            if placement.last is not None and placement.sent_at == float("-inf"):
                self.remove(placement)

    def count_in(self, prices: WalletPrices) -> None:
        """Report every price to `prices` from now on, those of the present placements too."""
        self.prices = prices
        for placement in self:
            self._count(placement)
        for placement in self.lapsed.values():
            self._count_lapsed(placement)

    def _count(self, placement: PendingPlacement) -> None:
        place = placement.place
        self.prices.pending(placement.intent_id, place.side, place.price6, placement.sent_at)

    def _count_lapsed(self, placement: PendingPlacement) -> None:
        place = placement.place
        self.prices.lapsed(placement.intent_id, place.side, place.price6, placement.given_up_at)

    def _forget_lapsed(self, intent_id: str) -> None:
        if self.lapsed.pop(intent_id, None) is not None:
            self.prices.not_lapsed(intent_id)

    def _end(self, placement: PendingPlacement) -> None:
        self.remove(placement)
        self._forget_lapsed(placement.intent_id)

    @property
    def is_open(self) -> bool:
        """Is anything sent, expected or traded that the next read must account for?"""
        return bool(self.placements or self.cancels or self.expected or self.traded18)

    # ---- sums ----

    @property
    def margin6(self) -> int:
        """Margin of all pending and unknown orders (USDC, 6 decimals). An order and its move count once: the larger."""
        return sum(placement.margin6 for placement in self)

    @property
    def notional6(self) -> int:
        """Notional of all pending and unknown orders (USDC, 6 decimals)."""
        return sum(placement.place.notional6 for placement in self)

    @property
    def unknown(self) -> int:
        """The number of placements without a usable response."""
        return sum(1 for placement in self if placement.stage is PendingStage.UNKNOWN)

    @property
    def has_missing(self) -> bool:
        """Is any order missing that rested before?"""
        return any(placement.last is not None for placement in self)

    @property
    def has_moves(self) -> bool:
        """Is any order being moved?"""
        return any(placement.moves for placement in self)

    # ---- trades ----

    def traded(self, side: Side, price6: int, amount18: int) -> None:
        """Add a traded amount for a side and price. A negative amount subtracts what a smaller order accounts for."""
        key = side, price6
        self.traded18[key] = self.traded18.get(key, 0) + amount18

    def explain_by_trades(self, order: RestingOrder) -> bool:
        """Did enough trade at the order's price to fill it? If so, subtracts its amount from the trades."""
        if self.traded18.get((order.side, order.price6), 0) < order.amount18:
            return False
        self.traded(order.side, order.price6, -order.amount18)
        return True

    def may_have_filled(self, place: Place) -> bool:
        """Did enough trade at its price, that no finished order accounts for, to fill a placement?"""
        return self.traded18.get((place.side, place.price6), 0) >= place.amount18

    def forget_trades(self) -> None:
        """Drop the remaining trades: no order is missing."""
        self.traded18.clear()

    # ---- cancels ----

    def cancel_sent(self, order_id: int, now: float) -> None:
        """Note a cancel that is being sent."""
        self.cancels[order_id] = PendingCancel(order_id, now)

    def cancel_refused(self, order_id: int) -> None:
        """Forget a cancel that provably was not sent."""
        self.cancels.pop(order_id, None)

    # ---- resting orders ----

    def remember(self, order_id: int, memory: OrderMemory) -> None:
        """Note the level and the planned size of a resting order."""
        self.memory[order_id] = memory

    def has_rested_since(self, order_id: int, block: int) -> bool:
        """Did a read of this block or an earlier one show the order?"""
        memory = self.memory.get(order_id)
        return memory is not None and memory.block <= block

    def expect(self, order_ids: Collection[int]) -> None:
        """Note ids of orders that rest according to the journal: the first read asks for each of them."""
        self.expected = frozenset(order_ids)

    def known_beside(self, resting: frozenset[int]) -> frozenset[int]:
        """These ids and those of orders that a read must ask for, whether or not the node lists them."""
        if not self.placements and not self.expected and resting.issuperset(self.memory):
            return resting
        missing = (one.last.order_id for one in self if one.last is not None)
        return resting.union(self.expected, self.memory, missing)

    def forget(self, order_id: int) -> None:
        """Forget an order id that now belongs to another order."""
        self.memory.pop(order_id, None)

    def keep_only(self, order_ids: Collection[int], now: float) -> None:
        """Forget orders that a good read does not show, and cancels that took too long."""
        self.expected = frozenset()
        watched = {*order_ids, *(placement.last.order_id for placement in self if placement.last is not None)}
        self.memory = {order_id: memory for order_id, memory in self.memory.items() if order_id in order_ids}
        self.cancels = {
            order_id: cancel
            for order_id, cancel in self.cancels.items()
            if order_id in watched and now - cancel.sent_at < CANCEL_PATIENCE_S
        }

    def annotated(self, order: RestingOrder, block: int = 0) -> RestingOrder:
        """The order with its level and planned size, from memory or from its tag."""
        memory = self.memory.get(order.order_id)
        if memory is None:
            tag = decode_tag(order.amount18)
            # Without a history, an earlier process may have used any sequence number.
            if tag is None or not (self.sequence == 0 or self.has_used(tag.sequence)):
                return order
            placed18 = self.placed.get((order.side, tag.level, tag.sequence), order.amount18)
            if order.amount18 > placed18:
                return order  # an order never grows, so the journal contradicts the tag
            memory = OrderMemory(tag.level, placed18, block)
            self.remember(order.order_id, memory)
        return replace(order, level=memory.level, placed18=memory.placed18)

    # ---- sequence numbers ----

    def next_sequence(self, used: int) -> None:
        """Continue after the last used sequence number; -1 for none."""
        self.sequence = (used + 1) % (MAX_TAG_SEQUENCE + 1)

    def continue_after(self, placed18: Iterable[int]) -> None:
        """Without a history, continue after the tags of orders taken over: the next start then accepts them too."""
        if self.sequence == 0:
            tags = [tag for amount18 in placed18 if (tag := decode_tag(amount18)) is not None]
            self.next_sequence(max((tag.sequence for tag in tags), default=-1))

    def has_used(self, sequence: int) -> bool:
        """Was this sequence number used before? Numbers wrap around: half of them count as used."""
        return (sequence - self.sequence) % (MAX_TAG_SEQUENCE + 1) > MAX_TAG_SEQUENCE // 2

    def placed_earlier(self, side: Side, level: int, sequence: int, amount18: int) -> None:
        """Note an amount that an earlier run placed with this tag."""
        self.placed[side, level, sequence] = amount18
