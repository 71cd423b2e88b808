"""A live table of any length that repaints only the rows whose text changed.

Rows are values; columns turn a row into text. On every `tick` the visible rows that changed, and once a second all
visible ones, are turned into spans and compared with the painted ones; only the lines that differ are repainted. The
grid sorts and filters its rows itself, which keeps the cursor on its row.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic

from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ama_tui.ui.format import pad
from ama_tui.ui.widgets.columns import GAP, Column, R, SortOrder, fit_columns, fitted, muted, sorted_rows
from ama_tui.ui.widgets.styled_text import Painted, Span

MARK = "▸ "
UP, DOWN = "▲", "▼"
"""Shown next to the title of the sorted column: ascending, descending."""


@dataclass(slots=True)
class PaintedLine(Generic[R]):
    """A visible line, and what it was made from."""

    row: R
    second: int
    """The time in whole seconds: no column shows a shorter time."""
    is_stale: bool
    at_cursor: bool
    spans: tuple[Span, ...]
    strip: Strip


class Grid(Painted, ScrollView, Generic[R], can_focus=True):
    """Rows below a fixed header, with a cursor row. Posts `Moved`, `Picked` and `Sorted`.

    With a `key` that identifies rows, the cursor stays on its row when rows change places.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"grid--cursor", "grid--cursor-blurred"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home", "edge(0)", "First", show=False),
        Binding("end", "edge(1)", "Last", show=False),
        Binding("enter", "pick", "Pick", show=False),
    ]
    ALLOW_SELECT = False

    class Moved(Message):
        """The cursor moved to another row, or its row changed."""

        def __init__(self, grid: Grid[Any]) -> None:
            super().__init__()
            self.grid = grid

        @property
        def control(self) -> Grid[Any]:
            return self.grid

    class Picked(Moved):
        """A row was picked with Enter or a second click."""

    class Sorted(Moved):
        """The sort order changed."""

    def __init__(
        self,
        columns: Sequence[Column[R]],
        *,
        key: Callable[[R], Hashable] | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._columns = columns
        self._key = key
        self._fitted: tuple[tuple[Column[R], int], ...] = ()
        self._source: Sequence[R] = ()
        self._rows: Sequence[R] = ()
        self._order = SortOrder()
        self._keep: Callable[[R], bool] | None = None
        self._empty_text = ""
        self._is_stale = False
        self._now = 0.0
        self._painted: dict[int, PaintedLine[R]] = {}
        self._cursor = 0

    @property
    def rows(self) -> Sequence[R]:
        """The rows after filtering and sorting."""
        return self._rows

    @property
    def order(self) -> SortOrder:
        return self._order

    @property
    def cursor(self) -> int:
        return self._cursor

    @property
    def current(self) -> R | None:
        """The row under the cursor."""
        return self._rows[self._cursor] if self._rows else None

    def columns_for(self, width: int) -> Sequence[Column[R]]:
        """The columns for a width; a subclass may use another set on narrow screens."""
        return self._columns

    def tick(self, rows: Sequence[R], now: float, *, stale: bool = False) -> None:
        """Show these rows as of `now` (Unix seconds), muted when `stale`; only changed lines are repainted."""
        is_other = rows is not self._source
        self._source, self._now, self._is_stale = rows, now, stale
        self._show(arrange=is_other)

    def filter_rows(self, keep: Callable[[R], bool] | None) -> None:
        """Show only rows that pass the test; None shows all."""
        self._keep = keep
        self._show()
        self._scroll_into_view(self._cursor)

    def sort_by(self, order: SortOrder) -> None:
        """Sort the rows; the cursor stays on its row and in view."""
        self._order = order
        self._show()
        self._scroll_into_view(self._cursor)
        self.refresh(Region(0, 0, self.size.width, 1))
        self.post_message(self.Sorted(self))

    def say_when_empty(self, text: str) -> None:
        """Set the text shown when there are no rows."""
        if text != self._empty_text:
            self._empty_text = text
            self.refresh()

    def _show(self, *, arrange: bool = True) -> None:
        before, current = len(self._rows), self.current
        if arrange:
            self._rows = self._arranged()
            self._keep_cursor_on(current)
        if len(self._rows) != before:
            self._resized()
            self.refresh(layout=True)
            return
        top, bottom = self._visible()
        painted = self._painted
        changed: list[Region] = []
        for index in range(top, bottom):
            line = painted.get(index)
            if line is not None and not self._is_current(line, index):
                del painted[index]
                changed.append(self._line_region(index))
        if changed:
            self.refresh(*changed)

    def _is_current(self, line: PaintedLine[R], index: int) -> bool:
        """Whether a painted line shows what its row says now. Notes it when another row or second looks the same."""
        if line.at_cursor != (index == self._cursor):
            return False
        row, second = self._rows[index], int(self._now)
        if (line.second, line.is_stale) == (second, self._is_stale) and (line.row is row or line.row == row):
            return True
        if line.spans != self._spans(index):
            return False
        line.row, line.second, line.is_stale = row, second, self._is_stale
        return True

    def _arranged(self) -> Sequence[R]:
        rows: Sequence[R] = self._source
        if self._keep is not None:
            rows = tuple(filter(self._keep, rows))
        value = next((column.sort for column in self._columns if column.key == self._order.column), None)
        return rows if value is None else sorted_rows(rows, value, descending=self._order.descending)

    def _keep_cursor_on(self, row: R | None) -> None:
        """Move the cursor to the row's new position."""
        if self._key is None or row is None or not self._rows:
            return
        key, cursor = self._key(row), self._cursor
        if cursor < len(self._rows) and self._key(self._rows[cursor]) == key:
            return
        for index, other in enumerate(self._rows):
            if self._key(other) == key:
                self._cursor = index
                return

    def move_to(self, index: int) -> None:
        """Move the cursor to a row and scroll it into view."""
        if not self._rows:
            return
        index = min(len(self._rows) - 1, max(0, index))
        if index != self._cursor:
            was, self._cursor = self._cursor, index
            self.refresh(self._line_region(was), self._line_region(index))
        self._scroll_into_view(index)
        self.post_message(self.Moved(self))

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y == 0:
            return self._header(width)
        index = self.scroll_offset.y + y - 1
        if index >= len(self._rows):
            if not self._rows and y == 2 and self._empty_text:
                return self.strip([(pad(f"  {self._empty_text}", width), "label")], width)
            return Strip.blank(width, self.ink("plain"))
        at_cursor = index == self._cursor
        painted = self._painted.get(index)
        if painted is not None and painted.at_cursor == at_cursor:
            return painted.strip
        spans = self._spans(index)
        strip = self._paint(spans, width, at_cursor)
        self._painted[index] = PaintedLine(self._rows[index], int(self._now), self._is_stale, at_cursor, spans, strip)
        return strip

    def _paint(self, spans: tuple[Span, ...], width: int, at_cursor: bool) -> Strip:
        mark: Span = (MARK if at_cursor else " " * len(MARK), "ours")
        over: Style | None = None
        if at_cursor:
            name = "grid--cursor" if self.has_focus else "grid--cursor-blurred"
            over = self.get_component_rich_style(name, partial=True)
        return self.strip((mark, *spans), width, over=over)

    def _header(self, width: int) -> Strip:
        spans: list[Span] = [(" " * len(MARK), "label")]
        for number, (column, column_width) in enumerate(self._fitted, 1):
            arrow = ""
            if column.key == self._order.column:
                arrow = DOWN if self._order.descending else UP
            is_last = number == len(self._fitted)
            title = pad(column.title, column_width - (1 if arrow and is_last else 0), right=column.right)
            spans += [(title, "strong" if arrow else "label"), (arrow, "ours")]
            if not is_last:
                spans.append((" " * (GAP - len(arrow)), "label"))
        return self.strip(spans, width)

    def _spans(self, index: int) -> tuple[Span, ...]:
        row = self._rows[index]
        spans: list[Span] = []
        for column, width in self._fitted:
            if spans:
                spans.append((" " * GAP, "plain"))
            spans.extend(fitted(column.cell(row, width, self._now), width, right=column.right))
        return tuple(muted(spans) if self._is_stale else spans)

    def _visible(self) -> tuple[int, int]:
        top = self.scroll_offset.y
        return top, min(len(self._rows), top + max(0, self.size.height - 1))

    def _line_region(self, index: int) -> Region:
        return Region(0, index - self.scroll_offset.y + 1, self.size.width, 1)

    def _resized(self) -> None:
        width = self.scrollable_content_region.width or self.size.width
        self._fitted = fit_columns(self.columns_for(width), width - len(MARK))
        self._painted.clear()
        if self._rows and self._cursor >= len(self._rows):
            self._cursor = len(self._rows) - 1
        self.virtual_size = Size(width, len(self._rows) + 1)

    def _scroll_into_view(self, index: int) -> None:
        height = max(1, self.size.height - 1)
        top = self.scroll_offset.y
        if index < top:
            self.scroll_to(y=index, animate=False, immediate=True)
        elif index >= top + height:
            self.scroll_to(y=index - height + 1, animate=False, immediate=True)

    def notify_style_update(self) -> None:
        self._painted.clear()
        super().notify_style_update()

    def on_resize(self) -> None:
        self._resized()
        self.refresh()

    def watch_has_focus(self, _has_focus: bool) -> None:
        self._painted.pop(self._cursor, None)
        super().watch_has_focus(_has_focus)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        if round(old_value) != round(new_value):
            top, bottom = self._visible()
            for index in [index for index in self._painted if not top <= index < bottom]:
                del self._painted[index]
        super().watch_scroll_y(old_value, new_value)

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None:
            return
        if offset.y == 0:
            self._sort_at(offset.x)
            return
        index = self.scroll_offset.y + offset.y - 1
        if index < len(self._rows):
            was = self._cursor
            self.move_to(index)
            if event.chain == 2 and was == index:
                self.action_pick()

    def _sort_at(self, x: int) -> None:
        left = len(MARK)
        for column, width in self._fitted:
            if left <= x < left + width + GAP:
                self.action_sort(column.key)
                return
            left += width + GAP

    def action_sort(self, key: str) -> None:
        """Sort by a column: ascending, then descending, then in the order of the source."""
        column = next((column for column in self._columns if column.key == key), None)
        if column is None or column.sort is None:
            return
        if key != self._order.column:
            self.sort_by(SortOrder(key))
        else:
            self.sort_by(SortOrder() if self._order.descending else SortOrder(key, descending=True))

    def action_sort_next(self) -> None:
        """Sort by the next visible sortable column; after the last one, in the order of the source."""
        keys = ["", *(column.key for column, _ in self._fitted if column.sort is not None)]
        position = keys.index(self._order.column) if self._order.column in keys else 0
        self.sort_by(SortOrder(keys[(position + 1) % len(keys)]))

    def action_sort_reverse(self) -> None:
        """Reverse the sort order."""
        if self._order.column:
            self.sort_by(SortOrder(self._order.column, descending=not self._order.descending))

    def action_move(self, step: int) -> None:
        self.move_to(self._cursor + step)

    def action_page(self, step: int) -> None:
        self.move_to(self._cursor + step * max(1, self.size.height - 2))

    def action_edge(self, last: int) -> None:
        self.move_to(len(self._rows) - 1 if last else 0)

    def action_pick(self) -> None:
        if self._rows:
            self.post_message(self.Picked(self))
