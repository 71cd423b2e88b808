"""One cycle: read the fleet at one block, reconcile pending orders, plan, return the intents to send."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from time import monotonic

from ama_tui.domain.errors import NodeBehindError
from ama_tui.domain.event import Action
from ama_tui.domain.order import Side
from ama_tui.domain.plan import Cancel, Intent, MarketSnapshot, Skip, SkipReason, level_of
from ama_tui.domain.reading import FleetRead, Settlement, Trade
from ama_tui.domain.session import HOW_TO_RENEW, REVOKED, SessionRecord, SessionStatus, session_status
from ama_tui.engine.action_log import now_ms
from ama_tui.engine.reconciliation.live import LiveReconciliation
from ama_tui.engine.reconciliation.rules import is_behind, is_far_apart
from ama_tui.engine.run.fleet_reads import FleetReads
from ama_tui.engine.run.live_mark import LiveMark
from ama_tui.engine.run.packing import utilization
from ama_tui.engine.run.planner import Planner
from ama_tui.engine.run.planner_input import Conditions, market_snapshot
from ama_tui.engine.run_context import RunContext
from ama_tui.engine.wallet_book import WalletBook

DEPTH_OF_OTHERS = 25
MOST_DEPTH = 250
"""The most depth levels read per side: limited by the size of a contract call."""
MOST_TRADES = 1_000
"""The most trades that a plan gets to see."""

FORWARD_ATTEMPTS = 6
BETWEEN_ATTEMPTS_S = 0.1


@dataclass(slots=True)
class Cycle:
    """The steps of a cycle. `watch` reads and reconciles, `decide` plans."""

    context: RunContext
    floor: int = 0
    """A block that earlier processes saw: the first read must not be from shortly before it."""
    reads: FleetReads = field(init=False)
    planner: Planner = field(init=False, default_factory=Planner)
    mark: LiveMark = field(init=False)
    _trades: deque[Trade] = field(init=False, default_factory=lambda: deque(maxlen=MOST_TRADES))
    """The market's trades since the last plan."""
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self.reads, self.mark = FleetReads(self.context), LiveMark(self.context)

    async def watch(self) -> FleetRead:
        """Read the chain and the mark price, and reconcile pending orders.

        A stop may call this while the cycle does. The calls take turns, so nothing is counted twice. Raises VenueError
        if the chain could not be read.
        """
        async with self._turn:
            try:
                with self.context.read_share.reading():
                    return await self._watch()
            except BaseException:
                self.reads.doubt()
                raise

    async def _watch(self) -> FleetRead:
        context = self.context
        began, began_ms = monotonic(), now_ms()  # the read's age counts from the request, not from the response
        (read, settlement), (context.mark6, context.mark_problem) = await asyncio.gather(
            self._read_forward(), self.mark.read()
        )
        reconciliation = LiveReconciliation(context, read)
        if settlement is None:
            settlement = await self._settlement(read, reconciliation)
        reconciliation.finish(settlement)
        for book in context.fleet.asked_by(read):
            self._check_session(book, read.wallets[book.address].session, (read.block, began, read.block_time))
        if settlement.trades is None:
            context.fills_problem = f"fills from block {context.trades_block + 1:,} on are unknown: {settlement.error}"
        else:
            context.fills_problem = ""
            context.counters.traded(settlement.trades, context.fleet)
            context.pnl.note(settlement.trades, settlement.through)
            self._trades.extend(settlement.trades)
            self._show_fills(settlement)
            context.trades_block = max(context.trades_block, settlement.through)
        self._check_positions(read)
        context.markouts.note(settlement.trades or (), context.fleet.is_maker, read.view, began)
        context.read, context.read_at, context.read_at_ms = read, began, began_ms
        if read.has_book:
            context.touch_moves.note(read.block, read.view.book, began)
        context.counters.add(cycles=1)
        context.cycle_ms = (monotonic() - began) * 1000
        return read

    async def look(self) -> tuple[FleetRead, int, int | None]:
        """Read the chain and the mark price without reconciling anything: the read, its time (Unix milliseconds), and
        the mark, None if it could not be read. Raises VenueError if the chain could not be read.
        """
        began_ms = now_ms()
        read, (mark6, _) = await asyncio.gather(self.reads.whole(self._depth_levels()), self.mark.read())
        return read, began_ms, mark6

    async def decide(self, read: FleetRead) -> tuple[Intent, ...]:
        """Plan on a read. Stores each wallet's budget and skips, and returns the intents that may be sent now."""
        context = self.context
        snapshot = self.snapshot(read)
        self._trades.clear()  # what is read while a strategy plans is for its next plan
        context.plan = await self.planner.plan(context.strategy, snapshot)
        context.strategy_problem = self.planner.problem
        context.counters.add(kept=context.plan.kept)
        allowed, held = self._within_sessions(self._on_fresh_reads(context.plan.intents, read), read.block_time)
        skips: defaultdict[str, list[Skip]] = defaultdict(list)
        for skip in (*context.plan.skips, *held):
            skips[skip.wallet].append(skip)
        budgets = context.plan.budgets
        for address, book in context.fleet.books.items():
            budget, theirs = budgets.get(address), tuple(skips[address]) if address in skips else ()
            if book.is_planned(budget, theirs):
                continue
            self._note_skips(book, theirs)
            book.plan(budget, theirs)
            context.counters.used(utilization(book))
        now = monotonic()
        return tuple(intent for intent in allowed if context.fleet.books[intent.wallet].backoff_until <= now)

    def _on_fresh_reads(self, intents: Iterable[Intent], read: FleetRead) -> list[Intent]:
        """The intents without orders of wallets that this read did not ask for: they wait until it has.

        As long as a wallet has something to place, every read asks for it.
        """
        allowed: list[Intent] = []
        for one in intents:
            if not isinstance(one, Cancel):
                self.reads.want(one.wallet)
                if not read.is_fresh(one.wallet):
                    continue
            allowed.append(one)
        return allowed

    def _within_sessions(self, intents: Iterable[Intent], block_time: int) -> tuple[list[Intent], list[Skip]]:
        """Split off the orders that their wallet's session would refuse. They wait for a new session."""
        allowed: list[Intent] = []
        held: list[Skip] = []
        ahead6: defaultdict[str, int] = defaultdict(int)
        for one in intents:
            shortage = None
            if not isinstance(one, Cancel):
                shortage = self.context.fleet.books[one.wallet].session_shortage(one, block_time, ahead6[one.wallet])
            if shortage is not None:
                held.append(Skip(one.wallet, SkipReason.SESSION_TOO_SMALL, shortage, one.side, level_of(one)))
                continue
            allowed.append(one)
            if not isinstance(one, Cancel):
                ahead6[one.wallet] += one.notional6
        return allowed, held

    def snapshot(self, read: FleetRead) -> MarketSnapshot:
        """The market and the fleet as the planner sees them."""
        context = self.context
        conditions = Conditions(
            context.limits,
            context.anchor,
            context.price_band_percent,
            context.mark6,
            self.mark.book,
            tuple(self._trades),
            context.takers,
        )
        snapshot = market_snapshot(context.market, context.terms, read, context.fleet, conditions)
        context.price_conflict = "" if snapshot.anchor.problem else snapshot.price_conflict
        context.external_problem = snapshot.anchor.problem
        return snapshot

    async def _read_forward(self) -> tuple[FleetRead, Settlement | None]:
        """A read that goes back behind nothing that was shown, and its settlement if it has one: one of several
        nodes behind a URL may lag.

        Tried a few times. Raises NodeBehindError, and what the chain reader raises.
        """
        last = self.context.read
        before = self.floor if last is None else last.seen_block
        for attempt in range(FORWARD_ATTEMPTS):
            is_last = attempt == FORWARD_ATTEMPTS - 1
            try:
                read, settlement = await self.reads.next(self._depth_levels())
            except NodeBehindError:
                if is_last:
                    raise
            else:
                if read.block >= before or (last is None and not is_behind(read.block, before)):
                    return read, settlement
                self.reads.doubt()
                if is_last:
                    text = f"the node went back from block {before} to {read.block}"
                    raise NodeBehindError(text, "waiting for it to catch up")
            await asyncio.sleep(BETWEEN_ATTEMPTS_S)
        raise AssertionError

    def _depth_levels(self) -> int:
        """Enough levels to see past the fleet's own orders."""
        fleet = self.context.fleet
        return min(MOST_DEPTH, max(map(fleet.price_levels, Side)) + DEPTH_OF_OTHERS)

    async def _settlement(self, read: FleetRead, reconciliation: LiveReconciliation) -> Settlement:
        context = self.context
        if context.trades_block == 0:
            context.trades_block = read.block
        return await context.connections.chain.settlement(
            context.market.address,
            context.trades_block + 1,
            read.block,
            reconciliation.hashes,
            reconciliation.wallets_missing_orders,
        )

    def _check_session(self, book: WalletBook, record: SessionRecord | None, moment: tuple[int, float, int]) -> None:
        """Update what is left of a session, and detect that it ended outside this program. Sends nothing.

        `moment` is the read's block, its time (monotonic clock), and the block's time. Two reads must agree, because a
        lagging node does not show a new session yet.
        """
        if record is None or record.session_id != book.session.id:
            return  # it was replaced during the read
        if record.exists:
            book.session.update(record)
        if book.unusable is not None:
            return
        block, read_at, block_time = moment
        methods = self.context.strategy.methods(book.wallet.role)
        status = session_status(record, trader=book.address, block_time=block_time, methods=methods)
        problem = status.problem
        if problem is None:
            book.session.trust()
        elif is_far_apart(book.session.distrust(block, read_at), (block, read_at)):
            is_revoked = status is SessionStatus.REVOKED
            text = f"{REVOKED}: {HOW_TO_RENEW}" if is_revoked else problem
            book.session.lose(text, is_revoked=is_revoked)
            self.context.action_log.outcome(book.wallet, Action.ERROR, text, error=text)

    def _check_positions(self, read: FleetRead) -> None:
        """Report positions that the trades do not explain."""
        context = self.context
        asked = [book.address for book in context.fleet.asked_by(read)]
        for address in context.pnl.check(read, asked):
            text = "its position is not what its trades make it: the P&L takes it over at the mark"
            context.action_log.outcome(context.fleet.books[address].wallet, Action.ERROR, text, error=text)

    def _note_skips(self, book: WalletBook, skips: tuple[Skip, ...]) -> None:
        """Journal a wallet's skip reasons when they change, not every cycle."""
        if not skips:
            return
        before = {(skip.reason, skip.side, skip.level) for skip in book.skips}
        after = {(skip.reason, skip.side, skip.level) for skip in skips}
        if after == before:
            return
        reasons = sorted({skip.text for skip in skips})
        self.context.action_log.outcome(
            book.wallet,
            Action.SKIP,
            f"Skipped {len(skips)}: {'; '.join(reasons)}",
            params={"reasons": reasons},
        )

    def _show_fills(self, settlement: Settlement) -> None:
        """Log each side of a trade of ours."""
        context = self.context
        for trade in settlement.trades or ():
            for address, side in ((trade.buyer, "buy"), (trade.seller, "sell")):
                book = context.fleet.books.get(address)
                if book is not None:
                    context.action_log.fill(book.wallet, side, trade)
