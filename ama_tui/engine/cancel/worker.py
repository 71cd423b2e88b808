"""Sends the requests of a cancel-all per wallet: cancels, sessions to cancel with, revocations.

Each wallet has its own tasks, which run alongside the reads, so a slow wallet does not delay the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from ama_tui.domain.errors import VenueError
from ama_tui.domain.event import Action
from ama_tui.domain.order import RestingOrder
from ama_tui.domain.plan import Cancel, CancelReason
from ama_tui.domain.reading import SessionsRead
from ama_tui.domain.session import Caps, Methods, RelayerSet, session_status
from ama_tui.engine.execution.sender import Sender
from ama_tui.engine.run_context import RunContext
from ama_tui.engine.sessions.creation import SessionCreator, SessionRequest
from ama_tui.engine.sessions.revocation import WalletRevoker
from ama_tui.engine.wallet_book import WalletBook

RETRY_CANCEL_S = 8.0
"""A cancel whose order is still open after this long is sent again."""
RETRY_FAILED_S = 2.0
"""A rejected cancel is sent again after this long."""
LONGEST_RETRY_AFTER_S = 5.0
"""The most that `Retry-After` delays a wallet's cancels within one round."""
LONGEST_CANCEL_S = 10.0
"""The longest wait for the response to a cancel. After that the chain shows the result."""
CANCEL_SESSION_S = 600
"""The lifetime of a session made only for cancelling."""
SHORTEST_CANCEL_SESSION_S = 60
"""A session with more than this left is used again."""


@dataclass(slots=True)
class CancelWorker:
    """Runs the requests of a cancel-all, one task of each kind per wallet."""

    context: RunContext
    sender: Sender
    reason: CancelReason
    alive: frozenset[int] = frozenset()
    """Orders that the latest read showed."""

    asked: set[int] = field(default_factory=set)
    """Orders that a cancel was sent for."""

    accepted: set[int] = field(default_factory=set)
    """Orders of which the venue has accepted a cancel."""

    not_accepted: dict[str, float] = field(default_factory=dict)
    """By wallet: since when its cancels have not been accepted (the loop's clock)."""

    _creator: SessionCreator = field(init=False)
    _revoker: WalletRevoker = field(init=False)
    _relayers: RelayerSet | None = None
    _relayers_known: asyncio.Event = field(default_factory=asyncio.Event)
    _next_try: dict[int, float] = field(default_factory=dict)
    _next_session: dict[str, float] = field(default_factory=dict)
    _tasks: dict[tuple[str, str], asyncio.Task[None]] = field(default_factory=dict)
    _is_closing: bool = False

    def __post_init__(self) -> None:
        self._creator = SessionCreator(self.context, for_cancels=True)
        self._revoker = WalletRevoker(self.context)

    def open(self) -> None:
        """Start reading the relayer set, which new sessions must name."""
        self._spawn("", "relayers", self._read_relayers)

    async def close(self, patience: float = 0.0) -> None:
        """Start no new requests, wait up to `patience` seconds for cancels in progress, and abort the rest."""
        self._is_closing = True
        cancels = [task for (_, kind), task in self._tasks.items() if kind == "cancel"]
        if cancels and patience > 0:
            await asyncio.wait(cancels, timeout=patience)
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def cancel(self, book: WalletBook, orders: Sequence[RestingOrder], sessions: SessionsRead | None) -> None:
        """Cancel these orders in the background. `sessions` is None if they could not be read."""
        now = _now()
        due = [order for order in orders if now >= self._next_try.get(order.order_id, now)]
        if due:
            self._spawn(book.address, "cancel", partial(self._cancel_orders, book, due, sessions))

    def revoke(self, book: WalletBook, sessions: Sequence[str]) -> None:
        """Revoke these sessions in the background."""
        due = [session for session in sessions if self._revoker.is_due(session)]
        if due:
            self._spawn(book.address, "revoke", partial(self._revoke, book, due))

    def _spawn(self, address: str, kind: str, work: Callable[[], Awaitable[None]]) -> None:
        """Start a task unless one of its kind is running for the wallet."""
        key = (address, kind)
        if not self._is_closing and key not in self._tasks:
            self._tasks[key] = asyncio.create_task(self._guarded(key, work), name=f"{kind} {address}")

    async def _guarded(self, key: tuple[str, str], work: Callable[[], Awaitable[None]]) -> None:
        """Report a wallet's error. It does not stop the other wallets, and the next read retries."""
        try:
            await work()
        except VenueError as error:
            self.context.action_log.note_error(f"cancel-all: {error}")
        except Exception as error:  # another library's error text may contain a URL with a key
            self.context.action_log.note_error(f"cancel-all: internal error ({type(error).__name__})")
        finally:
            del self._tasks[key]

    async def _cancel_orders(
        self, book: WalletBook, orders: Sequence[RestingOrder], sessions: SessionsRead | None
    ) -> None:
        self.not_accepted.setdefault(book.address, _now())
        problem = self._session_problem(book, sessions)
        if problem is not None and not await self._renew(book, problem, sessions):
            return
        until = _now() + LONGEST_RETRY_AFTER_S
        for order in orders:
            if order.order_id in self.alive:
                self.asked.add(order.order_id)
                is_accepted = await self._cancel(book, order, max(0.0, until - _now()))
                if is_accepted:
                    self.accepted.add(order.order_id)
                    self.not_accepted.pop(book.address, None)
                wait = RETRY_CANCEL_S if is_accepted else RETRY_FAILED_S
                self._next_try[order.order_id] = _now() + wait

    async def _cancel(self, book: WalletBook, order: RestingOrder, longest_wait: float) -> bool:
        cancel = Cancel(
            book.address, order.order_id, order.side, order.price6, order.amount18, self.reason, order.level
        )
        try:
            async with asyncio.timeout(LONGEST_CANCEL_S):
                return await self.sender.cancel(book, cancel, longest_wait=longest_wait)
        except TimeoutError:
            text = f"cancel {order.order_id}: no response within {LONGEST_CANCEL_S:g} s"
            self.context.action_log.outcome(book.wallet, Action.ERROR, text, error=text)
            return False

    def _session_problem(self, book: WalletBook, sessions: SessionsRead | None) -> str | None:
        """Why the wallet's session cannot cancel, None if it can as far as we know."""
        if book.session.id is None:
            return "no session"
        if sessions is None:
            return None
        return session_status(
            sessions.records.get(book.session.id),
            trader=book.address,
            block_time=sessions.block_time,
            relayer_root=None if self._relayers is None else self._relayers.root,
            methods=Methods.CANCEL,
        ).problem

    async def _renew(self, book: WalletBook, problem: str, sessions: SessionsRead | None) -> bool:
        """Give the wallet a session that may only cancel, whoever revoked its previous session."""
        if book.address not in self.context.connections.signer or _now() < self._next_session.get(book.address, 0.0):
            return False
        await self._relayers_known.wait()
        assert self._relayers is not None  # noqa: S101 - set before the event
        self.context.action_log.outcome(book.wallet, Action.NOTE, f"{problem}: creating a session that may only cancel")
        # Cancelling moves no funds: no cap is needed.
        request = SessionRequest(
            Methods.CANCEL, CANCEL_SESSION_S, Caps(), self._relayers, SHORTEST_CANCEL_SESSION_S, (self.context,)
        )
        try:
            chain_time = 0 if sessions is None else sessions.block_time
            async with book.account.session_turn:
                record = await self._creator.create(book, request, chain_time=chain_time)
        except VenueError as error:
            self.context.failed("session not created", error)
            self.context.action_log.outcome(book.wallet, Action.ERROR, f"no session: {error}", error=str(error))
            self._next_session[book.address] = _now() + RETRY_FAILED_S
            return False
        assert record is not None  # noqa: S101 - a session is needed, so one was created
        if sessions is not None:
            previous = sessions.records.get(book.session.id or "")
            if session_status(previous, block_time=sessions.block_time).is_over:
                book.session.drop()  # already over: no need to revoke it
        book.session.adopt(record, _now())
        # A lagging node does not show a new session yet: it gets as long as a cancel.
        self._next_session[book.address] = _now() + RETRY_CANCEL_S
        return True

    async def _revoke(self, book: WalletBook, sessions: Sequence[str]) -> None:
        await asyncio.gather(*(self._revoker.revoke(book, session) for session in sessions))

    async def _read_relayers(self) -> None:
        while self._relayers is None:
            try:
                self._relayers = await self.context.connections.api.relayer_set()
            except VenueError:
                await asyncio.sleep(RETRY_FAILED_S)
        self._relayers_known.set()


def _now() -> float:
    return asyncio.get_running_loop().time()
