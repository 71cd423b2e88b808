"""What earlier processes sent and the chain has not settled yet is in flight from the first cycle on."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic

from ama_tui.domain.order import decode_tag
from ama_tui.domain.plan import Place
from ama_tui.domain.reading import Receipt
from ama_tui.engine.context import RunContext
from ama_tui.engine.fleet import Sent, Stage, WalletBook
from ama_tui.engine.scribe import now_ms
from ama_tui.store.replay import JournalReplay, PlacedIntent

LOOK_BACK_MS = 600_000
"""A placement older than this has come to rest, or never will."""
NEVER_RESTS = frozenset({"rejected", "withdrawn", "executed", "reverted", "void"})
"""Outcomes after which a placement is nowhere on its way."""


async def take_up_unsettled(run: RunContext, journal: JournalReplay) -> int:
    """Put the placements that may still come to rest in flight; returns how many. Raises VenueError.

    To be called after a read of the fleet: what that shows, or a receipt settles up to its block, is not on
    its way any more.
    """
    oldest = now_ms() - LOOK_BACK_MS
    recent = [
        (run.fleet.books[placed.wallet], placed)
        for placed in journal.placed.values()
        if placed.wallet in run.fleet and placed.ts > oldest and placed.status not in NEVER_RESTS
    ]
    unsettled = [(book, placed) for book, placed in recent if not _rests(book, placed)]
    hashes = [placed.tx_hash for _, placed in unsettled if placed.tx_hash is not None]
    receipts = await run.links.chain.receipts(run.market.address, hashes) if hashes else {}
    block = run.read.block if run.read is not None else 0
    found = 0
    for book, placed in unsettled:
        place = _place(placed)
        if place is not None and not _is_settled(placed, receipts, block):
            sent_at = monotonic() - max(0, now_ms() - placed.ts) / 1000
            sent = book.sent[placed.intent_id] = Sent(placed.intent_id, place, sent_at, stage=Stage.UNKNOWN)
            if placed.tx_hash is not None:
                sent.accepted(placed.tx_hash, monotonic())
            found += 1
    return found


def _rests(book: WalletBook, placed: PlacedIntent) -> bool:
    """Does the wallet's last read show the order by its tag?"""
    return any(
        (order.side, order.price6) == (placed.side, placed.price6)
        and (tag := decode_tag(order.amount18)) is not None
        and (tag.level, tag.sequence) == (placed.level, placed.sequence)
        for order in book.orders
    )


def _is_settled(placed: PlacedIntent, receipts: Mapping[str, Receipt | None], block: int) -> bool:
    """Does its receipt say that the read at `block` shows all that ever comes of it?"""
    receipt = receipts.get(placed.tx_hash or "")
    return receipt is not None and (not receipt.ok or receipt.block <= block)


def _place(placed: PlacedIntent) -> Place | None:
    """The placement as it was decided, None when the journal does not say enough."""
    if not placed.intent_id or placed.price6 is None or placed.sequence is None:
        return None
    return Place(
        wallet=placed.wallet,
        side=placed.side,
        level=placed.level,
        price6=placed.price6,
        amount18=placed.amount18,
        margin6=placed.margin6,
        sequence=placed.sequence,
    )
