"""Gasless sessions: the stored ones that still hold are used, the others are made, side by side."""

from __future__ import annotations

import asyncio
import secrets
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from ama_tui.domain.errors import RefusedError, VenueError
from ama_tui.domain.event import Action
from ama_tui.domain.plan import SkipReason
from ama_tui.domain.session import Methods, RelayerSet, SessionPermit, SessionRecord
from ama_tui.engine.again import again
from ama_tui.engine.context import RunContext
from ama_tui.engine.fleet import WalletBook
from ama_tui.engine.scribe import now_ms
from ama_tui.venue.permits import session_id

SESSION_SECONDS = 24 * 3600
SHORTEST_USE_S = 300
"""A stored session with less time left than this is not worth starting with."""
INIT_ATTEMPTS = 3
LONGEST_WAIT_S = 5.0
"""The most that `Retry-After` holds back what takes orders off the book."""
CHAIN_PATIENCE_S = 20.0
"""How long a session whose answer never came is looked for on the chain."""
SHORT_PATIENCE_S = 5.0
"""The same where it will be asked for again, or where orders wait to be cancelled: a long wait does harm then."""
FOUND = "session created: the venue's answer was lost, the chain has it"


@dataclass(slots=True)
class SessionKeeper:
    """Gives each wallet of a run a session, and says why where it cannot.

    `candidates` are session ids by wallet, from the checkpoint and the journal, the likeliest last;
    `unanswered` are those whose request went out shortly before a crash and may still turn up.
    A session that somebody revoked is not made anew on a resumed run (`remake_revoked`): whoever
    revoked it meant something by it. With `for_cancels` a session may only cancel, and neither asking for it nor
    looking for it waits long. Once `is_frozen` says so, no session is asked for any more.
    """

    run: RunContext
    relayers: RelayerSet
    candidates: Mapping[str, Sequence[str]]
    remake_revoked: bool
    unanswered: frozenset[str] = frozenset()
    for_cancels: bool = False
    is_frozen: Callable[[], bool] = lambda: False
    created: int = 0

    @property
    def _methods(self) -> Methods:
        return Methods.CANCEL if self.for_cancels else self.run.strategy.methods

    async def prepare(self, books: Sequence[WalletBook], *, chain_time: int) -> None:
        """Find or make a session for every wallet; `chain_time` is the latest block's Unix time.

        Never raises for one wallet's trouble: that wallet is marked and the others go on. Raises VenueError
        when the chain cannot be read, JournalError when nothing can be written ahead.
        """
        records = await self._stored_records(books)
        now = max(chain_time, now_ms() // 1000)
        missing = [book for book in books if not self._use_stored(book, records, now)]
        missing = [book for book in missing if book.unusable is None]
        nonces: Mapping[str, int | None] = {}
        if missing:
            addresses = [book.address for book in missing]
            nonces = await again(lambda: self.run.links.chain.meta_nonces(self.run.links.registry, addresses))
        try:
            async with asyncio.TaskGroup() as group:
                for book in missing:
                    group.create_task(self._create(book, nonces.get(book.address), now))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def _stored_records(self, books: Sequence[WalletBook]) -> dict[str, SessionRecord | None]:
        ids = sorted({one for book in books for one in self.candidates.get(book.address, ())})
        if not ids:
            return {}
        records = await again(lambda: self.run.links.chain.session_records(self.run.links.registry, ids))
        awaited = sorted(one for one in self.unanswered & records.keys() if not _exists(records[one]))
        if awaited:
            # Side by side: together they are waited for no longer than one is.
            await asyncio.gather(*(self._turns_up(wanted) for wanted in awaited))
            records |= await again(lambda: self.run.links.chain.session_records(self.run.links.registry, awaited))
        return records

    def _use_stored(self, book: WalletBook, records: Mapping[str, SessionRecord | None], now: int) -> bool:
        """Take the wallet's best stored session; True when it has one.

        One that cannot be read may be good: the wallet then waits rather than make a second.
        """
        newest: SessionRecord | None = None
        was_unread = False
        for candidate in reversed(self.candidates.get(book.address, ())):
            record = records[candidate]
            if record is None:
                was_unread = True
                continue
            if not record.exists:
                continue
            if newest is None and record.trader == book.address:
                newest = record
            problem = record.problem(
                trader=book.address,
                now=now + SHORTEST_USE_S,
                relayer_root=self.relayers.root,
                methods=self._methods,
            )
            if problem is None:
                self._adopt(book, candidate, record.expiry)
                return True
        if was_unread:
            self._give_up(book, "no session: the stored one could not be read; start again with --resume")
        elif newest is not None and newest.revoked and not self.remake_revoked:
            self._give_up(book, "session revoked; --fresh makes a new one")
        return False

    async def _create(self, book: WalletBook, nonce: int | None, now: int) -> None:
        book.note = "creating session"
        try:
            for _ in range(INIT_ATTEMPTS):
                if nonce is None:
                    nonce = await self.run.links.api.session_nonce(book.address)
                longest_wait = LONGEST_WAIT_S if self.for_cancels else None
                async with self.run.limiter.slot(is_cancel=self.for_cancels, longest_wait=longest_wait):
                    self._refuse_when_frozen()
                    if await self._attempt(book, nonce, now):
                        return
                nonce = None
            self._give_up(book, "no session: the venue kept refusing it")
        except VenueError as error:
            self._give_up(book, f"no session: {error}")
            self.run.tally.error("session not created")

    async def _attempt(self, book: WalletBook, nonce: int, now: int) -> bool:
        """One permit; False when it is worth another try with a fresh nonce. Raises VenueError."""
        run = self.run
        permit = SessionPermit(
            trader=book.address,
            relayer_set_root=self.relayers.root,
            expiry=now + SESSION_SECONDS,
            max_notional_per_trade6=0,
            max_notional_per_session6=0,
            methods=self._methods,
            salt="0x" + secrets.token_hex(32),
            allowed_markets=(run.market.market_id,),
            nonce=nonce,
        )
        wanted = session_id(permit)
        params = {"sessionId": wanted, "expiry": str(permit.expiry), "nonce": str(nonce)}
        signature = run.links.signer.sign_permit(permit, run.links.chain_id, run.links.registry)
        intent_id = uuid.uuid4().hex
        note = partial(run.scribe.outcome, book.wallet, Action.SESSION_INIT, params=params, intent_id=intent_id)
        await run.scribe.intent(book.wallet, intent_id, "sessionInit", params)
        for left in reversed(range(INIT_ATTEMPTS)):
            self._refuse_when_frozen()
            try:
                answer = await run.links.api.session_init(run.market.address, permit, signature)
            except VenueError as error:
                # Sent again, the same permit makes no second session; another one would, should the first still come.
                is_spent = False
                if isinstance(error, RefusedError) and self._is_worth_another(error, note):
                    if left == INIT_ATTEMPTS - 1:
                        return False
                    is_spent = error.code == "bad_nonce"
                if not await self._turns_up(wanted, is_last=left == 0 or is_spent):
                    if left == 0 or is_spent:
                        raise
                    continue
                note(FOUND)
            else:
                note("session created", tx_hash=answer.tx_hash)
            break
        self.created += 1
        book.last_action_at = now_ms()
        self._adopt(book, wanted, permit.expiry)
        return True

    def _is_worth_another(self, error: RefusedError, note: Callable[..., None]) -> bool:
        """Is another permit worth a try? Raises the refusal where it proves that none will do."""
        note(f"session refused: {error}", error=str(error))
        if error.is_rate_limit:
            self.run.limiter.pushed_back(error.retry_after)
        if not error.proves_not_sent:
            return False
        if error.is_rate_limit or error.code == "bad_nonce":
            return True
        raise error

    async def _turns_up(self, wanted: str, *, is_last: bool = True) -> bool:
        """Look for a session on the chain whose answer was lost; less long while it will be asked for again."""
        patience = CHAIN_PATIENCE_S if is_last and not self.for_cancels else SHORT_PATIENCE_S
        deadline = asyncio.get_running_loop().time() + patience
        while asyncio.get_running_loop().time() < deadline:
            with suppress(VenueError):  # it is asked again in a moment
                found = await self.run.links.chain.session_records(self.run.links.registry, [wanted])
                if _exists(found.get(wanted)):
                    return True
            await asyncio.sleep(1.0)
        return False

    def _refuse_when_frozen(self) -> None:
        if self.is_frozen():
            raise VenueError("the run was killed", "nothing more is sent")

    def _adopt(self, book: WalletBook, session: str, expiry: int) -> None:
        book.session_id, book.session_expiry = session, expiry
        book.unusable, book.unusable_detail, book.note = None, "", "session valid"

    def _give_up(self, book: WalletBook, why: str) -> None:
        book.unusable, book.unusable_detail, book.note = SkipReason.NO_SESSION, why, why
        self.run.scribe.outcome(book.wallet, Action.ERROR, why, error=why)


def _exists(record: SessionRecord | None) -> bool:
    return record is not None and record.exists


async def revoke_sessions(run: RunContext, books: Sequence[WalletBook]) -> tuple[str, ...]:
    """End the sessions of these wallets, side by side; returns the nicknames of those whose session the venue ended."""
    having = [(book, book.session_id) for book in books if book.session_id is not None]
    ended = await asyncio.gather(*(revoke_session(run, book, session) for book, session in having))
    return tuple(book.wallet.nickname for (book, _), is_ended in zip(having, ended, strict=True) if is_ended)


async def revoke_session(run: RunContext, book: WalletBook, session: str) -> bool:
    """End one session of a wallet; True once the venue says that it has ended. Never raises for the venue's trouble."""
    try:
        async with run.limiter.slot(is_cancel=True, longest_wait=LONGEST_WAIT_S):
            answer = await run.links.api.session_revoke(run.market.address, session)
    except VenueError as error:
        run.tally.error("session not revoked")
        run.scribe.outcome(book.wallet, Action.ERROR, f"session not revoked: {error}", error=str(error))
        return False
    if session == book.session_id:
        book.unusable, book.unusable_detail = SkipReason.NO_SESSION, "session revoked"
    run.scribe.outcome(book.wallet, Action.NOTE, "session revoked", tx_hash=answer.tx_hash)
    return True
