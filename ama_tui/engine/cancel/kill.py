"""Cancel everything the fleet has on a market, and prove it from the chain.

Proven means: two fresh reads of the chain, two blocks apart, show no order of any wallet, and nothing that was
sent before can come to rest any more. A placement that nobody answers for is settled by its order, by its receipt, by
its absence after the venue's longest time, or by the end of the session that it was sent under: the book's contract
checks the session.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from ama_tui.domain.errors import VenueError
from ama_tui.domain.event import KillProgress
from ama_tui.domain.plan import CancelReason
from ama_tui.domain.reading import OrdersRead, Receipt, SessionsRead, WalletRead
from ama_tui.domain.session import session_status
from ama_tui.engine.cancel.worker import LONGEST_CANCEL_S, CancelWorker
from ama_tui.engine.engine_api import KillReport, Survivor
from ama_tui.engine.execution.sender import Sender
from ama_tui.engine.pending_orders import PendingStage
from ama_tui.engine.reconciliation.rules import Resolution, ResolvedOrder, apply, is_far_apart, judge, match_rested
from ama_tui.engine.run_context import RunContext
from ama_tui.engine.wallet_book import WalletBook

PATIENCE_S = 60.0
"""How long a kill tries before it lists what is left."""
REVOKE_AFTER = 0.5
"""After this share of the patience the sessions of wallets with unsettled placements are ended."""
BETWEEN_READS_S = 0.5
LONGEST_READ_S = 20.0
LAST_READ_S = 10.0
"""How long the read that says what is left is tried for, once the patience is over."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _ChainReads:
    """One look at the chain. `sessions` is None, `receipts` empty, where they could not be read."""

    orders: OrdersRead
    sessions: SessionsRead | None
    receipts: Mapping[str, Receipt | None]


@dataclass(slots=True)
class CancelAll:
    """Re-reads the open orders of `books` from the chain and cancels them until two fresh reads show none.

    `sent_under` are the sessions that a wallet's unsettled placements may have been sent under (without an
    entry: the one it has). Once `is_enough` says so, nothing more is begun and what the chain shows is reported.
    """

    context: RunContext
    sender: Sender
    books: list[WalletBook]
    reason: CancelReason = CancelReason.KILL
    patience: float = PATIENCE_S
    on_progress: Callable[[KillProgress], None] = lambda progress: None
    placed_under: dict[str, Sequence[str]] = field(default_factory=dict)
    is_enough: Callable[[], bool] = lambda: False
    _clearing: CancelWorker = field(init=False)
    _latest: OrdersRead | None = None
    _newest_block: int = 0
    _empty: list[tuple[int, float]] = field(default_factory=list)
    _seen: dict[int, str] = field(default_factory=dict)
    _gone: set[int] = field(default_factory=set)
    _revoking: set[str] = field(default_factory=set)
    _revoked: dict[str, str] = field(default_factory=dict)
    _trouble: str = ""

    def __post_init__(self) -> None:
        self._clearing = CancelWorker(self.context, self.sender, self.reason)

    async def finish(self) -> KillReport:
        """Cancel and prove; survivors are listed when the patience is over. Never raises for the venue's trouble."""
        self.context.action_log.forgive()
        for book in self.books:
            if book.session.ids:
                self.placed_under.setdefault(book.address, book.session.ids)
        began = _now()
        deadline = began + self.patience
        self._clearing.open()
        try:
            while True:
                is_proven = await self._pass(min(LONGEST_READ_S, deadline - _now()), revokes=self._is_late(began))
                if is_proven or self.is_enough() or _now() + BETWEEN_READS_S >= deadline:
                    break
                await asyncio.sleep(BETWEEN_READS_S)
            if not is_proven and not self.is_enough():
                await asyncio.sleep(deadline - _now())
        finally:
            await self._clearing.close(LONGEST_CANCEL_S if self.is_enough() else 0.0)
        if is_proven:
            return self._report(_now() - began, is_read=True, is_proven=True)
        last, before = _now() + LAST_READ_S, self._latest
        while self._latest is before and _now() < last:
            is_proven = await self._pass(last - _now(), revokes=False)
            if self._latest is before:
                await asyncio.sleep(BETWEEN_READS_S)
        return self._report(_now() - began, is_read=self._latest is not before, is_proven=is_proven)

    def _is_late(self, began: float) -> bool:
        return _now() - began >= self.patience * REVOKE_AFTER

    # ---- looking ----

    async def _pass(self, seconds: float, *, revokes: bool) -> bool:
        """Read, settle, cancel what the read shows; True once this read proves that nothing is left."""
        look = await self._read(seconds)
        if look is None:
            self._empty.clear()
            return False
        self._settle(look)
        read = look.orders
        if read.block < self._newest_block:
            self._empty.clear()  # older than what was known already: it proves nothing
            return False
        self._newest_block, self._latest = read.block, read
        self._judge(look)
        self._count(read)
        self._work(look, revokes=revokes)
        unread = any(orders is None for orders in read.orders.values())
        if self._clearing.alive or unread or any(book.pending for book in self.books):
            self._empty.clear()
            return False
        seen = (read.block, _now())
        self._empty.append(seen)
        return any(is_far_apart(earlier, seen) for earlier in self._empty)

    async def _read(self, seconds: float) -> _ChainReads | None:
        """The orders, the sessions and the receipts, side by side; None when the orders could not be read."""
        chain, market = self.context.connections.chain, self.context.market
        addresses = [book.address for book in self.books]
        hashes = [pending.tx_hash for book in self.books for pending in book.pending if pending.tx_hash is not None]
        ids = sorted({session for book in self.books for session in self._sessions_of(book)})
        trouble = ""
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                orders, sessions, receipts = await asyncio.gather(
                    _or_error(chain.open_orders(market.address, addresses)),
                    _or_error(chain.sessions(self.context.connections.registry, ids) if ids else _nothing(None)),
                    _or_error(chain.receipts(market.address, hashes) if hashes else _nothing(None)),
                )
        except TimeoutError:
            orders, trouble = None, f"the chain did not answer within {seconds:.0f} s"
        if isinstance(orders, OrdersRead):
            self._trouble = ""
            found = sessions if isinstance(sessions, SessionsRead) else None
            return _ChainReads(orders, found, receipts if isinstance(receipts, Mapping) else {})
        trouble = trouble or str(orders)
        if trouble != self._trouble:
            self.context.action_log.note(f"cancel-all: {trouble}", is_error=True)
        self._trouble = trouble
        return None

    def _sessions_of(self, book: WalletBook) -> set[str]:
        is_asked_for = book.pending or book.address in self._revoking
        under = set(self.placed_under.get(book.address, ())) if is_asked_for else set()
        return under if book.session.id is None else under | {book.session.id}

    def _count(self, read: OrdersRead) -> None:
        """Note what rests, and what of that which was to be cancelled is gone."""
        alive = {order.order_id: address for address, orders in read.orders.items() for order in orders or ()}
        self._clearing.alive = frozenset(alive)
        self._seen |= alive
        known = {order_id for order_id, address in self._seen.items() if read.orders[address] is not None}
        self._gone = (self._gone | known) - alive.keys()
        self.on_progress(KillProgress(len(self._gone), len(self._seen)))

    # ---- what was sent before ----

    def _settle(self, look: _ChainReads) -> None:
        """Take out of flight what the look shows the end of."""
        for book in self.books:
            orders = look.orders.orders[book.address]
            if orders is not None:
                matched = match_rested(book, (), WalletRead(True, orders=orders), by_price=False)
                self._end(book, matched, look.orders.block)
            is_over = look.sessions is not None and self._are_over(book, look.sessions)
            if is_over and book.address in self._revoking:
                self._revoked[book.address] = book.wallet.nickname
            if look.sessions is not None and is_over and book.pending:
                # Only a read of that block or a later one shows all that came to rest under them.
                self._newest_block = max(self._newest_block, look.sessions.block)
                over = [
                    ResolvedOrder(pending, Resolution.VOID if pending.last is None else Resolution.GONE)
                    for pending in book.pending
                ]
                self._end(book, over, look.orders.block)

    def _judge(self, look: _ChainReads) -> None:
        """Take out of flight what reads that are far enough apart agree on."""
        block = look.orders.block
        for book in self.books:
            orders = look.orders.orders[book.address]
            if orders is not None:
                shown = WalletRead(True, orders=orders)
                self._end(book, judge(book, shown, block, _now(), look.receipts, self.context.settle_after), block)

    def _are_over(self, book: WalletBook, sessions: SessionsRead) -> bool:
        """Does the chain take nothing more under any session that the wallet's placements may have been sent under?"""
        used = self.placed_under.get(book.address, ())
        return bool(used) and not self._alive_sessions(book, sessions)

    def _alive_sessions(self, book: WalletBook, sessions: SessionsRead | None) -> list[str]:
        """Of the sessions that the wallet's placements may have been sent under, those not known to be over."""
        used = self.placed_under.get(book.address, ())
        if sessions is None:
            return list(used)
        records, block_time = sessions.records, sessions.block_time
        return [session for session in used if not session_status(records.get(session), block_time=block_time).is_over]

    def _end(self, book: WalletBook, resolved: list[ResolvedOrder], block: int) -> None:
        apply(book, resolved, block=block, now=_now())
        for one in resolved:
            if one.resolution is not Resolution.RESTED or one.pending.stage is not PendingStage.ACCEPTED:
                self._tell(book, one, block)

    def _tell(self, book: WalletBook, resolved: ResolvedOrder, block: int) -> None:
        pending, resolution = resolved.pending, resolved.resolution
        self.context.action_log.placement(
            book.wallet,
            pending.intent_id,
            pending.place,
            resolution.value,
            resolution.value,
            tx_hash=pending.tx_hash,
            order_id=None if resolved.order is None else resolved.order.order_id,
            block=block,
        )

    # ---- what is to be done ----

    def _work(self, look: _ChainReads, *, revokes: bool) -> None:
        for book in self.books:
            self._clearing.cancel(book, look.orders.orders[book.address] or (), look.sessions)
            if revokes and book.pending:
                self._revoking.add(book.address)
                self._clearing.revoke(book, self._alive_sessions(book, look.sessions))

    def _report(self, seconds: float, *, is_read: bool, is_proven: bool) -> KillReport:
        read = self._latest
        names = tuple(book.wallet.nickname for book in self.books)
        found = {} if read is None else read.orders
        return KillReport(
            cancelled=len(self._gone & self._clearing.asked),
            block=0 if read is None else read.block,
            seconds=seconds,
            survivors=tuple(
                Survivor(book.address, book.wallet.nickname, order.order_id)
                for book in self.books
                for order in found.get(book.address) or ()
            ),
            unread=tuple(book.wallet.nickname for book in self.books if found.get(book.address) is None)
            if is_read
            else names,
            unsettled=sum(len(book.pending) for book in self.books),
            revoked=tuple(self._revoked.values()),
            read_twice=is_proven,
        )


async def _or_error(reading: Awaitable[T]) -> T | VenueError:
    try:
        return await reading
    except VenueError as error:
        return error


async def _nothing(value: T) -> T:
    return value


def _now() -> float:
    return asyncio.get_running_loop().time()
