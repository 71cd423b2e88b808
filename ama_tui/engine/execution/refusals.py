"""What follows from a failed request: for the wallet's session, for the rate limit, for the log."""

from __future__ import annotations

from ama_tui.domain.errors import RefusedError, VenueError
from ama_tui.domain.session import BUDGET_USED, CAP_TOO_LOW, HOW_TO_RENEW, PROBLEMS, REVOKED, SessionStatus
from ama_tui.engine.rate_limiter import RateLimiter, Slot
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
