"""What the benchmarks make of a watched venue's notes."""

from __future__ import annotations

import json
from pathlib import Path

from tests.bench.client import Journalled, journalled
from tests.bench.cycles import side_by_side
from tests.bench.reaction import reaction
from tests.bench.venue_process import Notes, ReadNote


def read(began: float, ended: float, body: str = "eth_call") -> ReadNote:
    return ReadNote(began, ended, "", body, 0)


def test_reaction_runs_from_the_block_to_the_trader_s_first_order_after_it() -> None:
    notes = Notes(
        blocks={7: 100.0},
        reads=[read(100.001, 100.010), read(100.010, 100.020), read(100.021, 100.022, "eth_blockNumber")],
        posts=[(99.0, "alice"), (100.025, "bob"), (100.030, "alice"), (100.9, "alice")],
    )
    found = reaction(notes, 7, "alice")
    assert round(found.ms, 3) == 30
    assert round(found.from_read_ms, 3) == 10


def test_reads_that_overlap_are_repeated_side_by_side() -> None:
    one, two, three = read(0, 2), read(1, 4), read(5, 6)
    assert side_by_side([one, two, three]) == [[one, two], [three]]


def test_journal_tells_how_many_orders_were_intended_and_filled_and_how_long_the_sessions_took(tmp_path: Path) -> None:
    lines = [
        {"ts": 1000, "action": "INTENT", "params": {"method": "sessionInit"}},
        {"ts": 1500, "action": "INTENT", "params": {"method": "sessionInit"}},
        {"ts": 2500, "action": "SESSION_INIT"},
        {"ts": 3250, "action": "SESSION_INIT"},
        {"ts": 4000, "action": "INTENT", "params": {"method": "sessionPlaceMarginLimit"}},
        {"ts": 4001, "action": "PLACE_LIMIT", "params": {"status": "mined"}},
        {"ts": 4002, "action": "INTENT", "params": {"method": "sessionCancelOrder"}},
        {"ts": 4003, "action": "PLACE_LIMIT", "params": {"status": "filled"}},
    ]
    (tmp_path / "actions.jsonl").write_text("".join(f"{json.dumps(line, separators=(',', ':'))}\n" for line in lines))
    assert journalled(tmp_path) == Journalled(intents=1, filled=1, session_seconds=2.25)
