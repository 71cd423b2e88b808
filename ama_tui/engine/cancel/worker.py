"""The work of a cancel-all, wallet by wallet: cancels, a session to cancel with, the end of a session.

One task per wallet at a time, side by side with the others and with the reads that say what is left to do:
a venue that keeps one wallet waiting holds up nobody else.
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
"""A cancel that has not taken its order off the book after this long is sent again."""
RETRY_FAILED_S = 2.0
"""What was not accepted is sent again after this long."""
LONGEST_RETRY_AFTER_S = 5.0
"""The most that `Retry-After` holds back one wallet's cancels of one look at the chain, together."""
LONGEST_CANCEL_S = 10.0
"""A cancel is not waited for longer: the chain shows what became of it."""
CANCEL_SESSION_S = 600
"""How long a session lasts that was made for cancelling alone."""
SHORTEST_CANCEL_SESSION_S = 60
"""One that was asked for before will do with more than this left."""


@dataclass(slots=True)
class CancelWorker:
    """`alive` are the orders that the latest read showed; `asked` those that a cancel was sent for."""

    context: RunContext
    sender: Sender
    reason: CancelReason
    alive: frozenset[int] = frozenset()
    asked: set[int] = field(default_factory=set)
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
        """Ask who relays: a session that names others can cancel nothing."""
        self._spawn("", "relayers", self._ask_relayers)

    async def close(self, patience: float = 0.0) -> None:
        """Begin nothing more, wait for the cancels that were begun, and drop what is not done in `patience` seconds."""
        self._is_closing = True
        cancels = [task for (_, kind), task in self._tasks.items() if kind == "cancel"]
        if cancels and patience > 0:
            await asyncio.wait(cancels, timeout=patience)
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def cancel(self, book: WalletBook, orders: Sequence[RestingOrder], sessions: SessionsRead | None) -> None:
        """See to it that these orders are cancelled, in a task; `sessions` None when they could not be read."""
        now = _now()
        due = [order for order in orders if now >= self._next_try.get(order.order_id, now)]
        if due:
            self._spawn(book.address, "cancel", partial(self._cancel_orders, book, due, sessions))

    def revoke(self, book: WalletBook, sessions: Sequence[str]) -> None:
        """See to it that these sessions end, in a task."""
        due = [session for session in sessions if self._revoker.is_due(session)]
        if due:
            self._spawn(book.address, "revoke", partial(self._revoke, book, due))

    def _spawn(self, address: str, kind: str, work: Callable[[], Awaitable[None]]) -> None:
        """One task of a kind for a wallet at a time."""
        key = (address, kind)
        if not self._is_closing and key not in self._tasks:
            self._tasks[key] = asyncio.create_task(self._guarded(key, work), name=f"{kind} {address}")

    async def _guarded(self, key: tuple[str, str], work: Callable[[], Awaitable[None]]) -> None:
        """What goes wrong with one wallet is told and stops no other; the next read begins again."""
        try:
            await work()
        except VenueError as error:
            self.context.action_log.note(f"cancel-all: {error}", is_error=True)
        except Exception as error:  # the text of an error that is not ours may hold a URL with a key in it
            self.context.action_log.note(f"cancel-all: internal error ({type(error).__name__})", is_error=True)
        finally:
            del self._tasks[key]

    async def _cancel_orders(
        self, book: WalletBook, orders: Sequence[RestingOrder], sessions: SessionsRead | None
    ) -> None:
        problem = self._session_problem(book, sessions)
        if problem is not None and not await self._renew(book, problem, sessions):
            return
        until = _now() + LONGEST_RETRY_AFTER_S
        for order in orders:
            if order.order_id in self.alive:
                self.asked.add(order.order_id)
                is_accepted = await self._cancel(book, order, max(0.0, until - _now()))
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
            text = f"cancel {order.order_id}: no answer within {LONGEST_CANCEL_S:g} s"
            self.context.action_log.outcome(book.wallet, Action.ERROR, text, error=text)
            return False

    def _session_problem(self, book: WalletBook, sessions: SessionsRead | None) -> str | None:
        """Why the wallet's session cannot cancel, None when it can as far as anybody knows."""
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
        """Give the wallet a session that may cancel and nothing else, whoever ended the one it had."""
        if book.address not in self.context.connections.signer or _now() < self._next_session.get(book.address, 0.0):
            return False
        await self._relayers_known.wait()
        assert self._relayers is not None  # noqa: S101 - set before the event
        self.context.action_log.outcome(book.wallet, Action.NOTE, f"{problem}: asking for one that may only cancel")
        # Cancelling moves nothing: no cap is needed, and none can be too low.
        root = self._relayers.root
        request = SessionRequest(Methods.CANCEL, CANCEL_SESSION_S, Caps(), root, SHORTEST_CANCEL_SESSION_S)
        try:
            record = await self._creator.create(
                book, request, chain_time=0 if sessions is None else sessions.block_time
            )
        except VenueError as error:
            self.context.counters.error("session not created")
            self.context.action_log.outcome(book.wallet, Action.ERROR, f"no session: {error}", error=str(error))
            self._next_session[book.address] = _now() + RETRY_FAILED_S
            return False
        assert record is not None  # noqa: S101 - one is needed
        if sessions is not None:
            previous = sessions.records.get(book.session.id or "")
            if session_status(previous, block_time=sessions.block_time).is_over:
                book.session.drop()  # it needs no revocation
        book.session.adopt(record, _now())
        # A node that lags does not know a new session yet: it gets the time that a cancel gets.
        self._next_session[book.address] = _now() + RETRY_CANCEL_S
        return True

    async def _revoke(self, book: WalletBook, sessions: Sequence[str]) -> None:
        await asyncio.gather(*(self._revoker.revoke(book, session) for session in sessions))

    async def _ask_relayers(self) -> None:
        while self._relayers is None:
            try:
                self._relayers = await self.context.connections.api.relayer_set()
            except VenueError:
                await asyncio.sleep(RETRY_FAILED_S)
        self._relayers_known.set()


def _now() -> float:
    return asyncio.get_running_loop().time()
