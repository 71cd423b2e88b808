"""Journal lines as rows of a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest
from hypothesis import given

from ama_tui.cli.journal_csv import CsvRows, csv_head
from ama_tui.store.journal.entry import JournalEntry, parse_line
from ama_tui.store.json_fields import ShapeError
from tests.store.journal.test_entry import ENTRIES
from tests.store.samples import ALICE, NOW_MS, line

TX_HASH = "0x" + "1d" * 32
USUAL = line(action="INTENT", params={"side": "buy", "level": 2}, intent_id="7f-1", tx_hash=TX_HASH)
ODD = [
    replace(USUAL, nickname="a,b"),
    replace(USUAL, nickname='a"b'),
    replace(USUAL, nickname="=1+1"),
    replace(USUAL, role="\x1b[31m"),
    replace(USUAL, nickname=None),
    replace(USUAL, chain_id=7),
    replace(USUAL, params=None),
    replace(USUAL, params={}),
    replace(USUAL, params={"text": "a } b"}),
    replace(USUAL, params={"text": "\x7f é"}),
    replace(USUAL, params={"nested": {"seq": 7}}),
    replace(USUAL, params={"amount": 2**70}),
    replace(USUAL, error="no"),
    replace(USUAL, error="+1"),
    replace(USUAL, extra={"more": {"seq": 7}}),
    replace(USUAL, tx_hash="-1"),
    replace(USUAL, tx_hash=None, intent_id=None),
    replace(USUAL, intent_id="-1"),
    replace(USUAL, ts=5),
]


def rows_of(*lines: bytes) -> list[bytes]:
    rows = CsvRows()
    return [rows.row(one) for one in lines]


def alone(data: bytes) -> bytes:
    """The row of a line that nothing is known of."""
    return CsvRows().row(data)


@pytest.mark.parametrize("odd", ODD)
def test_row_is_the_same_whatever_lines_came_before(odd: JournalEntry) -> None:
    first, second, third = USUAL.as_line(1), odd.as_line(2), replace(odd, ts=odd.ts + 1).as_line(3)
    assert rows_of(first, second, third, first) == [alone(first), alone(second), alone(third), alone(first)]


@given(ENTRIES)
def test_row_of_any_line_is_the_same_when_its_head_is_known(entry: JournalEntry) -> None:
    data = replace(entry, ts=NOW_MS).as_line(7)
    assert rows_of(data, data) == [alone(data)] * 2


def test_cells_are_what_the_line_says() -> None:
    known = rows_of(USUAL.as_line(1), USUAL.as_line(2))[1]
    (row,) = csv.DictReader(io.StringIO((csv_head() + known).decode(), newline=""))
    assert json.loads(row.pop("params")) == USUAL.params
    assert (row["seq"], row["time"], row["ts"]) == ("2", "2025-01-01T00:00:00.250Z", str(NOW_MS))
    assert (row["trader"], row["intentId"], row["txHash"], row["error"]) == (ALICE, "7f-1", TX_HASH, "")


def test_altered_line_is_refused_although_its_head_is_known() -> None:
    data = USUAL.as_line(1)
    rows = CsvRows()
    rows.row(data)
    assert parse_line(data) == replace(USUAL, seq=1)
    for before, after in ((b'"level":2', b'"level":3'), (b'"seq":1', b'"seq":2'), (TX_HASH.encode(), b"0x1d")):
        with pytest.raises(ShapeError):
            rows.row(data.replace(before, after))
