"""What the chain shows settles what is in flight. Pure: a wallet's book, a read and receipts in, outcomes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from ama_tui.domain.order import RestingOrder, decode_tag
from ama_tui.domain.reading import FleetRead, OrderRested, Receipt, WalletRead
from ama_tui.engine.fleet import OrderMemory, Sent, Stage, WalletBook

BLOCKS_BETWEEN_ABSENCES = 2
SECONDS_BETWEEN_ABSENCES = 10.0
CANCEL_PATIENCE_S = 15.0
"""A cancel answers before it is mined and may revert: after this long it is tried again."""


class Fate(Enum):
    """How a placement ended."""

    RESTED = "rested"
    EXECUTED = "executed"
    REVERTED = "reverted"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class Settled:
    """One placement that is no longer in flight; `order` is the one that rests, for RESTED."""

    sent: Sent
    fate: Fate
    order: RestingOrder | None = None


def match_rested(book: WalletBook, read: WalletRead) -> list[Settled]:
    """The placements that the wallet's resting orders show by their tags. Changes nothing."""
    by_tag: dict[tuple[object, ...], RestingOrder] = {}
    for order in read.orders:
        tag = decode_tag(order.amount18)
        if tag is not None and order.order_id not in book.memory:
            by_tag[order.side, order.price6, tag.level, tag.sequence] = order
    settled = []
    for sent in book.sent.values():
        place = sent.place
        found = by_tag.get((place.side, place.price6, place.level, place.sequence))
        if found is not None:
            settled.append(Settled(sent, Fate.RESTED, found))
    return settled


def match_receipts(
    book: WalletBook, read: WalletRead, block: int, receipts: Mapping[str, Receipt | None]
) -> list[Settled]:
    """The placements that their receipts settle at `block`. Changes nothing.

    A receipt of a later block than the read's says nothing yet: the next read will show its order.
    """
    resting = {order.order_id: order for order in read.orders}
    settled = []
    for sent in book.sent.values():
        receipt = receipts.get(sent.tx_hash or "")
        if receipt is None:
            continue
        if not receipt.ok:
            settled.append(Settled(sent, Fate.REVERTED))
            continue
        if receipt.block > block:
            continue
        ids = [event.order_id for event in receipt.events if isinstance(event, OrderRested)]
        order = next((resting[order_id] for order_id in ids if order_id in resting), None)
        settled.append(Settled(sent, Fate.RESTED if order is not None else Fate.EXECUTED, order))
    return settled


def note_absences(book: WalletBook, block: int, now: float, settle_after: float) -> list[Settled]:
    """The placements that the chain has not shown for long enough to be void.

    Only what nobody answers for counts: not on the wire any more, sent (and its transaction named, where
    the venue did) longer ago than `settle_after` seconds, and absent in two reads at least two blocks
    apart (ten seconds where no block came meanwhile). Notes this read's absence in each.
    """
    settled = []
    for sent in book.sent.values():
        if sent.stage is Stage.WIRE or now - max(sent.sent_at, sent.heard_at) < settle_after:
            continue
        if any(is_far_apart(earlier, (block, now)) for earlier in sent.absences):
            settled.append(Settled(sent, Fate.VOID))
        sent.absences.append((block, now))
    return settled


def is_far_apart(earlier: tuple[int, float], later: tuple[int, float]) -> bool:
    """Are two reads, each (block, seconds), far enough apart for absence in both to prove something?"""
    blocks, seconds = later[0] - earlier[0], later[1] - earlier[1]
    return blocks >= BLOCKS_BETWEEN_ABSENCES or (blocks == 0 and seconds >= SECONDS_BETWEEN_ABSENCES)


def apply(book: WalletBook, settled: list[Settled]) -> None:
    """Take what is settled out of flight and remember the orders that came to rest."""
    for one in settled:
        book.sent.pop(one.sent.intent_id, None)
        if one.order is not None:
            place = one.sent.place
            book.memory[one.order.order_id] = OrderMemory(place.level, place.amount18)


def adopt(book: WalletBook, read: WalletRead, now: float) -> tuple[RestingOrder, ...]:
    """Make a good read the wallet's last one: orders get their levels. Returns the orders that are gone since."""
    ids = {order.order_id for order in read.orders}
    gone = tuple(order for order in book.orders if order.order_id not in ids)
    book.memory = {order_id: memory for order_id, memory in book.memory.items() if order_id in ids}
    book.cancels = {
        order_id: cancel
        for order_id, cancel in book.cancels.items()
        if order_id in ids and now - cancel.sent_at < CANCEL_PATIENCE_S
    }
    book.read = replace(read, orders=tuple(book.annotated(order) for order in read.orders))
    book.read_error = ""
    return gone


def hashes_to_settle(book: WalletBook, matched: list[Settled]) -> list[str]:
    """Transaction hashes whose receipts would settle what the tags did not."""
    found = {one.sent.intent_id for one in matched}
    return [sent.tx_hash for sent in book.sent.values() if sent.tx_hash is not None and sent.intent_id not in found]


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
