"""Fakes for the engine's connections, for what no real venue can be made to do in time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

from ama_tui.domain.errors import VenueError
from ama_tui.domain.event import Action
from ama_tui.domain.market import Book, Market, Quote
from ama_tui.domain.order import RestingOrder
from ama_tui.domain.parameters import Parameters
from ama_tui.domain.plan import Place
from ama_tui.domain.reading import (
    FleetRead,
    LiveQuote,
    OrderCancelled,
    OrderHistory,
    OrderModified,
    OrdersRead,
    Receipt,
    SessionCreated,
    SessionsRead,
    SessionStatusResponse,
    Settlement,
    Trade,
    TradeResponse,
)
from ama_tui.domain.session import ZERO_ADDRESS, Methods, RelayerSet, SessionPermit, SessionRecord
from ama_tui.engine.action_log import ActionLog
from ama_tui.engine.connections import Connections
from ama_tui.engine.execution.sender import Sender
from ama_tui.engine.rate_limiter import RateLimiter
from ama_tui.engine.run_context import RunContext
from ama_tui.engine.wallet_book import Fleet, WalletBook
from ama_tui.strategies.registry import strategy
from ama_tui.venue.http import HttpStats
from ama_tui.venue.permits import relayer_root, session_id
from tests.engine.samples import MARKET, TERMS, fleet_read

STRANGER = "0x" + "99" * 20
RELAYER_ADDRESSES = ("0x" + "7e" * 20, "0x" + "7f" * 20)
ROOT = relayer_root(RELAYER_ADDRESSES)
RELAYERS = RelayerSet(RELAYER_ADDRESSES, ROOT)
METHODS = Methods.PLACE_MARGIN_LIMIT | Methods.MODIFY | Methods.CANCEL


@dataclass
class FakeActionLog:
    """Records the lines in order. A write-ahead raises `broken`, or calls `meanwhile` while it waits."""

    lines: list[tuple[str, str, str]] = field(default_factory=list)
    statuses: list[tuple[str, int, str, int | None]] = field(default_factory=list)
    takes: list[str] = field(default_factory=list)
    broken: Exception | None = None
    meanwhile: Callable[[], object] = lambda: None
    run_id: str = "run"
    is_forgiving: bool = False
    journal: SimpleNamespace = field(
        default_factory=lambda: SimpleNamespace(path="actions.jsonl", problem="", can_recover=True, probe=lambda: None)
    )

    async def intent(self, wallet: Any, intent_id: str, method: str, params: Mapping[str, object]) -> None:
        if self.broken is not None:
            raise self.broken
        self.lines.append((wallet.nickname, "INTENT", method))
        self.meanwhile()

    def outcome(self, wallet: Any, action: Action, text: str, **more: Any) -> None:
        self.lines.append((wallet.nickname, action.value, text))

    def placement(
        self,
        wallet: Any,
        intent_id: str,
        place: Any,
        status: str,
        text: str | None,
        *,
        order_id: Any = None,
        moves: int = 0,
        **_: Any,
    ) -> None:
        self.statuses.append((wallet.nickname, place.level, status, order_id))
        if text is not None:
            action = "MODIFY_ORDER" if moves else "PLACE_LIMIT"
            self.lines.append((wallet.nickname, action, f"{self.describe(place)}  {text}"))

    def take(self, wallet: Any, pending: Any, status: str, text: str | None, **_: Any) -> None:
        self.takes.append(status)
        if text is not None:
            self.lines.append((wallet.nickname, "PLACE_MARKET", text))

    def taken_over(self, wallet: Any, intent_id: str, place: Any, order_id: int, block: int) -> None:
        self.statuses.append((wallet.nickname, place.level, "resting", order_id))

    def note(self, text: str, **more: Any) -> None:
        self.lines.append(("", "NOTE", text))

    def show(self, action: Action, text: str, wallet: Any = None, **more: Any) -> None:
        self.lines.append(("", f"show {action.value}", text))

    def note_error(self, text: str) -> None:
        self.note(text)

    def not_sent(self, wallet: Any, place: Any, reason: str) -> None:
        self.lines.append(("", "show SKIP", f"{self.describe(place)} not sent: {reason}"))

    def report_repeated(self, **_: Any) -> None:
        pass

    def describe(self, place: Any) -> str:
        return f"{place.side.value} L{place.level}"

    def forgive(self) -> None:
        self.is_forgiving = True

    def fill(self, *args: Any) -> None:
        self.lines.append(("", "FILL", ""))

    def of(self, kind: str) -> list[str]:
        return [text for _, one, text in self.lines if one == kind]


def connections_of(fake: Any) -> Connections:
    """Connections whose API, chain and signer are this one object."""
    return Connections(fake, fake, fake, MARKET.chain_id, "0x" + "5e" * 20, str(MARKET.chain_id))


def record(
    wallet: str,
    session: str = "0x01",
    *,
    expiry: int = 4_000_000_000,
    revoked: bool = False,
    root: str = ROOT,
    methods: Methods = METHODS,
    per_trade6: int = 0,
    per_session6: int = 0,
    used6: int = 0,
) -> SessionRecord:
    return SessionRecord(session, wallet, root, expiry, per_trade6, per_session6, used6, methods, revoked)


async def _soon(value: Any) -> Any:
    return value


def no_record(session: str) -> SessionRecord:
    return record(ZERO_ADDRESS, session)


class NoChanges:
    """A node whose changes cannot be read: every read is of the whole fleet."""

    async def room(self) -> int:
        return 0


@dataclass
class FakeVenue:
    """API and chain in one: sessions by id, open orders by wallet, and an override for each call."""

    records: dict[str, SessionRecord | None] = field(default_factory=dict)
    nonces: dict[str, int | None] = field(default_factory=dict)
    fresh_nonces: dict[str, int] = field(default_factory=dict)
    on_init: Callable[[SessionPermit], Exception | None] = lambda _: None
    permits: list[SessionPermit] = field(default_factory=list)
    asked_nonce: list[str] = field(default_factory=list)
    asked_status: list[str] = field(default_factory=list)
    known_to_the_venue: set[str] = field(default_factory=set)
    """Sessions known to the venue's own node."""
    asked_records: int = 0
    block: int = 100
    block_time: int = 1_000
    open: dict[str, list[RestingOrder] | None] = field(default_factory=dict)
    receipts_by_hash: dict[str, Receipt | None] = field(default_factory=dict)
    on_read: Callable[[], Exception | None] = lambda: None
    on_cancel: Callable[[int], Exception | None] = lambda _: None
    cancels: list[int] = field(default_factory=list)
    on_place: Callable[[int], Exception | None] = lambda _: None
    placed: list[int] = field(default_factory=list)
    on_revoke: Callable[[str], Exception | None] = lambda _: None
    revokes: list[str] = field(default_factory=list)
    without_key: tuple[str, ...] = ()
    reads: int = 0
    stats: HttpStats = field(default_factory=HttpStats)
    on_fleet: Callable[[], FleetRead] = lambda: fleet_read()
    on_live: Callable[[], Awaitable[int | None]] = lambda: _soon(None)
    cached_ms: int = 0
    """How long the venue had the live mark in its cache."""
    on_settlement: Callable[[], Awaitable[None]] = lambda: _soon(None)
    trades: tuple[Trade, ...] | None = ()
    cancelled: tuple[OrderCancelled, ...] = ()
    live_book: Book = field(default_factory=Book)
    on_history: Callable[[int], OrderHistory] = lambda start: OrderHistory(start, (), ())
    modified: tuple[OrderModified, ...] = ()
    on_modify: Callable[[int], Exception | None] = lambda _: None
    moves: list[tuple[int, int, int]] = field(default_factory=list)
    """Order id, price and amount of each move that was sent."""
    on_take: Callable[[int], Exception | None] = lambda _: None
    taken: list[tuple[int, bool]] = field(default_factory=list)
    """Amount and side of each take that was sent: true for a buy."""
    depth_levels: int = 0
    asked_sessions: dict[str, str | None] = field(default_factory=dict)
    asked_blocks: list[tuple[int, int]] = field(default_factory=list)

    # ---- chain ----

    @property
    def changes(self) -> NoChanges:
        return NoChanges()

    async def session_records(self, registry: str, ids: list[str]) -> dict[str, SessionRecord | None]:
        self.asked_records += 1
        return {one: self.records.get(one, no_record(one)) for one in ids}

    async def sessions(self, registry: str, ids: list[str]) -> SessionsRead:
        return SessionsRead(self.block, self.block_time, await self.session_records(registry, ids))

    async def meta_nonces(self, registry: str, traders: list[str]) -> dict[str, int | None]:
        return {one: self.nonces.get(one, 0) for one in traders}

    async def open_orders(
        self, book: str, wallets: list[str], known: object = None, vault: str | None = None
    ) -> OrdersRead:
        self.reads += 1
        error = self.on_read()
        if error is not None:
            raise error
        found = {one: self.open.get(one, []) for one in wallets}
        return OrdersRead(self.block, True, {one: None if some is None else tuple(some) for one, some in found.items()})

    async def receipts(self, book: str, hashes: list[str]) -> dict[str, Receipt | None]:
        return {one: self.receipts_by_hash.get(one) for one in hashes}

    async def read_fleet(self, *, wallets: list[tuple[str, str | None]], depth_levels: int, **_: Any) -> FleetRead:
        self.depth_levels = depth_levels
        self.asked_sessions = dict(wallets)
        return self.on_fleet()

    async def order_history(
        self, book: str, traders: list[str], from_block: int, to_block: int, *, wants_trades: bool = False
    ) -> OrderHistory:
        return self.on_history(from_block)

    async def settlement(
        self, book: str, start: int, end: int, hashes: list[str], cancels_of: Sequence[str] = ()
    ) -> Settlement:
        self.asked_blocks.append((start, end))
        await self.on_settlement()
        found = {one: self.receipts_by_hash.get(one) for one in hashes}
        if not cancels_of:
            return Settlement(self.trades, end, found)
        cancels = tuple(one for one in self.cancelled if one.trader in cancels_of)
        modifies = tuple(one for one in self.modified if one.trader in cancels_of)
        return Settlement(self.trades, end, found, cancels=cancels, modifies=modifies)

    # ---- API ----

    async def live(self, market: Market, *, waits: bool = True) -> LiveQuote:
        return LiveQuote(MARKET.address, Quote(mark6=await self.on_live()), self.live_book, self.cached_ms)

    async def session_nonce(self, trader: str) -> int:
        self.asked_nonce.append(trader)
        return self.fresh_nonces.get(trader, self.nonces.get(trader) or 0)

    async def session_status(self, session: str) -> SessionStatusResponse:
        self.asked_status.append(session)
        return SessionStatusResponse(session in self.known_to_the_venue, active=True, revoked=False)

    async def session_init(self, book: str, permit: SessionPermit, signature: str) -> SessionCreated:
        self.permits.append(permit)
        error = self.on_init(permit)
        if error is not None:
            raise error
        self.created(permit)
        return SessionCreated(session_id(permit), "0x" + "aa" * 32)

    def created(self, permit: SessionPermit) -> None:
        """The chain has the session."""
        self.records[session_id(permit)] = permit.as_record(session_id(permit))

    async def place_margin_limit(
        self, book: str, session: str, trader: str, *, price6: int, amount18: int, is_buy: bool
    ) -> TradeResponse:
        self.placed.append(amount18)
        error = self.on_place(amount18)
        if error is not None:
            raise error
        return TradeResponse("0x" + f"{len(self.placed):064x}", block=self.block, mined=True)

    async def modify_order(
        self, book: str, session: str, trader: str, *, order_id: int, price6: int, amount18: int
    ) -> TradeResponse:
        self.moves.append((order_id, price6, amount18))
        error = self.on_modify(order_id)
        if error is not None:
            raise error
        return TradeResponse("0x" + "e1" * 32, block=self.block, mined=True)

    async def place_margin_market(
        self, book: str, session: str, trader: str, *, amount18: int, is_buy: bool
    ) -> TradeResponse:
        self.taken.append((amount18, is_buy))
        error = self.on_take(amount18)
        if error is not None:
            raise error
        return TradeResponse("0x" + "e2" * 32, block=self.block, mined=True)

    async def cancel_order(self, book: str, session: str, trader: str, *, order_id: int) -> TradeResponse:
        self.cancels.append(order_id)
        error = self.on_cancel(order_id)
        if isinstance(error, VenueError):
            raise error
        self.ended(trader, order_id)
        return TradeResponse("0x" + "cc" * 32, pending=True)

    def ended(self, trader: str, order_id: int) -> None:
        """Cancel an order on chain, with its log entry."""
        gone = [one for one in self.open.get(trader) or [] if one.order_id == order_id]
        self.open[trader] = [one for one in self.open.get(trader) or [] if one.order_id != order_id]
        self.cancelled += tuple(
            OrderCancelled(order_id, trader, one.price6, one.amount18, one.side.is_buy) for one in gone
        )

    def filled(self, order: RestingOrder) -> None:
        """Let another trader take the rest of an order."""
        buyer, seller = (order.trader, STRANGER) if order.side.is_buy else (STRANGER, order.trader)
        trade = Trade(self.block, "0x" + "7d" * 32, 0, buyer, seller, order.price6, order.amount18)
        self.trades = (*(self.trades or ()), trade)

    async def relayer_set(self) -> RelayerSet:
        return RELAYERS

    async def session_revoke(self, book: str, session: str) -> TradeResponse:
        self.revokes.append(session)
        error = self.on_revoke(session)
        if error is not None:
            raise error
        record = self.records.get(session)
        if record is not None:
            self.records[session] = replace(record, revoked=True)
        return TradeResponse("0x" + "dd" * 32, block=self.block, mined=True)

    # ---- signer ----

    def __contains__(self, address: object) -> bool:
        return address not in self.without_key

    def sign(self, address: str, digest: bytes) -> str:
        return "0x" + "00" * 65


def context_of(
    venue: FakeVenue, *books: WalletBook, clock: Callable[[], float], action_log: FakeActionLog | None = None
) -> RunContext:
    """A run of these wallets on the fakes."""
    chosen = Parameters()
    fake: Any = venue
    return RunContext(
        market=MARKET,
        terms=TERMS,
        parameters=chosen,
        strategy=strategy("packer", chosen.as_keys()),
        connections=connections_of(fake),
        action_log=cast(ActionLog, action_log or FakeActionLog()),
        settle_after=60.0,
        fleet=Fleet(books),
        rate_limiter=RateLimiter(clock=clock),
        unix_now=lambda: venue.block_time,
    )


async def placed(context: RunContext, place: Place, may_place: Callable[[], bool] = lambda: True) -> bool:
    """Place an order as the send queues do, in a slot of its own."""
    async with context.rate_limiter.slot() as slot:
        return await Sender(context, may_place).send(place, slot)
