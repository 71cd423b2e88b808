"""Reconciles the fleet's pending orders with a read of the chain, and journals the results."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from time import monotonic

from ama_tui.domain.order import Side
from ama_tui.domain.reading import FleetRead, OrderModified, Receipt, Settlement, Trade
from ama_tui.domain.session import session_status
from ama_tui.engine.pending_orders import PendingPlacement
from ama_tui.engine.reconciliation import rules as reconcile
from ama_tui.engine.reconciliation.rules import Resolution, ResolvedOrder
from ama_tui.engine.reconciliation.takes import close_takes, settled_takes
from ama_tui.engine.reconciliation.takes import learn_hashes as learn_take_hashes
from ama_tui.engine.run_context import RunContext
from ama_tui.engine.wallet_book import WalletBook


@dataclass(frozen=True, slots=True)
class WalletChanges:
    """What a read alone says about a wallet: orders that are missing, and placements that now rest."""

    missing: list[PendingPlacement]
    matched: list[ResolvedOrder]


@dataclass
class LiveReconciliation:
    """One read of the fleet on its way into the wallet books. Wallets that could not be read have no `changes`.

    Only wallets that were asked for are reconciled, for the read is no witness of the others. Those that look as they
    did, with nothing open, are left out too, unless they traded.
    """

    context: RunContext
    read: FleetRead
    changes: dict[str, WalletChanges] = field(default_factory=dict)
    _fresh: list[WalletBook] = field(init=False)

    def __post_init__(self) -> None:
        last_block = 0 if self.context.read is None else self.context.read.block
        self._fresh = self.context.fleet.asked_by(self.read)
        for book in self._fresh:
            wallet_read = self.read.wallets[book.address]
            if book.has_taken(wallet_read):
                self.changes[book.address] = WalletChanges([], [])
            elif wallet_read.was_read:
                missing = reconcile.vanished(book, wallet_read, last_block=last_block, now=monotonic())
                reconcile.forget_reused_ids(book, wallet_read)
                self.changes[book.address] = WalletChanges(missing, reconcile.match_rested(book, missing, wallet_read))

    @property
    def hashes(self) -> list[str]:
        """Transactions whose receipts are needed."""
        placed = [
            tx_hash
            for book in self._fresh
            for tx_hash in reconcile.hashes_to_check(
                book, self.changes[book.address].matched if book.address in self.changes else []
            )
        ]
        taken = [take.tx_hash for book in self._fresh for take in book.takes if take.tx_hash is not None]
        return [*placed, *taken]

    @property
    def wallets_missing_orders(self) -> list[str]:
        """Wallets whose cancelled and moved orders are needed: those with missing orders or pending moves."""
        books = self.context.fleet.books
        return [
            address
            for address, changes in self.changes.items()
            if changes.missing or books[address].pending.has_missing or books[address].pending.has_moves
        ]

    def finish(self, settlement: Settlement) -> None:
        """Reconcile every wallet that was read. The others stay as they are."""
        for trade in settlement.trades or ():
            self._note_trade(trade)
        cancelled: defaultdict[str, list[int]] = defaultdict(list)
        for event in settlement.cancels or ():
            cancelled[event.trader].append(event.order_id)
        modified: defaultdict[str, list[OrderModified]] = defaultdict(list)
        for move in settlement.modifies or ():
            modified[move.trader].append(move)
        for book in self._fresh:
            wallet_read, changes = self.read.wallets[book.address], self.changes.get(book.address)
            self._settle_takes(book, settlement)
            if changes is None:
                book.read_failed(wallet_read.error or "could not be read")
            elif not book.has_taken(wallet_read):
                self._reconcile(book, changes, settlement.receipts, cancelled[book.address], modified[book.address])

    def _settle_takes(self, book: WalletBook, settlement: Settlement) -> None:
        """What the receipts and trades say about the wallet's takes, whether or not the wallet could be read."""
        if not book.takes and not book.takes.written_off:
            return
        context, block, now = self.context, self.read.block, monotonic()
        for tx_hash in learn_take_hashes(book, settlement.trades or (), self._known_hashes, now):
            context.counters.took(tx_hash)
            self._known_hashes.add(tx_hash)
        has_trades = settlement.trades is not None
        settled = settled_takes(book, settlement.receipts, block, now, context.settle_after, has_trades=has_trades)
        close_takes(context, book, settled, block)

    @cached_property
    def _known_hashes(self) -> set[str]:
        """The transactions of everything that is pending, gathered once, and only while there are takes."""
        fleet = self.context.fleet
        sent = ((*book.pending, *book.takes) for book in fleet if book.is_open)
        return {one.tx_hash for each in sent for one in each if one.tx_hash}

    def _note_trade(self, trade: Trade) -> None:
        for address, side in ((trade.buyer, Side.BUY), (trade.seller, Side.SELL)):
            book = self.context.fleet.books.get(address)
            if book is not None:
                book.pending.traded(side, trade.price6, trade.amount18)

    def _reconcile(
        self,
        book: WalletBook,
        changes: WalletChanges,
        receipts: Mapping[str, Receipt | None],
        cancelled: list[int],
        modified: list[OrderModified],
    ) -> None:
        read, block, now = self.read.wallets[book.address], self.read.block, monotonic()
        for pending in changes.missing:
            book.pending.add(pending)
        resolved = list(changes.matched)
        reconcile.learn_hashes(book, modified, now)
        reconcile.apply(book, resolved, block=block, now=now)
        moved = [*reconcile.moved_by(resolved), *(event.old_order_id for event in modified)]
        for ended in (
            reconcile.explain(book, read, cancelled, moved),
            reconcile.judge(book, read, block, now, receipts, self.context.settle_after),
        ):
            still_pending = [result for result in ended if result.pending.intent_id in book.pending]
            reconcile.apply(book, still_pending, block=block, now=now)
            resolved += still_pending
        for result in resolved:
            self._report(book, result)
        for order in reconcile.adopt(book, read, now, block):
            self.context.counters.order_gone(max(0, self.read.block_time - order.placed_at))
        if not book.pending:
            book.pending.forget_trades()

    def _session_problem(self, book: WalletBook, pending: PendingPlacement) -> str:
        """Why the wallet's session refused an order that reverted: a receipt does not say."""
        record = self.read.wallets[book.address].session
        if record is None:
            return ""
        methods = self.context.strategy.methods(book.wallet.role)
        status = session_status(record, trader=book.address, block_time=self.read.block_time, methods=methods)
        problem = status.problem or record.shortage(pending.place.notional6)
        return f": {problem}" if problem else ""

    def _report(self, book: WalletBook, resolved: ResolvedOrder) -> None:
        """Journal the result of a placement, and show it unless its response, fill or cancel was shown."""
        context, pending, resolution, last = self.context, resolved.pending, resolved.resolution, resolved.pending.last
        text: str | None = None
        error: str | None = None
        order_id = last.order_id if last is not None else None
        if resolved.order is not None:
            if resolution is Resolution.RESTED and order_id == resolved.order.order_id:
                return  # it was missing from a read or two
            order_id = resolved.order.order_id
        if last is not None and not resolution.rests:
            context.counters.order_gone(max(0, self.read.block_time - last.placed_at))
        if pending.moves and resolution in (Resolution.RESTED, Resolution.LATE, Resolution.EXECUTED):
            context.counters.add(modifies=1)
        if resolution is Resolution.LATE:
            context.counters.add(late=1)
            text = f"written off, but now resting as order {order_id}"
        elif resolution is Resolution.EXECUTED:
            text = "executed"
        elif resolution is Resolution.CANCELLED and order_id in book.pending.cancels:
            context.counters.add(cancelled=1)
        elif resolution is Resolution.CANCELLED:
            text = f"order {order_id} cancelled by another client"
        elif resolution is Resolution.GONE:
            text = f"order {order_id} left the book (unexplained)"
        elif resolution is Resolution.VOID:
            text = error = "did not reach the chain"
        if resolution is Resolution.REVERTED:
            text = error = f"reverted on chain{self._session_problem(book, pending)}"
            context.counters.add(rejected=1)
            book.failed(monotonic())
        context.action_log.placement(
            book.wallet,
            pending.intent_id,
            pending.place,
            resolution.value,
            text,
            tx_hash=pending.tx_hash,
            error=error,
            order_id=order_id,
            block=self.read.block,
            moves=pending.moves,
        )
