"""Statistics are drawn only while visible, at most once a second, in every theme and without colour."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import ContentSwitcher, Static

from ama_tui.domain.event import EngineSnapshot, EngineState, Totals
from ama_tui.ui.history import History
from ama_tui.ui.panels.statistics import CHARTS, Statistics, chart_title, total_lines
from ama_tui.ui.series import Point
from ama_tui.ui.theme import AMA_DARK, MEANINGS, style
from ama_tui.ui.widgets.chart import Chart, ChartData, Curve, axis_top, line_spans, merged
from ama_tui.ui.widgets.field_lines import Line, field
from ama_tui.ui.widgets.flow import flow
from ama_tui.ui.widgets.styled_text import INK_CLASSES, spans_width
from tests.ui.fakes import NOW, snapshot
from tests.ui.stage import HUGE, NARROW, WIDE, repaints, screen_text, until

BRAILLE = {chr(code) for code in range(0x2801, 0x2900)}


def at_second(second: int, **changes: object) -> EngineSnapshot:
    """A run this many seconds after `NOW`, its start: a fill every ten seconds, a wide spread in its second half."""
    state = snapshot(
        started_at_ms=int(NOW * 1000),
        read_at_ms=int((NOW + second) * 1000),
        best_ask6=2_500_100_000 + (400_000 if second > 60 else 0),
        totals=Totals(cycles=second, sent=2 * second, fills=second // 10),
    )
    return replace(state, **changes)  # type: ignore[arg-type]  # the tests name fields of the snapshot


def history_of(seconds: int) -> History:
    history = History()
    for second in range(seconds):
        history.note(at_second(second), NOW + second)
    return history


class StatisticsApp(App[None]):
    COMPONENT_CLASSES = set(INK_CLASSES)  # noqa: RUF012
    CSS_PATH = style("base")

    def __init__(self) -> None:
        super().__init__()
        self.register_theme(AMA_DARK)
        self.theme = AMA_DARK.name

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return MEANINGS

    def compose(self) -> ComposeResult:
        with ContentSwitcher(initial="statistics"):
            yield Statistics(id="statistics")
            yield Static("another tab", id="other")


@asynccontextmanager
async def statistics_of(
    seconds: int, size: tuple[int, int] = WIDE, **changes: Any
) -> AsyncIterator[tuple[Statistics, Pilot[None], History, EngineSnapshot]]:
    app = StatisticsApp()
    async with app.run_test(size=size) as pilot:
        panel = app.query_one(Statistics)
        history, state = history_of(seconds), at_second(seconds, **changes)
        panel.tick(state, history, NOW + seconds)
        await until(lambda: all(chart.text for chart in panel.query(Chart)), lambda: screen_text(app))
        await pilot.pause()
        yield panel, pilot, history, state


# content


@pytest.mark.parametrize("size", [NARROW, WIDE, HUGE])
async def test_every_chart_has_a_title_a_line_and_axes(size: tuple[int, int]) -> None:
    async with statistics_of(120, size) as (panel, _, history, _):
        for spec in CHARTS:
            chart = panel.query_one(f"#{spec.id}", Chart)
            assert chart.text.splitlines()[0].startswith(f" {spec.title}")
            assert set(chart.text) & BRAILLE
            assert "└" in chart.text
            assert "┤" in chart.text
            assert len(chart.text.splitlines()) <= chart.size.height
            assert max(map(len, chart.text.splitlines())) <= chart.size.width
        orders = "".join(text for text, _ in chart_title(CHARTS[0], history))
        assert orders == " Orders  ╌ target 120  ─ resting 120"


async def test_figures_show_rates_lifetime_totals_and_errors_by_kind() -> None:
    changes: dict[str, Any] = {
        "order_lifetime_s": 47.2,
        "errors_by_kind": (("rate limited", 3), ("no [answer]", 1)),
        "errors_last_minute": 2,
        "totals": Totals(cycles=119, sent=240, rejected=2, fills=12, cancelled=7, errors=4),
    }
    async with statistics_of(120, **changes) as (panel, _, _, _):
        text = screen_text(panel.app)
        for part in (
            "fills 12", "fill rate 6.00/min", "5.0% of orders sent", "median order lifetime 47s",
            "sent 240", "cancelled 7", "rejected 2", "crossed 0", "errors 4", "errors/min 2",
            "✗ rate limited 3", "✗ no [answer] 1",
        ):  # fmt: skip
            assert part in text


async def test_small_terminal_scrolls_to_the_charts_that_do_not_fit() -> None:
    async with statistics_of(120, NARROW) as (panel, pilot, _, _):
        assert "Orders" in screen_text(panel.app)
        assert "Fills per minute" not in screen_text(panel.app)
        panel.focus()
        await pilot.press("end")
        await pilot.pause(0.1)
        assert "Fills per minute" in screen_text(panel.app)


async def test_first_seconds_say_that_data_is_being_collected() -> None:
    async with statistics_of(1) as (panel, _, _, _):
        assert screen_text(panel.app).count("Collecting") == len(CHARTS)
        assert "errors none" in screen_text(panel.app)
        assert "–" in screen_text(panel.app)


def test_stale_run_shows_the_age_of_its_data_and_an_ended_one_stops_counting() -> None:
    history = history_of(60)
    stale = totals_text(total_lines(at_second(60), history, NOW + 90, 200))
    assert "chain data is 30s old" in stale
    ended = totals_text(total_lines(at_second(60, state=EngineState.STOPPED), history, NOW + 6000, 200))
    assert "chain data" not in ended
    assert "6.10/min" in ended


def totals_text(lines: list[Line]) -> str:
    return "\n".join("   ".join("".join(text for text, _ in one.spans) for one in line) for line in lines)


@pytest.mark.parametrize("width", [40, 80, 160])
def test_no_figure_is_left_out_at_any_width(width: int) -> None:
    lines = total_lines(at_second(60), history_of(60), NOW + 60, width)
    text = " ".join(totals_text(lines).split())
    for part in ("fill rate", "lifetime", "self-trades", "api requests", "errors none"):
        assert part in text
    assert all(sum(spans_width(one.spans) for one in line) + 3 * (len(line) - 1) <= width - 2 for line in lines)


@given(st.lists(st.integers(1, 60), max_size=20), st.integers(10, 120))
def test_flow_keeps_every_field_in_order(widths: list[int], width: int) -> None:
    fields = [field((str(index % 10) * one, "plain")) for index, one in enumerate(widths)]
    assert [field for line in flow(fields, width) for field in line] == fields


# when charts are drawn


async def test_nothing_is_drawn_while_another_tab_is_shown() -> None:
    async with statistics_of(120) as (panel, pilot, history, state):
        panel.app.query_one(ContentSwitcher).current = "other"
        await pilot.pause()
        shown = [chart.text for chart in panel.query(Chart)]
        for second in range(121, 160):
            history.note(at_second(second), NOW + second)
            panel.tick(at_second(second), history, NOW + second)
        await pilot.pause()
        assert [chart.text for chart in panel.query(Chart)] == shown
        panel.app.query_one(ContentSwitcher).current = "statistics"
        await pilot.pause()
        for quarter in range(4 * len(CHARTS)):
            panel.tick(state, history, NOW + 160 + quarter / 4)
        assert all(chart.text != before for chart, before in zip(panel.query(Chart), shown, strict=True))


async def test_each_chart_is_drawn_at_most_once_a_second_and_one_per_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    async with statistics_of(120) as (panel, _, history, state):
        drawn: list[str] = []
        monkeypatch.setattr(Chart, "show", lambda chart, title, data: drawn.append(chart.id or ""))
        for quarter in range(1, 41):
            before = len(drawn)
            panel.tick(state, history, NOW + 120 + quarter / 4)
            assert len(drawn) <= before + 1
        assert {drawn.count(spec.id) for spec in CHARTS} <= set(range(5, 11))


async def test_unchanged_lines_are_not_repainted() -> None:
    async with statistics_of(120) as (panel, pilot, history, state):
        painted = [repaints(chart) for chart in panel.query(Chart)]
        figures = repaints(panel.query_one("#totals"))
        for quarter in range(40):
            panel.tick(state, history, NOW + 121 + quarter / 4)
        await pilot.pause()
        assert painted == [[]] * len(CHARTS)
        assert set(figures) == {0}


async def test_layout_follows_a_smaller_terminal() -> None:
    async with statistics_of(120) as (panel, pilot, _, _):
        await pilot.resize_terminal(80, 24)
        await pilot.pause(0.1)
        for chart in panel.query(Chart):
            assert chart.size.width >= 70
            assert max(map(len, chart.text.splitlines())) <= chart.size.width


# colours


@pytest.mark.parametrize("theme", ["ama-dark", "textual-light", "ansi-dark"])
async def test_charts_take_their_colours_from_the_theme(theme: str) -> None:
    async with statistics_of(120) as (panel, pilot, _, _):
        panel.app.theme = theme
        await pilot.pause()
        chart = panel.query_one("#orders", Chart)
        styles = [
            segment.style for y in range(chart.size.height) for segment in chart.render_line(y) if segment.text.strip()
        ]
        assert {one.color for one in styles if one} <= {
            chart.ink(ink).color for ink in ("plain", "label", "strong", "ours", "rule")
        }
        assert len({one.color for one in styles if one}) >= 3


def test_plotext_colours_become_theme_colours_and_the_axes_are_dimmed() -> None:
    line = "120┤\x1b[0m\x1b[38;5;5m⣀⣀\x1b[0m  \x1b[0m\x1b[38;5;8m×\x1b[0m"
    assert line_spans(line) == (("120┤", "label"), ("⣀⣀", "ours"), ("  ", "label"), ("×", "danger"))


def test_every_curve_of_a_chart_has_its_own_sign() -> None:
    for spec in CHARTS:
        signs = [curve.sign for curve in spec.curves]
        assert len(set(signs)) == len(signs)


# chart arithmetic


@given(st.floats(0, 1e12), st.floats(0.001, 1e6))
def test_axis_reaches_beyond_the_largest_value(largest: float, least: float) -> None:
    top = axis_top(largest, least)
    assert top >= largest
    assert top >= least * 0.999
    assert top <= max(2.6 * largest, 2.6 * least)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300), st.integers(1, 100))
def test_merging_points_keeps_their_extremes(values: list[float], most: int) -> None:
    points = [Point(float(index), value, value, value) for index, value in enumerate(values)]
    result = merged(points, most)
    assert 1 <= len(result) <= most
    assert min(point.low for point in result) == min(values)
    assert max(point.high for point in result) == max(values)
    assert [point.at for point in result] == sorted(point.at for point in result)


def test_constant_and_all_zero_values_can_be_charted() -> None:
    from textual_plotext import Plot

    from ama_tui.ui.widgets.chart import drawn

    for value in (0.0, 7.0):
        points = [Point(float(second), value, value, value) for second in range(5)]
        data = ChartData((Curve("x", points, "ours"), Curve("y", points, "danger", "×", "×", sparse=True)), 0.0, 4.0)
        lines = drawn(Plot(), data, 40, 10)
        assert len(lines) == 10
        assert {spans_width(line) for line in lines} == {40}
        assert any(ink == "danger" for line in lines for _, ink in line) == (value > 0)


def test_importing_the_panel_does_not_load_plotext() -> None:
    code = "import sys, ama_tui.ui.panels.statistics; assert not {'plotext', 'textual_plotext'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
