"""How a read of the chain resolves pending orders. Pure: takes a wallet's book, a read and receipts.

A node may lag, a block may be reorganised, and a read may be wrong once. So no single read frees a level: an order that
rests is accepted at once, but its end only when reads some blocks apart agree, or when an event on chain names it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from ama_tui.domain.order import RestingOrder, Side, decode_tag
from ama_tui.domain.plan import Place
from ama_tui.domain.reading import FleetRead, OrderModified, OrderRested, Receipt, WalletRead
from ama_tui.engine.pending_orders import PendingPlacement
from ama_tui.engine.sent_request import PendingStage, SentRequest
from ama_tui.engine.wallet_book import WalletBook

BLOCKS_BETWEEN_ABSENCES = 2
REORG_BLOCKS = 3
"""The deepest reorg we expect: a receipt this deep is final."""
FARTHEST_BEHIND = 20
"""The most blocks that one of several nodes behind a URL lags. A block so much later was of another chain, or a lie."""
SECONDS_WITHOUT_A_BLOCK = 10.0
"""Two reads of the same block this far apart count like two reads some blocks apart."""


class Resolution(Enum):
    """How a placement ended, or that it rests. The value is its status in the journal."""

    RESTED = "resting"
    LATE = "late"
    EXECUTED = "executed"
    REVERTED = "reverted"
    VOID = "void"
    FILLED = "filled"
    CANCELLED = "cancelled"
    MOVED = "moved"
    """Another order took its place, by one request."""
    GONE = "gone"

    @property
    def rests(self) -> bool:
        return self in (Resolution.RESTED, Resolution.LATE)


@dataclass(frozen=True, slots=True)
class ResolvedOrder:
    """A placement that is not pending any more. `order` is the resting order if RESTED or LATE."""

    pending: PendingPlacement
    resolution: Resolution
    order: RestingOrder | None = None


def forget_reused_ids(book: WalletBook, read: WalletRead) -> None:
    """Forget order ids that now belong to other orders: a reorg may reuse ids."""
    last_read = {order.order_id: order for order in book.orders}
    for order in read.orders:
        before = last_read.get(order.order_id)
        if before is not None and not _is_same(before, order):
            book.pending.forget(order.order_id)


def vanished(book: WalletBook, read: WalletRead, *, last_block: int, now: float) -> list[PendingPlacement]:
    """The resting orders that a read does not show any more, as pending placements. Changes nothing.

    They keep their levels until they are explained. An order first seen fewer than `REORG_BLOCKS` before `last_block`,
    the last read's block, may have been removed by a reorg and come back: it gets the venue's longest delay, from
    `now`. Orders without a level are left out.
    """
    shown = {order.order_id: order for order in read.orders}
    missing = []
    for order in book.orders:
        if order.level is None or order.placed18 is None or _is_same(order, shown.get(order.order_id)):
            continue
        memory = book.pending.memory.get(order.order_id)
        is_young = memory is not None and last_block - memory.block < REORG_BLOCKS
        tag = decode_tag(order.placed18)
        place = Place(
            wallet=book.address,
            side=order.side,
            level=order.level,
            price6=order.price6,
            amount18=order.placed18,
            margin6=order.margin6,
            sequence=-1 if tag is None else tag.sequence,
        )
        intent_id = memory.intent_id if memory is not None and memory.intent_id else f"order {order.order_id}"
        sent_at = now if is_young else float("-inf")
        missing.append(PendingPlacement(intent_id, place, sent_at, stage=PendingStage.UNKNOWN, last=order))
    return missing


def match_rested(
    book: WalletBook, missing: Iterable[PendingPlacement], read: WalletRead, *, by_price: bool = True
) -> list[ResolvedOrder]:
    """The placements that the wallet's resting orders match: by tag, by id, or by price if a fill changed the tag.

    Changes nothing. `missing` placements count as pending. A match with a placement that was written off is LATE. Only
    orders that the previous read did not show are matched by price, and none without `by_price`.
    """
    new = [order for order in read.orders if order.order_id not in book.pending.memory]
    if not new:
        return []
    by_id = {order.order_id: order for order in new}
    by_tag: dict[tuple[object, ...], RestingOrder] = {}
    for order in new:
        tag = decode_tag(order.amount18)
        if tag is not None:
            by_tag[order.side, order.price6, tag.level, tag.sequence] = order
    resolved = []
    unmatched: list[PendingPlacement] = []
    for placements, resolution in (
        ((*book.pending, *missing), Resolution.RESTED),
        (book.pending.lapsed.values(), Resolution.LATE),
    ):
        for pending in placements:
            place = pending.place
            tagged = (place.side, place.price6, place.level, place.sequence)
            match: RestingOrder | None = by_tag.get(tagged)
            if pending.last is not None and match is None:
                same_id = by_id.get(pending.last.order_id)
                match = same_id if _is_same(pending.last, same_id) else None
            if match is not None and by_id.pop(match.order_id, None) is not None:
                resolved.append(ResolvedOrder(pending, resolution, match))
            elif resolution is Resolution.RESTED:
                unmatched.append(pending)
    if not by_price:
        return resolved
    # A remainder after a fill may look like a tag by accident, but not like that of a pending placement.
    before = {order.order_id for order in book.orders}
    for remainder in (order for order in by_id.values() if order.order_id not in before):
        pending_matches = [pending for pending in unmatched if _may_have_shrunk(pending, remainder)]
        lapsed_matches = [pending for pending in book.pending.lapsed.values() if _may_have_shrunk(pending, remainder)]
        if len(pending_matches) == 1:
            unmatched.remove(pending_matches[0])
            resolved.append(ResolvedOrder(pending_matches[0], Resolution.RESTED, remainder))
        elif lapsed_matches and not pending_matches:
            resolved.append(ResolvedOrder(lapsed_matches[-1], Resolution.LATE, remainder))
    return resolved


def _may_have_shrunk(pending: PendingPlacement, order: RestingOrder) -> bool:
    """Could the order be the remainder of a placement after a fill? The price must agree."""
    place = pending.place
    return (order.side, order.price6) == (place.side, place.price6) and order.amount18 < place.amount18


def moved_by(resolved: Iterable[ResolvedOrder]) -> list[int]:
    """The ids of orders that ended because these placements moved them."""
    moved = (Resolution.RESTED, Resolution.LATE, Resolution.EXECUTED)
    return [one.pending.moves for one in resolved if one.pending.moves and one.resolution in moved]


def learn_hashes(book: WalletBook, modifies: Iterable[OrderModified], now: float) -> None:
    """Give each pending move that has had no response the transaction that the chain says moved its order."""
    by_order = {event.old_order_id: event for event in modifies}
    for pending in book.pending:
        event = by_order.get(pending.moves)
        if event is not None and event.tx_hash and pending.tx_hash is None:
            pending.noticed(event.tx_hash, now, event.block)


def explain(
    book: WalletBook, read: WalletRead, cancelled: Iterable[int], moved: Iterable[int] = ()
) -> list[ResolvedOrder]:
    """The missing orders whose end is explained by trades of the same amount, or by an event: a cancel or a move.

    Subtracts from the wallet's trades what its other orders shrank by, and what it explains.
    """
    cancelled_ids, moved_ids = set(cancelled), set(moved)
    shown = {order.order_id: order for order in read.orders}
    for order in book.orders:
        after = shown.get(order.order_id)
        if after is not None and _is_same(order, after):
            book.pending.traded(order.side, order.price6, after.amount18 - order.amount18)
    resolved = []
    for pending in book.pending:
        if pending.last is None:
            continue
        if pending.last.order_id in moved_ids:
            resolved.append(ResolvedOrder(pending, Resolution.MOVED))
        elif pending.last.order_id in cancelled_ids:
            resolved.append(ResolvedOrder(pending, Resolution.CANCELLED))
        elif book.pending.explain_by_trades(pending.last):
            resolved.append(ResolvedOrder(pending, Resolution.FILLED))
    return resolved


def judge(
    book: WalletBook,
    read: WalletRead,
    block: int,
    now: float,
    receipts: Mapping[str, Receipt | None],
    settle_after: float,
) -> list[ResolvedOrder]:
    """The placements on whose end this read and an earlier read agree. Records this read's verdict on each.

    An order that came to rest, and is not shown, is GONE only once the vault has released its margin; until then it is
    unexplained, and keeps its level and its margin. The same holds for a placement without a receipt (VOID).

    With a receipt: the reads are `REORG_BLOCKS` apart, so the receipt is that deep. Without a receipt, and
    `settle_after` seconds after it was sent (or its hash was returned): two reads two blocks apart, or ten seconds
    apart without a new block, do not show it. An order that is being sent is never VOID, and a receipt from a block
    after the read does not count yet.
    """
    resting = {order.order_id: order for order in read.orders}
    held6, is_settled = book.account.held_unseen6(book, read), book.account.is_settled(book, block)
    resolved = []
    for pending in book.pending:
        resolution: Resolution | None = None
        blocks = REORG_BLOCKS
        receipt = receipts.get(pending.tx_hash or "")
        if pending.last is None and receipt is not None and receipt.block <= block:
            rested = [event for event in receipt.events if isinstance(event, OrderRested)]
            order = next((resting[event.order_id] for event in rested if event.order_id in resting), None)
            if receipt.ok and order is not None:
                resolved.append(ResolvedOrder(pending, Resolution.RESTED, order))
                continue
            own = next((event for event in rested if event.trader == book.address), None)
            if receipt.ok and own is not None:
                pending.rested_as(_as_order(pending.place, own))
                continue
            resolution = Resolution.EXECUTED if receipt.ok else Resolution.REVERTED
        elif (pending.last is not None or receipt is None) and is_overdue(pending, now, settle_after):
            if is_behind(block, pending.block):
                continue  # the venue saw it in a later block
            if not is_settled:
                continue  # orders on the wallet's other markets are moving its collateral
            if _is_held(pending, held6):
                pending.unexplained((block, now))
                continue
            resolution, blocks = _absent(book, pending), BLOCKS_BETWEEN_ABSENCES
        if resolution is not None and is_agreed(pending, resolution, (block, now), blocks):
            resolved.append(ResolvedOrder(pending, resolution))
    return resolved


def _absent(book: WalletBook, pending: PendingPlacement) -> Resolution:
    """What became of a placement that is not on the book: one that no read has shown may have filled in between."""
    if pending.last is not None:
        return Resolution.GONE
    return Resolution.EXECUTED if book.pending.may_have_filled(pending.place) else Resolution.VOID


def _is_held(pending: PendingPlacement, held6: int | None) -> bool:
    """Does the vault still hold margin that could be this placement's?

    `held6` is what it holds for orders that are not shown. Profit, loss and fees move it a little.
    """
    margin6 = pending.place.margin6 if pending.last is None else pending.last.margin6
    return held6 is not None and margin6 > 0 and 2 * held6 >= margin6


def _as_order(place: Place, event: OrderRested) -> RestingOrder:
    """The order of a placement as its receipt says that it came to rest."""
    return RestingOrder(
        order_id=event.order_id,
        trader=event.trader,
        side=place.side,
        price6=event.price6,
        amount18=event.amount18,
        margin6=place.margin6 * event.amount18 // place.amount18,
        placed_at=0,
        level=place.level,
        placed18=place.amount18,
    )


def is_behind(block: int, known: int) -> bool:
    """Is a read of `block` from before a block that is known to exist, as a lagging node's may be?"""
    return 0 < known - block <= FARTHEST_BEHIND


def is_overdue(pending: SentRequest, now: float, settle_after: float) -> bool:
    """Has it been sent, and has the venue's longest delay passed?"""
    return (
        pending.stage is not PendingStage.SENDING
        and now - max(pending.sent_at, pending.acknowledged_at) >= settle_after
    )


def is_agreed(pending: SentRequest, resolution: Resolution, read: tuple[int, float], blocks: int) -> bool:
    """Did an earlier read, at least `blocks` before, show the same? Records this read."""
    earlier_reads = pending.add_evidence(resolution.value, read)
    return any(is_far_apart(earlier, read, blocks) for earlier in earlier_reads)


def is_far_apart(earlier: tuple[int, float], later: tuple[int, float], blocks: int = BLOCKS_BETWEEN_ABSENCES) -> bool:
    """Are two reads, each (block, time), far enough apart to prove something together?"""
    between, seconds = later[0] - earlier[0], later[1] - earlier[1]
    return between >= blocks or (between == 0 and seconds >= SECONDS_WITHOUT_A_BLOCK)


def is_vanished(unexplained_reads: Sequence[tuple[int, float]]) -> bool:
    """Do reads that are far enough apart show neither an order nor its end?"""
    return len(unexplained_reads) > 1 and is_far_apart(unexplained_reads[0], unexplained_reads[-1])


def _is_same(before: RestingOrder | None, after: RestingOrder | None) -> bool:
    """Is it the same order at two times? It may have shrunk. The id alone is not enough: a reorg may reuse it."""
    if before is None or after is None:
        return False
    return (before.order_id, before.side, before.price6) == (after.order_id, after.side, after.price6) and (
        after.amount18 <= before.amount18
    )


def apply(book: WalletBook, resolved: Iterable[ResolvedOrder], *, block: int, now: float) -> None:
    """Take resolved placements out of the pending orders, and remember them."""
    for resolution in resolved:
        pending = resolution.pending
        if resolution.order is not None:
            book.pending.rested(pending, resolution.order.order_id, block)
            continue
        if resolution.resolution is Resolution.VOID:
            pending.given_up(now)
        book.pending.ended(pending)


def adopt(book: WalletBook, read: WalletRead, now: float, block: int = 0) -> tuple[RestingOrder, ...]:
    """Store a good read, with levels. Returns the missing orders that had no level."""
    order_ids = {order.order_id for order in read.orders}
    missing = tuple(order for order in book.orders if order.level is None and order.order_id not in order_ids)
    book.pending.keep_only(order_ids, now)
    book.take_read(read, block)
    return missing


def hashes_to_check(book: WalletBook, matched: list[ResolvedOrder]) -> list[str]:
    """Transaction hashes whose receipts could resolve what the tags did not."""
    matched_ids = {order.pending.intent_id for order in matched}
    return [
        pending.tx_hash
        for pending in book.pending
        if pending.tx_hash is not None and pending.intent_id not in matched_ids
    ]


def others_best(read: FleetRead, own18: Callable[[Side, int], int]) -> tuple[int | None, int | None]:
    """The best bid and ask of others, within the depth that was read.

    `own18` is how much of the fleet's orders rests at a price (18 decimals).
    """
    best: list[int | None] = []
    for side, levels in ((Side.BUY, read.view.book.bids), (Side.SELL, read.view.book.asks)):
        best.append(next((level.price6 for level in levels if level.amount18 > own18(side, level.price6)), None))
    return best[0], best[1]
