"""Sends takes: check, journalled intent, check again, POST, result. Never more than one of a fleet at a time."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from ama_tui.disk import failpoints
from ama_tui.domain.errors import JournalError, VenueError
from ama_tui.domain.event import Action
from ama_tui.domain.plan import Take
from ama_tui.engine.action_log import new_intent_id, take_params
from ama_tui.engine.execution.responses import answered, hash_of, is_rejected, shown
from ama_tui.engine.execution.take_checks import AllowedTake, RefusedTake, TakeTerms, checked_take
from ama_tui.engine.rate_limiter import Slot
from ama_tui.engine.run_context import RunContext
from ama_tui.engine.takes import PendingTake
from ama_tui.engine.wallet_book import WalletBook
from ama_tui.store.journal.replay import METHOD_TAKE

BLOCKS_ON_ITS_WAY = 2
"""A take may miss the next block and get into the one after it."""
MET_THE_FLEET = "a take met an order of the fleet: nothing more is taken until the run is started again"
"""The book can lose all that stood before the fleet's first order between the read and the block. Once is enough."""


class TakeSender:
    """The part of the sending path for market orders."""

    def __init__(self, context: RunContext, may_place: Callable[[], bool]) -> None:
        self._context = context
        self._may_place = may_place

    async def send(self, book: WalletBook, take: Take, slot: Slot) -> bool:
        """Send what of a take may be sent, if anything. False if the wallet's other intents should wait."""
        context = self._context
        if not self._may_place():
            return False
        allowed = self._checked(book, take)
        if isinstance(allowed, RefusedTake):
            self._skip(book, take, allowed)
            return False
        pending = self._pending(allowed)
        self._begin(book, pending)
        try:
            await context.action_log.intent(book.wallet, pending.intent_id, METHOD_TAKE, take_params(pending))
            is_open = await context.rate_limiter.onto_wire(slot)
        except JournalError as error:
            book.takes.drop(pending)
            context.counters.error("intent not journalled")
            context.action_log.outcome(book.wallet, Action.SKIP, f"take not sent: {error}", error=str(error))
            return False
        except BaseException:
            book.takes.drop(pending)
            raise
        if not self._still_allowed(book, pending, is_open=is_open):
            return False
        return await self._post(book, pending, slot)

    def _checked(self, book: WalletBook, take: Take) -> AllowedTake | RefusedTake:
        context = self._context
        if context.read is None:
            return RefusedTake("chain not read yet", is_passing=True)
        if context.counters.totals.self_trades:
            return RefusedTake(MET_THE_FLEET)
        if context.price_conflict:
            return RefusedTake(context.price_conflict)
        now = monotonic()
        step6 = context.touch_moves.largest6(take.side.opposite, now)
        give6 = None if step6 is None else BLOCKS_ON_ITS_WAY * step6
        terms = TakeTerms(context.market.tick6, context.terms, context.takers, give6)
        return checked_take(take, book, context.read, context.fleet, terms, now=now, read_age=now - context.read_at)

    def _pending(self, allowed: AllowedTake) -> PendingTake:
        read = self._context.read
        return PendingTake(
            new_intent_id(),
            allowed.take,
            allowed.reach6,
            allowed.notional6,
            allowed.margin6,
            monotonic(),
            decided_in=0 if read is None else read.seen_block,
        )

    def _begin(self, book: WalletBook, pending: PendingTake) -> None:
        """Count a take from now on. Its time is the chain's, as plans see it."""
        read = self._context.read
        book.takes.begin(pending, 0 if read is None else read.block_time)

    def _skip(self, book: WalletBook, take: Take, refused: RefusedTake) -> None:
        """Journal why a take is not sent, when the reason changes."""
        if not refused.is_passing and book.takes.skip(refused.reason):
            text = f"{take.side.value:4} at market not sent: {refused.reason}"
            params = {"side": take.side.value, "amount": str(take.amount18), "reasons": [refused.reason]}
            self._context.action_log.outcome(book.wallet, Action.SKIP, text, params=params)

    def _still_allowed(self, book: WalletBook, pending: PendingTake, *, is_open: bool) -> bool:
        """Check again after the intent is journalled, right before the POST: the book may have moved.

        `is_open`: the venue has not begun to limit requests.
        """
        book.takes.drop(pending)  # the checks must not count the take against itself
        reason = "the run does not place orders any more"
        if not is_open:
            reason = "the venue limits requests"
        elif self._may_place():
            allowed = self._checked(book, pending.take)
            if isinstance(allowed, RefusedTake):
                reason = allowed.reason
            elif allowed.take.amount18 < pending.take.amount18:
                reason = "the book has less by now"
            else:
                pending.reaches(allowed.reach6)
                self._begin(book, pending)
                return True
        text = f"withdrawn: {reason}" if is_open else None
        self._context.action_log.take(book.wallet, pending, "withdrawn", text, error=reason)
        return False

    async def _post(self, book: WalletBook, pending: PendingTake, slot: Slot) -> bool:
        context, take = self._context, pending.take
        session = book.session.id
        assert session is not None  # noqa: S101 - a wallet without a session does not pass the checks
        context.counters.add(sent=1)
        context.first_send_at = context.first_send_at or monotonic()
        began = monotonic()
        failpoints.reach("post.before")
        try:
            response = await context.connections.api.place_margin_market(
                context.market.address,
                session,
                book.address,
                amount18=take.amount18,
                is_buy=take.side.is_buy,
            )
        except VenueError as error:
            failpoints.reach("post.after")
            return self._not_accepted(book, pending, session, slot, error)
        failpoints.reach("post.after")
        status, text = answered(context, book, slot, began, response)
        pending.accepted(response.tx_hash, monotonic(), response.block or 0)
        context.counters.took(response.tx_hash)
        context.action_log.take(book.wallet, pending, status, text, tx_hash=response.tx_hash)
        return True

    def _not_accepted(
        self, book: WalletBook, pending: PendingTake, session: str, slot: Slot, error: VenueError
    ) -> bool:
        """Classify a failed POST: rejected, reverted with a hash, or unknown. Only a rejection frees the budget."""
        context, tx_hash = self._context, hash_of(error)
        if is_rejected(context, book, session, slot, error):
            book.takes.drop(pending)
            text = shown(f"rejected: {error}", error)
            context.action_log.take(book.wallet, pending, "rejected", text, error=str(error))
            return False
        if tx_hash is None:
            pending.unacknowledged()
        else:
            pending.accepted(tx_hash, monotonic())
            context.counters.took(tx_hash)
        text = shown(f"unknown: {error}", error)
        context.action_log.take(book.wallet, pending, "unknown", text, tx_hash=tx_hash, error=str(error))
        return False
