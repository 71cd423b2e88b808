"""What follows from the venue's response to an order: for the wallet and its session, the rate limit, and the log."""

from __future__ import annotations

from time import monotonic

from ama_tui.domain.errors import RefusedError, VenueError
from ama_tui.domain.reading import TradeResponse
from ama_tui.domain.session import BUDGET_USED, CAP_TOO_LOW, HOW_TO_RENEW, PROBLEMS, REVOKED, SessionStatus
from ama_tui.engine.action_log import now_ms
from ama_tui.engine.rate_limiter import RateLimiter, Slot
from ama_tui.engine.run_context import RunContext
from ama_tui.engine.wallet_book import WalletBook

SESSION_PROBLEMS = {
    "session_revoked": f"{REVOKED}: {HOW_TO_RENEW}",
    "session_expired": PROBLEMS[SessionStatus.EXPIRED],
    "session_unknown": PROBLEMS[SessionStatus.UNKNOWN],
    "session_bad_trader": PROBLEMS[SessionStatus.OTHER_WALLET],
    "session_bad_relayer": PROBLEMS[SessionStatus.OTHER_RELAYERS],
    "session_orderbook_not_allowed": "session does not allow this market",
    "session_method_denied": PROBLEMS[SessionStatus.METHODS_MISSING],
    "session_trade_cap": CAP_TOO_LOW,
    "session_session_cap": BUDGET_USED,
}
"""Refusals that do not go away by themselves: the wallet waits for a new session."""


def session_refused(book: WalletBook, session: str, error: VenueError) -> bool:
    """Block a wallet whose session or market does not accept orders any more. True if it was blocked."""
    if not isinstance(error, RefusedError):
        return False
    if error.code in SESSION_PROBLEMS:
        if session == book.session.id:  # it may have been replaced in the meantime
            book.session.lose(SESSION_PROBLEMS[error.code], is_revoked=error.code == "session_revoked")
    elif error.code in ("ob_settled", "GEO_RESTRICTED"):
        book.refused_by_venue(f"venue response: {error.code}")
    else:
        return False
    return True


def is_rejected(context: RunContext, book: WalletBook, session: str, slot: Slot, error: VenueError) -> bool:
    """Count a failed order, slow down and back off as it asks for. True if it proves that nothing was sent."""
    pushed_back(context.rate_limiter, slot, error)
    if isinstance(error, RefusedError) and error.proves_not_sent:
        context.counters.add(rejected=0 if error.is_rate_limit else 1)
        context.failed("order rejected", error)
        # A rate limit is not the wallet's: the limiter waits for all of them.
        if not session_refused(book, session, error) and not error.is_rate_limit:
            book.failed(monotonic())
        return True
    context.failed("order reverted" if hash_of(error) is not None else "no reply", error)
    if not error.is_rate_limit:
        book.failed(monotonic())
    return False


def hash_of(error: VenueError) -> str | None:
    """The transaction that a failed order ended in, None if the response names none."""
    return error.tx_hash if isinstance(error, RefusedError) else None


def answered(
    context: RunContext, book: WalletBook, slot: Slot, began: float, response: TradeResponse
) -> tuple[str, str]:
    """Count an order that the venue accepted. Returns its status and the text for the log."""
    context.rate_limiter.succeeded(slot)
    context.order_ms = (monotonic() - began) * 1000
    book.succeeded()
    book.acted(now_ms())
    status = "mined" if response.mined else "pending"
    where = f"{status} {response.block:,}" if response.block is not None else status
    return status, f"{where}  {context.order_ms:.0f} ms"


def pushed_back(limiter: RateLimiter, slot: Slot, error: VenueError) -> None:
    """Slow down if the venue asks for it."""
    if not isinstance(error, RefusedError):
        return
    if error.is_rate_limit:
        limiter.rate_limited(slot, error.retry_after)
    elif error.status == 503:
        limiter.pushed_back(error.retry_after)


def shown(text: str, error: VenueError) -> str | None:
    """The text for the log, None for a rate limit: that is reported once, not for each request."""
    return None if error.is_rate_limit else text
