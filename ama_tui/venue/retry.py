"""Retries of reads: a few attempts with jitter, honouring Retry-After, bounded in time. Never for writes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_after_attempt,
    stop_after_delay,
    wait_random_exponential,
)

from ama_tui.domain.errors import UnreachableError, VenueError

ATTEMPTS = 4
TOTAL_SECONDS = 20.0
LONGEST_WAIT = 5.0
"""A venue that asks for a longer pause than this is not waited for here: its caller hears it at once."""

T = TypeVar("T")


class TransientError(Exception):
    """Wraps the error of one attempt that another attempt may not meet."""

    def __init__(self, error: VenueError, retry_after: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.retry_after = retry_after


async def retried(attempt: Callable[[], Awaitable[T]], *, first_wait: float = 0.15) -> T:
    """Run `attempt` until it succeeds or the limits are met; then raise the error that the last one wrapped.

    UnreachableError and TransientError are tried again, everything else goes through.
    """
    backoff = wait_random_exponential(multiplier=first_wait, max=2.0)

    def wait(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        named = error.retry_after if isinstance(error, TransientError) else None
        return max(named or 0.0, backoff(state))

    retrying = AsyncRetrying(
        stop=stop_after_attempt(ATTEMPTS) | stop_after_delay(TOTAL_SECONDS),
        wait=wait,
        retry=retry_if_exception_type((TransientError, UnreachableError)),
        reraise=True,
    )
    try:
        return await retrying(attempt)
    except TransientError as last:
        raise last.error from None


def transient(error: VenueError, retry_after: float | None) -> Exception:
    """The error wrapped for another attempt, or as it is when the venue asks for too long a pause."""
    if retry_after is not None and retry_after > LONGEST_WAIT:
        return error
    return TransientError(error, retry_after)
