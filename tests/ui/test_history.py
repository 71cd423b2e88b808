"""A run's history stays small however long it runs, and keeps its values right while slots are merged."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ama_tui.domain.event import EngineSnapshot, EngineState, Totals
from ama_tui.ui.history import CAPACITY, MEASURES, History
from ama_tui.ui.series import Series
from tests.ui.fakes import NOW, snapshot, wallet


def size_of(thing: object, seen: set[int] | None = None) -> int:
    """The bytes of an object and everything it holds."""
    seen = set() if seen is None else seen
    if id(thing) in seen or isinstance(thing, type):
        return 0
    seen.add(id(thing))
    size = sys.getsizeof(thing)
    if isinstance(thing, Mapping):
        return size + sum(size_of(one, seen) for pair in thing.items() for one in pair)
    if isinstance(thing, Iterable) and not isinstance(thing, str | bytes | array):
        return size + sum(size_of(one, seen) for one in thing)
    slots = getattr(type(thing), "__slots__", ())
    held = [getattr(thing, name) for name in slots] or list(getattr(thing, "__dict__", {}).values())
    return size + sum(size_of(one, seen) for one in held)


AT_THE_START = snapshot(wallets=2, started_at_ms=int(NOW * 1000))


def running(second: int) -> EngineSnapshot:
    """A run that places two orders a second and has a fill every ten seconds."""
    totals = Totals(cycles=second, sent=2 * second, fills=second // 10)
    return replace(AT_THE_START, totals=totals, best_ask6=2_500_100_000 + second % 7 * 10_000)


@dataclass(frozen=True)
class Day:
    history: History
    bytes_after_an_hour: int


@pytest.fixture(scope="module")
def day() -> Day:
    """A run of 86,400 seconds, recorded every second."""
    history, after_an_hour = History(), 0
    for second in range(86_400):
        history.note(running(second), NOW + second)
        if second == 3600:
            after_an_hour = size_of(history)
    return Day(history, after_an_hour)


def test_history_of_a_day_is_no_larger_than_that_of_an_hour(day: Day) -> None:
    assert size_of(day.history) <= day.bytes_after_an_hour * 1.1
    assert day.bytes_after_an_hour < 300_000
    for measure in MEASURES:
        points = day.history.points(measure)
        assert CAPACITY // 2 <= len(points) <= CAPACITY
        assert points[0].at == NOW
        assert points[-1].at >= NOW + 86_400 - 2 * day.history._stride


def test_peaks_and_means_are_still_right_after_a_day(day: Day) -> None:
    history = day.history
    spreads = history.points("spread_ticks")
    assert {(point.low, point.high) for point in spreads} == {(20.0, 26.0)}
    assert all(22.5 < point.mean < 23.5 for point in spreads)
    fills = history.points("fills")
    assert [point.low for point in fills] == sorted(point.low for point in fills)
    assert fills[-1].high == 86_399 // 10
    assert history.latest("actions_per_minute") == pytest.approx(120)
    assert history.latest("fills_per_minute") == pytest.approx(6)
    assert history.points("actions_per_minute")[-1].mean == pytest.approx(120)


def test_snapshot_provides_every_measure() -> None:
    history = History()
    state = snapshot(totals=Totals(sent=30, cancelled=2, fills=8), errors_last_minute=3)
    assert history.note(replace(state, wallets=(wallet(0), wallet(1, bids=4, asks=5))), NOW)
    reserved6 = (12 + 9) * 19_000_000
    assert {measure: history.latest(measure) for measure in MEASURES} == {
        "resting": 21,
        "target": 24,
        "utilization": pytest.approx(reserved6 / (2 * 1_999_800_000)),
        "spread_ticks": 20,
        "spread_bp": pytest.approx(0.8),
        "actions_per_minute": pytest.approx(32 * 60 / 724),
        "fills": 8,
        "fills_per_minute": pytest.approx(8 * 60 / 724),
        "errors_per_minute": 3,
    }
    assert (history.began, history.ended, history._stride) == (NOW, NOW, 1)


def test_one_sided_book_has_no_spread_and_zero_collateral_no_utilization() -> None:
    history = History()
    history.note(snapshot(best_bid6=None, wallets=0), NOW)
    assert history.points("spread_ticks") == history.points("utilization") == []
    assert history.latest("spread_bp") is None
    history.note(snapshot(), NOW + 1)
    assert [point.at for point in history.points("spread_ticks")] == [NOW + 1]
    assert len(history.points("resting")) == 2


def test_at_most_one_snapshot_per_second_is_recorded() -> None:
    history = History()
    kept = [history.note(snapshot(), NOW + quarter / 4) for quarter in range(40)]
    assert kept == [True, False, False, False] * 10
    assert len(history.points("resting")) == 10


@pytest.mark.parametrize("state", [EngineState.READY, EngineState.PREPARING])
def test_nothing_is_recorded_before_the_run_begins(state: EngineState) -> None:
    history = History()
    assert not history.note(snapshot(state), NOW)
    assert not history.note(snapshot(run_id=""), NOW)
    assert history.points("resting") == []


def test_only_the_first_snapshot_of_an_ended_run_is_recorded() -> None:
    history = History()
    history.note(snapshot(), NOW)
    assert history.note(snapshot(EngineState.STOPPED, wallets=0), NOW + 0.2)
    assert not history.note(snapshot(EngineState.STOPPED), NOW + 60)
    assert history.latest("resting") == 0


@pytest.mark.parametrize("change", [{"run_id": "another"}, {"started_at_ms": int(NOW * 1000)}])
def test_another_run_starts_a_new_history(change: dict[str, Any]) -> None:
    history = History()
    for second in range(700):
        history.note(snapshot(), NOW + second)
    history.note(snapshot(totals=Totals(sent=4), **change), NOW + 700)
    assert [(point.at, point.mean) for point in history.points("resting")] == [(NOW + 700, 120)]
    assert history._stride == 1
    assert history.run_id == change.get("run_id", snapshot().run_id)


def test_rate_of_the_first_minute_covers_the_run_so_far_then_the_last_minute() -> None:
    history = History()
    seen = []
    for second in range(1, 91):
        history.note(snapshot(totals=Totals(sent=min(120, 24 * second)), started_at_ms=int(NOW * 1000)), NOW + second)
        seen.append(history.latest("actions_per_minute"))
    assert seen[:5] == [24, 48, 72, 96, 120]
    assert set(seen[5:60]) == {120}
    assert seen[60:66] == pytest.approx([96, 72, 48, 24, 0, 0])


def test_rate_after_a_gap_is_the_mean_over_the_gap() -> None:
    history = History()
    history.note(snapshot(totals=Totals(sent=100), started_at_ms=int(NOW * 1000)), NOW + 10)
    history.note(snapshot(totals=Totals(sent=700), started_at_ms=int(NOW * 1000)), NOW + 610)
    assert history.latest("actions_per_minute") == pytest.approx(60)


def test_clock_jumps_backwards_or_far_forward_lose_nothing() -> None:
    history = History()
    for moment in (NOW, NOW + 50, NOW + 20, NOW + 51, NOW + 4_000_000):
        assert history.note(snapshot(), moment)
    points = history.points("resting")
    assert [point.mean for point in points] == [120] * len(points)
    assert len(points) == 2
    assert history._stride == 8192


@given(st.lists(st.none() | st.floats(-1e6, 1e6), min_size=2, max_size=32).filter(lambda values: len(values) % 2 == 0))
def test_merging_slots_keeps_minimum_maximum_and_mean(values: list[float | None]) -> None:
    series = Series(len(values))
    for slot, value in enumerate(values):
        if value is not None:
            series.note(slot, value)
    series.halve()
    for slot in range(len(values) // 2):
        known = [value for value in values[2 * slot : 2 * slot + 2] if value is not None]
        point = series.point(slot, 0.0)
        if not known:
            assert point is None
        else:
            assert point is not None
            assert (point.low, point.high) == (min(known), max(known))
            assert point.mean == pytest.approx(sum(known) / len(known))
    assert series.point(len(values) - 1, 0.0) is None
