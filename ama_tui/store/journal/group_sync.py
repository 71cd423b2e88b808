"""Making lines durable for everybody who waits, with one call to the disk for all of them."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from ama_tui.disk import failpoints
from ama_tui.domain.errors import JournalSyncError

PATIENCE_S = 0.03
"""How long a line that nobody waits for may stay on its way; with the call itself it is durable within 50 ms."""
sync_data = getattr(os, "fdatasync", os.fsync)


@dataclass(frozen=True, slots=True)
class _Waiter:
    position: int
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[None]


class GroupSync:
    """Syncs one open file from a thread of its own; positions in it only grow.

    `on_durable` is told, after each sync, the position up to which everything is on the disk. After a sync that
    failed nobody can say what the disk holds, so there is no other: `failure` says why.
    """

    def __init__(self, descriptor: int, position: int, on_durable: Callable[[int], None]) -> None:
        self.syncs = 0
        self.failure = ""
        self._descriptor = descriptor
        self._on_durable = on_durable
        self._written = self._wanted = self._durable = position
        self._waiters: list[_Waiter] = []
        self._is_closing = False
        self._state = threading.Condition()
        self._disk = threading.Lock()
        """Held while the descriptor is in use; taken before `_state`, never after it."""
        self._thread = threading.Thread(target=self._run, name="journal-sync", daemon=True)
        self._thread.start()

    def wrote(self, position: int) -> None:
        """The file has been written up to here: it will be durable in a moment, whether anybody waits or not."""
        with self._state:
            was_clean = self._written == self._durable
            self._written = position
            if was_clean:
                self._state.notify()

    async def durable(self, position: int) -> None:
        """Wait until everything up to here is on the disk. Raises JournalSyncError when a sync failed."""
        loop = asyncio.get_running_loop()
        with self._state:
            if self._durable < position and not self.failure:
                waiter = _Waiter(position, loop, loop.create_future())
                self._waiters.append(waiter)
                # Not yet: whoever else is about to write in this turn of the loop shares the sync.
                loop.call_soon(self._want, position)
            else:
                waiter = None
        if waiter is not None:
            await waiter.future
        if self._durable < position:
            raise self._failed()

    def now(self) -> None:
        """Put everything written so far on the disk, waiting here. Raises JournalSyncError when a sync failed."""
        with self._state:
            position = self._written
        self._sync_to(position)
        if self._durable < position:
            raise self._failed()

    def fail(self, reason: str) -> None:
        """Nobody can say what the disk holds any more."""
        with self._state:
            self.failure = self.failure or reason
            self._release()

    def switch(self, descriptor: int) -> None:
        """Go on with another file; the one until now, durable to its end, is closed."""
        with self._disk:
            os.close(self._descriptor)
            self._descriptor = descriptor

    def close(self) -> None:
        """Sync what is left, unless a sync has failed before, then close the file. Raises JournalSyncError."""
        with self._state:
            self._is_closing = True
            has_failed = bool(self.failure)
            self._state.notify()
        self._thread.join()
        try:
            if not has_failed:
                self.now()
        finally:
            os.close(self._descriptor)

    def _want(self, position: int) -> None:
        with self._state:
            self._wanted = max(self._wanted, position)
            self._state.notify()

    def _run(self) -> None:
        while True:
            with self._state:
                self._state.wait_for(lambda: self._written > self._durable or self._is_over)
                self._state.wait_for(lambda: self._wanted > self._durable or self._is_over, PATIENCE_S)
                if self._is_over:
                    return
                position = self._written
            self._sync_to(position)

    @property
    def _is_over(self) -> bool:
        return self._is_closing or bool(self.failure)

    def _sync_to(self, position: int) -> None:
        """One sync, unless another went as far; a failure is kept, not raised: every waiter must learn of it."""
        with self._disk:
            if self._durable >= position or self.failure:
                return
            failpoints.reach("sync.before")
            self.syncs += 1
            try:
                sync_data(self._descriptor)
            except OSError as error:
                self.fail(error.strerror or "the disk did not take it")
                return
            failpoints.reach("sync.after")
            self._on_durable(position)
            with self._state:
                self._durable = max(self._durable, position)
                self._release()

    def _release(self) -> None:
        """Wake those whose lines are on the disk, and all of them after a failure. To be called with `_state` held."""
        left: list[_Waiter] = []
        for waiter in self._waiters:
            if waiter.position > self._durable and not self.failure:
                left.append(waiter)
                continue
            with suppress(RuntimeError):  # its loop has ended, and with it whoever waited
                waiter.loop.call_soon_threadsafe(_resolve, waiter.future)
        self._waiters = left
        self._state.notify()

    def _failed(self) -> JournalSyncError:
        return JournalSyncError(
            f"the journal did not reach the disk ({self.failure})", "check the disk, then start again with --resume"
        )


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
