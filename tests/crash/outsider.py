"""Another trader on the venue: takes the fleet's orders, and keeps blocks coming while nobody trades."""

from __future__ import annotations

import random
import threading
from types import TracebackType
from typing import Self

import httpx

from tests.e2e.client import Key, OtherClient

BLOCK_EVERY_S = 0.25
NO_ORDER = 10**9
"""An order id that never existed: its cancel is mined and reverts, which only makes a block."""
OPENING_ATTEMPTS = 20


class Outsider:
    """A trader with a session of their own on one market; a context that makes blocks in the background.

    The venue's faults affect this trader too: a failed request does not fail a test.
    """

    def __init__(self, client: OtherClient, symbol: str, key: Key) -> None:
        self._client, self._symbol, self._key = client, symbol, key
        self._session = self._open()
        self._over = threading.Event()
        self._blocks = threading.Thread(target=self._make_blocks, name="blocks", daemon=True)

    def sweep(self, chance: random.Random, largest18: int = 10**18) -> None:
        """Take a random part of both sides of the book."""
        for is_buy in (True, False):
            self._trade("sessionPlaceMarginMarket", amount=chance.randint(largest18 // 100, largest18), isBuy=is_buy)

    def __enter__(self) -> Self:
        self._blocks.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._blocks.join()

    def _open(self) -> str:
        for _ in range(OPENING_ATTEMPTS - 1):
            try:
                return self._client.open_session(self._symbol, self._key)[0]
            except (httpx.HTTPError, ValueError, KeyError, TypeError):
                continue
        return self._client.open_session(self._symbol, self._key)[0]

    def _make_blocks(self) -> None:
        while not self._over.wait(BLOCK_EVERY_S):
            self._trade("sessionCancelOrder", orderId=NO_ORDER)

    def _trade(self, method: str, **params: object) -> None:
        try:
            self._client.trade(self._symbol, self._session, method, self._key, **params)
        except httpx.HTTPError:
            return
