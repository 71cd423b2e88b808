"""Cancel everything the fleet has on a market, and prove it from the chain."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from time import monotonic

from ama_tui.domain.errors import VenueError
from ama_tui.domain.event import KillProgress
from ama_tui.domain.order import RestingOrder
from ama_tui.domain.plan import Cancel, CancelReason
from ama_tui.domain.reading import OrdersRead
from ama_tui.engine.context import RunContext
from ama_tui.engine.desk import KillReport, Survivor
from ama_tui.engine.fleet import WalletBook
from ama_tui.engine.sender import Sender

PATIENCE_S = 60.0
"""How long a kill tries before it lists what is left."""
RETRY_CANCEL_S = 8.0
"""A cancel that has not taken its order off the book after this long is sent again."""
RETRY_FAILED_S = 2.0
"""A cancel that was not accepted is sent again after this long."""
LONGEST_RETRY_AFTER_S = 5.0
FRESH_READS = 2
BETWEEN_READS_S = 0.5
SECONDS_FOR_A_BLOCK = 10.0
"""Two reads prove something when a block came between them, or this many seconds."""


@dataclass(slots=True)
class CancelAll:
    """Re-reads the open orders of `books` from the chain and cancels them until two fresh reads show none."""

    run: RunContext
    sender: Sender
    books: list[WalletBook]
    reason: CancelReason = CancelReason.KILL
    patience: float = PATIENCE_S
    on_progress: Callable[[KillProgress], None] = lambda progress: None
    cancelled: int = 0
    _next_try: dict[int, float] = field(default_factory=dict)
    _gone: set[int] = field(default_factory=set)
    _seen: set[int] = field(default_factory=set)
    _empty: list[tuple[int, float]] = field(default_factory=list)

    async def finish(self) -> KillReport:
        """Cancel and prove; survivors are listed when the patience is over."""
        began = monotonic()
        latest: OrdersRead | None = None
        while True:
            try:
                latest = await self._enumerate()
                if await self._is_proven(latest):
                    return self._report(latest, began)
            except VenueError as error:
                self._empty.clear()
                self.run.scribe.note(f"cancel-all: {error}", is_error=True)
            if monotonic() - began > self.patience:
                return self._report(latest, began)
            await asyncio.sleep(BETWEEN_READS_S)

    async def _enumerate(self) -> OrdersRead:
        addresses = [book.address for book in self.books]
        return await self.run.links.chain.open_orders(self.run.market.address, addresses)

    async def _is_proven(self, read: OrdersRead) -> bool:
        """Cancel what the read shows; True once it is the second fresh read without an order or an intent."""
        alive = {order.order_id for orders in read.orders.values() for order in orders or ()}
        self._seen |= alive
        self.cancelled += len(self._next_try.keys() - alive - self._gone)
        self._gone |= self._next_try.keys() - alive
        unread = any(orders is None for orders in read.orders.values())
        is_awaiting = await self._is_awaiting(read)
        if alive or unread or is_awaiting:
            self._empty.clear()
            await self._cancel(read)
            return False
        self._empty.append((read.block, monotonic()))
        first_block, first_time = self._empty[0]
        waited = monotonic() - first_time
        return len(self._empty) >= FRESH_READS and (read.block > first_block or waited >= SECONDS_FOR_A_BLOCK)

    async def _is_awaiting(self, read: OrdersRead) -> bool:
        """Could a placement that was sent before the freeze still come to rest? Settles those that cannot."""
        hashes = [sent.tx_hash for book in self.books for sent in book.sent.values() if sent.tx_hash is not None]
        receipts = await self.run.links.chain.receipts(self.run.market.address, hashes) if hashes else {}
        for book in self.books:
            resting = {(order.side, order.price6, order.amount18) for order in read.orders[book.address] or ()}
            for intent_id, sent in list(book.sent.items()):
                place, receipt = sent.place, receipts.get(sent.tx_hash or "")
                is_mined = receipt is not None and (not receipt.ok or receipt.block <= read.block)
                if is_mined or (place.side, place.price6, place.amount18) in resting:
                    del book.sent[intent_id]
        return any(book.sent for book in self.books)

    async def _cancel(self, read: OrdersRead) -> None:
        now = monotonic()
        due = [
            (book, order)
            for book in self.books
            for order in read.orders[book.address] or ()
            if now >= self._next_try.get(order.order_id, now)
        ]
        by_wallet: dict[str, list[RestingOrder]] = {}
        for book, order in due:
            by_wallet.setdefault(book.address, []).append(order)
        books = {book.address: book for book in self.books}
        await asyncio.gather(*(self._cancel_wallet(books[address], orders) for address, orders in by_wallet.items()))

    async def _cancel_wallet(self, book: WalletBook, orders: Iterable[RestingOrder]) -> None:
        for order in orders:
            cancel = Cancel(
                book.address,
                order.order_id,
                order.side,
                order.price6,
                order.amount18,
                self.reason,
                order.level,
            )
            is_accepted = await self.sender.cancel(book, cancel, longest_wait=LONGEST_RETRY_AFTER_S)
            self._next_try[order.order_id] = monotonic() + (RETRY_CANCEL_S if is_accepted else RETRY_FAILED_S)

    def _report(self, read: OrdersRead | None, began: float) -> KillReport:
        seconds = monotonic() - began
        if read is None:
            return KillReport(self.cancelled, 0, seconds, (), tuple(book.wallet.nickname for book in self.books))
        survivors = tuple(
            Survivor(book.address, book.wallet.nickname, order.order_id)
            for book in self.books
            for order in read.orders[book.address] or ()
        )
        unread = tuple(book.wallet.nickname for book in self.books if read.orders[book.address] is None)
        unsettled = sum(len(book.sent) for book in self.books)
        return KillReport(self.cancelled, read.block, seconds, survivors, unread, unsettled)
