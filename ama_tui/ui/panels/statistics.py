"""The statistics of a run: charts over time and totals."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import NamedTuple

from textual import work
from textual.app import ComposeResult
from textual.containers import Grid, VerticalScroll

from ama_tui.domain.event import EngineSnapshot, Totals
from ama_tui.domain.fill_quality import HORIZONS_S, Edge, FillQuality
from ama_tui.ui.format import age, clock, plain, whole_age
from ama_tui.ui.history import History, Measure
from ama_tui.ui.panels.fragments import pair
from ama_tui.ui.states import is_stale
from ama_tui.ui.widgets.chart import Chart, ChartData, Curve
from ama_tui.ui.widgets.field_lines import Field, FieldLines, Line, field
from ama_tui.ui.widgets.flow import flow
from ama_tui.ui.widgets.styled_text import Ink, Span

REFRESH_SECONDS = 1.0
"""Seconds between two drawings of a chart. After the first round each tick draws at most one chart."""

CHART_ROWS = 9
"""The least height of a chart in lines; the panel scrolls when the charts do not fit."""

MOST_KINDS = 6
"""Error kinds listed by name; the others are counted together."""

LONG_SECONDS = 3600
"""From this span on, the time axis omits the seconds."""


class _CurveSpec(NamedTuple):
    measure: Measure
    name: str
    ink: Ink
    marker: str = "braille"
    sign: str = "─"
    sparse: bool = False


@dataclass(frozen=True, slots=True)
class ChartSpec:
    """One chart."""

    id: str
    title: str
    curves: tuple[_CurveSpec, ...]
    least_top: float
    """The least upper end of the vertical axis."""
    number: Callable[[float], str]
    """Formats the numbers of the axis and the title."""
    extra: Measure | None = None
    """A measure shown only as a number in the title, with one decimal and `extra_unit`."""
    extra_unit: str = ""


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _short(value: float) -> str:
    return f"{value:,.1f}" if 0 < value < 100 and value != int(value) else f"{value:,.0f}"


def _percent(value: float) -> str:
    return f"{value:.1%}" if 0 < value < 0.1 else f"{value:.0%}"


CHARTS: tuple[ChartSpec, ...] = (
    ChartSpec(
        "orders", "Orders",
        (_CurveSpec("target", "target", "label", "╌", "╌"), _CurveSpec("resting", "resting", "ours")),
        2, _whole,
    ),
    ChartSpec("margin", "Margin", (_CurveSpec("utilization", "reserved / cap", "ours"),), 0.1, _percent),
    ChartSpec(
        "spread", "Spread", (_CurveSpec("spread_ticks", "ticks", "plain"),), 2, _short,
        extra="spread_bp", extra_unit="bp",
    ),
    ChartSpec(
        "actions", "Actions per minute",
        (
            _CurveSpec("actions_per_minute", "actions", "plain"),
            _CurveSpec("errors_per_minute", "errors", "danger", "×", "×", sparse=True),
        ),
        4, _short,
    ),
    ChartSpec("fills", "Fills", (_CurveSpec("fills", "total", "ours"),), 4, _short),
    ChartSpec("fill-rate", "Fills per minute", (_CurveSpec("fills_per_minute", "last minute", "ours"),), 2, _short),
)  # fmt: skip
"""All charts in screen order. Later curves are drawn over earlier ones."""


def chart_title(spec: ChartSpec, history: History) -> tuple[Span, ...]:
    """'Orders  ╌ target 120  ─ resting 118': the sign, name and latest value of every curve."""
    spans: list[Span] = [(f" {spec.title}", "strong")]
    for curve in spec.curves:
        latest = history.latest(curve.measure)
        spans += [
            (f"  {curve.sign} ", curve.ink),
            (f"{curve.name} ", "label"),
            ("–" if latest is None else spec.number(latest), "plain"),
        ]
    if spec.extra is not None:
        extra = history.latest(spec.extra)
        spans.append(("" if extra is None else f"  {extra:,.1f} {spec.extra_unit}", "plain"))
    return tuple(spans)


def chart_data(spec: ChartSpec, history: History) -> ChartData:
    """A chart's part of the history."""
    span = history.ended - history.began
    return ChartData(
        tuple(
            Curve(curve.name, history.points(curve.measure), curve.ink, curve.marker, curve.sign, curve.sparse)
            for curve in spec.curves
        ),
        history.began,
        history.ended,
        spec.least_top,
        spec.number,
        (lambda moment: clock(moment)[:5]) if span >= LONG_SECONDS else clock,
    )


def _total(label: str, number: int, ink: Ink = "plain") -> Field:
    return pair(label, (f"{number:,}", ink if number else "plain"))


def fill_fields(snapshot: EngineSnapshot, history: History, now: float) -> list[Field]:
    """The number and rate of fills, and how long orders rest."""
    totals = snapshot.totals
    until = history.ended if snapshot.state.is_final and history.ended else now
    minutes = (until - snapshot.started_at_ms / 1000) / 60 if snapshot.started_at_ms else 0.0
    rate = f"{totals.fills / minutes:,.2f}/min" if minutes > 0 else "–/min"
    share = f"{totals.fills / totals.sent:.1%} of orders sent" if totals.sent else "no orders sent"
    lifetime = snapshot.order_lifetime_s
    return [
        pair("fills", (f"{totals.fills:,}", "ours")),
        pair("fill rate", (rate, "strong")),
        field((share, "plain")),
        pair("median order lifetime", ("–", "label") if lifetime is None else (age(lifetime), "strong")),
        *_stale_field(snapshot, now),
    ]


def quality_fields(quality: FillQuality) -> list[Field]:
    """What the fills captured of the spread, and where the price was 5 s, 30 s and 5 m later, in basis points."""
    fields = [pair("captured", _edge(quality.captured))]
    for seconds, edge in zip(HORIZONS_S, quality.markouts, strict=True):
        fields.append(pair(f"markout {whole_age(seconds)}", _edge(edge)))
    return fields


def _edge(edge: Edge) -> Span:
    if edge.bps is None:
        return "–", "label"
    return f"{edge.bps:+.1f} bp", "warn" if edge.bps < 0 else "plain"


def _stale_field(snapshot: EngineSnapshot, now: float) -> Iterable[Field]:
    if is_stale(snapshot, now):
        yield field((f"chain data is {whole_age(now - snapshot.read_at_ms / 1000)} old", "warn"))


def total_fields(totals: Totals) -> list[Field]:
    """The totals of this run so far."""
    return [
        _total("cycles", totals.cycles),
        _total("sent", totals.sent),
        _total("cancelled", totals.cancelled),
        _total("rejected", totals.rejected, "warn"),
        _total("crossed", totals.crossed, "danger"),
        _total("beaten to the level", totals.overtaken, "warn"),
        _total("self-trades", totals.self_trades, "warn"),
        _total("taker trades", totals.taker_trades),
        _total("moved", totals.modifies),
        _total("kept", totals.kept),
        _total("rpc requests", totals.rpc_requests),
        _total("api requests", totals.api_requests),
    ]


def error_fields(snapshot: EngineSnapshot) -> list[Field]:
    """The errors by kind, most frequent first."""
    kinds = snapshot.errors_by_kind
    if not kinds and not snapshot.totals.errors:
        return [pair("errors", ("none", "good"))]
    fields = [
        pair("errors", (f"{snapshot.totals.errors:,}", "danger")),
        pair("errors/min", (f"{snapshot.errors_last_minute:,}", "plain")),
        *(
            field(("✗ ", "danger"), (plain(kind), "plain"), (f" {number:,}", "strong"))
            for kind, number in kinds[:MOST_KINDS]
        ),
    ]  # fmt: skip
    others = sum(number for _, number in kinds[MOST_KINDS:])
    return [*fields, pair("other kinds", (f"{others:,}", "strong"))] if others else fields


def total_lines(snapshot: EngineSnapshot, history: History, now: float, width: int) -> list[Line]:
    """The totals of a run, on a panel of `width` cells."""
    return [
        *flow(fill_fields(snapshot, history, now), width),
        *flow(quality_fields(snapshot.fill_quality), width),
        *flow(total_fields(snapshot.totals), width),
        *flow(error_fields(snapshot), width),
    ]


class Statistics(VerticalScroll, can_focus=True):
    """Shows a run's history while it is visible. Loads plotext when first shown."""

    DEFAULT_CSS = """
    Statistics { background: $background; scrollbar-size: 0 1; scrollbar-gutter: stable; }
    Statistics #totals { height: auto; margin: 0 0 1 0; }
    Statistics #charts { grid-size: 1; grid-gutter: 0 1; height: 1fr; }
    Statistics.-two #charts { grid-size: 2; }
    Statistics.-three #charts { grid-size: 3; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._latest: tuple[EngineSnapshot, History, float] | None = None
        self._drawn_at: dict[str, float] = {}
        self._totals_at = 0.0
        self._is_loading = self._is_loaded = False

    def compose(self) -> ComposeResult:
        yield FieldLines(id="totals")
        with Grid(id="charts"):
            for spec in CHARTS:
                yield Chart(id=spec.id)

    @property
    def is_in_view(self) -> bool:
        """Whether any part of the panel is on the screen."""
        return self.is_mounted and bool(self.size) and self.is_on_screen

    def tick(self, snapshot: EngineSnapshot, history: History, now: float) -> None:
        """Show a run's history as of `now` (Unix seconds), at most once a second and only while visible."""
        self._latest = (snapshot, history, now)
        if not self.is_in_view:
            return
        if abs(now - self._totals_at) >= REFRESH_SECONDS:
            self._totals_at = now
            lines = total_lines(snapshot, history, now, self.scrollable_content_region.width)
            self.query_one("#totals", FieldLines).show(lines)
        if self._is_loaded:
            self._draw_next(history, now)
        elif not self._is_loading:
            self._is_loading = True
            self._load()

    @work(group="load", exclusive=True)
    async def _load(self) -> None:
        await asyncio.to_thread(import_module, "textual_plotext")
        self._is_loaded = True
        if self._latest is not None:
            for spec in CHARTS:
                self._draw(spec, self._latest[1], self._latest[2])

    def _draw_next(self, history: History, now: float) -> None:
        """Draw the chart that has waited longest, if it is due."""
        spec = min(CHARTS, key=lambda chart: self._drawn_at.get(chart.id, 0.0))
        if abs(now - self._drawn_at.get(spec.id, 0.0)) >= REFRESH_SECONDS:
            self._draw(spec, history, now)

    def _draw(self, spec: ChartSpec, history: History, now: float) -> None:
        self._drawn_at[spec.id] = now
        self.query_one(f"#{spec.id}", Chart).show(chart_title(spec, history), chart_data(spec, history))

    def on_resize(self) -> None:
        width = self.size.width
        columns = 3 if width >= 150 else 2 if width >= 100 else 1
        self.set_class(columns == 2, "-two")
        self.set_class(columns == 3, "-three")
        self.query_one("#charts").styles.min_height = CHART_ROWS * -(-len(CHARTS) // columns)
        self._totals_at = 0.0
        if self._latest is not None:
            self.call_after_refresh(self.tick, *self._latest)
