"""Lines waiting for disk space: kept in order and bounded."""

from __future__ import annotations

from ama_tui.store.journal.entry import JournalEntry
from ama_tui.store.journal.pending_lines import PendingLines
from tests.store.samples import BOOK, line


def taken(held: PendingLines) -> list[JournalEntry]:
    found = []
    while held:
        found.append(held.first())
        held.drop_first()
    return found


def test_lines_come_back_in_order() -> None:
    held = PendingLines()
    for ts in range(5):
        held.add(line(ts))
    assert [entry.ts for entry in taken(held)] == [0, 1, 2, 3, 4]


def test_oldest_skips_and_notes_are_dropped_first_and_counted() -> None:
    held = PendingLines(limit=3)
    for ts, action in enumerate(["PLACE_LIMIT", "SKIP", "FILL", "NOTE", "CANCEL_ORDER", "ERROR"]):
        held.add(line(ts, action))
    loss, *kept = taken(held)
    assert [(entry.ts, entry.action) for entry in kept] == [(2, "FILL"), (4, "CANCEL_ORDER"), (5, "ERROR")]
    assert loss.action == "ERROR"
    assert loss.error == "3 lines are missing here: the disk was full for too long"
    assert (loss.trader, loss.order_book, loss.intent_id) == ("", BOOK, None)


def test_loss_is_reported_once() -> None:
    held = PendingLines(limit=1)
    held.add(line(1))
    held.add(line(2))
    assert len(taken(held)) == 2
    held.add(line(3))
    assert [entry.ts for entry in taken(held)] == [3]
