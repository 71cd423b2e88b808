"""`ama-tui journal` on the state directories of intact, crashed and damaged runs."""

from __future__ import annotations

import csv
import io
import json
import re
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ama_tui.cli.main import main
from ama_tui.store.journal.writer import Journal
from ama_tui.store.lock import StateLock
from tests.e2e.operator import Finished
from tests.store.samples import ALICE, NOW_MS, line

Run = Callable[..., Finished]


@pytest.fixture
def ama(capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    def run(*arguments: str | Path) -> Finished:
        with pytest.raises(SystemExit) as ended:
            main(["journal", *map(str, arguments)])
        assert isinstance(ended.value.code, int)
        said = capfdbinary.readouterr()
        return Finished(ended.value.code, said.out.decode(), said.err.decode(), 0.0)

    return run


def write(path: Path, lines: int = 20) -> None:
    """A journal of several files with placements and one failed cancel."""
    path.parent.mkdir(parents=True, exist_ok=True)
    journal = Journal.open(path, segment_bytes=2_000)
    placed = {"side": "sell", "level": 3, "price": "2500520000", "amount": "184000000103000071", "status": "mined"}
    for number in range(lines - 1):
        journal.append(line(NOW_MS + number, params=placed, tx_hash="0x12", intent_id="7f"))
    failed = {"orderId": "77", "reason": "stale"}
    journal.append(line(NOW_MS + lines, "CANCEL_ORDER", params=failed, error="\x1b[2Jno, \x07 \u202ethanks"))
    journal.close()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state directory with two markets."""
    for book in ("0x01", "0x02"):
        write(tmp_path / "state" / "999" / book / "actions.jsonl")
    return tmp_path / "state"


def test_intact_journals_are_ok_with_one_line_each(state: Path, ama: Run) -> None:
    verified = ama("verify", state)
    assert (verified.code, verified.err) == (0, "")
    assert verified.out.splitlines() == [
        f"{state}/999/{book}/actions.jsonl: ok, 20 lines, seq 1…20" for book in ("0x01", "0x02")
    ]
    assert len(ama("verify", state / "999" / "0x02").out.splitlines()) == 1
    found = json.loads(ama("verify", state, "--json").out)
    assert found["ok"]
    assert [(one["ok"], one["lines"], one["last_seq"], one["truncated"]) for one in found["journals"]] == [
        (True, 20, 20, 0)
    ] * 2
    assert all(one["files"] > 2 for one in found["journals"])


def test_damage_is_reported_by_file_and_line_with_exit_code_2(state: Path, ama: Run) -> None:
    broken = state / "999" / "0x01" / "actions.000001.jsonl"
    broken.write_bytes(broken.read_bytes().replace(b'"seq":2', b'"seq":3'))
    verified = ama("verify", state)
    assert verified.code == 2
    bad, good = verified.out.splitlines()
    assert bad == f"{state}/999/0x01/actions.jsonl: damaged, actions.000001.jsonl line 2: its crc does not match"
    assert ": ok, " in good
    found = json.loads(ama("verify", state, "--json").out)
    assert [one["ok"] for one in found["journals"]] == [found["ok"], True] == [False, True]
    assert found["journals"][0]["faults"] == ["actions.000001.jsonl line 2: its crc does not match"]


def test_truncated_last_line_is_ok_and_reported(state: Path, ama: Run) -> None:
    market = state / "999" / "0x01"
    with (market / "actions.jsonl").open("ab") as journal:
        journal.write(b'{"ts":17000')
    verified = ama("verify", market)
    assert verified.code == 0
    assert verified.out.endswith("seq 1…20, last line truncated (11 bytes; the next run moves it aside)\n")


def test_repair_keeps_the_original_and_lists_what_it_dropped(state: Path, ama: Run) -> None:
    broken = state / "999" / "0x01" / "actions.000001.jsonl"
    before = broken.read_bytes().replace(b'"seq":2', b'"seq":3')
    broken.write_bytes(before)
    repaired = ama("repair", state)
    assert repaired.code == 0
    first, dropped, second = repaired.out.splitlines()
    counts = "19 lines kept (18 renumbered), 1 dropped"
    assert first.startswith(f"{state}/999/0x01/actions.jsonl: {counts}; original in actions.000001.jsonl.broken-1,")
    assert dropped == "  dropped actions.000001.jsonl line 2: its crc does not match"
    assert second == f"{state}/999/0x02/actions.jsonl: nothing to repair"
    assert broken.with_name("actions.000001.jsonl.broken-1").read_bytes() == before
    assert ama("verify", state).code == 0


def test_repair_lists_only_the_first_dropped_lines(tmp_path: Path, ama: Run) -> None:
    (tmp_path / "actions.jsonl").write_bytes(b"x\n" * 25)
    said = ama("repair", tmp_path).out.splitlines()
    assert len(said) == 12
    assert said[-1] == "  … and 15 more"


@pytest.mark.parametrize(
    ("name", "lock"), [("actions", "lock"), ("cancel-all", "lock"), ("cancel-all", "cancel-all.lock")]
)
def test_repair_is_refused_while_a_run_writes(tmp_path: Path, ama: Run, name: str, lock: str) -> None:
    (tmp_path / f"{name}.jsonl").write_bytes(b"x\n")
    with StateLock(tmp_path / lock):
        assert "in use by another run" in ama("repair", tmp_path).refusal(2)
    assert (tmp_path / f"{name}.jsonl").read_bytes() == b"x\n"
    assert ama("repair", tmp_path).code == 0


def test_tail_shows_the_last_lines_of_all_markets_by_time(state: Path, ama: Run) -> None:
    shown = ama("tail", state, "-n", "3").out.splitlines()
    assert len(shown) == 3
    assert shown[0] == ("2025-01-01T00:00:00.268Z  alice       PLACE_LIMIT   sell L3 0.184 @ 2500.52 mined  0x12")
    # Nothing that a venue says reaches the terminal as a control character.
    assert (
        shown[1]
        == shown[2]
        == "2025-01-01T00:00:00.270Z  alice       CANCEL_ORDER  stale order 77  error: ·[2Jno, · ·thanks"
    )
    assert ama("tail", state, "-n", "0").out == ""
    raw = [json.loads(one) for one in ama("tail", state / "999" / "0x01", "-n", "2", "--json").out.splitlines()]
    assert [one["seq"] for one in raw] == [19, 20]


def test_follow_shows_new_lines(state: Path) -> None:
    path = state / "999" / "0x01" / "actions.jsonl"
    command = [sys.executable, "-P", "-m", "ama_tui", "journal", "tail", str(path), "-n", "1", "--follow"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as tail:
        assert tail.stdout is not None
        assert "CANCEL_ORDER" in tail.stdout.readline()
        journal = Journal.open(path, segment_bytes=2_000)
        for number in range(9):
            journal.append(line(number, "NOTE", params={"text": f"note {number}"}))
            assert tail.stdout.readline().endswith(f"note {number}\n")
        journal.close()
        tail.kill()


def test_stats_count_actions_errors_and_runs(state: Path, ama: Run) -> None:
    first, _ = json.loads(ama("stats", state, "--json").out)["journals"]
    assert first["lines"] == 20
    assert first["actions"] == {"PLACE_LIMIT": 19, "CANCEL_ORDER": 1}
    assert (first["errors"], first["runs"], first["faults"]) == (1, 1, 0)
    assert (first["first"], first["last"]) == ("2025-01-01T00:00:00.250Z", "2025-01-01T00:00:00.270Z")
    assert list(first["files"])[-1] == "actions.jsonl"
    words = ama("stats", state / "999" / "0x02").out
    assert re.search(r"^  actions +PLACE_LIMIT 19, CANCEL_ORDER 1$", words, re.MULTILINE)
    assert re.search(r"^  lines +20$", words, re.MULTILINE)


def test_export_writes_csv_rows(state: Path, ama: Run) -> None:
    rows = list(csv.DictReader(io.StringIO(ama("export", state / "999" / "0x01").out, newline="")))
    assert len(rows) == 20
    first = rows[0]
    assert (first["seq"], first["action"], first["intentId"], first["trader"]) == ("1", "PLACE_LIMIT", "7f", ALICE)
    assert json.loads(first["params"])["price"] == "2500520000"
    assert first["nickname"] == "alice"
    assert rows[19]["error"] == "·[2Jno, · ·thanks"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)"])
def test_export_cells_are_never_formulas(tmp_path: Path, ama: Run, text: str) -> None:
    (tmp_path / "actions.jsonl").write_bytes(line(error=text).as_line(1))
    (row,) = csv.DictReader(io.StringIO(ama("export", tmp_path).out, newline=""))
    assert row["error"] == f"'{text}"


def test_jsonl_export_is_byte_for_byte_what_was_written(state: Path, ama: Run, tmp_path: Path) -> None:
    market, out = state / "999" / "0x01", tmp_path / "all.jsonl"
    (market / "actions.jsonl").write_bytes((market / "actions.jsonl").read_bytes() + b"garbage\n")
    exported = ama("export", market, "--format", "jsonl", "--out", out)
    assert (exported.code, exported.out) == (0, "")
    assert exported.err.startswith("1 unreadable lines skipped")
    written = b"".join(path.read_bytes() for path in sorted(market.glob("actions.0*.jsonl")))
    assert out.read_bytes() == written + (market / "actions.jsonl").read_bytes().removesuffix(b"garbage\n")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert "cannot be written (File exists)" in ama("export", market, "--out", out).refusal(2)


@pytest.mark.parametrize("command", ["verify", "stats", "tail", "export", "repair"])
def test_path_without_a_journal_is_refused_in_one_line(tmp_path: Path, ama: Run, command: str) -> None:
    assert ama(command, tmp_path).refusal(2).startswith(f"no journal at {tmp_path}")


def test_missing_subcommand_points_to_help(ama: Run) -> None:
    assert ama().refusal(2) == "Missing command: see 'ama-tui journal --help'"


def test_help_lists_every_subcommand(ama: Run) -> None:
    said = ama("--help").out
    assert {"export", "repair", "stats", "tail", "verify"} <= set(re.findall(r"^  (\w+)  ", said, re.MULTILINE))
