"""One session for one wallet: a permit that is written down whole and asked for until its fate is known.

The registry counts a wallet's sessions, and a permit carries the number that its session must have. So the same permit
sent twice makes one session, and of two permits with one number at most one comes to anything. A permit whose number is
still free is therefore sent again rather than replaced, also by the process after a crash; another one with a later
number is made only once its session is known not to be there.
"""

from __future__ import annotations

import asyncio
import secrets
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic

from ama_tui.domain.errors import RefusedError, VenueError
from ama_tui.domain.event import Action
from ama_tui.domain.session import Caps, Methods, SessionPermit, SessionRecord
from ama_tui.engine.action_log import now_ms
from ama_tui.engine.run_context import RunContext
from ama_tui.engine.sessions.caps import are_alike
from ama_tui.engine.wallet_book import WalletBook
from ama_tui.store.journal.permit_line import permit_params
from ama_tui.venue.permits import session_id

INIT_ATTEMPTS = 3
LONGEST_WAIT_S = 5.0
"""The most that `Retry-After` holds back what takes orders off the book."""
CHAIN_PATIENCE_S = 20.0
"""How long a session whose answer never came is looked for on the chain."""
SHORT_PATIENCE_S = 5.0
"""The same where it will be asked for again, or where orders wait to be cancelled: a long wait does harm then."""
BETWEEN_LOOKS_S = 2.0
"""Between the looks that must agree that a session is not there."""
FOUND = "session created: the venue's answer was lost, the chain has it"


@dataclass(frozen=True, slots=True)
class SessionRequest:
    """What a session is to be: what it may do, for how many seconds, up to which notionals, by whose hands.

    A permit of an earlier process that has `shortest_s` or less left is not what is wished.
    """

    methods: Methods
    seconds: int
    caps: Caps
    relayer_root: str
    shortest_s: int

    def is_met_by(self, permit: SessionPermit, market_id: str, now: int) -> bool:
        """Would this permit do, and grant no more than a new one? `now` is in Unix seconds."""
        return (
            permit.methods == self.methods
            and permit.relayer_set_root == self.relayer_root
            and permit.allowed_markets == (market_id,)
            and self.shortest_s < permit.expiry - now <= self.seconds
            and are_alike(permit.caps, self.caps)
        )


@dataclass(frozen=True, slots=True)
class ChainView:
    """What the chain was read to say before a session is made: the next number, and the sessions asked for before."""

    nonce: int | None = None
    records: Mapping[str, SessionRecord | None] = field(default_factory=dict)


@dataclass(slots=True)
class PendingPermit:
    """A permit whose session may or may not be there; `intent_id` is '' until this process has written it ahead.

    `is_loose` while a request for it was sent that nobody answered: it may yet be carried out.
    """

    permit: SessionPermit
    session_id: str
    intent_id: str = ""
    is_loose: bool = False


class _LostError(Exception):
    """Nobody answered for a permit, and the chain does not show its session."""

    def __init__(self, error: VenueError) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass(slots=True)
class SessionCreator:
    """Makes sessions, one at a time for a wallet. With `for_cancels` nothing is waited for long.

    Once `is_frozen` says so, no session is asked for any more.
    """

    context: RunContext
    for_cancels: bool = False
    is_frozen: Callable[[], bool] = lambda: False
    _asked: dict[str, list[PendingPermit]] = field(init=False, default_factory=dict)

    def remember(self, wallet: str, permits: Iterable[SessionPermit]) -> None:
        """Take up permits that an earlier process wrote ahead and whose sessions the chain does not show."""
        self._asked[wallet] = [PendingPermit(permit, session_id(permit), is_loose=True) for permit in permits]

    def is_unanswered(self, wallet: str, now: int) -> bool:
        """May a session yet come of a request that nobody answered? `now` is in Unix seconds."""
        return any(one.is_loose and one.permit.expiry > now for one in self._asked.get(wallet, ()))

    async def make(
        self,
        book: WalletBook,
        request: SessionRequest,
        *,
        chain_time: int,
        seen: ChainView | None = None,
        is_needed: bool = True,
    ) -> SessionRecord | None:
        """The wallet's new session, or one that was asked for before and is what is wished.

        `chain_time` is the latest block's Unix time; `seen` spares the first look at the chain. Unless it `is_needed`
        there is None as soon as nothing can come of earlier requests. Raises VenueError when there is none (it may yet
        come, and asking again finds it), JournalError when it could not be written ahead.
        """
        trouble: VenueError | None = None
        for turn in range(INIT_ATTEMPTS + 1):
            now = session_clock(chain_time)
            nonce = await self._nonce(book, seen, is_first=trouble is None)
            found = await self._made_before(book, request, nonce, now, seen)
            if found is not None or not (is_needed or self.is_unanswered(book.address, now)):
                return found
            if turn == INIT_ATTEMPTS and trouble is not None:
                break
            seen = None
            asked = self._pick(book, request, nonce, now)
            try:
                return await self._ask(book, asked, is_last=turn == INIT_ATTEMPTS - 1)
            except RefusedError as error:
                if error.proves_not_sent and not (error.is_rate_limit or error.code == "bad_nonce"):
                    raise
                trouble = error
            except _LostError as lost:
                trouble = lost.error
        assert trouble is not None  # noqa: S101 - every turn but the last returns, raises or sets it
        raise trouble

    async def _nonce(self, book: WalletBook, seen: ChainView | None, *, is_first: bool) -> int:
        """The wallet's next number; after a first attempt the venue's word counts, since it is who refuses."""
        if is_first:
            nonce = seen.nonce if seen is not None else await self._chain_nonce(book)
            if nonce is not None:
                return nonce
        return await self.context.connections.api.session_nonce(book.address)

    async def _chain_nonce(self, book: WalletBook) -> int | None:
        nonces = await self.context.connections.chain.meta_nonces(self.context.connections.registry, [book.address])
        return nonces.get(book.address)

    # ---- what was asked for before ----

    async def _made_before(
        self, book: WalletBook, request: SessionRequest, nonce: int, now: int, seen: ChainView | None
    ) -> SessionRecord | None:
        """See what became of earlier permits; returns the session of one that is what is wished.

        What came to another session is left to be ended; what can come to nothing any more is forgotten.
        """
        asked = self._asked.get(book.address, [])
        if not asked:
            return None
        records = dict(seen.records) if seen is not None else await self._records(asked)
        passed = [one for one in asked if one.permit.nonce < nonce and not _exists(records.get(one.session_id))]
        if passed:
            records |= await self._looked_for_again(passed)
        found: SessionRecord | None = None
        for one in list(asked):
            record = records.get(one.session_id)
            if record is None or not record.exists:
                if one in passed:
                    asked.remove(one)
                continue
            asked.remove(one)
            if record.session_id == book.session.id or record.revoked:
                continue
            if found is None and request.is_met_by(one.permit, self.context.market.market_id, now):
                found = self._done(book, one, record, FOUND)
            else:
                book.session.add_replaced(record, monotonic())
        return found

    async def _looked_for_again(self, passed: Sequence[PendingPermit]) -> dict[str, SessionRecord | None]:
        """Look twice more on the chain, and ask the venue, before a session is believed not to be there.

        Raises VenueError when they do not agree, or cannot say.
        """
        records: dict[str, SessionRecord | None] = {}
        for _ in range(2):
            await asyncio.sleep(BETWEEN_LOOKS_S)
            records = await self._records(passed)
        for one in passed:
            if not _exists(records[one.session_id]):
                status = await self.context.connections.api.session_status(one.session_id)
                if status.exists or records[one.session_id] is None:
                    raise VenueError("a session that was asked for is not on the node's chain yet", "it is looked for")
        return records

    async def _records(self, asked: Sequence[PendingPermit]) -> dict[str, SessionRecord | None]:
        return await self.context.connections.chain.session_records(
            self.context.connections.registry, [one.session_id for one in asked]
        )

    # ---- asking ----

    def _pick(self, book: WalletBook, request: SessionRequest, nonce: int, now: int) -> PendingPermit:
        """The latest permit that was asked for and still has its number and is what is wished; else a new one."""
        known = self._asked.setdefault(book.address, [])
        market_id = self.context.market.market_id
        for one in reversed(known):
            if one.permit.nonce == nonce and request.is_met_by(one.permit, market_id, now):
                return one
        permit = SessionPermit(
            trader=book.address,
            relayer_set_root=request.relayer_root,
            expiry=now + request.seconds,
            max_notional_per_trade6=request.caps.per_trade6,
            max_notional_per_session6=request.caps.per_session6,
            methods=request.methods,
            salt="0x" + secrets.token_hex(32),
            allowed_markets=(market_id,),
            nonce=nonce,
        )
        known.append(PendingPermit(permit, session_id(permit)))
        return known[-1]

    async def _ask(self, book: WalletBook, asked: PendingPermit, *, is_last: bool) -> SessionRecord:
        """Send a permit once. Raises RefusedError, or _LostError when the session has not turned up either."""
        context, permit = self.context, asked.permit
        signature = context.connections.signer.sign_permit(
            permit, context.connections.chain_id, context.connections.registry
        )
        longest_wait = LONGEST_WAIT_S if self.for_cancels else None
        async with context.rate_limiter.slot(is_cancel=self.for_cancels, longest_wait=longest_wait):
            self._refuse_when_frozen()
            await self._write_ahead(book, asked)
            self._refuse_when_frozen()
            was_loose, asked.is_loose = asked.is_loose, True
            try:
                answer = await context.connections.api.session_init(context.market.address, permit, signature)
            except VenueError as error:
                failure = error
            else:
                record = permit.as_record(asked.session_id)
                return self._done(book, asked, record, "session created", tx_hash=answer.tx_hash)
        if isinstance(failure, RefusedError):
            self._tell(book, asked, f"session refused: {failure}", error=str(failure))
            if failure.is_rate_limit:
                context.rate_limiter.pushed_back(failure.retry_after)
            if failure.proves_not_sent:
                asked.is_loose = was_loose
                raise failure
        turned_up = await self._turned_up(asked, is_last=is_last)
        if turned_up is None:
            raise _LostError(failure)
        return self._done(book, asked, turned_up, FOUND)

    async def _write_ahead(self, book: WalletBook, asked: PendingPermit) -> None:
        if not asked.intent_id:
            intent_id = uuid.uuid4().hex
            params = permit_params(asked.session_id, asked.permit)
            await self.context.action_log.intent(book.wallet, intent_id, "sessionInit", params)
            asked.intent_id = intent_id

    async def _turned_up(self, asked: PendingPermit, *, is_last: bool) -> SessionRecord | None:
        """Look for a session on the chain whose answer was lost; less long while it will be asked for again."""
        patience = CHAIN_PATIENCE_S if is_last and not self.for_cancels else SHORT_PATIENCE_S
        deadline = asyncio.get_running_loop().time() + patience
        while asyncio.get_running_loop().time() < deadline:
            with suppress(VenueError):  # it is asked again in a moment
                record = (await self._records([asked])).get(asked.session_id)
                if record is not None and record.exists:
                    return record
            await asyncio.sleep(1.0)
        return None

    def _done(
        self, book: WalletBook, asked: PendingPermit, record: SessionRecord, text: str, tx_hash: str | None = None
    ) -> SessionRecord:
        """Tell that it was made. The permit is kept until the next one is made: a block may be undone."""
        asked.is_loose = False
        known = self._asked.setdefault(book.address, [])
        if asked not in known:
            known.append(asked)
        self.context.counters.sessions_created += 1
        book.last_action_at = now_ms()
        self._tell(book, asked, text, tx_hash=tx_hash)
        return record

    def _tell(
        self, book: WalletBook, asked: PendingPermit, text: str, *, error: str | None = None, tx_hash: str | None = None
    ) -> None:
        params = {"sessionId": asked.session_id, "expiry": str(asked.permit.expiry), "nonce": str(asked.permit.nonce)}
        intent_id = asked.intent_id or None
        self.context.action_log.outcome(
            book.wallet,
            Action.SESSION_INIT,
            text,
            params=params,
            tx_hash=tx_hash,
            error=error,
            intent_id=intent_id,
        )

    def _refuse_when_frozen(self) -> None:
        if self.is_frozen():
            raise VenueError("the run was killed", "nothing more is sent")


def session_clock(block_time: int) -> int:
    """The Unix time by which a session is judged for future requests: the latest block's, or ours if it is later."""
    return max(block_time, now_ms() // 1000)


def _exists(record: SessionRecord | None) -> bool:
    return record is not None and record.exists
