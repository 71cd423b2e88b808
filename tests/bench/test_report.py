"""The table, the results file, the baseline and what counts as worse."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.bench import __main__ as bench
from tests.bench import baseline
from tests.bench.baseline import BASELINE, Kept, comparison, machine, read_baseline, worse, write_baseline
from tests.bench.figures import Figure, Kind, at_most, under
from tests.bench.report import Row, table, write_results

RATIO = Figure("packing, to bare", 1.35, "×", at_most(1.1), "long", Kind.RATIO)
COUNT = Figure("requests", 3, "", at_most(3), kind=Kind.COUNT)
TIME = Figure("seconds", 9.0, "s")


def kept(value: float) -> Kept:
    return Kept(value, "2026-01-02", machine())


def test_verdict_of_a_figure_at_its_goal_depends_on_the_goal_being_strict() -> None:
    assert Figure("requests", 3, "", at_most(3)).verdict == "ok"
    assert Figure("seconds", 5, "s", under(5)).verdict == "over"
    assert Figure("rate", 5, "1/s").verdict == ""


def test_table_has_work_goal_measured_verdict_and_command_of_each_figure() -> None:
    lines = table([Row(RATIO, "python -m tests.bench packing"), Row(TIME, "python -m tests.bench other")]).splitlines()
    assert lines[0].split() == ["work", "goal", "measured", "detail", "printed", "by"]
    assert lines[1].split("  ")[0] == "packing, to bare"
    assert lines[1].split()[3:] == [
        "≤",
        "1.1",
        "×",
        "1.35",
        "×",
        "over",
        "long",
        "python",
        "-m",
        "tests.bench",
        "packing",
    ]
    assert "over" not in lines[2]


def test_results_file_holds_every_figure_and_every_failure(tmp_path: Path) -> None:
    path = tmp_path / "bench-results.json"
    write_results(path, [Row(COUNT, "the command")], {"paint": "no terminal"})
    results = json.loads(path.read_text(encoding="utf-8"))
    assert results["figures"] == [
        {
            "name": "requests",
            "value": 3,
            "unit": "",
            "goal": "≤ 3",
            "verdict": "ok",
            "detail": "",
            "command": "the command",
        }
    ]
    assert results["failures"] == {"paint": "no terminal"}


@pytest.mark.parametrize(
    ("before", "is_worse"), [(1.10, True), (1.17, True), (1.18, False), (1.35, False), (2.0, False)]
)
def test_figure_is_worse_when_it_grew_by_more_than_15_percent(before: float, is_worse: bool) -> None:
    assert bool(worse([RATIO], {RATIO.name: kept(before)})) is is_worse


def test_worse_figure_is_named_with_both_values() -> None:
    text = comparison([RATIO, COUNT], {RATIO.name: kept(1.10), COUNT.name: kept(3)})
    assert text == "worse: packing, to bare 1.10 × → 1.35 × (+23%)"


def test_comparison_tells_what_it_could_not_compare() -> None:
    elsewhere = Kept(1.3, "2026-01-02", "Plan9 mips, 64 CPUs, Python 3.11")
    assert comparison([RATIO, COUNT, TIME], {RATIO.name: elsewhere}).splitlines() == [
        "none of 1 figures is worse than the baseline by more than 15%",
        "the baseline is of another machine: Plan9 mips, 64 CPUs, Python 3.11",
        "not in the baseline: requests",
    ]


def test_written_baseline_keeps_what_was_not_measured_and_no_times(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    assert read_baseline(path) == {}
    write_baseline([RATIO, TIME], path)
    write_baseline([COUNT, Figure(RATIO.name, 1.2, "×", kind=Kind.RATIO)], path)
    assert {name: one.value for name, one in read_baseline(path).items()} == {RATIO.name: 1.2, COUNT.name: 3}
    assert {one.machine for one in read_baseline(path).values()} == {machine()}


def test_stored_baseline_can_be_read_and_names_its_machine_and_date() -> None:
    stored = read_baseline(BASELINE)
    assert stored
    assert all(one.value >= 0 and one.date and one.machine for one in stored.values())


@pytest.mark.parametrize(("figure", "code"), [(RATIO, 0), (COUNT, 1)], ids=["ratio", "count"])
def test_run_fails_for_a_worse_count_and_only_names_a_worse_ratio(
    figure: Figure, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "BENCHES", {"one": lambda scale: [figure]})
    monkeypatch.setattr(bench, "read_baseline", lambda: {figure.name: kept(figure.value / 2)})
    monkeypatch.setattr(sys, "argv", ["bench", "--short", "--output", str(tmp_path / "results.json"), "one"])
    assert bench.main() == code
    out = capsys.readouterr().out
    assert "python -m tests.bench --short one" in out
    assert f"worse: {figure.name}" in out


def test_benchmark_that_fails_is_named_and_the_others_are_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(scale: object) -> list[Figure]:
        raise RuntimeError("no terminal")

    monkeypatch.setattr(bench, "BENCHES", {"bad": fail, "good": lambda scale: [TIME]})
    monkeypatch.setattr(baseline, "BASELINE", tmp_path / "none.json")
    monkeypatch.setattr(sys, "argv", ["bench", "--output", str(tmp_path / "results.json"), "bad", "good"])
    assert bench.main() == 1
    out = capsys.readouterr().out
    assert "bad could not be measured: RuntimeError: no terminal" in out
    assert "seconds" in out
