"""Group commit: one fsync makes the lines of all waiters durable."""

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
"""Delay before syncing lines nobody waits for; with the sync itself they are durable within 50 ms."""
sync_data = getattr(os, "fdatasync", os.fsync)


@dataclass(frozen=True, slots=True)
class _Waiter:
    position: int
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[None]


class GroupSync:
    """Syncs one open file from its own thread; positions in the file only grow.

    After each sync `on_durable` gets the position up to which the file is durable. After a failed sync the state of the
    disk is unknown, so there is no retry: `failure` says why.
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

    def written_to(self, position: int) -> None:
        """The file is written up to here and will soon be synced, whether or not anyone waits."""
        with self._state:
            was_clean = self._written == self._durable
            self._written = position
            if was_clean:
                self._state.notify()

    async def wait_durable(self, position: int) -> None:
        """Wait until the file is durable up to here. Raises JournalSyncError when a sync failed."""
        loop = asyncio.get_running_loop()
        with self._state:
            if self._durable < position and not self.failure:
                waiter = _Waiter(position, loop, loop.create_future())
                self._waiters.append(waiter)
                # Yield once, so that others who write in this turn of the loop share the sync.
                loop.call_soon(self._request, position)
            else:
                waiter = None
        if waiter is not None:
            await waiter.future
        if self._durable < position:
            raise self._failed()

    def sync_now(self) -> None:
        """Sync everything written so far, blocking. Raises JournalSyncError when a sync failed."""
        with self._state:
            position = self._written
        self._sync_to(position)
        if self._durable < position:
            raise self._failed()

    def fail(self, reason: str) -> None:
        """A write failed in a way that leaves the state of the disk unknown."""
        with self._state:
            self.failure = self.failure or reason
            self._release()

    def switch(self, descriptor: int) -> None:
        """Switch to another file; the previous one, durable to its end, is closed."""
        with self._disk:
            os.close(self._descriptor)
            self._descriptor = descriptor

    def close(self) -> None:
        """Sync the rest, unless a sync has failed before, then close the file. Raises JournalSyncError."""
        with self._state:
            self._is_closing = True
            has_failed = bool(self.failure)
            self._state.notify()
        self._thread.join()
        try:
            if not has_failed:
                self.sync_now()
        finally:
            os.close(self._descriptor)

    def _request(self, position: int) -> None:
        with self._state:
            self._wanted = max(self._wanted, position)
            self._state.notify()

    def _run(self) -> None:
        while True:
            with self._state:
                self._state.wait_for(lambda: self._written > self._durable or self._has_ended)
                self._state.wait_for(lambda: self._wanted > self._durable or self._has_ended, PATIENCE_S)
                if self._has_ended:
                    return
                position = self._written
            self._sync_to(position)

    @property
    def _has_ended(self) -> bool:
        return self._is_closing or bool(self.failure)

    def _sync_to(self, position: int) -> None:
        """One sync, unless another got as far; a failure is stored, not raised, so that every waiter sees it."""
        with self._disk:
            if self._durable >= position or self.failure:
                return
            failpoints.reach("sync.before")
            self.syncs += 1
            try:
                sync_data(self._descriptor)
            except OSError as error:
                self.fail(error.strerror or "the disk refused it")
                return
            failpoints.reach("sync.after")
            self._on_durable(position)
            with self._state:
                self._durable = max(self._durable, position)
                self._release()

    def _release(self) -> None:
        """Wake the waiters whose lines are durable, and all of them after a failure. Call with `_state` held."""
        left: list[_Waiter] = []
        for waiter in self._waiters:
            if waiter.position > self._durable and not self.failure:
                left.append(waiter)
                continue
            with suppress(RuntimeError):  # its event loop has ended, and the waiter with it
                waiter.loop.call_soon_threadsafe(_resolve, waiter.future)
        self._waiters = left
        self._state.notify()

    def _failed(self) -> JournalSyncError:
        return JournalSyncError(
            f"the journal could not be synced ({self.failure})", "check the disk, then start again with --resume"
        )


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
