"""Gives each wallet of a run a session: a stored one that still holds, else a new one, side by side."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic

from ama_tui.domain.errors import VenueError
from ama_tui.domain.event import Action
from ama_tui.domain.plan import Place, Plan
from ama_tui.domain.session import RENEW_BEFORE_S, Caps
from ama_tui.engine.action_log import now_ms
from ama_tui.engine.retry import again
from ama_tui.engine.run_context import RunContext
from ama_tui.engine.sessions.adoption import Records, SessionAdoption
from ama_tui.engine.sessions.caps import CapForecast, allowance
from ama_tui.engine.sessions.creation import ChainView, SessionCreator, SessionRequest
from ama_tui.engine.sessions.relayers import Relayers
from ama_tui.engine.wallet_book import WalletBook

UNANSWERED = "one that was asked for was not answered"
"""A wear that is over once nothing can come of that request any more; the session that the wallet has is good."""


@dataclass(slots=True)
class SessionManager:
    """The sessions of one run. `is_frozen` says when no session is asked for any more."""

    context: RunContext
    relayers: Relayers
    stored: SessionAdoption
    is_frozen: Callable[[], bool] = lambda: False
    _maker: SessionCreator = field(init=False)
    _grouped: tuple[Plan, Mapping[str, list[Place]]] = field(init=False, default_factory=lambda: (Plan(), {}))

    def __post_init__(self) -> None:
        self._maker = SessionCreator(self.context, is_frozen=self.is_frozen)

    async def prepare(self, books: Sequence[WalletBook], *, chain_time: int) -> None:
        """Find or make a session for every wallet; `chain_time` is the latest block's Unix time.

        Never raises for one wallet's trouble: that wallet is marked and the others go on. Raises VenueError
        when the chain cannot be read, JournalError when nothing can be written ahead.
        """
        records = await self.stored.read(books)
        now = max(chain_time, now_ms() // 1000)
        for book in books:
            self.stored.take(book, records, now=now, relayer_root=self.relayers.root)
            self._maker.remember(book.address, self.stored.permits(book.address, records))
            if book.session.id is not None:
                book.note = "session valid"
        wanting = [book for book in books if book.unusable is None and self.wear(book, now) is not None]
        nonces: Mapping[str, int | None] = {}
        if wanting:
            addresses = [book.address for book in wanting]
            nonces = await again(
                lambda: self.context.connections.chain.meta_nonces(self.context.connections.registry, addresses)
            )
        try:
            async with asyncio.TaskGroup() as group:
                for book in wanting:
                    seen = ChainView(nonces.get(book.address), records)
                    is_needed = self.wear(book, now) != UNANSWERED
                    group.create_task(self._prepare(book, seen, chain_time, is_needed=is_needed))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def _prepare(self, book: WalletBook, seen: ChainView, chain_time: int, *, is_needed: bool) -> None:
        book.note = "creating session"
        request = self.request(book)
        try:
            record = await self._maker.make(book, request, chain_time=chain_time, seen=seen, is_needed=is_needed)
        except VenueError as error:
            is_lost = book.session.id is None
            why = book.note = f"no session: {error}" if is_lost else f"session not renewed: {error}"
            self.context.counters.error("session not created")
            self.context.action_log.outcome(book.wallet, Action.ERROR, why, error=why)
            if is_lost:
                book.session.lose(why)
        else:
            if record is not None:
                book.session.adopt(record, monotonic())
            book.note = "session valid"

    async def renew(self, book: WalletBook, chain_time: int, *, is_needed: bool) -> bool:
        """Put a new session in the place of a wallet's present one, if it has any. Raises VenueError, JournalError.

        Until it is there the wallet goes on under the old one. False where no new one was needed: nothing came of an
        earlier request, or a stored session that could not be read at the start turned out to be good, or revoked.
        """
        if book.address in self.stored.unread:
            records: Records = await self.stored.read([book])
            now = max(chain_time, now_ms() // 1000)
            self.stored.take(book, records, now=now, relayer_root=self.relayers.root)
            if book.session.id is not None or book.session.is_revoked:
                return False
            if book.address in self.stored.unread:
                raise VenueError("the stored session could not be read", "it is looked at again")
        record = await self._maker.make(book, self.request(book), chain_time=chain_time, is_needed=is_needed)
        if record is None:
            return False
        self.context.counters.sessions_renewed += book.session.id is not None
        book.session.adopt(record, monotonic())
        return True

    def wear(self, book: WalletBook, now: int) -> str | None:
        """Why a wallet should get another session than it has, or None; `now` is in Unix seconds."""
        if book.session.id is None:
            return "it has none"
        worn: str | None = None
        if book.session.record is not None and book.session.record.session_id == book.session.id:
            largest6 = max((place.notional6 for place in self._planned(book)), default=0)
            worn = book.session.record.wear(now=now, relayer_root=self.relayers.root, largest6=largest6)
        if worn is None and self._maker.is_unanswered(book.address, now):
            return UNANSWERED
        return worn

    def request(self, book: WalletBook) -> SessionRequest:
        """What a new session of a wallet is to be: what the run needs at present, and no more."""
        context = self.context
        seconds = round(context.session_hours * 3600)
        return SessionRequest(
            context.strategy.methods, seconds, self._caps(book, seconds), self.relayers.root, RENEW_BEFORE_S
        )

    def _caps(self, book: WalletBook, seconds: int) -> Caps:
        context = self.context
        if not context.has_session_caps:
            return Caps()
        planned = [place.notional6 for place in self._planned(book)]
        budget = context.plan.budgets.get(book.address)
        outlook = CapForecast(
            tick6=context.market.tick6,
            margin_req_bps=context.terms.margin_req_bps,
            anchor_x2=context.plan.anchor_x2,
            basis6=0 if budget is None else budget.basis6,
            largest6=max(planned, default=0),
            planned6=sum(planned),
        )
        return allowance(context.parameters, outlook, seconds)

    def _planned(self, book: WalletBook) -> list[Place]:
        """The wallet's placements of the present plan, also those that wait for another session."""
        plan, by_wallet = self._grouped
        if plan is not self.context.plan:
            by_wallet = grouped = defaultdict[str, list[Place]](list)
            for one in self.context.plan.intents:
                if isinstance(one, Place):
                    grouped[one.wallet].append(one)
            self._grouped = (self.context.plan, by_wallet)
        return by_wallet.get(book.address, [])
