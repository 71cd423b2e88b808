"""Cancels all orders of the fleet on a market and proves it from the chain.

Proven means: two fresh reads of the chain, two blocks apart, show no order of any wallet, and no order sent earlier can
still reach the book. An unacknowledged placement is resolved by its order, its receipt, its absence after the venue's
longest delay, or the end of the session it was sent under (the order book contract checks the session).
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

from ama_tui.domain.errors import UnreachableError, VenueError
from ama_tui.domain.event import KillProgress, KillStage, RateLimitWait
from ama_tui.domain.order import RestingOrder
from ama_tui.domain.plan import CancelReason
from ama_tui.domain.reading import OrdersRead, Receipt, SessionsRead, WalletRead
from ama_tui.domain.session import session_status
from ama_tui.engine.cancel.progress import ProgressReporter, Wait
from ama_tui.engine.cancel.time_left import TimeLeft
from ama_tui.engine.cancel.witnesses import Witnesses
from ama_tui.engine.cancel.worker import CancelWorker
from ama_tui.engine.engine_api import KillReport, Survivor
from ama_tui.engine.execution.sender import Sender
from ama_tui.engine.reconciliation.rules import (
    Resolution,
    ResolvedOrder,
    apply,
    is_behind,
    is_far_apart,
    judge,
    match_rested,
)
from ama_tui.engine.run_context import RunContext
from ama_tui.engine.sent_request import PendingStage
from ama_tui.engine.wallet_book import WalletBook

PATIENCE_S = 60.0
"""How long a kill tries before it lists the remaining orders."""
REVOKE_AFTER = 0.5
"""After this share of the patience, sessions with unresolved placements are revoked."""
BETWEEN_READS_S = 0.5
LONGEST_READ_S = 20.0
SHORTEST_READ_S = 0.1
"""With less time left a read is not begun."""
SILENCE_S = 2.0
"""A chain that has shown nothing for so long does not hold up the cancels of orders that are known."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _ChainReads:
    """One round of reads."""

    orders: OrdersRead
    sessions: SessionsRead | None
    """None if they could not be read."""

    receipts: Mapping[str, Receipt | None]
    """Empty if they could not be read."""


@dataclass(slots=True)
class CancelAll:
    """Reads the open orders of `books` and cancels them until two fresh reads show none."""

    context: RunContext
    sender: Sender
    books: list[WalletBook]
    reason: CancelReason = CancelReason.KILL
    patience: float = PATIENCE_S
    on_progress: Callable[[KillProgress], None] = lambda progress: None
    placed_under: dict[str, Sequence[str]] = field(default_factory=dict)
    """By wallet: the sessions that pending orders may have been sent under. Default: the current session."""

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the operator wants to stop: no new requests, report what the chain shows."""

    _worker: CancelWorker = field(init=False)
    _progress: ProgressReporter = field(init=False)
    _latest: OrdersRead | None = None
    _newest_block: int = 0
    _empty_reads: list[tuple[int, float]] = field(default_factory=list)
    _ever_open: dict[int, str] = field(default_factory=dict)
    witnesses: Witnesses = field(default_factory=Witnesses)
    _objections: tuple[str, ...] = ()
    _gone: set[int] = field(default_factory=set)
    _revoking: set[str] = field(default_factory=set)
    _revoked: dict[str, str] = field(default_factory=dict)
    _problem: str = ""
    _time: TimeLeft = field(default_factory=TimeLeft)
    _is_read: bool = False
    """The latest pass read the orders."""

    def __post_init__(self) -> None:
        self._worker = CancelWorker(self.context, self.sender, self.reason)
        self._progress = ProgressReporter(self.on_progress, self._rate_limits)
        self.witnesses.books = {book.address: book for book in self.books}
        for book in self.books:
            missing = [pending.last for pending in book.pending if pending.last is not None]
            self.witnesses.add_orders((*book.orders, *missing), self._read_block())
        if self.context.read is not None:
            self._newest_block = self.context.read.seen_block

    def _rate_limits(self) -> tuple[RateLimitWait, ...]:
        self.context.rate_limits.look()
        return self.context.rate_limits.waits()

    async def finish(self) -> KillReport:
        """Cancel and prove, within the patience; lists the survivors then. Does not raise VenueError."""
        reporting = asyncio.create_task(self._progress.keep_reporting(), name="kill progress")
        try:
            return await self._finish()
        finally:
            reporting.cancel()
            self._progress.report_changes()

    async def _finish(self) -> KillReport:
        self.context.action_log.forgive()
        for book in self.books:
            if book.session.ids:
                self.placed_under.setdefault(book.address, book.session.ids)
        began = _now()
        self._time.allow(self.patience)
        self._worker.open()
        hurrying = asyncio.create_task(self._time.hurry_after(self.stop), name="cancel-all hurries")
        unread = asyncio.create_task(self._cancel_without_a_read(), name="cancel-all without a read")
        try:
            is_proven = await self._cancel(began)
            if self.stop.is_set() and not is_proven:
                is_proven = await self._wind_up()
            return self._report(_now() - began, is_read=self._is_read, is_proven=is_proven)
        finally:
            hurrying.cancel()
            unread.cancel()
            await self._worker.close()

    async def _cancel(self, began: float) -> bool:
        """Read and cancel until that is proven, the time for it is over, or the operator wants to stop."""
        while True:
            may_hang = _now() + SHORTEST_READ_S < self._time.hang_until
            until = min(_now() + LONGEST_READ_S, self._time.hang_until if may_hang else self._time.ends_at)
            is_proven = await self._pass(until, revokes=self._is_late(began))
            if is_proven or self.stop.is_set() or not self._may_read_again:
                return is_proven
            with suppress(TimeoutError):
                async with asyncio.timeout(BETWEEN_READS_S):
                    await self.stop.wait()
            if self.stop.is_set():
                return False

    async def _wind_up(self) -> bool:
        """Wait for the cancels in progress and read what they left. True if this read completes the proof."""
        await self._worker.close(max(0.0, self._time.hang_until - _now()))
        while True:
            is_proven = await self._pass(self._time.ends_at, revokes=False)
            if self._is_read or not self._may_read_again:
                return is_proven
            await asyncio.sleep(BETWEEN_READS_S)

    @property
    def _may_read_again(self) -> bool:
        return _now() + BETWEEN_READS_S + SHORTEST_READ_S < self._time.ends_at

    async def _cancel_without_a_read(self) -> None:
        """Cancel the orders that are known while the chain shows nothing: the venue's API may work without it.

        Each is cancelled until the venue has accepted that once.
        """
        await asyncio.sleep(SILENCE_S)
        while self._latest is None and not self.stop.is_set():
            for book in self.books:
                known = [one.as_resting() for one in self.witnesses.of(book.address)]
                self._ever_open |= {order.order_id: book.address for order in known}
                self._worker.alive |= {order.order_id for order in known}
                left = [order for order in known if order.order_id not in self._worker.accepted]
                self._worker.cancel(book, left, None)
            self._progress.counted(0, len(self._ever_open), len(self._worker.asked), 0)
            await asyncio.sleep(BETWEEN_READS_S)

    def _is_late(self, began: float) -> bool:
        return _now() - began >= self.patience * REVOKE_AFTER

    # ---- reads ----

    async def _pass(self, until: float, *, revokes: bool) -> bool:
        """Read, reconcile, and cancel the orders that the read shows. True if this read completes the proof."""
        self._is_read = False
        reads = await self._read(until)
        if reads is None:
            self._empty_reads.clear()
            return False
        self._resolve(reads)
        read = reads.orders
        self._progress.read(sum(orders is None for orders in read.orders.values()))
        if read.block < self._newest_block or is_behind(read.block, self._known_block()):
            self._empty_reads.clear()  # older than an earlier read: proves nothing
            return False
        self._newest_block, self._latest, self._is_read = read.block, read, True
        self._confirm(reads)
        self._count(read)
        self._act(reads, revokes=revokes)
        unread = any(orders is None for orders in read.orders.values())
        is_shown = any(read.orders.values())
        unsettled = sum(len(book.pending) for book in self.books)
        self._progress.judged(self._worker.not_accepted, unsettled, is_shown=is_shown)
        if is_shown or unread or any(book.pending for book in self.books):
            self._empty_reads.clear()
            self._objections = ()
            self._progress.reached(KillStage.CANCEL)
            return False
        moment = (read.block, _now())
        self._empty_reads.append(moment)
        if not any(is_far_apart(earlier, moment) for earlier in self._empty_reads):
            self._progress.reached(KillStage.CONFIRM, empty_reads=1)
            self._progress.waits(
                Wait.BLOCKS, f"next blocks: the second read must be two after {self._empty_reads[0][0]:,}"
            )
            return False
        self._progress.reached(KillStage.CHECK, empty_reads=2)
        self._progress.ends(Wait.BLOCKS)
        self._progress.begins(Wait.WITNESSES, "the book's events and the other witnesses not answering")
        self._objections = await self._ask_witnesses(read, until)
        if self._objections:
            self._progress.waits(Wait.WITNESSES, self._objections[0])
        else:
            self._progress.ends(Wait.WITNESSES)
        return not self._objections

    async def _ask_witnesses(self, read: OrdersRead, until: float) -> tuple[str, ...]:
        """What speaks against a read without orders."""
        began = _now()
        try:
            async with self._time.reading_until(until):
                return await self.witnesses.objections(self.context.connections, self.context.market.address, read)
        except TimeoutError:
            return (f"the book's events and the second node could not be read within {_now() - began:.0f} s",)

    async def _read(self, until: float) -> _ChainReads | None:
        """Orders, sessions and receipts in one round. None if the orders could not be read."""
        chain, registry = self.context.connections.chain, self.context.connections.registry
        market, vault = self.context.market, self.context.terms.vault
        addresses = [book.address for book in self.books]
        hashes = [pending.tx_hash for book in self.books for pending in book.pending if pending.tx_hash is not None]
        ids = sorted({session for book in self.books for session in self._sessions_to_read(book)})
        problem, is_silent, began = "", False, _now()
        self._progress.begins(Wait.CHAIN, "chain not answering")
        try:
            async with self._time.reading_until(until):
                orders, sessions, receipts = await asyncio.gather(
                    _or_error(lambda: chain.open_orders(market.address, addresses, self._known_ids(), vault)),
                    _or_error(lambda: chain.sessions(registry, ids) if ids else _nothing()),
                    _or_error(lambda: chain.receipts(market.address, hashes) if hashes else _nothing()),
                )
        except TimeoutError:
            orders, problem, is_silent = None, f"no response from the chain within {_now() - began:.0f} s", True
        if isinstance(orders, OrdersRead):
            self._problem = ""
            session_records = sessions if isinstance(sessions, SessionsRead) else None
            return _ChainReads(orders, session_records, receipts if isinstance(receipts, Mapping) else {})
        problem = problem or str(orders)
        is_silent = is_silent or isinstance(orders, UnreachableError)
        self._progress.waits(Wait.CHAIN, "chain not answering" if is_silent else f"chain unreadable: {problem}")
        if problem != self._problem:
            self.context.action_log.note(f"cancel-all: {problem}", is_error=True)
        self._problem = problem
        return None

    def _sessions_to_read(self, book: WalletBook) -> set[str]:
        needs_all = book.pending or book.address in self._revoking
        sessions = set(self.placed_under.get(book.address, ())) if needs_all else set()
        return sessions if book.session.id is None else sessions | {book.session.id}

    def _count(self, read: OrdersRead) -> None:
        """Update the open orders, and count those that are gone."""
        alive = {order.order_id: address for address, orders in read.orders.items() for order in orders or ()}
        self._worker.alive = frozenset(alive)
        self._ever_open |= alive
        self.witnesses.add_read(read)
        for book in self.books:
            orders = read.orders[book.address]
            if orders is not None:
                book.show(sum(order.margin6 for order in orders), read.block)
        readable = {order_id for order_id, address in self._ever_open.items() if read.orders[address] is not None}
        self._gone = (self._gone | readable) - alive.keys()
        self._progress.counted(len(self._gone), len(self._ever_open), len(self._worker.asked), read.block)

    # ---- orders sent earlier ----

    def _resolve(self, reads: _ChainReads) -> None:
        """Resolve the pending orders that this read alone decides."""
        for book in self.books:
            orders = reads.orders.orders[book.address]
            if orders is not None:
                matched = match_rested(book, (), WalletRead(True, orders=orders), by_price=False)
                self._end(book, matched, reads.orders.block)
            is_over = reads.sessions is not None and self._are_over(book, reads.sessions)
            if is_over and book.address in self._revoking:
                self._revoked[book.address] = book.wallet.nickname
            if reads.sessions is not None and is_over and book.pending:
                # Only a read of that block or a later one shows every order placed under these sessions.
                self._newest_block = max(self._newest_block, reads.sessions.block)
                resolved = [
                    ResolvedOrder(pending, Resolution.VOID if pending.last is None else Resolution.GONE)
                    for pending in book.pending
                ]
                self._end(book, resolved, reads.orders.block)

    def _confirm(self, reads: _ChainReads) -> None:
        """Resolve the pending orders on which two reads agree."""
        block = reads.orders.block
        for book in self.books:
            orders = reads.orders.orders[book.address]
            if orders is not None:
                shown = WalletRead(True, orders=orders)
                self._end(book, judge(book, shown, block, _now(), reads.receipts, self.context.settle_after), block)

    def _are_over(self, book: WalletBook, sessions: SessionsRead) -> bool:
        """Are all sessions over under which the wallet's pending orders may have been sent?"""
        used = self.placed_under.get(book.address, ())
        return bool(used) and not self._alive_sessions(book, sessions)

    def _alive_sessions(self, book: WalletBook, sessions: SessionsRead | None) -> list[str]:
        """The sessions under which the wallet's pending orders may have been sent, without those that are over."""
        used = self.placed_under.get(book.address, ())
        if sessions is None:
            return list(used)
        records, block_time = sessions.records, sessions.block_time
        return [session for session in used if not session_status(records.get(session), block_time=block_time).is_over]

    def _end(self, book: WalletBook, resolved: list[ResolvedOrder], block: int) -> None:
        apply(book, resolved, block=block, now=_now())
        for order in resolved:
            if order.resolution is not Resolution.RESTED or order.pending.stage is not PendingStage.ACCEPTED:
                self._journal(book, order, block)

    def _journal(self, book: WalletBook, resolved: ResolvedOrder, block: int) -> None:
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
            moves=pending.moves,
        )

    # ---- actions ----

    def _act(self, reads: _ChainReads, *, revokes: bool) -> None:
        hidden: defaultdict[str, list[RestingOrder]] = defaultdict(list)
        for order in self.witnesses.left:
            hidden[order.wallet].append(order.as_resting())
        self._worker.alive |= {order.order_id for order in self.witnesses.left}
        for book in self.books:
            shown = reads.orders.orders[book.address] or ()
            self._worker.cancel(book, (*shown, *hidden[book.address]), reads.sessions)
            if revokes and book.pending and self.context.may_revoke():
                self._revoking.add(book.address)
                self._worker.revoke(book, self._alive_sessions(book, reads.sessions))

    def _report(self, seconds: float, *, is_read: bool, is_proven: bool) -> KillReport:
        read = self._latest
        names = tuple(book.wallet.nickname for book in self.books)
        orders = {} if read is None else read.orders
        return KillReport(
            cancelled=len(self._gone & self._worker.asked),
            block=0 if read is None else read.block,
            seconds=seconds,
            survivors=tuple(
                Survivor(book.address, book.wallet.nickname, order.order_id)
                for book in self.books
                for order in orders.get(book.address) or ()
            ),
            unread=tuple(book.wallet.nickname for book in self.books if orders.get(book.address) is None)
            if is_read
            else names,
            unsettled=sum(len(book.pending) for book in self.books),
            revoked=tuple(self._revoked.values()),
            read_twice=is_proven or bool(self._objections),
            objections=() if is_proven else self._objections,
            witnesses=self.witnesses.names(self.context.connections),
        )

    def _known_ids(self) -> dict[str, set[int]]:
        """By wallet: orders that every read asks for by their ids, whether or not the node lists them."""
        ids = self.witnesses.ids
        return {book.address: ids.get(book.address, set()) | book.known_order_ids for book in self.books}

    def _known_block(self) -> int:
        """The latest block in which an order is known to have rested, or to have been mined."""
        sent = (pending.block for book in self.books for pending in book.pending)
        return max((self.witnesses.newest_block, *sent))

    def _read_block(self) -> int:
        return 0 if self.context.read is None else self.context.read.block


async def _or_error(read: Callable[[], Awaitable[T]]) -> T | VenueError:
    """The call begins with this one: time may be over before either does."""
    try:
        return await read()
    except VenueError as error:
        return error


async def _nothing() -> None:
    return None


def _now() -> float:
    return asyncio.get_running_loop().time()
