"""A line chart over time, laid out by plotext and coloured with the dashboard's inks.

plotext draws in numbered colours, each of which stands for an ink; the axes have no colour. plotext is loaded when
the first chart is drawn, not with this module.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil, floor, log10
from typing import TYPE_CHECKING

from textual.geometry import Region
from textual.strip import Strip

from ama_tui.ui.series import Point
from ama_tui.ui.widgets.styled_text import Ink, Painted, Span

if TYPE_CHECKING:
    from textual_plotext import Plot

_INKS: tuple[Ink, ...] = ("plain", "label", "strong", "bid", "ask", "ours", "good", "warn", "danger", "rule")
"""The inks of plotext's colours 0, 1, 2 …"""

_COLOUR = re.compile(r"\x1b\[38;5;(\d+)m|\x1b\[0m")

LEAST_WIDTH, LEAST_HEIGHT = 24, 6
"""Smaller charts would show only their axes, so only the title is drawn."""

HEADROOM = 1.04
"""The axis ends at least this factor above the largest value; no line runs along the edge."""

POINTS_PER_CELL = 2
"""A braille cell is two dots wide; more points than that are merged before drawing."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One measure over time."""

    name: str
    points: Sequence[Point]
    ink: Ink
    marker: str = "braille"
    """plotext's marker: 'braille' for a fine line, or the character to draw with."""
    sign: str = "─"
    """What the line looks like, for the title; tells curves apart without colour."""
    sparse: bool = False
    """Draw marks where the value is above 0 instead of a line."""


@dataclass(frozen=True, slots=True)
class ChartData:
    """The curves and axes of a chart. The vertical axis starts at 0."""

    curves: tuple[Curve, ...]
    began: float
    """The left end of the horizontal axis in Unix seconds."""
    ended: float
    """The right end of the horizontal axis in Unix seconds."""
    least_top: float = 1.0
    """The least upper end of the vertical axis."""
    number: Callable[[float], str] = "{:,.0f}".format
    """Formats the numbers of the vertical axis."""
    clock: Callable[[float], str] = str
    """Formats the times of the horizontal axis."""

    @property
    def is_empty(self) -> bool:
        """Whether there is no line to draw yet."""
        return self.ended <= self.began or not any(len(curve.points) > 1 for curve in self.curves)


def merged(points: Sequence[Point], most: int) -> list[Point]:
    """At most `most` points; neighbours are merged into one with their least, mean and greatest value."""
    run = max(1, -(-len(points) // max(1, most)))
    if run == 1:
        return list(points)
    parts = [points[start : start + run] for start in range(0, len(points), run)]
    return [
        Point(
            sum(point.at for point in part) / len(part),
            min(point.low for point in part),
            sum(point.mean for point in part) / len(part),
            max(point.high for point in part),
        )
        for part in parts
    ]


def axis_top(largest: float, least: float) -> float:
    """The upper end of an axis from 0: the next of 1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8 times a power of ten.

    `least` is its least value, above 0.
    """
    needed = max(largest * HEADROOM, least)
    power = 10.0 ** floor(log10(needed))
    return next(step * power for step in (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if step * power >= needed * 0.999999)


def drawn(plot: Plot, data: ChartData, width: int, height: int) -> list[tuple[Span, ...]]:
    """The chart as lines of spans, `width` by `height` cells."""
    plot.clear_figure()
    plot.theme("clear")
    plot.plotsize(width, height)
    plot._set_size(width, height)  # plotsize alone is limited to the terminal size that plotext detects
    largest = max(point.high for curve in data.curves for point in curve.points)
    top = axis_top(largest, data.least_top)
    for curve in data.curves:
        _draw(plot, curve, POINTS_PER_CELL * width)
    ticks = [0.0, top] if height < 8 else [0.0, top / 2, top]
    labels = [data.number(tick) for tick in ticks]
    plot.ylim(0, top)
    plot.yticks(ticks, [label.rjust(max(map(len, labels))) for label in labels])
    plot.xlim(data.began, data.ended)
    moments = [data.began, (data.began + data.ended) / 2, data.ended] if width >= 44 else [data.began, data.ended]
    plot.xticks(moments, [data.clock(moment) for moment in moments])
    plot.xaxes(True, False)
    plot.yaxes(True, False)
    return [line_spans(line) for line in plot.build().split("\n")[:height]]


def _draw(plot: Plot, curve: Curve, most: int) -> None:
    """Draw a curve's means, over a muted band from its least to its greatest values where they differ."""
    points = merged(curve.points, most)
    if curve.sparse:
        points = [point for point in points if point.high > 0]
    if not points:
        return
    colour = _INKS.index(curve.ink)
    if curve.sparse:
        plot.scatter(
            [point.at for point in points], [point.high for point in points], marker=curve.marker, color=colour
        )
        return
    if any(point.high > point.low for point in points):
        band = [(point.at, edge) for point in points for edge in (point.low, point.high)]
        plot.plot([at for at, _ in band], [edge for _, edge in band], marker="braille", color=_INKS.index("rule"))
    xs = [point.at for point in points]
    plot.plot(xs, [point.mean for point in points], marker=curve.marker, color=colour)


def line_spans(line: str) -> tuple[Span, ...]:
    """One line of plotext's output with its colour numbers replaced by inks; the axes are muted."""
    spans: list[Span] = []
    ink: Ink = "label"
    start = 0
    for match in _COLOUR.finditer(line):
        if match.start() > start:
            spans.append((line[start : match.start()], ink))
        number = match.group(1)
        ink = "label" if number is None else _INKS[int(number)]
        start = match.end()
    if start < len(line):
        spans.append((line[start:], ink))
    return tuple(spans)


class Chart(Painted):
    """A chart below a title line with its curves and their latest values."""

    DEFAULT_CSS = "Chart { width: 1fr; height: 1fr; background: $background; }"
    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._title: tuple[Span, ...] = ()
        self._data: ChartData | None = None
        self._lines: list[tuple[Span, ...]] = []

    @cached_property
    def _plot(self) -> Plot:
        from textual_plotext import Plot

        return Plot()

    @property
    def text(self) -> str:
        """The visible lines as plain text."""
        return "\n".join("".join(text for text, _ in line).rstrip() for line in self._lines)

    def show(self, title: tuple[Span, ...], data: ChartData) -> None:
        """Show these curves; only changed lines are repainted."""
        self._title, self._data = title, data
        self._draw()

    def _draw(self) -> None:
        if self._data is None:
            return
        before, self._lines = self._lines, self._drawn(self._data)
        width = self.size.width
        changed = [
            Region(0, y, width, 1) for y, line in enumerate(self._lines) if y >= len(before) or before[y] != line
        ]
        changed += [Region(0, y, width, 1) for y in range(len(self._lines), len(before))]
        if changed:
            self.refresh(*changed)

    def _drawn(self, data: ChartData) -> list[tuple[Span, ...]]:
        width, height = self.size
        if width < LEAST_WIDTH or height < LEAST_HEIGHT:
            return [self._title] if height else []
        if data.is_empty:
            blank: list[tuple[Span, ...]] = [()] * max(0, ceil((height - 3) / 2))
            return [self._title, *blank, ((_centred("Collecting data…", width), "label"),)]
        return [self._title, *drawn(self._plot, data, width, height - 1)]

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        return self.strip(self._lines[y], width) if y < len(self._lines) else Strip.blank(width, self.rich_style)

    def on_resize(self) -> None:
        self._draw()
        self.refresh()


def _centred(text: str, width: int) -> str:
    return text.center(width) if len(text) <= width else text[:width]
