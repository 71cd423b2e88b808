"""Reads the fleet for a cycle: what changed and a part of the fleet, or everything where there is any doubt.

The book's events say which wallets changed. They are checked: every wallet is read again at least every
`ROUND_CYCLES` cycles or `ROUND_S` seconds, oldest read first, and a difference that no event explains is a mismatch.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from time import monotonic

from ama_tui.domain.errors import RateLimitError
from ama_tui.domain.reading import FleetChanges, FleetRead, Settlement, WalletRead
from ama_tui.engine.run_context import RunContext
from ama_tui.engine.wallet_book import WalletBook
from ama_tui.venue.change_reader import MOST_CALLS, Since, topics_of
from ama_tui.venue.fleet_reader import Contracts, WalletQuery

ROUND_CYCLES = 10
ROUND_S = 10.0
"""Every wallet is read again within as many cycles, and about as many seconds."""
OLDEST_READ_S = 30.0
"""With any read older than this, the whole fleet is read."""
LONGEST_PAUSE = 32
"""Cycles that read everything after changes could not be read or were wrong: doubled with each failure in a row."""
_CALLS_PER_WALLET = 4


@dataclass(slots=True)
class FleetReads:
    """Decides what a cycle reads, and keeps in mind when each wallet was read."""

    context: RunContext
    _read_at: dict[str, float] = field(init=False, default_factory=dict)
    """When each wallet was last read (monotonic clock), the oldest first."""
    _wanted: set[str] = field(init=False, default_factory=set)
    _is_doubted: bool = field(init=False, default=True)
    _pause: int = field(init=False, default=0)
    _failures: int = field(init=False, default=0)
    _topics: dict[str, str] = field(init=False, default_factory=dict)

    def doubt(self) -> None:
        """Read everything next time."""
        self._is_doubted = True

    def want(self, address: str) -> None:
        """Read this wallet next time, whatever the events say."""
        self._wanted.add(address)

    async def next(self, depth_levels: int) -> tuple[FleetRead, Settlement | None]:
        """The fleet now, and the settlement up to its block unless everything was read.

        Raises what the chain reader raises; the next read is then of everything.
        """
        was_doubted, self._is_doubted = self._is_doubted, False
        changes = None
        try:
            if not was_doubted and self._is_trusted():
                changes = await self._changes(depth_levels)
            if changes is not None:
                read, settlement = self._merged(changes), changes.settlement
            else:
                read, settlement = self._reusing(await self.whole(depth_levels)), None
        except BaseException:
            self._is_doubted = True
            raise
        self._note(read)
        return read, settlement

    async def whole(self, depth_levels: int) -> FleetRead:
        """A read of everything, for whatever purpose."""
        context = self.context
        return await context.connections.chain.read_fleet(
            order_book=context.market.address,
            vault=context.terms.vault,
            market_id=context.terms.market_id,
            registry=context.connections.registry,
            wallets=[(book.address, book.session.id) for book in context.fleet],
            depth_levels=depth_levels,
            known={book.address: book.known_order_ids for book in context.fleet},
        )

    def _is_trusted(self) -> bool:
        """Can changes be added to the last read? Not if fills before its block are unknown."""
        context = self.context
        if self._pause:
            self._pause -= 1
            return False
        return context.read is not None and context.trades_block == context.read.block and not context.fills_problem

    async def _changes(self, depth_levels: int) -> FleetChanges | None:
        """What changed since the last read; None if in doubt, or if reading everything costs no more."""
        last, reader = self.context.read, self.context.connections.chain.changes
        queries = self._queries(await reader.room())
        if last is None or queries is None:
            return None
        contracts, since = self._contracts(), Since(last.block, last.block_hash)
        fleet = self.context.fleet
        takes = (take for book in fleet if book.takes for take in book.takes)
        hashes = [one.tx_hash for one in (*(one for _, one in fleet.pending()), *takes) if one.tx_hash is not None]
        try:
            changes = await reader.read(contracts, depth_levels, queries, since, self._topics_of_fleet(), hashes)
        except RateLimitError:
            self._failed()  # the node may count the calls of a batch
            raise
        if changes is None:
            self._failed()
            return None
        if changes.read.block < last.seen_block:
            return None
        mismatched = [address for address in changes.read.wallets if _is_mismatch(changes, last, address)]
        if mismatched:
            self._report(mismatched, changes.read.block)
            self._failed()
            return None
        self._failures = 0
        unread = [address for address in changes.touched if address not in changes.read.wallets]
        if not unread:
            return changes
        books = self.context.fleet.books
        also = [_query(books[address], changes.touched[address]) for address in unread]
        reads, is_pinned, newest = await reader.wallets(contracts, also, changes.read.block)
        wallets = {**changes.read.wallets, **reads}
        read = replace(
            changes.read,
            wallets=wallets,
            fresh=frozenset(wallets),
            pinned=changes.read.pinned and is_pinned,
            newest_block=max(changes.read.newest_block, newest),
        )
        return replace(changes, read=read)

    def _queries(self, room: int) -> list[WalletQuery] | None:
        """The wallets to read whatever the events say; None if everything should be read.

        First those that are in motion, then as many as fit beside them, those whose read is oldest first.
        """
        fleet, now = self.context.fleet, monotonic()
        wanted, self._wanted = self._wanted, set()
        last = {} if self.context.read is None else self.context.read.wallets
        moving = (book for address, book in fleet.books.items() if _is_in_motion(book, last.get(address), wanted))
        chosen = {book.address: _query(book) for book in moving}
        calls, most, share = sum(map(_cost, chosen.values())), MOST_CALLS * room, -(-len(fleet) // ROUND_CYCLES)
        if not room or calls > most:
            return None
        for taken, address in enumerate(address for address in self._read_at if address not in chosen):
            query, age = _query(fleet.books[address]), now - self._read_at[address]
            calls += _cost(query)
            is_due = taken < share or age >= ROUND_S
            if calls > (most if is_due else room):
                if age >= OLDEST_READ_S:
                    return None
                break
            chosen[address] = query
        return list(chosen.values())

    def _contracts(self) -> Contracts:
        market, terms = self.context.market, self.context.terms
        registry = self.context.connections.registry
        return Contracts(market.address.lower(), terms.vault.lower(), terms.market_id, registry.lower())

    def _topics_of_fleet(self) -> Mapping[str, str]:
        if len(self._topics) != len(self.context.fleet):
            self._topics = topics_of(list(self.context.fleet.books))
        return self._topics

    # ---- what was read ----

    def _merged(self, changes: FleetChanges) -> FleetRead:
        """The last read with what changed."""
        last, read = self.context.read, self._reusing(changes.read)
        if last is None or len(read.wallets) == len(self.context.fleet):
            return replace(read, fresh=None)
        return replace(read, wallets={**last.wallets, **read.wallets})

    def _reusing(self, read: FleetRead) -> FleetRead:
        """The read, with the same values as before for the wallets that look the same."""
        before: Mapping[str, WalletRead] = {} if self.context.read is None else self.context.read.wallets
        wallets = {
            address: wallet if (old := before.get(address)) is wallet or old is None or old != wallet else old
            for address, wallet in read.wallets.items()
        }
        return replace(read, wallets=wallets)

    def _note(self, read: FleetRead) -> None:
        now = monotonic()
        for address in read.wallets if read.fresh is None else read.fresh:
            self._read_at.pop(address, None)
            self._read_at[address] = now

    def _failed(self) -> None:
        self._failures += 1
        self._pause = min(LONGEST_PAUSE, 2 ** (self._failures - 1))

    def _report(self, mismatched: Iterable[str], block: int) -> None:
        books = self.context.fleet.books
        names = [books[address].wallet.nickname for address in mismatched]
        self.context.counters.add(read_mismatches=len(names))
        some = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        self.context.action_log.note_error(
            f"block {block:,}: orders of {some} changed and no event of the book says so: reading the whole fleet"
        )


def _is_in_motion(book: WalletBook, last: WalletRead | None, wanted: Collection[str]) -> bool:
    """Is anything open about the wallet that only a read of it can show?"""
    if last is None or book.is_unsettled or (wanted and book.address in wanted):
        return True
    record = last.session
    return (None if record is None else record.session_id) != book.session.id


def _query(book: WalletBook, more: frozenset[int] = frozenset()) -> WalletQuery:
    return WalletQuery(book.address, book.session.id, book.known_order_ids | more)


def _cost(query: WalletQuery) -> int:
    return _CALLS_PER_WALLET + len(query.known)


def _is_mismatch(changes: FleetChanges, last: FleetRead, address: str) -> bool:
    """Did a wallet change although no event names it? Its collateral may: it has other markets."""
    before, now = last.wallets.get(address), changes.read.wallets[address]
    if before is now or before is None or address in changes.touched or not (before.was_read and now.was_read):
        return False
    return before.position18 != now.position18 or _essence(before) != _essence(now)


def _essence(read: WalletRead) -> set[tuple[object, ...]]:
    return {(order.order_id, order.side, order.price6, order.amount18) for order in read.orders}
