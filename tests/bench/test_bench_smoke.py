"""Every benchmark runs and returns figures; the figures themselves are not tested."""

from __future__ import annotations

import math

import pytest

from tests.bench.catalogue import BENCHES, SUITES, Suite
from tests.bench.report import Row, table
from tests.bench.scale import TINY


@pytest.mark.parametrize("name", BENCHES)
def test_benchmark_returns_figures(name: str) -> None:
    figures = BENCHES[name](TINY)
    assert figures
    for figure in figures:
        assert math.isfinite(figure.value)
        assert figure.value >= -1e-9  # a difference of two nearly equal times
        assert figure.name in table([Row(figure, "")])
    assert len({figure.name for figure in figures}) == len(figures)


@pytest.mark.parametrize("suite", SUITES.values(), ids=SUITES)
def test_suite_names_benchmarks_that_exist(suite: Suite) -> None:
    assert set(suite.names) <= set(BENCHES)
