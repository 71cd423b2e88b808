"""Retries failed reads a few times, with jitter, Retry-After and a time limit. Never use it for writes."""

from __future__ import annotations

import asyncio
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
from ama_tui.venue.host_gate import LONGEST_WAIT

ATTEMPTS = 4
TOTAL_SECONDS = 20.0
"""No attempt starts after this time."""

FIRST_WAIT = 0.15
"""Seconds at most before the first retry; it doubles each time."""
LONGEST_BACKOFF = 2.0

LONGEST_READ = 60.0
"""Seconds for a read that takes several requests, such as all pages of a list."""

T = TypeVar("T")


async def in_time(read: Awaitable[T], what: str) -> T:
    """The result of a read of several requests. Raises UnreachableError if it takes longer than `LONGEST_READ`."""
    try:
        async with asyncio.timeout(LONGEST_READ):
            return await read
    except TimeoutError:
        raise UnreachableError(f"{what} took longer than {LONGEST_READ:.0f} s", "the server is too slow") from None


class TransientError(Exception):
    """Wraps an error that may not occur in another attempt."""

    def __init__(self, error: VenueError, retry_after: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.retry_after = retry_after


async def retried(attempt: Callable[[], Awaitable[T]]) -> T:
    """Run `attempt` until it succeeds or a limit is reached.

    Retries after UnreachableError and TransientError. At a limit it raises the last error, unwrapped.
    """
    backoff = wait_random_exponential(multiplier=FIRST_WAIT, max=LONGEST_BACKOFF)

    def wait(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        requested = error.retry_after if isinstance(error, TransientError) else None
        return max(requested or 0.0, backoff(state))

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
    """Wrap the error for a retry. Returns it unwrapped if `retry_after` (seconds) is too long."""
    if retry_after is not None and retry_after > LONGEST_WAIT:
        return error
    return TransientError(error, retry_after)
