"""Fields wrapped onto as many lines as they need, so that none is left out."""

from __future__ import annotations

from collections.abc import Iterable

from ama_tui.ui.widgets.field_lines import GAP, MARGIN, Field, Line
from ama_tui.ui.widgets.styled_text import spans_width


def flow(fields: Iterable[Field], width: int) -> list[Line]:
    """Wrap fields onto lines of `width` cells."""
    lines: list[list[Field]] = []
    room = 0
    for field in fields:
        needed = GAP + spans_width(field.spans)
        if not lines or needed > room:
            lines.append([])
            room = width - 2 * MARGIN + GAP
        lines[-1].append(field)
        room -= needed
    return [tuple(line) for line in lines]
