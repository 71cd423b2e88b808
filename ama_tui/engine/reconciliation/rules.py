"""What the chain shows settles what is in flight. Pure: a wallet's book, a read and receipts in, outcomes out.

A node may lag, a block may be undone and a read may be wrong once. So nothing that frees a level is believed
of one look: an order that rests is believed at once, an end only when reads some blocks apart agree on it, or
when the book's own events name it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from ama_tui.domain.order import RestingOrder, decode_tag
from ama_tui.domain.plan import Place
from ama_tui.domain.reading import FleetRead, OrderRested, Receipt, WalletRead
from ama_tui.engine.pending_orders import PendingPlacement, PendingStage
from ama_tui.engine.wallet_book import WalletBook

BLOCKS_BETWEEN_ABSENCES = 2
REORG_BLOCKS = 3
"""The deepest reorganisation that is expected: a receipt this deep stays."""
SECONDS_WITHOUT_A_BLOCK = 10.0
"""Two reads of one block this far apart prove as much as two reads some blocks apart."""


class Resolution(Enum):
    """How a placement ended, or that it rests; the value is its status in the journal."""

    RESTED = "resting"
    LATE = "late"
    EXECUTED = "executed"
    REVERTED = "reverted"
    VOID = "void"
    FILLED = "filled"
    CANCELLED = "cancelled"
    GONE = "gone"

    @property
    def rests(self) -> bool:
        return self in (Resolution.RESTED, Resolution.LATE)


@dataclass(frozen=True, slots=True)
class ResolvedOrder:
    """One placement that is no longer in flight; `order` is the one that rests, for RESTED and LATE."""

    pending: PendingPlacement
    resolution: Resolution
    order: RestingOrder | None = None


def forget_replaced(book: WalletBook, read: WalletRead) -> None:
    """Forget what is remembered of ids that stand for other orders now: an undone block gives ids anew."""
    known = {order.order_id: order for order in book.orders}
    for order in read.orders:
        before = known.get(order.order_id)
        if before is not None and not _is_same(before, order):
            book.pending.forget(order.order_id)


def vanished(book: WalletBook, read: WalletRead, *, last_block: int, now: float) -> list[PendingPlacement]:
    """The resting orders that a read does not show any more, as placements of unknown fate. Changes nothing.

    They hold their levels until their end is known. One that `last_block`, the last read's, showed for fewer
    than `REORG_BLOCKS` may have been undone with its block and be on its way again: it has the venue's
    longest time from `now` on. Orders without a level are left out: they hold none.
    """
    shown = {order.order_id: order for order in read.orders}
    found = []
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
        found.append(PendingPlacement(intent_id, place, sent_at, stage=PendingStage.UNKNOWN, last=order))
    return found


def match_rested(
    book: WalletBook, missing: Iterable[PendingPlacement], read: WalletRead, *, by_price: bool = True
) -> list[ResolvedOrder]:
    """The placements that the wallet's resting orders show, by tag, by id, or by price where a fill wore the tag.

    Changes nothing. Those of `missing` count as in flight. A placement that had been given up is LATE. By price only
    an order is known that the read before did not show, and none without `by_price`.
    """
    new = [order for order in read.orders if order.order_id not in book.pending.memory]
    if not new:
        return []
    by_id = {order.order_id: order for order in new}
    by_tag: dict[tuple[object, ...], RestingOrder] = {}
    for one in new:
        tag = decode_tag(one.amount18)
        if tag is not None:
            by_tag[one.side, one.price6, tag.level, tag.sequence] = one
    resolved = []
    worn: list[PendingPlacement] = []
    for sents, resolution in (
        ((*book.pending, *missing), Resolution.RESTED),
        (book.pending.lapsed.values(), Resolution.LATE),
    ):
        for pending in sents:
            place = pending.place
            tagged = (place.side, place.price6, place.level, place.sequence)
            order: RestingOrder | None = by_tag.get(tagged)
            if pending.last is not None and order is None:
                again = by_id.get(pending.last.order_id)
                order = again if _is_same(pending.last, again) else None
            if order is not None and by_id.pop(order.order_id, None) is not None:
                resolved.append(ResolvedOrder(pending, resolution, order))
            elif resolution is Resolution.RESTED:
                worn.append(pending)
    if not by_price:
        return resolved
    # What a fill leaves may pass for a tag by accident, but for none of a placement that is looked for.
    before = {order.order_id for order in book.orders}
    for rest in (order for order in by_id.values() if order.order_id not in before):
        under_way = [pending for pending in worn if _may_have_shrunk(pending, rest)]
        ended = [pending for pending in book.pending.lapsed.values() if _may_have_shrunk(pending, rest)]
        if len(under_way) == 1:
            worn.remove(under_way[0])
            resolved.append(ResolvedOrder(under_way[0], Resolution.RESTED, rest))
        elif ended and not under_way:
            resolved.append(ResolvedOrder(ended[-1], Resolution.LATE, rest))
    return resolved


def _may_have_shrunk(pending: PendingPlacement, order: RestingOrder) -> bool:
    """Could the order be what a fill has left of a placement? The price tells."""
    place = pending.place
    return (order.side, order.price6) == (place.side, place.price6) and order.amount18 < place.amount18


def explain(book: WalletBook, read: WalletRead, cancelled: Iterable[int]) -> list[ResolvedOrder]:
    """The orders not shown any more whose end the book's own events tell: trades of as much, or a cancel.

    Takes off the wallet's trades what its other orders have shrunk by, and what it explains.
    """
    ids = set(cancelled)
    shown = {order.order_id: order for order in read.orders}
    for order in book.orders:
        after = shown.get(order.order_id)
        if after is not None and _is_same(order, after):
            book.pending.traded(order.side, order.price6, after.amount18 - order.amount18)
    resolved = []
    for pending in book.pending:
        if pending.last is None:
            continue
        if pending.last.order_id in ids:
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
    """The placements whose end this read and an earlier one agree on. Notes this read's verdict on each.

    By receipt: reads `REORG_BLOCKS` apart, so that the receipt is that deep. Without one, and `settle_after`
    seconds after it was sent (or its transaction named): two reads two blocks apart do not show it. Ten
    seconds count as much where no block came. What is on the wire is never void, and a receipt of a later
    block than the read's says nothing yet.
    """
    resting = {order.order_id: order for order in read.orders}
    resolved = []
    for pending in book.pending:
        resolution: Resolution | None = None
        blocks = REORG_BLOCKS
        receipt = receipts.get(pending.tx_hash or "")
        if receipt is not None and receipt.block <= block:
            ids = [event.order_id for event in receipt.events if isinstance(event, OrderRested)]
            order = next((resting[order_id] for order_id in ids if order_id in resting), None)
            if receipt.ok and order is not None:
                resolved.append(ResolvedOrder(pending, Resolution.RESTED, order))
                continue
            resolution = Resolution.EXECUTED if receipt.ok else Resolution.REVERTED
        elif receipt is None and _is_overdue(pending, now, settle_after):
            resolution, blocks = Resolution.VOID if pending.last is None else Resolution.GONE, BLOCKS_BETWEEN_ABSENCES
        if resolution is not None and _is_agreed(pending, resolution, (block, now), blocks):
            resolved.append(ResolvedOrder(pending, resolution))
    return resolved


def _is_overdue(pending: PendingPlacement, now: float, settle_after: float) -> bool:
    """Is it off the wire, and has the chain had the venue's longest time to show it?"""
    return pending.stage is not PendingStage.WIRE and now - max(pending.sent_at, pending.heard_at) >= settle_after


def _is_agreed(pending: PendingPlacement, resolution: Resolution, read: tuple[int, float], blocks: int) -> bool:
    """Did an earlier read, at least `blocks` before, show the same? Notes this one."""
    earlier_reads = pending.add_evidence(resolution.value, read)
    return any(is_far_apart(earlier, read, blocks) for earlier in earlier_reads)


def is_far_apart(earlier: tuple[int, float], later: tuple[int, float], blocks: int = BLOCKS_BETWEEN_ABSENCES) -> bool:
    """Are two reads, each (block, time), far enough apart for both together to prove something?"""
    between, seconds = later[0] - earlier[0], later[1] - earlier[1]
    return between >= blocks or (between == 0 and seconds >= SECONDS_WITHOUT_A_BLOCK)


def _is_same(before: RestingOrder | None, after: RestingOrder | None) -> bool:
    """Is it one order at two times? It may have shrunk; an id alone may be given anew when a block is undone."""
    if before is None or after is None:
        return False
    return (before.order_id, before.side, before.price6) == (after.order_id, after.side, after.price6) and (
        after.amount18 <= before.amount18
    )


def apply(book: WalletBook, resolved: Iterable[ResolvedOrder], *, block: int, now: float) -> None:
    """Take resolved placements out of the pending orders; remember what rests, and what does not."""
    for resolution in resolved:
        pending = resolution.pending
        if resolution.order is not None:
            book.pending.rested(pending, resolution.order.order_id, block)
            continue
        if resolution.resolution is Resolution.VOID:
            pending.given_up(now)
        book.pending.ended(pending)


def adopt(book: WalletBook, read: WalletRead, now: float, block: int = 0) -> tuple[RestingOrder, ...]:
    """Make a good read the wallet's last one: orders get their levels. Returns missing orders that had no level."""
    order_ids = {order.order_id for order in read.orders}
    missing = tuple(order for order in book.orders if order.level is None and order.order_id not in order_ids)
    book.pending.keep_only(order_ids, now)
    book.take_read(read, block)
    return missing


def hashes_to_settle(book: WalletBook, matched: list[ResolvedOrder]) -> list[str]:
    """Transaction hashes whose receipts would settle what the tags did not."""
    found = {one.pending.intent_id for one in matched}
    return [
        pending.tx_hash for pending in book.pending if pending.tx_hash is not None and pending.intent_id not in found
    ]


def others_best(read: FleetRead, fleet_orders: list[RestingOrder]) -> tuple[int | None, int | None]:
    """The best bid and ask that are not the fleet's own, as far as the depth that was read shows them."""
    own: dict[tuple[bool, int], int] = {}
    for order in fleet_orders:
        key = (order.side.is_buy, order.price6)
        own[key] = own.get(key, 0) + order.amount18
    best: list[int | None] = []
    for is_buy, levels in ((True, read.view.book.bids), (False, read.view.book.asks)):
        best.append(
            next(
                (level.price6 for level in levels if level.amount18 > own.get((is_buy, level.price6), 0)),
                None,
            )
        )
    return best[0], best[1]
