"""The one way out: gate, write ahead, POST, outcome. Every order action of every strategy comes through here."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import suppress
from time import monotonic

from ama_tui.domain.errors import JournalError, RefusedError, VenueError
from ama_tui.domain.event import Action
from ama_tui.domain.plan import Cancel, Intent, Place, SkipReason
from ama_tui.domain.session import BAD_RELAYER, BUDGET_USED, CAP_TOO_LOW, REVOKED
from ama_tui.engine.context import RunContext
from ama_tui.engine.fleet import Sent, SentCancel, Stage, WalletBook
from ama_tui.engine.gates import best_opposite, placement_refusal
from ama_tui.engine.scribe import cancel_params, now_ms, place_params
from ama_tui.engine.sessions.revoking import HOW_TO_RENEW
from ama_tui.store import failpoints

SESSION_PROBLEMS = {
    "session_revoked": f"{REVOKED}: {HOW_TO_RENEW}",
    "session_expired": "session expired",
    "session_unknown": "session unknown to the registry",
    "session_bad_trader": "session belongs to another wallet",
    "session_bad_relayer": BAD_RELAYER,
    "session_orderbook_not_allowed": "session does not allow this market",
    "session_method_denied": "session does not allow the methods that the strategy uses",
    "session_trade_cap": CAP_TOO_LOW,
    "session_session_cap": BUDGET_USED,
}
"""Refusals that no later cycle would change: the wallet waits for a new session."""


class Sender:
    """Sends intents one at a time for whoever asks; the lanes see to it that a wallet asks for one at a time."""

    def __init__(self, run: RunContext, may_place: Callable[[], bool]) -> None:
        self._run = run
        self._may_place = may_place

    async def send(self, intent: Intent) -> bool:
        """Send one intent; False when the wallet's other intents should wait for the next plan."""
        book = self._run.fleet.books[intent.wallet]
        if isinstance(intent, Cancel):
            return await self.cancel(book, intent)
        return await self.place(book, intent)

    async def place(self, book: WalletBook, place: Place) -> bool:
        """Rest an order, unless a gate refuses it at the last moment or its intent cannot be written ahead."""
        run = self._run
        async with run.limiter.slot():
            if not self._may_place() or self._refused(book, place):
                return False
            if book.has_used(place.sequence):
                return True  # another was sent after it was planned: the next plan gives it a number of its own
            sent = Sent(uuid.uuid4().hex, place, monotonic())
            book.next_sequence(place.sequence)
            book.sent[sent.intent_id] = sent
            try:
                await run.scribe.intent(book.wallet, sent.intent_id, "sessionPlaceMarginLimit", place_params(place))
            except JournalError as error:
                del book.sent[sent.intent_id]
                run.tally.error("intent not written")
                run.scribe.show(Action.ERROR, f"{run.scribe.describe(place)} dropped: {error}", book.wallet)
                return False
            except BaseException:
                del book.sent[sent.intent_id]
                raise
            if not self._still_allowed(book, sent):
                return False
            return await self._post_placement(book, sent)

    async def cancel(self, book: WalletBook, cancel: Cancel, *, longest_wait: float | None = None) -> bool:
        """Take an order off the book; True once the venue has accepted the cancel."""
        run = self._run
        if book.session_id is None:
            return False
        async with run.limiter.slot(is_cancel=True, longest_wait=longest_wait):
            book.cancels[cancel.order_id] = SentCancel(cancel.order_id, monotonic())
            intent_id = uuid.uuid4().hex
            with suppress(JournalError):  # to take an order off is safe though nobody could write it down
                await run.scribe.intent(book.wallet, intent_id, "sessionCancelOrder", cancel_params(cancel))
            text = f"cancel {cancel.order_id}: {cancel.reason.value}"
            session = book.session_id
            try:
                answer = await run.links.api.cancel_order(
                    run.market.address, session, book.address, order_id=cancel.order_id
                )
            except VenueError as error:
                if isinstance(error, RefusedError) and error.proves_not_sent:
                    book.cancels.pop(cancel.order_id, None)
                self._pushed_back(error)
                self._refused_session(book, session, error)
                run.tally.error("cancel failed")
                run.scribe.outcome(
                    book.wallet,
                    Action.CANCEL_ORDER,
                    f"{text} failed: {error}",
                    params=cancel_params(cancel),
                    error=str(error),
                    intent_id=intent_id,
                )
                return False
            run.limiter.succeeded()
            book.last_action_at = now_ms()
            run.scribe.outcome(
                book.wallet,
                Action.CANCEL_ORDER,
                text,
                params=cancel_params(cancel),
                tx_hash=answer.tx_hash,
                intent_id=intent_id,
            )
            return True

    def _refused(self, book: WalletBook, place: Place) -> bool:
        refusal = self._refusal(book, place)
        if refusal is not None:
            scribe = self._run.scribe
            scribe.show(Action.SKIP, f"{scribe.describe(place)} held back: {refusal}", book.wallet)
        return refusal is not None

    def _refusal(self, book: WalletBook, place: Place) -> str | None:
        run = self._run
        if run.read is None:
            return "the chain has not been read"
        now = monotonic()
        return placement_refusal(place, book, run.read, run.fleet, now=now, read_age=now - run.read_at)

    def _still_allowed(self, book: WalletBook, sent: Sent) -> bool:
        """The last look, after the write-ahead and right before the POST: the world may have moved meanwhile."""
        run = self._run
        del book.sent[sent.intent_id]  # the gates look at what there is beside it
        reason: str | None = "the run no longer places orders"
        if self._may_place():
            reason = self._refusal(book, sent.place)
        if reason is not None or run.read is None:
            self._outcome(book, sent, f"withdrawn: {reason}", status="withdrawn", error=reason)
            return False
        book.sent[sent.intent_id] = sent
        sent.best_opposite6 = best_opposite(sent.place, run.read, run.fleet, monotonic())
        return True

    async def _post_placement(self, book: WalletBook, sent: Sent) -> bool:
        run, place = self._run, sent.place
        session = book.session_id
        assert session is not None  # noqa: S101 - a wallet without a session is unusable: the gate refused it
        run.tally.sent += 1
        run.first_send_at = run.first_send_at or monotonic()
        began = monotonic()
        failpoints.reach("post.before")
        try:
            answer = await run.links.api.place_margin_limit(
                run.market.address,
                session,
                book.address,
                price6=place.price6,
                amount18=place.amount18,
                is_buy=place.side.is_buy,
            )
        except VenueError as error:
            failpoints.reach("post.after")
            return self._not_accepted(book, sent, session, error)
        failpoints.reach("post.after")
        run.limiter.succeeded()
        run.order_ms = (monotonic() - began) * 1000
        book.succeeded()
        book.last_action_at = now_ms()
        sent.accepted(answer.tx_hash, monotonic())
        run.tally.placed(answer.tx_hash, book.address, place, sent.best_opposite6)
        status = "mined" if answer.mined else "pending"
        where = f"{status} {answer.block:,}" if answer.block is not None else status
        self._outcome(book, sent, f"{where}  {run.order_ms:.0f} ms", status=status, tx_hash=answer.tx_hash)
        return True

    def _not_accepted(self, book: WalletBook, sent: Sent, session: str, error: VenueError) -> bool:
        """Sort a failed POST: proven rejected, reverted with a hash, or unknown. Only the first frees its level."""
        run = self._run
        self._pushed_back(error)
        tx_hash = error.tx_hash if isinstance(error, RefusedError) else None
        if isinstance(error, RefusedError) and error.proves_not_sent:
            book.sent.pop(sent.intent_id, None)
            run.tally.rejected += 1
            run.tally.error("order rejected")
            if not self._refused_session(book, session, error):
                book.failed(monotonic())
            self._outcome(book, sent, f"rejected: {error}", status="rejected", error=str(error))
            return False
        run.tally.error("answer unknown" if tx_hash is None else "order reverted")
        if sent.intent_id in book.sent:
            if tx_hash is None:
                sent.stage = Stage.UNKNOWN
            else:
                sent.accepted(tx_hash, monotonic())
        if tx_hash is not None:
            run.tally.placed(tx_hash, book.address, sent.place, sent.best_opposite6)
        book.failed(monotonic())
        self._outcome(book, sent, f"unknown: {error}", status="unknown", tx_hash=tx_hash, error=str(error))
        return False

    def _refused_session(self, book: WalletBook, session: str, error: VenueError) -> bool:
        """Mark a wallet whose session, or whose market, will not take orders any more."""
        if not isinstance(error, RefusedError):
            return False
        if error.code in SESSION_PROBLEMS:
            if session == book.session_id:  # it may have been replaced meanwhile
                book.lose_session(SESSION_PROBLEMS[error.code], is_revoked=error.code == "session_revoked")
        elif error.code in ("ob_settled", "GEO_RESTRICTED"):
            book.unusable, book.unusable_detail = SkipReason.PARKED, f"the venue answers {error.code}"
        else:
            return False
        return True

    def _pushed_back(self, error: VenueError) -> None:
        if isinstance(error, RefusedError) and (error.status == 503 or error.is_rate_limit):
            self._run.limiter.pushed_back(error.retry_after)

    def _outcome(
        self,
        book: WalletBook,
        sent: Sent,
        text: str,
        *,
        status: str,
        tx_hash: str | None = None,
        error: str | None = None,
    ) -> None:
        self._run.scribe.placement(book.wallet, sent.intent_id, sent.place, status, text, tx_hash=tx_hash, error=error)
