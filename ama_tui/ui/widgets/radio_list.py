"""One of a few options, each on its own line; the chosen one is marked by a sign, not by colour alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from ama_tui.ui.widgets.field_lines import FieldLines, Line, field
from ama_tui.ui.widgets.styled_text import Span


class RadioList(FieldLines, can_focus=True):
    """Up and down choose. Posts `Changed` when the operator chose another option."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"choice--focused"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,left", "choose(-1)", "Previous", show=False),
        Binding("down,right", "choose(1)", "Next", show=False),
    ]

    class Changed(Message):
        """Another option was chosen; `index` counts from 0."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def __init__(self, options: Sequence[str], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._options = options
        self._chosen = 0

    @property
    def chosen(self) -> int:
        return self._chosen

    def on_mount(self) -> None:
        self.show([self._line(index) for index in range(len(self._options))])

    def choose(self, index: int) -> None:
        """Choose an option without a message."""
        self._chosen = min(len(self._options) - 1, max(0, index))
        self.on_mount()

    def _line(self, index: int) -> Line:
        is_chosen = index == self._chosen
        sign: Span = ("(●) ", "ours") if is_chosen else ("( ) ", "label")
        return (field(sign, (self._options[index], "strong" if is_chosen else "plain")),)

    def render_line(self, y: int) -> Strip:
        strip = super().render_line(y)
        if self.has_focus and y == self._chosen:
            return strip.apply_style(self.get_component_rich_style("choice--focused", partial=True))
        return strip

    def _ask(self, index: int) -> None:
        before = self._chosen
        self.choose(index)
        if self._chosen != before:
            self.refresh()
            self.post_message(self.Changed(self._chosen))

    def action_choose(self, step: int) -> None:
        self._ask(self._chosen + step)

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is not None:
            self._ask(offset.y)
