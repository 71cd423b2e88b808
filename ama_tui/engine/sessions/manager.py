"""Gives each wallet of a run a session: a stored one that is still valid, otherwise a new one."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from time import monotonic

from ama_tui.domain.errors import VenueError
from ama_tui.domain.event import Action
from ama_tui.domain.plan import Cancel, Order, Plan
from ama_tui.domain.session import RENEW_BEFORE_S, Caps, renewal_reason
from ama_tui.domain.wallet import Role
from ama_tui.engine.retry import retry_read
from ama_tui.engine.run_context import RunContext
from ama_tui.engine.sessions.adoption import Records, SessionAdoption
from ama_tui.engine.sessions.caps import LARGEST6, CapForecast, allowance, taker_allowance
from ama_tui.engine.sessions.creation import ChainView, SessionCreator, SessionRequest, session_clock
from ama_tui.engine.sessions.pending_permits import PendingPermits
from ama_tui.engine.sessions.relayers import Relayers
from ama_tui.engine.sessions.sharing import SharedSessions
from ama_tui.engine.wallet_book import WalletBook

UNANSWERED = "an earlier session request got no response"
"""Reason for a renewal that is settled once that request can have no effect; the present session is valid."""


@dataclass(slots=True)
class SessionManager:
    """The sessions of one run."""

    context: RunContext
    relayers: Relayers
    stored: SessionAdoption
    is_frozen: Callable[[], bool] = lambda: False
    """True once no more sessions may be requested."""
    shared: SharedSessions | None = None
    """What the markets of a run have in common that share their sessions, None if they do not."""
    _creator: SessionCreator = field(init=False)
    _grouped: dict[str, tuple[Plan, Mapping[str, list[Order]]]] = field(init=False, default_factory=dict)
    """By order book: the latest plan, and its orders by wallet."""

    def __post_init__(self) -> None:
        permits = PendingPermits() if self.shared is None else self.shared.permits
        self._creator = SessionCreator(self.context, is_frozen=self.is_frozen, permits=permits)

    async def prepare(self, books: Sequence[WalletBook], *, chain_time: int) -> None:
        """Find or create a session for every wallet; `chain_time` is the latest block's Unix time.

        A wallet that fails is marked, and the others continue. Raises VenueError when the chain cannot be read,
        JournalError when the journal cannot be written.
        """
        records = await self.stored.read(books)
        now = session_clock(chain_time)
        for book in books:
            if book.session.id is None and not book.session.is_lost:  # else another market has prepared it
                self.stored.take(book, records, now=now, relayer_root=self.relayers.root)
                self._creator.permits.remember(book.address, self.stored.permits(book.address, records))
            if book.session.id is not None:
                book.report("session valid")
        wanting = [book for book in books if book.unusable is None and self.renewal_reason(book, now) is not None]
        nonces: Mapping[str, int | None] = {}
        if wanting:
            addresses = [book.address for book in wanting]
            nonces = await retry_read(
                lambda: self.context.connections.chain.meta_nonces(self.context.connections.registry, addresses)
            )
        try:
            async with asyncio.TaskGroup() as group:
                for book in wanting:
                    seen = ChainView(nonces.get(book.address), records)
                    is_needed = self.renewal_reason(book, now) != UNANSWERED
                    group.create_task(self._prepare(book, seen, chain_time, is_needed=is_needed))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def _prepare(self, book: WalletBook, seen: ChainView, chain_time: int, *, is_needed: bool) -> None:
        book.report("creating session")
        request = self.request(book)
        try:
            async with book.account.session_turn:
                record = await self._creator.create(
                    book, request, chain_time=chain_time, seen=seen, is_needed=is_needed
                )
        except VenueError as error:
            is_lost = book.session.id is None
            why = f"no session: {error}" if is_lost else f"session not renewed: {error}"
            book.report(why)
            self.context.failed("session not created", error)
            self.context.action_log.outcome(book.wallet, Action.ERROR, why, error=why)
            if is_lost:
                book.session.lose(why)
        else:
            if record is not None:
                book.session.adopt(record, monotonic())
            book.report("session valid")

    async def renew(self, book: WalletBook, chain_time: int, *, is_needed: bool) -> bool:
        """Replace a wallet's session with a new one. Raises VenueError, JournalError.

        The wallet uses the old session until the new one exists. False when no new session was needed: an earlier
        request had no effect, or a stored session that could not be read before is valid, or was revoked.
        """
        if book.address in self.stored.unread:
            records: Records = await self.stored.read([book])
            now = session_clock(chain_time)
            self.stored.take(book, records, now=now, relayer_root=self.relayers.root)
            if book.session.id is not None or book.session.is_revoked:
                return False
            if book.address in self.stored.unread:
                raise VenueError("the stored session could not be read", "trying again")
        before = book.session.id
        async with book.account.session_turn:
            if book.session.id != before and not book.session.is_lost:
                return False  # another market has renewed it meanwhile
            record = await self._creator.create(book, self.request(book), chain_time=chain_time, is_needed=is_needed)
            if record is None:
                return False
            self.context.counters.add(sessions_renewed=int(book.session.id is not None))
            book.session.adopt(record, monotonic())
        return True

    def renewal_reason(self, book: WalletBook, now: int) -> str | None:
        """Why a wallet needs another session, or None; `now` is in Unix seconds."""
        if book.session.id is None:
            return "no session"
        reason: str | None = None
        if book.session.record is not None and book.session.record.session_id == book.session.id:
            largest6 = max((place.notional6 for place in self._planned(self.context, book.address)), default=0)
            reason = renewal_reason(
                book.session.record, block_time=now, relayer_root=self.relayers.root, largest6=largest6
            )
        if reason is None and self._creator.permits.is_unanswered(book.address, now):
            return UNANSWERED
        return reason

    def request(self, book: WalletBook) -> SessionRequest:
        """A request for a wallet's new session: what the run needs now, and no more."""
        seconds = round(self.context.session_hours * 3600)
        runs = (self.context,) if self.shared is None else tuple(self.shared.runs)
        methods = reduce(or_, (run.strategy.methods(book.wallet.role) for run in runs))
        caps = self._caps(runs, book.address, seconds)
        return SessionRequest(methods, seconds, caps, self.relayers.current, RENEW_BEFORE_S, runs)

    def _caps(self, runs: Sequence[RunContext], address: str, seconds: int) -> Caps:
        """What the wallet's session may trade on all its markets."""
        if not self.context.has_session_caps:
            return Caps()
        each = [self._caps_on(run, run.fleet.books[address], seconds) for run in runs]
        return Caps(max(caps.per_trade6 for caps in each), min(LARGEST6, sum(caps.per_session6 for caps in each)))

    def _caps_on(self, context: RunContext, book: WalletBook, seconds: int) -> Caps:
        """What a session of this wallet may trade on one market."""
        if book.wallet.role is Role.TAKER:
            return taker_allowance(context.takers, context.plan.anchor_x2, seconds)
        planned = [order.notional6 for order in self._planned(context, book.address)]
        budget = context.plan.budgets.get(book.address)
        forecast = CapForecast(
            tick6=context.market.tick6,
            margin_req_bps=context.terms.margin_req_bps,
            anchor_x2=context.plan.anchor_x2,
            basis6=0 if budget is None else int(budget.basis6 * book.share.share),
            largest6=max(planned, default=0),
            planned6=sum(planned),
        )
        return allowance(context.limits.max_utilization, context.strategy.targets, forecast, seconds)

    def _planned(self, context: RunContext, address: str) -> list[Order]:
        """A wallet's orders in the current plan of a market, including those that wait for another session."""
        plan, by_wallet = self._grouped.get(context.market.address, (None, {}))
        if plan is not context.plan:
            by_wallet = grouped = defaultdict[str, list[Order]](list)
            for intent in context.plan.intents:
                if not isinstance(intent, Cancel):
                    grouped[intent.wallet].append(intent)
            self._grouped[context.market.address] = (context.plan, by_wallet)
        return by_wallet.get(address, [])
