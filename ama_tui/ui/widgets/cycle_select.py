"""Selects one of several names on one line: `‹ standard ›`. Left, right and clicks on the arrows change it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from ama_tui.ui.format import pad, plain
from ama_tui.ui.widgets.styled_text import Painted, Span

LONGEST = 20
"""The most cells of a name."""

_ARROW = 2
"""Cells of an arrow and the space next to it."""


class CycleSelect(Painted, can_focus=True):
    """Posts `Changed` when the operator selects another name. Without a selection it shows `none`."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"choice--focused"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,up", "choose(-1)", "Previous", show=False),
        Binding("right,down", "choose(1)", "Next", show=False),
    ]
    ALLOW_SELECT = False

    class Changed(Message):
        """Another name was selected; `index` counts from 0."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def __init__(self, options: Sequence[str] = (), *, none: str = "–", id: str | None = None) -> None:
        super().__init__(id=id)
        self._options = tuple(options)
        self._none = none
        self._chosen: int | None = None

    @property
    def chosen(self) -> int | None:
        return self._chosen

    @property
    def text(self) -> str:
        """The displayed name."""
        return self._none if self._chosen is None else self._options[self._chosen]

    def offer(self, options: Sequence[str], chosen: int | None = None) -> None:
        """Replace the names to select from."""
        self._options = tuple(options)
        self.choose(chosen)

    def choose(self, index: int | None, *, none: str | None = None) -> None:
        """Select a name, or nothing, without a message; `none` replaces the text shown when nothing is selected."""
        if none is not None:
            self._none = none
        self._chosen = index if index is not None and 0 <= index < len(self._options) else None
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y:
            return Strip.blank(width, self.rich_style)
        name = pad(plain(self.text), min(LONGEST, max(0, width - 2 * _ARROW)))
        spans: list[Span] = [("‹ ", "ours"), (name, "label" if self._chosen is None else "strong"), (" ›", "ours")]
        over = self.get_component_rich_style("choice--focused", partial=True) if self.has_focus else None
        return self.strip(spans, width, over=over)

    def action_choose(self, step: int) -> None:
        if not self._options:
            return
        if self._chosen is None:
            index = 0 if step > 0 else len(self._options) - 1
        else:
            index = (self._chosen + step) % len(self._options)
        self.choose(index)
        self.post_message(self.Changed(index))

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is not None:
            self.action_choose(-1 if offset.x < _ARROW else 1)
