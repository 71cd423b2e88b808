"""What must agree before a cancel-all is proven: order reads, the book's events, the vault, and a second node.

A node that hides orders from its lists also hides them from two reads. So every order that we know to have rested needs
an end that an event names, and its margin must have been released. Where no journal knows the orders, the book's events
say which came to rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ama_tui.domain.errors import RpcError, VenueError
from ama_tui.domain.order import RestingOrder
from ama_tui.domain.reading import OrderCancelled, OrderModified, OrdersRead, Trade
from ama_tui.engine.connections import Connections
from ama_tui.engine.reconciliation.known_orders import KnownOrder, unexplained, without_an_end
from ama_tui.engine.wallet_book import WalletBook
from ama_tui.store.journal.replay import RESTS, JournalReplay
from ama_tui.venue.settlement_reader import MAX_LOG_BLOCKS

MOST_READS = 20
"""Reads of the book's events, of `MAX_LOG_BLOCKS` blocks each if the node accepts that many."""


@dataclass(slots=True)
class Witnesses:
    """The orders that a cancel-all must account for, and what each witness says of them."""

    orders: dict[tuple[str, int], KnownOrder] = field(default_factory=dict)
    left: list[KnownOrder] = field(default_factory=list)
    """Orders that are not shown although no event ended them, at the last check: they may still rest."""
    books: Mapping[str, WalletBook] = field(default_factory=dict)
    """The run's books by wallet: its orders on other markets tie up collateral too."""
    held_before6: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By wallet, at the first read: collateral apart from this market's orders, and their margin (USDC, 6 decimals)."""
    look_back_from: int | None = None
    """The block from which on the book's events may name orders that nothing else knows; None if there are none."""
    has_events: bool = True
    """The book's events could be read."""

    def add_journal(self, journal: JournalReplay) -> None:
        """Add the orders that rest according to the journal."""
        for placed in journal.placed.values():
            if placed.status in RESTS and placed.order_id is not None:
                key = placed.wallet, placed.order_id
                self.orders[key] = KnownOrder(*key, placed.side, placed.price6, placed.amount18, placed.block or 0)

    def add_orders(self, orders: Iterable[RestingOrder], block: int) -> None:
        """Add orders that a read shows."""
        for order in orders:
            key = order.trader, order.order_id
            if key not in self.orders:
                self.orders[key] = KnownOrder(*key, order.side, order.price6, order.amount18, block)

    def add_read(self, read: OrdersRead) -> None:
        """Add the orders of a read, and the collateral of wallets that were not read before."""
        for wallet, orders in read.orders.items():
            if orders is None:
                continue
            self.add_orders(orders, read.block)
            available6 = read.available6.get(wallet)
            if available6 is not None and wallet not in self.held_before6:
                book = self.books.get(wallet)
                elsewhere6 = 0 if book is None else book.account.resting_elsewhere6(book)
                self.held_before6[wallet] = available6 + elsewhere6, sum(order.margin6 for order in orders)

    @property
    def ids(self) -> Mapping[str, set[int]]:
        """Order ids by wallet: every read asks for each of them."""
        found: dict[str, set[int]] = {}
        for wallet, order_id in self.orders:
            found.setdefault(wallet, set()).add(order_id)
        return found

    @property
    def newest_block(self) -> int:
        """The latest block in which an order is known to have rested, 0 without one."""
        return max((order.block for order in self.orders.values()), default=0)

    def of(self, wallet: str) -> list[KnownOrder]:
        """The known orders of a wallet."""
        return [order for order in self.orders.values() if order.wallet == wallet]

    def names(self, connections: Connections) -> str:
        """The witnesses of a proof, besides the two reads."""
        found = ["the book's events"] if self.has_events else []
        found += ["the vault", *(["a second node"] if connections.check is not None else [])]
        return f"{', '.join(found[:-1])} and {found[-1]}" if len(found) > 1 else found[0]

    async def objections(self, connections: Connections, order_book: str, read: OrdersRead) -> tuple[str, ...]:
        """Why a read without orders proves nothing; empty if every witness agrees with it."""
        wallets = read.orders.keys()
        found = [
            await self._look_back(connections, order_book, list(wallets), read.block),
            await self._without_an_end(connections, order_book, wallets, read.block),
            self._without_a_release(read),
            await self._second_node(connections, order_book, read),
        ]
        return tuple(text for text in found if text)

    async def _look_back(self, connections: Connections, order_book: str, wallets: Sequence[str], block: int) -> str:
        """Add the orders that no event ended. A node that has no events is no witness, and the report says so."""
        if self.look_back_from is None:
            return ""
        try:
            history = await connections.chain.order_history(order_book, wallets, self.look_back_from, block)
        except RpcError:
            self.has_events = False
            return ""
        except VenueError as error:
            return f"the book's events could not be read ({error.message})"
        self.has_events, self.look_back_from = True, None
        for order in without_an_end(history):
            self.orders.setdefault((order.wallet, order.order_id), order)
        return ""

    async def _without_an_end(
        self, connections: Connections, order_book: str, wallets: Iterable[str], block: int
    ) -> str:
        """Orders that no event ended."""
        watched = frozenset(wallets)
        orders = [order for order in self.orders.values() if order.wallet in watched]
        if not orders:
            return ""
        start = max(1, block - MOST_READS * MAX_LOG_BLOCKS + 1, min(order.block for order in orders))
        traders = sorted({order.wallet for order in orders})
        trades: list[Trade] = []
        cancels: list[OrderCancelled] = []
        modifies: list[OrderModified] = []
        try:
            for _ in range(MOST_READS):
                if start > block:
                    break
                events = await connections.chain.settlement(order_book, start, block, (), traders)
                if events.trades is None or events.cancels is None or events.modifies is None:
                    return f"the book's events could not be read ({events.error})"
                trades += events.trades
                cancels += events.cancels
                modifies += events.modifies
                start = events.through + 1
        except VenueError as error:
            return f"the book's events could not be read ({error.message})"
        if start <= block:
            return f"the node returns events too slowly: those from block {start:,} on are not checked"
        orders += self._follow(modifies, trades)
        moved = {(event.trader, event.old_order_id) for event in modifies}
        stayed = [order for order in orders if (order.wallet, order.order_id) not in moved]
        self.left = left = unexplained(stayed, trades, cancels)
        if not left:
            return ""
        named = ", ".join(str(order.order_id) for order in left[:5]) + (" …" if len(left) > 5 else "")
        return f"{len(left)} orders are not shown, but no trade or cancel ended them: {named}"

    def _follow(self, modifies: Iterable[OrderModified], trades: Sequence[Trade]) -> list[KnownOrder]:
        """Add the orders that known ones were moved to, as far as these came to rest, and return them."""
        added = []
        for event in sorted(modifies, key=lambda event: event.new_order_id):
            old, key = self.orders.get((event.trader, event.old_order_id)), (event.trader, event.new_order_id)
            if old is None or key in self.orders:
                continue
            on_arrival = [trade.amount18 for trade in trades if trade.tx_hash == event.tx_hash]
            rested18 = event.amount18 - sum(on_arrival)
            if rested18 > 0:
                self.orders[key] = KnownOrder(*key, old.side, event.price6, rested18, event.block)
                added.append(self.orders[key])
        return added

    def _without_a_release(self, read: OrdersRead) -> str:
        """Wallets of which the vault still holds most of the orders' margin.

        Fills, profit and loss move the collateral too, so less than half of the margin is no objection.
        """
        held = 0
        for wallet, (before6, margin6) in self.held_before6.items():
            available6, book = read.available6.get(wallet), self.books.get(wallet)
            if available6 is None:
                continue
            # At most as much as the other markets' orders may have taken meanwhile.
            now6 = available6 + (0 if book is None else book.account.held_elsewhere6(book))
            held += 2 * (now6 - before6) < margin6 - 1
        return f"the vault still holds the margin of {held} wallets" if held else ""

    async def _second_node(self, connections: Connections, order_book: str, read: OrdersRead) -> str:
        """What the second node shows instead."""
        if connections.check is None:
            return ""
        try:
            other = await connections.check.open_orders(order_book, list(read.orders), self.ids)
        except VenueError as error:
            return f"the second node could not be read ({error.message})"
        if other.block < read.block:
            return f"the second node is at block {other.block:,}, before {read.block:,}"
        count = sum(len(orders) for orders in other.orders.values() if orders is not None)
        if count or None in other.orders.values():
            return f"the second node shows {count} open orders" if count else "the second node left wallets unread"
        return ""
