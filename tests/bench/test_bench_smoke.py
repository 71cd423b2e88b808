"""Every benchmark can be run and returns figures; what they say is nobody's test."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from tests.bench.catalogue import BENCHES
from tests.bench.figures import Figure, at_most, under
from tests.bench.report import table, write_results
from tests.bench.scale import TINY


@pytest.mark.parametrize("name", BENCHES)
def test_benchmark_returns_figures(name: str) -> None:
    figures = BENCHES[name](TINY)
    assert figures
    for figure in figures:
        assert math.isfinite(figure.value)
        assert figure.value > 0
        assert figure.name in table(figures)


def test_verdict_of_a_figure_at_its_goal_depends_on_the_goal_being_strict() -> None:
    assert Figure("requests", 3, "", at_most(3)).verdict == "ok"
    assert Figure("seconds", 5, "s", under(5)).verdict == "over"
    assert Figure("rate", 5, "1/s").verdict == ""


def test_results_file_holds_every_figure_and_every_failure(tmp_path: Path) -> None:
    path = tmp_path / "bench-results.json"
    write_results(path, [Figure("requests", 3, "", at_most(3), "one fleet")], {"paint": "no terminal"})
    results = json.loads(path.read_text(encoding="utf-8"))
    assert results["figures"] == [
        {"name": "requests", "value": 3, "unit": "", "goal": "≤ 3", "verdict": "ok", "detail": "one fleet"}
    ]
    assert results["failures"] == {"paint": "no terminal"}
