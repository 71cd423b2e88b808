"""A few lines of fields, repainted line by line: status lines, key hints, progress."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from textual.geometry import Region, Size
from textual.strip import Strip

from ama_tui.ui.widgets.styled_text import Painted, Span, spans_width

GAP = 3
"""Cells between two fields of a line."""

MARGIN = 1
"""Cells before the first field and after the last."""


class Field(NamedTuple):
    """A piece of a line that stays whole. The field of the highest rank goes first when room is short."""

    spans: tuple[Span, ...]
    rank: int = 0
    right: bool = False


Line = tuple[Field, ...]


def field(*spans: Span, rank: int = 0, right: bool = False) -> Field:
    return Field(spans, rank, right)


def kept_fields(line: Line, width: int) -> list[Field]:
    """The fields that a line of `width` cells has room for."""
    fields = list(line)
    widths = [spans_width(one.spans) for one in fields]
    while len(fields) > 1 and sum(widths) + GAP * (len(fields) - 1) > width - 2 * MARGIN:
        worst = max(range(len(fields)), key=lambda index: (fields[index].rank, index))
        del fields[worst], widths[worst]
    return fields


def fit(line: Line, width: int) -> list[Span]:
    """The spans of a line of `width` cells: left fields, filling, right fields; what does not fit is left out."""
    gap: Span = (" " * GAP, "plain")
    left: list[Span] = [(" " * MARGIN, "plain")]
    right: list[Span] = []
    for number, one in enumerate(kept_fields(line, width)):
        side = right if one.right else left
        if number:
            side.append(gap)
        side.extend(one.spans)
    filling = width - spans_width(left) - spans_width(right) - MARGIN
    return [*left, (" " * max(0, filling), "plain"), *right, (" " * MARGIN, "plain")]


class FieldLines(Painted):
    """Shows lines of fields; a line that did not change is not painted again."""

    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: tuple[Line, ...] = ()

    @property
    def lines(self) -> tuple[Line, ...]:
        return self._lines

    @property
    def text(self) -> str:
        """What is on the screen, as plain text."""
        width = self.size.width
        return "\n".join("".join(text for text, _ in fit(line, width)) for line in self._lines)

    def show(self, lines: Sequence[Line]) -> None:
        """Replace the lines; only those that differ are repainted."""
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
