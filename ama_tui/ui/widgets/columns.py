"""Columns of a grid: how a row becomes cells, which columns fit, and how rows are sorted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from rich.cells import cell_len

from ama_tui.ui.format import pad
from ama_tui.ui.widgets.styled_text import Span, spans_width

R = TypeVar("R")
Cell = tuple[Span, ...]
GAP = 2


@dataclass(frozen=True, slots=True)
class Column(Generic[R]):
    """One column of a grid."""

    key: str
    title: str
    width: int
    """In cells; the least width for a column that grows."""
    cell: Callable[[R, int, float], Cell]
    """Turns a row, the column's width and the time (Unix seconds) into spans."""
    right: bool = False
    """Whether cells and title are right-aligned."""
    rank: int = 0
    """The column with the highest rank is dropped first when room is short."""
    grows: bool = False
    """Whether the column takes the remaining room."""
    sort: Callable[[R], Any] | None = None
    """The value rows are sorted by, None for a row without one. Without `sort` the column cannot be sorted by."""


@dataclass(frozen=True, slots=True)
class SortOrder:
    """The column that rows are sorted by; '' keeps the order of the source."""

    column: str = ""
    descending: bool = False


def sorted_rows(rows: Sequence[R], value: Callable[[R], Any], *, descending: bool) -> list[R]:
    """Rows sorted by their values; rows without a value come last in either direction."""
    keyed = [(value(row), row) for row in rows]
    with_value = [pair for pair in keyed if pair[0] is not None]
    with_value.sort(key=lambda pair: pair[0], reverse=descending)
    return [row for _, row in with_value] + [row for key, row in keyed if key is None]


def fit_columns(columns: Sequence[Column[R]], room: int) -> tuple[tuple[Column[R], int], ...]:
    """The columns that fit into `room` cells, each with its width."""
    kept = list(columns)
    while len(kept) > 1 and sum(column.width + GAP for column in kept) - GAP > room:
        worst = max(range(len(kept)), key=lambda index: (kept[index].rank, index))
        del kept[worst]
    spare = max(0, room - sum(column.width + GAP for column in kept) + GAP)
    widths: list[tuple[Column[R], int]] = []
    for column in kept:
        extra = spare if column.grows else 0
        spare -= extra
        widths.append((column, column.width + extra))
    return tuple(widths)


def fitted(cell: Cell, width: int, *, right: bool) -> Cell:
    """Fit a cell to exactly `width` cells: cut with '…' or padded with spaces (on the left when `right`)."""
    blank = width - spans_width(cell)
    if blank == 0:
        return cell
    if blank > 0:
        filling: Span = (" " * blank, "plain")
        return (filling, *cell) if right else (*cell, filling)
    kept: list[Span] = []
    for text, ink in cell:
        kept.append((pad(text, width) if cell_len(text) > width else text, ink))
        width -= cell_len(kept[-1][0])
    return tuple(kept)


def muted(spans: Sequence[Span]) -> list[Span]:
    """Spans of stale data: without colour, except warnings."""
    return [(text, ink if ink in ("warn", "danger", "rule") else "label") for text, ink in spans]
