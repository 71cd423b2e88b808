"""The publisher: the latest snapshot in full, and every log event once and in order."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from ama_tui.domain.event import Action, EngineSnapshot, EngineState, LogEvent
from ama_tui.engine.publisher import Publisher


def event(number: int) -> LogEvent:
    return LogEvent(number, Action.NOTE, f"event {number}")


def numbers(events: tuple[LogEvent, ...]) -> list[int]:
    return [one.ts_ms for one in events]


def test_publisher_starts_ready_and_returns_the_latest_snapshot() -> None:
    publisher = Publisher()
    assert publisher.latest.state is EngineState.READY
    snapshot = EngineSnapshot(EngineState.RUNNING, "as it is")
    publisher.publish(snapshot)
    assert publisher.latest is snapshot


def test_reader_gets_each_event_once() -> None:
    publisher = Publisher()
    for number in range(3):
        publisher.log(event(number))
    cursor, events = publisher.log_since(0)
    assert numbers(events) == [0, 1, 2]
    assert publisher.log_since(cursor) == (cursor, ())
    publisher.log(event(3))
    cursor, events = publisher.log_since(cursor)
    assert numbers(events) == [3]


def test_reader_that_fell_behind_gets_what_is_still_kept() -> None:
    publisher = Publisher(kept_events=3)
    for number in range(10):
        publisher.log(event(number))
    cursor, events = publisher.log_since(2)
    assert numbers(events) == [7, 8, 9]
    assert publisher.log_since(cursor)[1] == ()


@given(kept=st.integers(1, 5), steps=st.lists(st.integers(0, 8), max_size=20))
def test_readers_see_every_event_in_order_except_those_dropped_from_the_window(kept: int, steps: list[int]) -> None:
    publisher, written, cursor = Publisher(kept_events=kept), 0, 0
    for count in steps:
        for _ in range(count):
            publisher.log(event(written))
            written += 1
        new_cursor, events = publisher.log_since(cursor)
        assert numbers(events) == list(range(max(cursor, written - kept), written))
        assert new_cursor == written
        cursor = new_cursor


def test_writers_on_other_threads_lose_nothing() -> None:
    publisher = Publisher(kept_events=100_000)

    def write(base: int) -> None:
        for number in range(2_000):
            publisher.log(event(base + number))

    threads = [threading.Thread(target=write, args=(base,)) for base in (0, 10_000, 20_000)]
    seen: list[int] = []
    cursor = 0
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        cursor, events = publisher.log_since(cursor)
        seen += numbers(events)
    for thread in threads:
        thread.join()
    cursor, events = publisher.log_since(cursor)
    seen += numbers(events)
    assert cursor == len(seen) == 6_000
    assert sorted(seen) == sorted(base + n for base in (0, 10_000, 20_000) for n in range(2_000))
    for base in (0, 10_000, 20_000):
        assert [n for n in seen if base <= n < base + 2_000] == list(range(base, base + 2_000))
