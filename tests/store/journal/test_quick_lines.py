"""Lines of ours counted without being parsed: with the same result, and nothing damaged is taken."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ama_tui.store.journal import quick_lines
from ama_tui.store.journal.entry import JournalEntry
from ama_tui.store.journal.quick_lines import LineCounter
from tests.store.journal.test_entry import ENTRIES
from tests.store.samples import NOW_MS, line

ENTRY = line(action="INTENT", params={"level": 2}, intent_id="ab")
BEFORE, LINE = ENTRY.as_line(6), ENTRY.as_line(7)


def counter_that_knows_the_head() -> LineCounter:
    counter = LineCounter()
    assert counter.take([BEFORE], 6).lines == 1
    return counter


@given(st.lists(ENTRIES | st.builds(replace, ENTRIES, ts=st.integers(NOW_MS, NOW_MS + 9)), max_size=8))
def test_counted_is_what_the_lines_say(entries: list[JournalEntry]) -> None:
    entries = [entry for entry in entries for _ in range(2)]
    lines = [entry.as_line(seq) for seq, entry in enumerate(entries, start=1)]
    counter = LineCounter()
    taken = counter.take(lines, 1)
    whole = entries[: taken.lines]
    assert taken.size == sum(map(len, lines[: taken.lines]))
    assert taken.next_line == (lines[taken.lines] if taken.lines < len(lines) else None)
    assert counter.actions == Counter(entry.action for entry in whole)
    assert counter.runs == {entry.run_id for entry in whole}
    assert counter.errors == sum(entry.error is not None for entry in whole)
    times = [entry.ts for entry in whole]
    assert counter.span == ((min(times), max(times)) if times else None)


def test_line_with_a_known_head_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    counter = counter_that_knows_the_head()
    monkeypatch.setattr(quick_lines, "check_own", None)
    later = replace(ENTRY, ts=NOW_MS + 5)
    assert counter.take([LINE, later.as_line(8)], 7).lines == 2
    assert (counter.actions, counter.span) == ({"INTENT": 3}, (NOW_MS, NOW_MS + 5))


def test_no_single_bit_flip_of_a_line_is_counted() -> None:
    counter = counter_that_knows_the_head()
    for bit in range(8 * len(LINE)):
        flipped = bytearray(LINE)
        flipped[bit // 8] ^= 1 << bit % 8
        assert counter.take([bytes(flipped)], 7).lines == 0
    assert counter.actions == {"INTENT": 1}


@pytest.mark.parametrize(
    "other",
    [
        ENTRY.as_line(9),
        ENTRY.as_line(7),
        ENTRY.as_line(),
        ENTRY.as_line(8)[:-1],
        b" " + ENTRY.as_line(8),
        replace(ENTRY, params={"level": 2, "seq": 8, "intentId": "x"}).as_line(9),
    ],
    ids=["skips a number", "repeats one", "has none", "unfinished", "indented", "number in the params"],
)
def test_line_that_is_not_the_next_whole_one_ends_the_count(other: bytes) -> None:
    counter = counter_that_knows_the_head()
    taken = counter.take([LINE, other, ENTRY.as_line(9)], 7)
    assert (taken.lines, taken.next_line) == (1, other)
