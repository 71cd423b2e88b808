"""Lines of fields, repainted line by line: status lines, key hints, progress."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from textual.geometry import Region, Size
from textual.strip import Strip

from ama_tui.ui.widgets.styled_text import Painted, Span, spans_width

GAP = 3
"""Cells between two fields."""

MARGIN = 1
"""Cells before the first field and after the last."""


class Field(NamedTuple):
    """A part of a line that is shown in full or not at all."""

    spans: tuple[Span, ...]
    rank: int = 0
    """The field with the highest rank is dropped first when room is short."""
    right: bool = False
    """Whether the field is aligned to the right end of the line."""


Line = tuple[Field, ...]


def field(*spans: Span, rank: int = 0, right: bool = False) -> Field:
    """A field of these spans."""
    return Field(spans, rank, right)


def kept_fields(line: Line, width: int) -> list[Field]:
    """The fields that fit on a line of `width` cells."""
    fields = list(line)
    widths = [spans_width(item.spans) for item in fields]
    while len(fields) > 1 and sum(widths) + GAP * (len(fields) - 1) > width - 2 * MARGIN:
        worst = max(range(len(fields)), key=lambda index: (fields[index].rank, index))
        del fields[worst], widths[worst]
    return fields


def fit(line: Line, width: int) -> list[Span]:
    """The spans of a line of `width` cells: left fields, padding, right fields; fields that do not fit are dropped."""
    gap: Span = (" " * GAP, "plain")
    left: list[Span] = [(" " * MARGIN, "plain")]
    right: list[Span] = []
    for index, item in enumerate(kept_fields(line, width)):
        side = right if item.right else left
        if index:
            side.append(gap)
        side.extend(item.spans)
    padding = width - spans_width(left) - spans_width(right) - MARGIN
    return [*left, (" " * max(0, padding), "plain"), *right, (" " * MARGIN, "plain")]


class FieldLines(Painted):
    """Shows lines of fields; unchanged lines are not repainted."""

    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: tuple[Line, ...] = ()

    @property
    def lines(self) -> tuple[Line, ...]:
        return self._lines

    @property
    def text(self) -> str:
        """The visible lines as plain text."""
        width = self.size.width
        return "\n".join("".join(text for text, _ in fit(line, width)) for line in self._lines)

    def show(self, lines: Sequence[Line]) -> None:
        """Replace the lines; only changed ones are repainted."""
        new = tuple(lines)
        old, self._lines = self._lines, new
        if len(new) != len(old):
            self.refresh(layout=self.styles.height is None or self.styles.height.is_auto)
            return
        width = self.size.width
        changed = [Region(0, y, width, 1) for y, (was, now) in enumerate(zip(old, new, strict=True)) if was != now]
        if changed:
            self.refresh(*changed)

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        return self.strip(fit(self._lines[y], width), width)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._lines)
