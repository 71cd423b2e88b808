"""Fields on as many lines as they need: figures of which none may be left out."""

from __future__ import annotations

from collections.abc import Iterable

from ama_tui.ui.widgets.field_lines import GAP, MARGIN, Field, Line
from ama_tui.ui.widgets.styled_text import spans_width


def flowed(fields: Iterable[Field], width: int) -> list[Line]:
    """The fields on as many lines as they need, none left out."""
    lines: list[list[Field]] = []
    room = 0
    for one in fields:
        needed = GAP + spans_width(one.spans)
        if not lines or needed > room:
            lines.append([])
            room = width - 2 * MARGIN + GAP
        lines[-1].append(one)
        room -= needed
    return [tuple(line) for line in lines]
