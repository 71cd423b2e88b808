"""Asking once more: one wrong answer of a venue is no reason to give up what is about to begin."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ama_tui.domain.errors import MalformedError, PreflightError, RefusedError, RpcError, VenueError

ATTEMPTS = 4
BETWEEN_ATTEMPTS_S = 0.5
WRONG_ANSWERS = (MalformedError, RefusedError, RpcError, PreflightError)
"""What may be right the next time. Whether anybody answers at all has been tried often enough by then."""

T = TypeVar("T")


async def again(ask: Callable[[], Awaitable[T]], *, after: tuple[type[VenueError], ...] = WRONG_ANSWERS) -> T:
    """The answer to a question that changes nothing, asked up to four times. Raises VenueError."""
    for _ in range(ATTEMPTS - 1):
        try:
            return await ask()
        except after:
            await asyncio.sleep(BETWEEN_ATTEMPTS_S)
    return await ask()
