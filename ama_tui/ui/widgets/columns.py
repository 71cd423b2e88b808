"""What a grid shows: how a row becomes cells, which columns fit, and by what rows are sorted."""

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
    """One column. `cell` turns a row, the column's width and the time (Unix seconds) into spans.

    The column of the highest `rank` is left out first when room is short; the one that `grows` takes
    the room that is left, and `width` is then the least it needs. `sort` gives what rows are sorted by,
    None for a row without a value; a column without `sort` cannot be sorted by.
    """

    key: str
    title: str
    width: int
    cell: Callable[[R, int, float], Cell]
    right: bool = False
    rank: int = 0
    grows: bool = False
    sort: Callable[[R], Any] | None = None


@dataclass(frozen=True, slots=True)
class SortOrder:
    """The column that rows are sorted by; '' leaves them as they come."""

    column: str = ""
    descending: bool = False


def sorted_rows(rows: Sequence[R], value: Callable[[R], Any], *, descending: bool) -> list[R]:
    """Rows by their values; those without one come last either way."""
    present = [(value(row), row) for row in rows]
    having = [pair for pair in present if pair[0] is not None]
    having.sort(key=lambda pair: pair[0], reverse=descending)
    return [row for _, row in having] + [row for found, row in present if found is None]


def fit_columns(columns: Sequence[Column[R]], room: int) -> tuple[tuple[Column[R], int], ...]:
    """The columns that fit into `room` cells, each with its width."""
    kept = list(columns)
    while len(kept) > 1 and sum(column.width + GAP for column in kept) - GAP > room:
        worst = max(range(len(kept)), key=lambda index: (kept[index].rank, index))
        del kept[worst]
    spare = max(0, room - sum(column.width + GAP for column in kept) + GAP)
    fitted: list[tuple[Column[R], int]] = []
    for column in kept:
        extra = spare if column.grows else 0
        spare -= extra
        fitted.append((column, column.width + extra))
    return tuple(fitted)


def filled(cell: Cell, width: int, *, right: bool) -> Cell:
    """The cell in exactly `width` cells: cut with '…', or filled with spaces (in front when `right`)."""
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


def quiet(spans: Sequence[Span]) -> list[Span]:
    """Spans as what is old shows them: without colour, except what warns."""
    return [(text, ink if ink in ("warn", "danger", "rule") else "label") for text, ink in spans]
