"""Sessions left by earlier processes: which of them a wallet continues with."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic

from ama_tui.domain.event import Action
from ama_tui.domain.session import (
    HOW_TO_RENEW,
    REVOKED,
    SessionPermit,
    SessionRecord,
    SessionStatus,
    renewal_reason,
    session_status,
)
from ama_tui.engine.retry import retry_read
from ama_tui.engine.run_context import RunContext
from ama_tui.engine.wallet_book import WalletBook
from ama_tui.store.journal.replay import AnnouncedSession

UNREAD = "no session: the stored session could not be read, trying again"

Records = Mapping[str, SessionRecord | None]


@dataclass(slots=True)
class SessionAdoption:
    """Gives wallets the sessions that the checkpoint and the journal name, where these are still valid."""

    context: RunContext
    candidates: Mapping[str, Sequence[str]]
    """Session ids by wallet, the most likely last."""
    announced: Mapping[str, Sequence[AnnouncedSession]] = field(default_factory=dict)
    renew_revoked: bool = False
    unread: set[str] = field(default_factory=set)
    """Wallets that wait because a stored session, which may be valid, could not be read."""

    async def read(self, books: Collection[WalletBook]) -> Records:
        """The registry's records of all stored sessions of these wallets. Raises VenueError."""
        ids = sorted({session for book in books for session in self.candidates.get(book.address, ())})
        if not ids:
            return {}
        return await retry_read(
            lambda: self.context.connections.chain.session_records(self.context.connections.registry, ids)
        )

    def take(self, book: WalletBook, records: Records, *, now: int, relayer_root: str) -> None:
        """Give a wallet the best of its stored sessions, if it has one; `now` is in Unix seconds.

        A session that is due for renewal will do. If the latest session that suits the strategy was revoked, the
        wallet waits, because revoking was deliberate. Other valid sessions are kept to be revoked.
        """
        methods, candidates = self.context.methods_of(book.wallet), self.candidates.get(book.address, ())
        self.unread.discard(book.address)
        valid: list[SessionRecord] = []
        is_revoked = False
        for session in candidates:
            record = records[session]
            status = session_status(record, trader=book.address, block_time=now)
            if record is None or status is SessionStatus.OTHER_WALLET:
                continue
            if not status.is_over:
                book.session.add_replaced(record, monotonic())
            if status is not SessionStatus.UNKNOWN and record.allows(methods):
                is_revoked = status is SessionStatus.REVOKED
                if not status.is_over:
                    valid.append(record)
        if is_revoked and not self.renew_revoked:
            self._wait(book, f"{REVOKED}: {HOW_TO_RENEW}", is_revoked=True)
        elif valid:
            lasting = [
                record
                for record in valid
                if renewal_reason(record, block_time=now, relayer_root=relayer_root, largest6=0) is None
            ]
            book.session.adopt((lasting or valid)[-1], monotonic())
        elif any(records[session] is None for session in candidates):
            self.unread.add(book.address)
            self._wait(book, UNREAD)

    def permits(self, wallet: str, records: Records) -> list[SessionPermit]:
        """The wallet's permits that may still create a session or be sent again: those whose session does not exist.

        Nonces up to the highest one of an existing session are taken.
        """
        announced = [session for session in self.announced.get(wallet, ()) if session.permit is not None]
        existing = {
            session.session_id for session in announced if (record := records.get(session.session_id)) and record.exists
        }
        nonces = [session.permit.nonce for session in announced if session.permit and session.session_id in existing]
        taken = max(nonces, default=-1)
        return [
            session.permit
            for session in announced
            if session.permit is not None
            and session.permit.nonce > taken
            and session.session_id not in existing
            and session.permit.trader == wallet
        ]

    def _wait(self, book: WalletBook, why: str, *, is_revoked: bool = False) -> None:
        if book.session.loss == why:
            return
        book.session.lose(why, is_revoked=is_revoked)
        book.report(why)
        self.context.action_log.outcome(book.wallet, Action.ERROR, why, error=why)
