"""The end of sessions: asked for by the operator, by a kill, or because another has replaced them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from ama_tui.domain.errors import VenueError
from ama_tui.domain.event import Action
from ama_tui.domain.session import REVOKED
from ama_tui.engine.run_context import RunContext
from ama_tui.engine.wallet_book import WalletBook

LONGEST_WAIT_S = 5.0
"""The most that `Retry-After` holds back the end of a session."""
HOW_TO_RENEW = "renew it with r on its screen, or start with --renew-revoked"
"""What is said of a session that somebody ended: it is not made anew by itself."""
OVER_SOON_S = 600
"""A session that was replaced and is over by itself within this time is left alone."""


async def revoke_sessions(context: RunContext, books: Sequence[WalletBook]) -> tuple[str, ...]:
    """End all sessions of these wallets, side by side; returns the nicknames of those whose every session ended."""

    async def end(book: WalletBook) -> bool:
        return all(await asyncio.gather(*(revoke_session(context, book, session) for session in book.session.ids)))

    having = [book for book in books if book.session.ids]
    ended = await asyncio.gather(*map(end, having))
    return tuple(book.wallet.nickname for book, is_ended in zip(having, ended, strict=True) if is_ended)


async def revoke_session(context: RunContext, book: WalletBook, session: str, text: str = REVOKED) -> bool:
    """End one session of a wallet; True once the venue says that it has ended. Never raises for the venue's trouble."""
    try:
        async with context.rate_limiter.slot(is_cancel=True, longest_wait=LONGEST_WAIT_S):
            answer = await context.connections.api.session_revoke(context.market.address, session)
    except VenueError as error:
        context.counters.error("session not revoked")
        context.action_log.outcome(book.wallet, Action.ERROR, f"session not revoked: {error}", error=str(error))
        return False
    book.session.revoked(session)
    params = {"sessionId": session}
    context.action_log.outcome(book.wallet, Action.NOTE, text, params=params, tx_hash=answer.tx_hash)
    return True


def may_end(book: WalletBook, session: str, unix_now: int) -> bool:
    """Should a session that was replaced be ended now: long-lived, and nothing sent under it in flight any more?"""
    former = book.session.replaced[session]
    if former.expiry <= unix_now + OVER_SOON_S:
        return False
    pending = [one.sent_at for one in book.pending.values() if one.last is None]
    pending += [one.sent_at for one in book.cancels.values()]
    return all(moment >= former.since for moment in pending)


async def end_former(context: RunContext, book: WalletBook, session: str) -> None:
    """End a session that was replaced, unless the chain knows that it is over. Raises VenueError; then it stays."""
    read = await context.connections.chain.sessions(context.connections.registry, [session])
    record = read.records[session]
    if record is None:
        raise VenueError("a session that was replaced could not be read", "it is tried again")
    if record.is_over(read.block_time) or await revoke_session(
        context, book, session, "the session before it is revoked"
    ):
        book.session.ended(session)
