"""Creates one session for one wallet: a permit is journalled in full and sent until it is clear what became of it.

The registry keeps a nonce per wallet, and a permit contains its session's nonce. The same permit sent twice creates
one session, and of two permits with the same nonce at most one takes effect. So a permit whose nonce is still free is
sent again rather than replaced, even by the next process after a crash. A permit with a later nonce is signed only once
it is certain that the earlier session does not exist.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import TypeVar

from ama_tui.domain.errors import RefusedError, VenueError
from ama_tui.domain.event import Action
from ama_tui.domain.session import Caps, Methods, RelayerSet, SessionPermit, SessionRecord
from ama_tui.engine.action_log import new_intent_id, now_ms
from ama_tui.engine.retry import LIMIT_PATIENCE_S, when_allowed
from ama_tui.engine.run_context import RunContext
from ama_tui.engine.sessions.caps import are_alike
from ama_tui.engine.sessions.pending_permits import PendingPermit, PendingPermits
from ama_tui.engine.sessions.permit_checks import Clocks, PermitTerms, permit_problem
from ama_tui.engine.wallet_book import WalletBook
from ama_tui.store.journal.permit_line import permit_params
from ama_tui.venue.permits import session_id

T = TypeVar("T")

INIT_ATTEMPTS = 3
LONGEST_WAIT_S = 5.0
"""The longest delay by `Retry-After` that a session for cancelling accepts."""
CHAIN_PATIENCE_S = 20.0
"""How long the chain is searched for a session whose response was lost."""
SHORT_PATIENCE_S = 5.0
"""The same when the permit will be sent again, or when orders wait to be cancelled."""
BETWEEN_READS_S = 2.0
"""Between the reads that must agree that a session does not exist, or on a nonce."""
NONCE_READS = 3
"""How often the chain's nonce and the API's are compared before a permit is given up."""
NONCES_AT_ONCE = 64
"""How many nonces are asked for at a time, so that the first permits are sent while the others are being prepared."""
NOT_SIGNED = "the wallet places nothing without a session"
FOUND = "session created: the response was lost, but the chain has it"


@dataclass(frozen=True, slots=True)
class SessionRequest:
    """What a new session should allow, for how long, and for which relayers."""

    methods: Methods
    seconds: int
    caps: Caps
    relayers: RelayerSet
    shortest_s: int
    """A permit of an earlier process must have more than this many seconds left."""
    markets: tuple[RunContext, ...]
    """The runs on the markets that it should allow."""

    @property
    def market_ids(self) -> tuple[str, ...]:
        return tuple(run.terms.market_id for run in self.markets)

    def is_met_by(self, permit: SessionPermit, now: int) -> bool:
        """Does this permit suffice, without granting more than a new one would? `now` is in Unix seconds."""
        return (
            permit.methods == self.methods
            and permit.relayer_set_root == self.relayers.root
            and permit.allowed_markets == self.market_ids
            and self.shortest_s < permit.expiry - now <= self.seconds
            and are_alike(permit.caps, self.caps)
        )


@dataclass(frozen=True, slots=True)
class ChainView:
    """The wallet's next nonce and the sessions requested before, as read from the chain."""

    nonce: int | None = None
    records: Mapping[str, SessionRecord | None] = field(default_factory=dict)


class _LostError(Exception):
    """A permit got no response, and the chain does not show its session."""

    def __init__(self, error: VenueError) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass(slots=True)
class SessionCreator:
    """Creates sessions, one at a time per wallet."""

    context: RunContext
    for_cancels: bool = False
    """Orders wait to be cancelled: keep every wait short."""
    is_frozen: Callable[[], bool] = lambda: False
    """True once no more sessions may be requested."""
    permits: PendingPermits = field(default_factory=PendingPermits)
    _asking: asyncio.Semaphore = field(init=False, default_factory=lambda: asyncio.Semaphore(NONCES_AT_ONCE))

    async def create(
        self,
        book: WalletBook,
        request: SessionRequest,
        *,
        chain_time: int,
        seen: ChainView | None = None,
        is_needed: bool = True,
    ) -> SessionRecord | None:
        """The wallet's new session, or a suitable one that was requested before.

        `chain_time` is the latest block's Unix time; `seen` saves the first read of the chain. Unless it `is_needed`,
        the result is None as soon as earlier requests can have no effect. Raises VenueError without a session (it may
        still appear, and the next call finds it), JournalError when the permit could not be journalled.
        """
        last_error: VenueError | None = None
        for turn in range(INIT_ATTEMPTS + 1):
            now = session_clock(chain_time)
            nonce = await self._chain_nonce(book, seen)
            found = await self._created_before(book, request, nonce, now, seen)
            if found is not None or not (is_needed or self.permits.is_unanswered(book.address, now)):
                return found
            if turn == INIT_ATTEMPTS and last_error is not None:
                break
            seen = None
            terms = await self._terms(book, request, nonce, chain_time)
            pending = self._pick(book, request, terms, now)
            problem = permit_problem(pending.permit, terms)
            if problem is not None:
                raise VenueError(f"permit not signed: {problem}", NOT_SIGNED)
            clock = asyncio.get_running_loop().time()
            self.permits.keep(book.address, pending, clock, seconds=request.seconds, for_cancels=self.for_cancels)
            try:
                return await self._send(book, pending, is_last=turn == INIT_ATTEMPTS - 1)
            except RefusedError as error:
                if error.proves_not_sent and not (error.is_rate_limit or error.code == "bad_nonce"):
                    raise
                last_error = error
            except _LostError as lost:
                last_error = lost.error
        assert last_error is not None  # noqa: S101 - every turn but the last returns, raises or sets it
        raise last_error

    async def _chain_nonce(self, book: WalletBook, seen: ChainView | None) -> int:
        """The registry's next nonce of the wallet. Raises VenueError when it cannot be read."""
        if seen is not None and seen.nonce is not None:
            return seen.nonce
        connections = self.context.connections
        nonces = await self._read(lambda: connections.chain.meta_nonces(connections.registry, [book.address]))
        nonce = nonces.get(book.address)
        if nonce is None:
            raise VenueError("the wallet's nonce could not be read from the registry", NOT_SIGNED)
        return nonce

    async def _read(self, read: Callable[[], Awaitable[T]]) -> T:
        """The result of a read. A rate limit is waited out, but not for long while orders wait to be cancelled."""
        return await when_allowed(read, LONGEST_WAIT_S if self.for_cancels else LIMIT_PATIENCE_S)

    async def _terms(self, book: WalletBook, request: SessionRequest, nonce: int, chain_time: int) -> PermitTerms:
        """What a new permit may say. Raises VenueError when the venue's API and the chain disagree on the nonce."""
        context = self.context
        for attempt in range(NONCE_READS):
            async with self._asking:
                venue_nonce = await self._read(lambda: context.connections.api.session_nonce(book.address))
            if venue_nonce == nonce:
                break
            if attempt == NONCE_READS - 1:
                raise VenueError(f"permit not signed: nonce {nonce} on chain, {venue_nonce} by the API", NOT_SIGNED)
            await asyncio.sleep(BETWEEN_READS_S)
            nonce = await self._chain_nonce(book, None)
        ours = context.unix_now()
        return PermitTerms(
            trader=book.address,
            market_ids=request.market_ids,
            listed_market_ids=tuple(run.market.market_id for run in request.markets),
            methods=request.methods,
            caps=request.caps,
            relayers=request.relayers,
            nonce=nonce,
            clocks=Clocks(ours, chain_time or ours, context.connections.api.stats.server_time),
            longest_s=request.seconds,
        )

    # ---- earlier permits ----

    async def _created_before(
        self, book: WalletBook, request: SessionRequest, nonce: int, now: int, seen: ChainView | None
    ) -> SessionRecord | None:
        """Check earlier permits; returns the session of a suitable one.

        Other sessions are kept to be revoked. Permits that can have no effect any more are forgotten.
        """
        asked = self.permits.of(book.address)
        if not asked:
            return None
        records = dict(seen.records) if seen is not None else await self._records(asked)
        passed = [one for one in asked if one.permit.nonce < nonce and not _exists(records.get(one.session_id))]
        if passed:
            records |= await self._read_again(passed)
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
            if found is None and request.is_met_by(one.permit, now):
                found = self._done(book, one, record, FOUND)
            else:
                book.session.add_replaced(record, monotonic())
        return found

    async def _read_again(self, passed: Sequence[PendingPermit]) -> dict[str, SessionRecord | None]:
        """Read the chain twice more, and ask the venue, before concluding that sessions do not exist.

        Raises VenueError when they disagree or cannot be read.
        """
        records: dict[str, SessionRecord | None] = {}
        for _ in range(2):
            await asyncio.sleep(BETWEEN_READS_S)
            records = await self._records(passed)
        for one in passed:
            if not _exists(records[one.session_id]):
                status = await self.context.connections.api.session_status(one.session_id)
                if status.exists or records[one.session_id] is None:
                    raise VenueError("a requested session is not on the node's chain yet", "reading it again")
        return records

    async def _records(self, asked: Sequence[PendingPermit]) -> dict[str, SessionRecord | None]:
        return await self.context.connections.chain.session_records(
            self.context.connections.registry, [one.session_id for one in asked]
        )

    # ---- sending ----

    def _pick(self, book: WalletBook, request: SessionRequest, terms: PermitTerms, now: int) -> PendingPermit:
        """The latest suitable permit whose nonce is still free, otherwise a new one."""
        for one in reversed(self.permits.of(book.address)):
            if one.permit.nonce == terms.nonce and request.is_met_by(one.permit, now):
                return one
        permit = SessionPermit(
            trader=book.address,
            relayer_set_root=request.relayers.root,
            expiry=terms.clocks.ours + request.seconds,
            max_notional_per_trade6=request.caps.per_trade6,
            max_notional_per_session6=request.caps.per_session6,
            methods=request.methods,
            salt="0x" + secrets.token_hex(32),
            allowed_markets=terms.market_ids,
            nonce=terms.nonce,
        )
        return PendingPermit(permit, session_id(permit))

    async def _send(self, book: WalletBook, pending: PendingPermit, *, is_last: bool) -> SessionRecord:
        """Send a permit once. Raises RefusedError, or _LostError when the session does not appear either."""
        context, permit = self.context, pending.permit
        signature = context.connections.sign_permit(permit)
        longest_wait = LONGEST_WAIT_S if self.for_cancels else None
        async with context.rate_limiter.slot(is_cancel=self.for_cancels, longest_wait=longest_wait) as slot:
            self._refuse_when_frozen()
            await self._write_ahead(book, pending)
            is_open = await context.rate_limiter.onto_wire(slot)
            self._refuse_when_frozen()
            was_unanswered = pending.is_unanswered
            failure: VenueError | None = None
            if is_open:
                pending.is_unanswered = True
                try:
                    answer = await context.connections.api.session_init(context.market.address, permit, signature)
                except VenueError as error:
                    failure = error
                else:
                    context.rate_limiter.succeeded(slot)
                    record = permit.as_record(pending.session_id)
                    return self._done(book, pending, record, "session created", tx_hash=answer.tx_hash)
        if failure is None:
            return await self._send(book, pending, is_last=is_last)
        if isinstance(failure, RefusedError):
            text = f"session refused: {failure}"
            self._log(book, pending, text, error=str(failure), is_shown=not failure.is_rate_limit)
            if failure.is_rate_limit:
                context.rate_limiter.rate_limited(slot, failure.retry_after)
            if failure.proves_not_sent:
                pending.is_unanswered = was_unanswered
                raise failure
        record_found = await self._wait_for_session(pending, is_last=is_last)
        if record_found is None:
            raise _LostError(failure)
        return self._done(book, pending, record_found, FOUND)

    async def _write_ahead(self, book: WalletBook, pending: PendingPermit) -> None:
        if not pending.intent_id:
            intent_id = new_intent_id()
            params = permit_params(pending.session_id, pending.permit)
            await self.context.action_log.intent(book.wallet, intent_id, "sessionInit", params)
            pending.intent_id = intent_id

    async def _wait_for_session(self, pending: PendingPermit, *, is_last: bool) -> SessionRecord | None:
        """Wait for a session on the chain whose response was lost; shorter when its permit will be sent again."""
        patience = CHAIN_PATIENCE_S if is_last and not self.for_cancels else SHORT_PATIENCE_S
        deadline = asyncio.get_running_loop().time() + patience
        while asyncio.get_running_loop().time() < deadline:
            with suppress(VenueError):  # read again in a moment
                record = (await self._records([pending])).get(pending.session_id)
                if record is not None and record.exists:
                    return record
            await asyncio.sleep(1.0)
        return None

    def _done(
        self, book: WalletBook, pending: PendingPermit, record: SessionRecord, text: str, tx_hash: str | None = None
    ) -> SessionRecord:
        """Log a new session. Its permit is kept until the next one exists, because a reorg may undo the block."""
        pending.is_unanswered = False
        known = self.permits.of(book.address)
        if pending not in known:
            known.append(pending)
        self.context.counters.add(sessions_created=1)
        book.acted(now_ms())
        self._log(book, pending, text, tx_hash=tx_hash)
        return record

    def _log(
        self,
        book: WalletBook,
        pending: PendingPermit,
        text: str,
        *,
        error: str | None = None,
        tx_hash: str | None = None,
        is_shown: bool = True,
    ) -> None:
        params = {
            "sessionId": pending.session_id,
            "expiry": str(pending.permit.expiry),
            "nonce": str(pending.permit.nonce),
        }
        intent_id = pending.intent_id or None
        self.context.action_log.outcome(
            book.wallet,
            Action.SESSION_INIT,
            text,
            params=params,
            tx_hash=tx_hash,
            error=error,
            intent_id=intent_id,
            is_shown=is_shown,
        )

    def _refuse_when_frozen(self) -> None:
        if self.is_frozen():
            raise VenueError("the run was killed", "no more requests")


def session_clock(block_time: int) -> int:
    """The Unix time by which a session is judged for future requests: the latest block's, or ours if it is later."""
    return max(block_time, now_ms() // 1000)


def _exists(record: SessionRecord | None) -> bool:
    return record is not None and record.exists
