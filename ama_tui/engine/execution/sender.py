"""The only sending path for orders: pre-trade checks, journalled intent, POST, result."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from time import monotonic

from ama_tui.disk import failpoints
from ama_tui.domain.errors import JournalError, RefusedError, VenueError
from ama_tui.domain.event import Action
from ama_tui.domain.plan import Cancel, Intent, Modify, Place, Take
from ama_tui.domain.reading import TradeResponse
from ama_tui.engine.action_log import cancel_params, modify_params, new_intent_id, now_ms, place_params
from ama_tui.engine.execution.pre_trade_checks import JOURNAL_S, STALE_AFTER_S, best_opposite, placement_refusal
from ama_tui.engine.execution.responses import (
    answered,
    hash_of,
    is_rejected,
    pushed_back,
    session_refused,
    shown,
)
from ama_tui.engine.execution.take_sender import TakeSender
from ama_tui.engine.pending_orders import PendingPlacement
from ama_tui.engine.rate_limiter import Slot
from ama_tui.engine.run_context import RunContext
from ama_tui.engine.wallet_book import WalletBook
from ama_tui.store.journal.replay import METHOD_CANCEL, METHOD_MODIFY, METHOD_PLACE


class Sender:
    """Sends one intent at a time per call. The send queues make sure that each wallet makes one call at a time."""

    def __init__(self, context: RunContext, may_place: Callable[[], bool]) -> None:
        self._context = context
        self._may_place = may_place
        self._takes = TakeSender(context, may_place)

    async def send(self, intent: Intent, slot: Slot) -> bool:
        """Send one intent in a slot. False if the wallet's other intents should wait for the next plan."""
        book = self._context.fleet.books[intent.wallet]
        if isinstance(intent, Cancel):
            return await self._cancel(book, intent, slot)
        if isinstance(intent, Take):
            return await self._takes.send(book, intent, slot)
        return await self._place(book, intent, slot)

    async def cancel(self, book: WalletBook, cancel: Cancel, *, longest_wait: float | None = None) -> bool:
        """Cancel an order. True if the venue accepted the cancel."""
        async with self._context.rate_limiter.slot(is_cancel=True, longest_wait=longest_wait) as slot:
            return await self._cancel(book, cancel, slot)

    async def _place(self, book: WalletBook, order: Place | Modify, slot: Slot) -> bool:
        """Place or move an order, unless a pre-trade check refuses it or its intent cannot be journalled."""
        context = self._context
        if not self._may_place() or self._refused(book, order):
            return False
        if book.pending.has_used(order.sequence):
            return True  # its number was used meanwhile: the next plan assigns a new one
        pending = _pending(order)
        book.pending.next_sequence(order.sequence)
        self._hold(book, pending)
        place, moves = pending.place, pending.moves
        method, params = METHOD_PLACE, place_params(place)
        if moves:
            method, params = METHOD_MODIFY, modify_params(place, moves)
        try:
            await context.action_log.intent(book.wallet, pending.intent_id, method, params)
            is_open = await context.rate_limiter.onto_wire(slot)
        except JournalError as error:
            book.pending.remove(pending)
            context.counters.error("intent not journalled")
            context.action_log.not_sent(book.wallet, order, str(error))
            return False
        except BaseException:
            book.pending.remove(pending)
            raise
        if not self._still_allowed(book, order, pending, is_open=is_open):
            return False
        return await self._post_placement(book, pending, slot)

    async def _cancel(self, book: WalletBook, cancel: Cancel, slot: Slot) -> bool:
        context = self._context
        session = book.session.id
        if session is None:
            return False
        book.pending.cancel_sent(cancel.order_id, monotonic())
        intent_id = new_intent_id()
        with suppress(JournalError):  # a cancel is safe even if it cannot be journalled
            await context.action_log.intent(book.wallet, intent_id, METHOD_CANCEL, cancel_params(cancel))
        text = f"cancel {cancel.order_id}: {cancel.reason.value}"
        await context.rate_limiter.onto_wire(slot)
        slot.is_used = True
        try:
            response = await context.connections.api.cancel_order(
                context.market.address, session, book.address, order_id=cancel.order_id
            )
        except VenueError as error:
            if isinstance(error, RefusedError) and error.proves_not_sent:
                book.pending.cancel_refused(cancel.order_id)
            pushed_back(context.rate_limiter, slot, error)
            session_refused(book, session, error)
            context.failed("cancel failed", error)
            context.action_log.outcome(
                book.wallet,
                Action.CANCEL_ORDER,
                f"{text} failed: {error}",
                params=cancel_params(cancel),
                error=str(error),
                intent_id=intent_id,
                is_shown=not error.is_rate_limit,
            )
            return False
        context.rate_limiter.succeeded(slot)
        book.acted(now_ms())
        context.action_log.outcome(
            book.wallet,
            Action.CANCEL_ORDER,
            text,
            params=cancel_params(cancel),
            tx_hash=response.tx_hash,
            intent_id=intent_id,
        )
        return True

    def _hold(self, book: WalletBook, pending: PendingPlacement) -> None:
        """Hold the level, the price and the margin of an order that is about to be sent."""
        book.pending.add(pending)
        book.pending.count_replaced(book.orders)

    def _refused(self, book: WalletBook, order: Place | Modify) -> bool:
        refusal = self._refusal(book, order, oldest=STALE_AFTER_S - JOURNAL_S)
        if refusal is not None:
            self._context.action_log.not_sent(book.wallet, order, refusal)
        return refusal is not None

    def _refusal(self, book: WalletBook, order: Place | Modify, *, oldest: float = STALE_AFTER_S) -> str | None:
        context = self._context
        if context.read is None:
            return "chain not read yet"
        now = monotonic()
        age = now - context.read_at
        return placement_refusal(order, book, context.read, context.fleet, now=now, read_age=age, oldest=oldest)

    def _still_allowed(
        self, book: WalletBook, order: Place | Modify, pending: PendingPlacement, *, is_open: bool
    ) -> bool:
        """Check again after the intent is journalled, right before the POST: the book may have moved.

        `is_open`: the venue has not begun to limit requests.
        """
        context = self._context
        book.pending.remove(pending)  # the checks must not count the order against itself
        reason: str | None = "the run does not place orders any more"
        if self._may_place():
            reason = self._refusal(book, order) if is_open else "the venue limits requests"
        if reason is not None or context.read is None:
            text = f"withdrawn: {reason}" if is_open else None  # a rate limit is reported once
            self._outcome(book, pending, text, status="withdrawn", error=reason)
            return False
        self._hold(book, pending)
        pending.priced_against(best_opposite(order, context.read, context.fleet, monotonic()))
        return True

    async def _post_placement(self, book: WalletBook, pending: PendingPlacement, slot: Slot) -> bool:
        context, place = self._context, pending.place
        session = book.session.id
        assert session is not None  # noqa: S101 - a wallet without a session does not pass the pre-trade checks
        context.counters.add(sent=1)
        context.first_send_at = context.first_send_at or monotonic()
        began = monotonic()
        failpoints.reach("post.before")
        try:
            response = await self._request(book, pending, session)
        except VenueError as error:
            failpoints.reach("post.after")
            return self._not_accepted(book, pending, session, slot, error)
        failpoints.reach("post.after")
        status, text = answered(context, book, slot, began, response)
        pending.accepted(response.tx_hash, monotonic(), response.block or 0)
        context.counters.placed(response.tx_hash, book.address, place, pending.best_opposite6)
        self._outcome(book, pending, text, status=status, tx_hash=response.tx_hash)
        return True

    async def _request(self, book: WalletBook, pending: PendingPlacement, session: str) -> TradeResponse:
        api, market, place = self._context.connections.api, self._context.market.address, pending.place
        price6, amount18 = place.price6, place.amount18
        if pending.moves:
            return await api.modify_order(
                market, session, book.address, order_id=pending.moves, price6=price6, amount18=amount18
            )
        return await api.place_margin_limit(
            market, session, book.address, price6=price6, amount18=amount18, is_buy=place.side.is_buy
        )

    def _not_accepted(
        self, book: WalletBook, pending: PendingPlacement, session: str, slot: Slot, error: VenueError
    ) -> bool:
        """Classify a failed POST: rejected, reverted with a hash, or unknown. Only a rejection frees the level."""
        context, tx_hash = self._context, hash_of(error)
        if is_rejected(context, book, session, slot, error):
            book.pending.remove(pending)
            self._outcome(book, pending, shown(f"rejected: {error}", error), status="rejected", error=str(error))
            return False
        if pending.intent_id in book.pending:
            if tx_hash is None:
                pending.unacknowledged()
            else:
                pending.accepted(tx_hash, monotonic())
        if tx_hash is not None:
            context.counters.placed(tx_hash, book.address, pending.place, pending.best_opposite6)
        text = shown(f"unknown: {error}", error)
        self._outcome(book, pending, text, status="unknown", tx_hash=tx_hash, error=str(error))
        return False

    def _outcome(
        self,
        book: WalletBook,
        pending: PendingPlacement,
        text: str | None,
        *,
        status: str,
        tx_hash: str | None = None,
        error: str | None = None,
    ) -> None:
        self._context.action_log.placement(
            book.wallet,
            pending.intent_id,
            pending.place,
            status,
            text,
            tx_hash=tx_hash,
            error=error,
            moves=pending.moves,
        )


def _pending(order: Place | Modify) -> PendingPlacement:
    """The order as pending from now on."""
    intent_id, now = new_intent_id(), monotonic()
    if isinstance(order, Modify):
        return PendingPlacement(intent_id, order.as_place, now, moves=order.order_id)
    return PendingPlacement(intent_id, order, now)
