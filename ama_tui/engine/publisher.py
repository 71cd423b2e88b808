"""Publishes the engine's latest snapshot and its log to readers on any thread."""

from __future__ import annotations

import threading
from collections import deque
from itertools import islice

from ama_tui.domain.event import EngineSnapshot, EngineState, LogEvent

KEPT_EVENTS = 5_000
"""The number of log events kept in memory. The journal keeps all of them."""


class Publisher:
    """Holds the latest snapshot, replaced as a whole, and a bounded window of log events with a running cursor."""

    def __init__(self, kept_events: int = KEPT_EVENTS) -> None:
        self.latest = EngineSnapshot(EngineState.READY)
        self.beside: tuple[Publisher, ...] = ()
        """The publishers of the run's other markets."""
        self._kept_events = kept_events
        self._events: deque[LogEvent] = deque(maxlen=kept_events)
        self._count = 0
        self._lock = threading.Lock()

    @property
    def all(self) -> tuple[Publisher, ...]:
        """One publisher for each market of the run, this one first."""
        return (self, *self.beside)

    def for_markets(self, count: int) -> tuple[Publisher, ...]:
        """The publishers of a run that is about to start, one for each of its markets."""
        self.beside = tuple(Publisher(self._kept_events) for _ in range(count - 1))
        return self.all

    @property
    def logged(self) -> int:
        """The number of log events so far."""
        return self._count

    def publish(self, snapshot: EngineSnapshot) -> None:
        """Replace the latest snapshot."""
        self.latest = snapshot

    def log(self, event: LogEvent) -> None:
        """Add an event to the window."""
        with self._lock:
            self._events.append(event)
            self._count += 1

    def log_since(self, cursor: int) -> tuple[int, tuple[LogEvent, ...]]:
        """The new cursor and the events after the given cursor (0: from the start), oldest first.

        A reader that falls behind the window gets the events that are left.
        """
        with self._lock:
            missed = min(self._count - cursor, len(self._events))
            if missed <= 0:
                return self._count, ()
            return self._count, tuple(islice(self._events, len(self._events) - missed, None))
