"""A read of the chain settles the fleet's placements: what is asked of the chain for it, and what is journalled."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic

from ama_tui.domain.order import Side
from ama_tui.domain.reading import FleetRead, Settlement, Trade, WalletRead
from ama_tui.engine import reconcile
from ama_tui.engine.context import RunContext
from ama_tui.engine.fleet import Sent, WalletBook
from ama_tui.engine.reconcile import Fate, Settled


@dataclass(frozen=True, slots=True)
class Look:
    """What a read alone says of one wallet: orders it does not show any more, and placements that rest."""

    missing: list[Sent]
    matched: list[Settled]


@dataclass(slots=True)
class Settling:
    """One read of the fleet on its way into the wallets' books. Wallets that could not be read have no look."""

    run: RunContext
    read: FleetRead
    looks: dict[str, Look] = field(default_factory=dict)

    def __post_init__(self) -> None:
        last_block = 0 if self.run.read is None else self.run.read.block
        for book in self.run.fleet:
            wallet_read = self.read.wallets[book.address]
            if wallet_read.known:
                missing = reconcile.vanished(book, wallet_read, last_block=last_block, now=monotonic())
                reconcile.forget_replaced(book, wallet_read)
                self.looks[book.address] = Look(missing, reconcile.match_rested(book, missing, wallet_read))

    @property
    def hashes(self) -> list[str]:
        """Transactions whose receipts are wanted."""
        return [
            tx_hash
            for book in self.run.fleet
            for tx_hash in reconcile.hashes_to_settle(
                book, self.looks[book.address].matched if book.address in self.looks else []
            )
        ]

    @property
    def cancels_of(self) -> list[str]:
        """Wallets whose cancelled orders are wanted: those with orders that are not shown any more."""
        books = self.run.fleet.books
        return [
            address
            for address, look in self.looks.items()
            if look.missing or any(sent.last is not None for sent in books[address].sent.values())
        ]

    def finish(self, settlement: Settlement) -> None:
        """Settle every wallet that was read; the others keep what is known of them."""
        for trade in settlement.trades or ():
            self._note_trade(trade)
        for book in self.run.fleet:
            wallet_read, look = self.read.wallets[book.address], self.looks.get(book.address)
            if look is None:
                book.read_error = wallet_read.error or "could not be read"
            else:
                self._settle(book, wallet_read, look, settlement)

    def _note_trade(self, trade: Trade) -> None:
        for address, side in ((trade.buyer, Side.BUY), (trade.seller, Side.SELL)):
            book = self.run.fleet.books.get(address)
            if book is not None:
                key = side, trade.price6
                book.traded18[key] = book.traded18.get(key, 0) + trade.amount18

    def _settle(self, book: WalletBook, read: WalletRead, look: Look, settlement: Settlement) -> None:
        block, now = self.read.block, monotonic()
        for sent in look.missing:
            book.sent[sent.intent_id] = sent
        cancelled = [event.order_id for event in settlement.cancels or () if event.trader == book.address]
        settled = list(look.matched)
        reconcile.apply(book, settled, block=block, now=now)
        for ended in (
            reconcile.explain(book, read, cancelled),
            reconcile.judge(book, read, block, now, settlement.receipts, self.run.settle_after),
        ):
            fresh = [one for one in ended if one.sent.intent_id in book.sent]
            reconcile.apply(book, fresh, block=block, now=now)
            settled += fresh
        for one in settled:
            self._report(book, one)
        for order in reconcile.adopt(book, read, now, block):
            self.run.tally.order_gone(max(0, self.read.block_time - order.placed_at))
        if not any(sent.last is not None for sent in book.sent.values()):
            book.traded18.clear()

    def _against(self, book: WalletBook, sent: Sent) -> str:
        """What the wallet's session has against an order that the chain refused: a receipt does not say why."""
        record = self.read.wallets[book.address].session
        if record is None:
            return ""
        methods = self.run.strategy.methods
        why = record.problem(trader=book.address, now=self.read.block_time, relayer_root=None, methods=methods)
        why = why or record.shortage(sent.place.notional6)
        return f": {why}" if why else ""

    def _report(self, book: WalletBook, settled: Settled) -> None:
        """Journal what a placement came to, and show it unless its own answer, fill or cancel line has."""
        run, sent, fate, last = self.run, settled.sent, settled.fate, settled.sent.last
        text: str | None = None
        error: str | None = None
        order_id = last.order_id if last is not None else None
        if settled.order is not None:
            if fate is Fate.RESTED and order_id == settled.order.order_id:
                return  # it was out of sight for a read or two
            order_id = settled.order.order_id
        if last is not None and not fate.rests:
            run.tally.order_gone(max(0, self.read.block_time - last.placed_at))
        if fate is Fate.LATE:
            run.tally.late += 1
            text = f"given up before, rests after all as order {order_id}"
        elif fate is Fate.EXECUTED:
            text = "executed"
        elif fate is Fate.CANCELLED and order_id in book.cancels:
            run.tally.cancelled += 1
        elif fate is Fate.CANCELLED:
            text = f"order {order_id} was cancelled by someone else"
        elif fate is Fate.GONE:
            text = f"order {order_id} is gone from the book"
        elif fate is Fate.VOID:
            text = error = "never reached the chain"
        if fate is Fate.REVERTED:
            text = error = f"reverted on the chain{self._against(book, sent)}"
            run.tally.rejected += 1
            book.failed(monotonic())
        run.scribe.placement(
            book.wallet,
            sent.intent_id,
            sent.place,
            fate.value,
            text,
            tx_hash=sent.tx_hash,
            error=error,
            order_id=order_id,
            block=self.read.block,
        )
