"""What the engine knows about each wallet between two reads of the chain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from ama_tui.domain.order import RestingOrder, Side
from ama_tui.domain.plan import Order, SharedCollateral, Skip, SkipReason, Targets, WalletBudget, WalletSnapshot
from ama_tui.domain.reading import FleetRead, WalletRead
from ama_tui.domain.wallet import FleetWallet, Role
from ama_tui.engine.own_prices import OwnPrices, WalletPrices
from ama_tui.engine.pending_orders import PendingOrders, PendingPlacement
from ama_tui.engine.session_slot import SessionSlot
from ama_tui.engine.takes import WalletTakes
from ama_tui.engine.wallet_account import MarketShare, WalletAccount

FIRST_BACKOFF_S = 1.0
LONGEST_BACKOFF_S = 30.0


@dataclass(frozen=True, slots=True)
class ReadSums:
    """What the resting orders of a read add up to."""

    read: WalletRead | None
    bids: int = 0
    asks: int = 0
    reserved6: int = 0
    """Their margin (USDC, 6 decimals)."""
    order_ids: frozenset[int] = frozenset()

    @classmethod
    def of(cls, read: WalletRead | None) -> ReadSums:
        if read is None:
            return cls(None)
        bids = sum(order.side is Side.BUY for order in read.orders)
        ids = frozenset(order.order_id for order in read.orders)
        return cls(read, bids, len(read.orders) - bids, read.reserved6, ids)


@dataclass(slots=True)
class WalletBook:
    """One wallet: its session, its pending orders, its last good read, and why it may not trade.

    Its fields change only through its methods.
    """

    wallet: FleetWallet
    session: SessionSlot = field(default_factory=SessionSlot)
    pending: PendingOrders = field(default_factory=PendingOrders)
    takes: WalletTakes = field(default_factory=WalletTakes)
    read: WalletRead | None = None
    """The last good read, with the levels of its orders."""
    source: WalletRead | None = None
    """The same read as it came from the chain."""
    account: WalletAccount = field(default_factory=WalletAccount)
    """Its collateral, which its books on the run's other markets share."""
    share: MarketShare = field(default_factory=MarketShare)
    changed_block: int = 0
    """The block of the read that last showed other margin of its orders than the read before."""
    read_error: str = ""
    """Why the latest read failed, '' if it succeeded."""
    venue_refusal: str | None = None
    """Why the venue rejects this wallet's orders on this market, None if it does not."""
    is_paused: bool = False
    """The operator paused this wallet."""
    budget: WalletBudget | None = None
    skips: tuple[Skip, ...] = ()
    note: str = ""
    """Progress of the wallet's preparation."""
    last_action_at: int = 0
    """Unix milliseconds."""
    backoff_until: float = 0.0
    """Monotonic clock: no new order before this."""
    failures: int = 0
    """Consecutive sends that failed."""
    _sums: ReadSums | None = None
    _shown6: int | None = None
    """Margin of its orders in a later read during a kill, None outside of one."""
    _snapshot: tuple[tuple[object, ...], WalletSnapshot] | None = None
    """The last snapshot without anything pending, and everything that it was made from."""

    def __post_init__(self) -> None:
        self.account.add(self, self.share)

    @property
    def address(self) -> str:
        return self.wallet.address

    @property
    def orders(self) -> tuple[RestingOrder, ...]:
        return self.read.orders if self.read is not None else ()

    @property
    def unusable(self) -> SkipReason | None:
        """Why the wallet cannot trade, apart from being paused. None if it can."""
        if self.venue_refusal is not None:
            return SkipReason.WALLET_PAUSED
        return SkipReason.NO_SESSION if self.session.is_lost else None

    @property
    def unusable_detail(self) -> str:
        """The same as text, '' if the wallet can trade."""
        return self.venue_refusal or self.session.loss or ""

    @property
    def idle_reason(self) -> SkipReason | None:
        """Why the wallet places no orders, None if it may."""
        if self.unusable is None and self.is_paused:
            return SkipReason.WALLET_PAUSED
        return self.unusable

    @property
    def idle_text(self) -> str:
        """The same as text, '' if it may."""
        if self.unusable is not None:
            detail = self.unusable_detail or self.unusable.value
            return f"{detail}; {self.session.note}" if self.session.note else detail
        return "wallet paused" if self.is_paused else ""

    def session_shortage(self, order: Order, unix_now: float, ahead6: int = 0) -> str | None:
        """Why the session would refuse an order, or None.

        Pending orders count against its budget, and so does `ahead6`, the notional that is sent first (USDC, 6
        decimals).
        """
        pending6 = sum(book.pending.notional6 + book.takes.notional6 for book in self.account.using(self.session))
        return self.session.shortage(order.notional6, unix_now, ahead6 + pending6)

    def is_filled(self, targets: Targets) -> bool:
        """Do so many orders rest on each side?"""
        sums = self._read_sums
        return sums.bids >= targets.bids and sums.asks >= targets.asks

    def resting(self, side: Side) -> int:
        """The number of resting orders on a side."""
        return self._read_sums.bids if side is Side.BUY else self._read_sums.asks

    def reserved6(self) -> int:
        """Margin of the resting margin orders at the last read (USDC, 6 decimals)."""
        return self._read_sums.reserved6 if self._shown6 is None else self._shown6

    def held6(self) -> int:
        """Margin of everything that rests, may come to rest, or may be traded by a take (USDC, 6 decimals)."""
        return self.reserved6() + self.pending.margin6 + self.takes.margin6

    def exceeds_cap(self, margin6: int) -> bool:
        """Would another order with this margin (USDC, 6 decimals) pass the wallet's cap, here or on all markets?"""
        budget = self.budget
        if budget is None or self.held6() + margin6 > budget.cap6:
            return True
        if budget.limit6 is None:
            return False
        limit6 = min(budget.limit6, self.account.limit6(self))  # another market may have been read since the plan
        return self.account.held6 + margin6 > limit6

    def resting_order(self, order_id: int) -> RestingOrder | None:
        """A resting order by its id, as of the last read."""
        return next((order for order in self.orders if order.order_id == order_id), None)

    def is_level_taken(self, side: Side, level: int) -> bool:
        """Is there a resting or pending order at this level?"""
        return self.pending.holds(side, level) or any(
            order.side is side and order.level == level for order in self.orders
        )

    # ---- reads ----

    @property
    def known_order_ids(self) -> frozenset[int]:
        """Ids of the wallet's orders that a read must ask for, whether or not the node lists them."""
        return self.pending.known_beside(self._read_sums.order_ids)

    @property
    def is_unsettled(self) -> bool:
        """Is anything open about the wallet that only a read of it can settle? It may also not be planned yet."""
        return (
            self.is_open
            or self.read is None
            or self.budget is None
            or bool(self.read_error)
            or self.session.is_lost
            or self.session.doubt is not None
            or (bool(self.skips) and any(not skip.reason.is_standing for skip in self.skips))
        )

    def has_taken(self, read: WalletRead) -> bool:
        """Is this the read that was stored last, with nothing open that it could settle once more?"""
        return self.source is read and not self.is_open and not self.read_error

    @property
    def is_open(self) -> bool:
        """Is anything sent, expected or traded that the next read must account for?"""
        return self.pending.is_open or bool(self.takes)

    def take_read(self, read: WalletRead, block: int) -> None:
        """Store a good read, with the levels of its orders."""
        self.pending.prices.rest(self.orders, read.orders)
        if read.reserved6 != self.reserved6():
            self.changed_block = block
        self._shown6 = None
        self.read, self.source, self.read_error = read, read, ""
        self.account.took(self, read, block)
        self.pending.count_replaced(read.orders)
        self.annotate(block)

    def annotate(self, block: int) -> None:
        """Add newly learned levels to the orders of the last read."""
        if self.read is not None:
            orders = tuple(self.pending.annotated(order, block) for order in self.read.orders)
            self.read = replace(self.read, orders=orders)
            self.pending.continue_after(order.placed18 for order in orders if order.placed18 is not None)

    @property
    def _read_sums(self) -> ReadSums:
        """Sums of the last good read, worked out once."""
        if self._sums is None or self._sums.read is not self.read:
            self._sums = ReadSums.of(self.read)
        return self._sums

    def show(self, margin6: int, block: int) -> None:
        """Note the margin of its orders in a read that is only for a kill: the other markets count on it."""
        if margin6 != self.reserved6():
            self._shown6, self.changed_block = margin6, block

    def read_failed(self, error: str) -> None:
        """Note that the latest read failed. The last good read stays."""
        self.read_error = error

    def count_in(self, prices: WalletPrices) -> None:
        """Report the price of every order to `prices` from now on, those of the present orders too."""
        self.pending.count_in(prices)
        self.takes.count_in(prices)
        prices.rest((), self.orders)

    # ---- decisions ----

    def is_planned(self, budget: WalletBudget | None, skips: tuple[Skip, ...]) -> bool:
        """Is this what the last plan said, with nothing skipped and nothing pending?"""
        return budget is self.budget and not skips and not self.skips and not self.pending.placements

    def plan(self, budget: WalletBudget | None, skips: tuple[Skip, ...]) -> None:
        """Store the wallet's part of the plan. Without a budget the last budget stays."""
        self.budget, self.skips = budget or self.budget, skips

    def refused_by_venue(self, why: str) -> None:
        """Stop placing orders: the venue rejects this wallet on this market."""
        self.venue_refusal = why

    def pause(self) -> None:
        """Pause this wallet."""
        self.is_paused = True

    def resume(self) -> None:
        """Resume this wallet."""
        self.is_paused = False

    # ---- events ----

    def report(self, note: str) -> None:
        """Set the progress of the wallet's preparation."""
        self.note = note

    def acted(self, at_ms: int) -> None:
        """Note when the venue last accepted an action (Unix milliseconds)."""
        self.last_action_at = at_ms

    def failed(self, now: float) -> None:
        """A send failed: back off before the next, longer each time (1 to 30 s)."""
        self.failures += 1
        self.backoff_until = now + min(LONGEST_BACKOFF_S, FIRST_BACKOFF_S * 2 ** (self.failures - 1))

    def succeeded(self) -> None:
        """A send succeeded: no back-off."""
        self.failures = 0
        self.backoff_until = 0.0

    def snapshot(self, was_read: bool) -> WalletSnapshot:
        """The wallet as the planner sees it; `was_read` is False if this cycle's read of it failed.

        The same object as before if nothing changed.
        """
        pending, shared = self.pending, self.account.shared(self)
        is_quiet = not pending.placements and not pending.cancels
        refusals = self.venue_refusal, self.session.loss, self.is_paused
        made_from = (self.read, was_read, refusals, pending.sequence, self.takes.taken_at, shared)
        if is_quiet and self._snapshot is not None and self._snapshot[0] == made_from:
            return self._snapshot[1]
        snapshot = self._new_snapshot(was_read, shared)
        self._snapshot = (made_from, snapshot) if is_quiet else None
        return snapshot

    def _new_snapshot(self, was_read: bool, shared: SharedCollateral | None) -> WalletSnapshot:
        read = self.read
        return WalletSnapshot(
            index=self.wallet.index,
            address=self.address,
            available6=read.available6 if read is not None else 0,
            orders=self.orders,
            pending_orders=tuple(pending.as_pending_order for pending in self.pending),
            cancelling=frozenset(self.pending.cancels),
            sequence=self.pending.sequence,
            shared=shared,
            taken_at=self.takes.taken_at,
            was_read=was_read and read is not None,
            position18=read.position18 if read is not None else 0,
            role=self.wallet.role,
            unusable=self.idle_reason,
            unusable_detail=self.unusable_detail,
        )


class Fleet:
    """The wallets of a run, and the prices of all their orders."""

    def __init__(self, books: Iterable[WalletBook] = (), *, missing: Iterable[WalletBook] = ()) -> None:
        self._books: dict[str, WalletBook] = {}
        self._missing: tuple[WalletBook, ...] = ()
        self._prices = OwnPrices()
        for book in books:
            self.add(book)
        self.leave_out(missing)

    @property
    def books(self) -> Mapping[str, WalletBook]:
        """By address, in the order of the wallets file."""
        return self._books

    @property
    def missing(self) -> tuple[WalletBook, ...]:
        """Wallets in the checkpoint that are not part of this run."""
        return self._missing

    def __iter__(self) -> Iterator[WalletBook]:
        return iter(self._books.values())

    def __len__(self) -> int:
        return len(self._books)

    def __contains__(self, address: object) -> bool:
        return address in self._books

    def is_maker(self, address: str) -> bool:
        """Is this address (lower case) a wallet of the fleet that does not take?"""
        book = self._books.get(address)
        return book is not None and book.wallet.role is Role.MAKER

    def asked_by(self, read: FleetRead) -> list[WalletBook]:
        """The wallets that a read asked for."""
        if read.fresh is None:
            return list(self)
        return [book for address, book in self._books.items() if address in read.fresh]

    def pending(self) -> Iterator[tuple[WalletBook, PendingPlacement]]:
        """Every pending placement, with its wallet."""
        for book in self._books.values():
            if book.pending.placements:
                yield from ((book, placement) for placement in book.pending)

    def add(self, book: WalletBook) -> None:
        """Add a wallet of the run."""
        self._books[book.address] = book
        book.count_in(WalletPrices(self._prices, book.address))

    def leave_out(self, books: Iterable[WalletBook]) -> None:
        """Add wallets that are not part of this run."""
        added = tuple(books)
        self._missing += added
        for book in added:
            book.count_in(WalletPrices(self._prices, book.address, is_missing=True))

    def best_own(self, side: Side, now: float, *, without: str = "") -> int | None:
        """The best price of the fleet's resting, pending and unknown orders on a side, without one wallet.

        Includes orders written off less than `LATE_GRACE_S` before `now`, and orders sent within the same time by
        wallets that are not part of this run.
        """
        return self._prices.best(side, now, without=without)

    def avoid(self, orders: Iterable[RestingOrder]) -> None:
        """Let no take reach these orders, of wallets that are not part of this run."""
        for order in orders:
            self._prices.avoid(order.side, order.price6)

    def best_untakable(self, side: Side, now: float) -> int | None:
        """The best price on a side that no take may reach: an order of the fleet rests there, or may come to rest."""
        return self._prices.best_untakable(side, now)

    @property
    def is_taking(self) -> bool:
        """Is any take of the fleet not settled yet?"""
        return self._prices.is_taking

    def resting18(self, side: Side, price6: int) -> int:
        """How much of the fleet's orders rests at a price (18 decimals)."""
        return self._prices.resting18(side, price6)

    def price_levels(self, side: Side) -> int:
        """The number of prices at which the fleet has orders on a side, pending ones included."""
        return self._prices.levels(side)
