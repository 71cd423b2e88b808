"""The sessions that earlier processes left: which of them a wallet goes on with."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic

from ama_tui.domain.event import Action
from ama_tui.domain.session import REVOKED, Methods, SessionPermit, SessionRecord
from ama_tui.engine.retry import again
from ama_tui.engine.run_context import RunContext
from ama_tui.engine.sessions.ending import HOW_TO_RENEW
from ama_tui.engine.wallet_book import WalletBook
from ama_tui.store.journal.replay import AnnouncedSession

UNREAD = "no session: the stored one could not be read; it is looked at again"

Records = Mapping[str, SessionRecord | None]


@dataclass(slots=True)
class SessionAdoption:
    """`candidates` are session ids by wallet, from the checkpoint and the journal, the likeliest last.

    `unread` are the wallets that wait because a session of theirs could not be read: it may be good.
    """

    context: RunContext
    candidates: Mapping[str, Sequence[str]]
    announced: Mapping[str, Sequence[AnnouncedSession]] = field(default_factory=dict)
    renew_revoked: bool = False
    unread: set[str] = field(default_factory=set)

    @property
    def _methods(self) -> Methods:
        return self.context.strategy.methods

    async def read(self, books: Collection[WalletBook]) -> Records:
        """What the registry says of all that is stored of these wallets. Raises VenueError."""
        ids = sorted({one for book in books for one in self.candidates.get(book.address, ())})
        if not ids:
            return {}
        return await again(
            lambda: self.context.connections.chain.session_records(self.context.connections.registry, ids)
        )

    def take(self, book: WalletBook, records: Records, *, now: int, relayer_root: str) -> None:
        """Give a wallet the best of its stored sessions, if it has one; `now` is in Unix seconds.

        One that only needs to be renewed will do. Where the latest that the strategy could use was revoked, the wallet
        waits: whoever revoked it meant something by it. What else may be alive is left to be ended.
        """
        own = [
            record
            for one in self.candidates.get(book.address, ())
            if (record := records[one]) is not None and record.exists and record.trader == book.address
        ]
        usable = [record for record in own if record.methods & self._methods == self._methods]
        is_revoked = bool(usable) and usable[-1].revoked and not self.renew_revoked
        good = [one for one in usable if not one.is_over(now)]
        self.unread.discard(book.address)
        for record in own:
            if not record.is_over(now):
                book.session.add_replaced(record, monotonic())
        if is_revoked:
            self._wait(book, f"{REVOKED}: {HOW_TO_RENEW}", is_revoked=True)
        elif good:
            fresh = [one for one in good if one.wear(now=now, relayer_root=relayer_root, largest6=0) is None]
            book.session.adopt((fresh or good)[-1], monotonic())
        elif any(records[one] is None for one in self.candidates.get(book.address, ())):
            self.unread.add(book.address)
            self._wait(book, UNREAD)

    def permits(self, wallet: str, records: Records) -> list[SessionPermit]:
        """The wallet's permits that may still come to a session, or be sent again: those of no session that is there.

        A number below that of a session that is there is taken.
        """
        announced = [one for one in self.announced.get(wallet, ()) if one.permit is not None]
        is_there = {one.session_id for one in announced if (found := records.get(one.session_id)) and found.exists}
        taken = max((one.permit.nonce for one in announced if one.permit and one.session_id in is_there), default=-1)
        return [
            one.permit
            for one in announced
            if one.permit is not None
            and one.permit.nonce > taken
            and one.session_id not in is_there
            and one.permit.trader == wallet
        ]

    def _wait(self, book: WalletBook, why: str, *, is_revoked: bool = False) -> None:
        if book.session.loss == why:
            return
        book.session.lose(why, is_revoked=is_revoked)
        book.note = why
        self.context.action_log.outcome(book.wallet, Action.ERROR, why, error=why)
