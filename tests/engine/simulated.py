"""A chain and its relayer on a simulated clock: they delay, lose, execute late, reorder, lag and undo blocks.

The chain is a list of states, one for each block. Nothing here knows how the engine works: orders are
distinguished by what was posted, and the engine sees only what a real venue offers, reads and POSTs.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from ama_tui.domain.errors import MalformedError, RefusedError, UnreachableError
from ama_tui.domain.market import Book, BookLevel, BookView, Market, Quote
from ama_tui.domain.money import margin6
from ama_tui.domain.order import RestingOrder, Side, decode_tag
from ama_tui.domain.reading import (
    FleetChanges,
    FleetRead,
    LiveQuote,
    OrderCancelled,
    OrderHistory,
    OrderModified,
    OrderRested,
    Receipt,
    Settlement,
    Trade,
    TradeResponse,
    WalletRead,
)
from ama_tui.domain.session import TAKING, SessionRecord
from ama_tui.venue.change_reader import Since
from ama_tui.venue.fleet_reader import Contracts, WalletQuery
from ama_tui.venue.http import HttpStats
from tests.engine.fakes import METHODS, record
from tests.engine.samples import MARKET, PRICE6, TICK6

STRANGER = "0x" + "9" * 40
DEPOSIT6 = 10**11
OTHERS18 = 10**17


class Answer(Enum):
    """What happens to one POST. A LATE one reaches the chain some time after its response was lost."""

    OK = "pending, and mined"
    SLOW = "pending some seconds later, and mined"
    LOST = "no answer, nothing sent"
    LOST_EXECUTED = "no answer, mined"
    LATE = "no answer, mined within the venue's longest time"
    TOO_LATE = "no answer, mined beyond it"
    ERROR = "500 free text, nothing sent"
    ERROR_EXECUTED = "500 free text, mined"
    BUSY = "503, nothing sent"
    HTML = "a broken body, mined"
    LIMITED = "429: proven not sent"
    REVERTED = "pending, and reverts"
    NEVER = "pending, and never mined"

    @property
    def is_ambiguous(self) -> bool:
        return self not in (Answer.OK, Answer.SLOW, Answer.LIMITED)


@dataclass(frozen=True, slots=True)
class Tx:
    """A transaction; `at` is the earliest time it can be mined, besides when it was sent and undone."""

    tx_hash: str
    at: float
    wallet: str
    side: Side = Side.BUY
    price6: int = 0
    amount18: int = 0
    cancels: int = 0
    fills18: int = 0
    moves: int = 0
    takes: bool = False
    reverts: bool = False
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """The chain after one block. `events` are those of this block only."""

    orders: dict[int, RestingOrder] = field(default_factory=dict)
    next_id: int = 1
    receipts: dict[str, Receipt] = field(default_factory=dict)
    trades: tuple[Trade, ...] = ()
    cancels: tuple[OrderCancelled, ...] = ()
    modifies: tuple[OrderModified, ...] = ()
    mined: tuple[Tx, ...] = ()
    positions: dict[str, int] = field(default_factory=dict)
    """Of wallets that took; they have no orders."""
    touched: tuple[tuple[str, int], ...] = ()
    """Wallets and orders that its events name."""
    block_hash: str = ""


@dataclass(frozen=True)
class SimulatedChanges:
    """The changes since a block, as a node with batches tells them. `SimulatedVenue.mute` are what no event says."""

    venue: SimulatedVenue

    async def room(self) -> int:
        return self.venue.room

    async def read(
        self,
        contracts: Contracts,
        depth_levels: int,
        queries: Sequence[WalletQuery],
        since: Since,
        fleet: Mapping[str, str],
        tx_hashes: Sequence[str],
    ) -> FleetChanges | None:
        venue = self.venue
        venue.asked.append(len(queries))
        whole = await venue.read_fleet(wallets=[(query.address, query.session_id) for query in queries])
        block_hash = venue.hash_at(whole.block)
        if since.block > whole.block or (since.block_hash and venue.hash_at(since.block) != since.block_hash):
            return None
        settled = await venue.settlement("", since.block + 1, whole.block, tx_hashes, list(fleet.values()))
        touched: defaultdict[str, set[int]] = defaultdict(set)
        for state in venue.between(since.block + 1, whole.block):
            for wallet, order_id in state.touched:
                if not venue.mute:
                    touched[wallet].add(order_id)
        if venue.mute:
            settled = replace(settled, trades=(), cancels=(), modifies=())
        read = replace(whole, fresh=frozenset(whole.wallets), block_hash=block_hash)
        return FleetChanges(read, settled, {wallet: frozenset(ids) for wallet, ids in touched.items()})

    async def wallets(
        self, contracts: Contracts, queries: Sequence[WalletQuery], block: int
    ) -> tuple[dict[str, WalletRead], bool, int]:
        read = await self.venue.read_fleet(wallets=[(query.address, query.session_id) for query in queries])
        return dict(read.wallets), True, read.block


@dataclass
class SimulatedVenue:
    """Reads and POSTs of the venue. `answer` decides each placement, `cancel_answer` each cancel."""

    clock: Callable[[], float]
    dice: random.Random
    settle_after: float
    answer: Callable[[], Answer] = lambda: Answer.OK
    cancel_answer: Callable[[], Answer] = lambda: Answer.OK
    states: list[State] = field(default_factory=lambda: [State()])
    kept_states: int = 8
    base: int = 100
    pool: list[Tx] = field(default_factory=list)
    posted: list[tuple[str, Side, int]] = field(default_factory=list)
    ambiguous: int = 0
    restored: set[tuple[str, Side, int]] = field(default_factory=set)
    """Levels at which an undone block, or an order past every timeout, brought back an order that had ended."""
    revoked: set[str] = field(default_factory=set)
    takers: frozenset[str] = frozenset()
    lag: int = 0
    hide: Callable[[RestingOrder], bool] = lambda _: False
    stats: HttpStats = field(default_factory=HttpStats)
    room: int = 400
    """Calls beside the market's in one eth_call; 0 for a node whose changes cannot be read."""
    mute: bool = False
    """The node tells no events."""
    taken: int = 0
    """Market orders that were posted."""
    taken_on_chain: dict[str, tuple[float, str, tuple[Trade, ...]]] = field(default_factory=dict)
    """When, by whom, and with whom each market order traded, as far as it was mined, by its transaction."""
    asked: list[int] = field(default_factory=list)
    """How many wallets each read of changes asked for."""
    _hashes: int = 0

    # ---- the chain ----

    @property
    def head(self) -> State:
        return self.states[-1]

    @property
    def height(self) -> int:
        return self.base + len(self.states) - 1

    def mine(self, share: float = 1.0) -> None:
        """Mine a block of the ready transactions (or a share of them), in any order."""
        ready = [tx for tx in self.pool if tx.at <= self.clock() and self.dice.random() < share]
        self.dice.shuffle(ready)
        mined = {tx.tx_hash for tx in ready}
        self.pool = [tx for tx in self.pool if tx.tx_hash not in mined]
        state = replace(
            self.head,
            orders=dict(self.head.orders),
            receipts=dict(self.head.receipts),
            positions=dict(self.head.positions),
        )
        trades: list[Trade] = []
        cancels: list[OrderCancelled] = []
        modifies: list[OrderModified] = []
        next_id, block = state.next_id, self.height + 1
        for index, tx in enumerate(ready):
            events: list[OrderRested | OrderCancelled | Trade] = []
            matched = self._match(state, tx, block, index) if tx.takes and not tx.reverts else []
            trades += matched
            events += matched
            order = state.orders.get(tx.cancels or tx.moves)
            if tx.moves and (order is None or order.trader != tx.wallet):
                tx = replace(tx, reverts=True)
            if tx.fills18 and order is not None:
                filled18 = min(tx.fills18, order.amount18)
                self._reduce(state.orders, order, filled18)
                ends = (tx.wallet, STRANGER) if order.side.is_buy else (STRANGER, tx.wallet)
                trades.append(Trade(block, tx.tx_hash, index, *ends, order.price6, filled18))
            elif tx.cancels and not tx.fills18 and order is not None and order.trader == tx.wallet:
                del state.orders[tx.cancels]
                gone = OrderCancelled(tx.cancels, tx.wallet, order.price6, order.amount18, order.side.is_buy)
                cancels.append(gone)
                events.append(gone)
            elif matched:
                pass
            elif not tx.cancels and not tx.takes and not tx.reverts and tx.wallet not in self.revoked:
                if self.clock() - tx.at > (1.0 if tx.is_late else 5.0) * self.settle_after / 5:
                    self.restored.add(_level(_as_order(tx)))  # it waited in the pool beyond the venue's timeout
                margin = margin6(tx.amount18, tx.price6, 15_000)
                placed_at = int(self.clock())
                state.orders[next_id] = RestingOrder(
                    next_id, tx.wallet, tx.side, tx.price6, tx.amount18, margin, placed_at, placed18=tx.amount18
                )
                events.append(OrderRested(next_id, tx.wallet, tx.price6, tx.amount18, tx.side.is_buy, True))
                if tx.moves and order is not None:
                    del state.orders[tx.moves]
                    modifies.append(
                        OrderModified(tx.moves, next_id, tx.wallet, tx.price6, tx.amount18, block, tx.tx_hash)
                    )
                    if self.dice.random() < 0.5:  # some venues name the order that is replaced as cancelled too
                        gone = OrderCancelled(tx.moves, tx.wallet, order.price6, order.amount18, order.side.is_buy)
                        cancels.append(gone)
                next_id += 1
            else:
                state.receipts[tx.tx_hash] = Receipt(tx.tx_hash, False, block)
                continue
            state.receipts[tx.tx_hash] = Receipt(tx.tx_hash, True, block, tuple(events))
        self.states.append(
            replace(
                state,
                next_id=next_id,
                trades=tuple(trades),
                cancels=tuple(cancels),
                modifies=tuple(modifies),
                mined=tuple(ready),
                touched=(*_touched(self.head, state), *((tx.wallet, 0) for tx in ready if tx.takes)),
                block_hash=self._hash(),
            )
        )
        if len(self.states) > self.kept_states:
            del self.states[0]
            self.base += 1

    def _match(self, state: State, tx: Tx, block: int, index: int) -> list[Trade]:
        """Trade a market order with the others' depth, which may be half of what was shown, and with the fleet.

        At a shared price the fleet's orders come first.
        """
        opposite = tx.side.opposite
        part = self.dice.choice([1.0, 0.75, 0.5])
        book = [(one.price6, int(one.amount18 * part), 0) for one in others(opposite)]
        book += [(one.price6, one.amount18, one.order_id) for one in state.orders.values() if one.side is opposite]
        book.sort(key=lambda level: (level[0] if tx.side.is_buy else -level[0], -level[2]))
        left18 = tx.amount18
        trades: list[Trade] = []
        for price6, amount18, order_id in book:
            filled18 = min(left18, amount18)
            if filled18 <= 0:
                continue
            maker = STRANGER
            if order_id:
                maker = state.orders[order_id].trader
                self._reduce(state.orders, state.orders[order_id], filled18)
            ends = (tx.wallet, maker) if tx.side.is_buy else (maker, tx.wallet)
            trades.append(Trade(block, tx.tx_hash, 100 * index + len(trades), *ends, price6, filled18))
            left18 -= filled18
        sign = 1 if tx.side.is_buy else -1
        state.positions[tx.wallet] = state.positions.get(tx.wallet, 0) + sign * (tx.amount18 - left18)
        self.taken_on_chain[tx.tx_hash] = (self.clock(), tx.wallet, tuple(trades))
        return trades

    def reorganise(self, depth: int) -> None:
        """Undo the last blocks and put as many others in their place, with only some of the transactions."""
        depth = min(depth, len(self.states) - 1)
        undone = self.states[len(self.states) - depth :]
        resting = {(order.trader, order.placed18) for order in self.head.orders.values()}
        del self.states[len(self.states) - depth :]
        self.pool += [replace(tx, at=self.clock(), is_late=False) for state in undone for tx in state.mined]
        placed = [_as_order(tx) for state in undone for tx in state.mined if not tx.cancels and not tx.takes]
        for order in (*self.head.orders.values(), *placed):
            if (order.trader, order.placed18) not in resting:
                self.restored.add(_level(order))
        for _ in range(depth):
            self.mine(share=0.5)

    def take(self, order: RestingOrder, amount18: int) -> None:
        """Let a stranger trade with an order in the next block."""
        self._send(Tx(self._hash(), self.clock(), order.trader, cancels=order.order_id, fills18=amount18))

    def cancel_elsewhere(self, order: RestingOrder) -> None:
        """Let the wallet's owner cancel an order by other means."""
        self._send(Tx(self._hash(), self.clock(), order.trader, cancels=order.order_id))

    def levels(self) -> list[tuple[str, Side, int]]:
        """(wallet, side, level) of every order on the chain."""
        return [_level(order) for order in self.head.orders.values()]

    def between(self, first: int, last: int) -> list[State]:
        """The states of these blocks, as far back as they are kept."""
        return [state for block, state in enumerate(self.states, start=self.base) if first <= block <= last]

    def hash_at(self, block: int) -> str:
        """A block's hash, another one after it was undone; '' if it is not kept."""
        return next((state.block_hash for state in self.between(block, block)), "")

    def _reduce(self, orders: dict[int, RestingOrder], order: RestingOrder, by18: int) -> None:
        left18 = order.amount18 - by18
        if left18 == 0:
            del orders[order.order_id]
            return
        orders[order.order_id] = replace(order, amount18=left18, margin6=margin6(left18, order.price6, 15_000))

    def _send(self, tx: Tx) -> None:
        self.pool.append(tx)

    def _hash(self) -> str:
        self._hashes += 1
        return f"0x{self._hashes:064x}"

    # ---- reads ----

    @property
    def changes(self) -> SimulatedChanges:
        return SimulatedChanges(self)

    async def read_fleet(self, *, wallets: Sequence[tuple[str, str | None]], **_: object) -> FleetRead:
        behind = min(self.lag, len(self.states) - 1)
        state, block = self.states[-1 - behind], self.height - behind
        bids = [order.price6 for order in state.orders.values() if order.side.is_buy]
        asks = [order.price6 for order in state.orders.values() if not order.side.is_buy]
        book = self._depth(state)
        view = BookView(max([*bids, PRICE6 - 5 * TICK6]), min([*asks, PRICE6 + 5 * TICK6]), book=book)
        owned: defaultdict[str, list[RestingOrder]] = defaultdict(list)
        for order in state.orders.values():
            owned[order.trader].append(order)
        positions = state.positions
        reads = {address: self._wallet(owned[address], address, session, positions) for address, session in wallets}
        return FleetRead(block, int(self.clock()), True, view, reads)

    def _depth(self, state: State) -> Book:
        """Both sides of the book with everybody's orders."""
        sides: list[tuple[BookLevel, ...]] = []
        for side in (Side.BUY, Side.SELL):
            levels: defaultdict[int, int] = defaultdict(int)
            for level in others(side):
                levels[level.price6] += level.amount18
            for order in state.orders.values():
                if order.side is side:
                    levels[order.price6] += order.amount18
            prices = sorted(levels, reverse=side.is_buy)
            sides.append(tuple(BookLevel(price6, levels[price6]) for price6 in prices))
        return Book(*sides)

    def _wallet(
        self, own: Sequence[RestingOrder], address: str, session: str | None, positions: Mapping[str, int]
    ) -> WalletRead:
        reserved6 = sum(order.margin6 for order in own)
        found = self._session(address, session)
        return WalletRead(
            True,
            available6=DEPOSIT6 - reserved6,
            position18=positions.get(address, 0),
            orders=tuple(replace(order, placed18=None) for order in own if not self.hide(order)),
            session=found,
        )

    def _session(self, address: str, session: str | None) -> SessionRecord | None:
        methods = TAKING if address in self.takers else METHODS
        return None if session is None else record(address, session, revoked=address in self.revoked, methods=methods)

    async def order_history(
        self, order_book: str, traders: Sequence[str], from_block: int, to_block: int, *, wants_trades: bool = False
    ) -> OrderHistory:
        """What hides orders here hides their events too."""
        return OrderHistory(from_block, (), ())

    async def settlement(
        self, book: str, start: int, end: int, hashes: Sequence[str], cancels_of: Sequence[str] = ()
    ) -> Settlement:
        traders = frozenset(cancels_of)
        states = self.between(start, end)
        return Settlement(
            tuple(trade for state in states for trade in state.trades),
            end,
            {one: self.head.receipts.get(one) for one in hashes},
            cancels=tuple(one for state in states for one in state.cancels if one.trader in traders),
            modifies=tuple(one for state in states for one in state.modifies if one.trader in traders),
        )

    async def receipts(self, book: str, hashes: Sequence[str]) -> dict[str, Receipt | None]:
        return {one: self.head.receipts.get(one) for one in hashes}

    async def live(self, market: Market, *, waits: bool = True) -> LiveQuote:
        return LiveQuote(MARKET.address, Quote())

    # ---- POSTs ----

    async def place_margin_limit(
        self, book: str, session: str, trader: str, *, price6: int, amount18: int, is_buy: bool
    ) -> TradeResponse:
        side = Side.BUY if is_buy else Side.SELL
        self.posted.append((trader, side, amount18))
        tx = Tx(self._hash(), self.clock(), trader, side, price6, amount18)
        return await self._answer(self.answer(), tx)

    async def modify_order(
        self, book: str, session: str, trader: str, *, order_id: int, price6: int, amount18: int
    ) -> TradeResponse:
        side = next(state.orders[order_id].side for state in reversed(self.states) if order_id in state.orders)
        self.posted.append((trader, side, amount18))
        tx = Tx(self._hash(), self.clock(), trader, side, price6, amount18, moves=order_id)
        return await self._answer(self.answer(), tx)

    async def place_margin_market(
        self, book: str, session: str, trader: str, *, amount18: int, is_buy: bool
    ) -> TradeResponse:
        self.taken += 1
        side = Side.BUY if is_buy else Side.SELL
        tx = Tx(self._hash(), self.clock(), trader, side, amount18=amount18, takes=True)
        return await self._answer(self.answer(), tx)

    async def cancel_order(self, book: str, session: str, trader: str, *, order_id: int) -> TradeResponse:
        return await self._answer(self.cancel_answer(), Tx(self._hash(), self.clock(), trader, cancels=order_id))

    async def _answer(self, answer: Answer, tx: Tx) -> TradeResponse:
        self.ambiguous += answer.is_ambiguous
        await asyncio.sleep(self.dice.uniform(0.0, 0.2))
        if answer is Answer.LATE:
            tx = replace(tx, is_late=True, at=self.clock() + self.dice.uniform(0.0, 0.8) * self.settle_after)
        if answer is Answer.TOO_LATE:
            tx = replace(tx, at=self.clock() + self.dice.uniform(1.2, 3.0) * self.settle_after)
            if tx.price6:
                self.restored.add(_level(_as_order(tx)))
        if answer is Answer.REVERTED:
            tx = replace(tx, reverts=True)
        if answer not in (Answer.LOST, Answer.ERROR, Answer.BUSY, Answer.LIMITED, Answer.NEVER):
            self._send(tx)
        if answer is Answer.SLOW:
            await asyncio.sleep(self.dice.uniform(0.5, 8.0))
        if answer in (Answer.OK, Answer.SLOW, Answer.REVERTED, Answer.NEVER):
            return TradeResponse(tx.tx_hash, pending=True)
        raise failure_of(answer)


def others(side: Side) -> list[BookLevel]:
    """What others always have on a side, best first."""
    sign = -1 if side.is_buy else 1
    return [BookLevel(PRICE6 + sign * ticks * TICK6, OTHERS18) for ticks in (5, 7, 9)]


def _touched(before: State, after: State) -> tuple[tuple[str, int], ...]:
    """The wallets and orders that changed from one block to the next."""
    changed = before.orders.items() ^ after.orders.items()
    return tuple((order.trader, order_id) for order_id, order in changed)


def failure_of(answer: Answer) -> Exception:
    if answer in (Answer.ERROR, Answer.ERROR_EXECUTED):
        return RefusedError("500: socket hang up", status=500, code="socket hang up")
    if answer is Answer.BUSY:
        return RefusedError("503", status=503, code="service_temporarily_unavailable", retry_after=1.0)
    if answer is Answer.LIMITED:
        return RefusedError(
            "429", status=429, code="rate_limit_exceeded", retry_after=1.0, proves_not_sent=True, is_rate_limit=True
        )
    if answer is Answer.HTML:
        return MalformedError("POST answered with HTML")
    return UnreachableError("POST failed: connection reset")


def _as_order(tx: Tx) -> RestingOrder:
    return RestingOrder(0, tx.wallet, tx.side, tx.price6, tx.amount18, 0, 0, placed18=tx.amount18)


def _level(order: RestingOrder) -> tuple[str, Side, int]:
    """The level that an order was posted for; reads do not show its original amount."""
    tag = decode_tag(order.placed18 or 0)
    return order.trader, order.side, 0 if tag is None else tag.level
