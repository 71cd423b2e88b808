"""Journal lines as rows of a spreadsheet."""

from __future__ import annotations

import json

import pytest

from ama_tui.cli import journal_format
from ama_tui.cli.journal_format import csv_line

USUAL = """{"ts":1763820000037,"runId":"1a","chainId":1,"orderBook":"0xAB","marketIdBytes32":"0x1d","trader":"0xCD",\
"nickname":"User001","action":"INTENT","params":{"side":"buy","level":2},"seq":1}"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ""),
        ("User001", "a,b"),
        ("User001", r"a\"b"),
        ("User001", "=1+1"),
        ("User001", r"\u001b[31m"),
        ("buy", "é=1"),
        ('"params":{"side":"buy","level":2},', ""),
        ('"params":{"side":"buy","level":2}', '"params":{}'),
        ('"nickname":"User001",', '"nickname":7,'),
        ('"chainId":1,', ""),
        ("1763820000037", "1763820000037.0"),
    ],
)
def test_row_is_the_same_by_the_quick_way(before: str, after: str, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = json.loads(USUAL.replace(before, after, 1))
    quick = csv_line(raw)
    monkeypatch.setattr(journal_format, "_plain_row", lambda _: None)
    assert quick == csv_line(raw)
