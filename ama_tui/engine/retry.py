"""Retries a read at start-up: one wrong response is no reason to give up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_fixed

from ama_tui.domain.errors import (
    MalformedError,
    NodeBehindError,
    PreflightError,
    RateLimitError,
    RefusedError,
    RpcError,
    VenueError,
)

ATTEMPTS = 4
LIMIT_PATIENCE_S = 30.0
"""How long a rate limit is waited out."""
BETWEEN_ATTEMPTS_S = 0.5
WRONG_RESPONSES = (MalformedError, RefusedError, RpcError, RateLimitError, PreflightError, NodeBehindError)
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
        return await when_allowed(read)

    return await attempts(attempt)


async def when_allowed(read: Callable[[], Awaitable[T]], patience_s: float = LIMIT_PATIENCE_S) -> T:
    """The result of a read. Rate limits are waited out for up to `patience_s` in total. Raises VenueError."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience_s
    while True:
        try:
            return await read()
        except VenueError as error:
            pause = error.retry_after or BETWEEN_ATTEMPTS_S
            if not error.is_rate_limit or loop.time() + pause > deadline:
                raise
        await asyncio.sleep(pause)
