"""Retries a read at start-up: one wrong response is no reason to give up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_fixed

from ama_tui.domain.errors import MalformedError, PreflightError, RateLimitError, RefusedError, RpcError, VenueError

ATTEMPTS = 4
BETWEEN_ATTEMPTS_S = 0.5
WRONG_RESPONSES = (MalformedError, RefusedError, RpcError, RateLimitError, PreflightError)
"""Errors that may not occur again. The transport has already retried a venue that does not respond."""

T = TypeVar("T")


async def retry_read(read: Callable[[], Awaitable[T]], *, after: tuple[type[VenueError], ...] = WRONG_RESPONSES) -> T:
    """The result of a read, tried up to four times. Raises the last VenueError."""
    attempts = AsyncRetrying(
        retry=retry_if_exception_type(after),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_fixed(BETWEEN_ATTEMPTS_S),
        reraise=True,
    )

    async def attempt() -> T:
        return await read()

    return await attempts(attempt)
