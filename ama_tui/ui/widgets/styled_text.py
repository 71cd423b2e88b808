"""Painted text: one ink per meaning, and the base of widgets that draw their own lines."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

Ink = Literal[
    "plain", "label", "strong", "bid", "ask", "ours", "good", "warn", "danger", "demo", "real", "rule", "frame", "tab"
]
"""The meaning of a piece of text; base.tcss assigns the colours."""

Span = tuple[str, Ink]
"""A piece of text and its meaning. The text must be plain: no control characters, no markup."""


INK_CLASSES = frozenset({f"ink--{name}" for name in get_args(Ink) if name != "plain"})
"""The component classes of the inks. They belong to the application, not to each widget, because Textual restyles all
component classes of a widget whenever its style may have changed."""


class Painted(Widget):
    """A widget that draws spans; ink styles are cached per theme.

    Its application must have `INK_CLASSES` among its component classes.
    """

    _inks: dict[Ink, Style] | None = None

    def ink(self, name: Ink) -> Style:
        """The style of an ink on this widget's background."""
        if self._inks is None:
            self._inks = {}
        style = self._inks.get(name)
        if style is None:
            style = self.rich_style
            if name != "plain":
                style += self.app.get_component_styles(f"ink--{name}").partial_rich_style
            self._inks[name] = style
        return style

    def strip(self, spans: Iterable[Span], width: int, *, over: Style | None = None) -> Strip:
        """The spans as one line of exactly `width` cells; `over` is added to every style."""
        segments = [Segment(text, self.ink(name) + over) for text, name in joined(spans)]
        return Strip(segments).adjust_cell_length(width, self.ink("plain") + over)

    def notify_style_update(self) -> None:
        self._inks = None
        super().notify_style_update()
        # Cached lines use the old styles, even when Textual sees no change that needs a repaint.
        self.refresh()


_GROUNDED: frozenset[Ink] = frozenset({"demo", "real", "frame", "tab"})
"""Inks with their own background, where spaces are visible."""


def joined(spans: Iterable[Span]) -> list[Span]:
    """Merge neighbouring spans of one ink, and spaces into the span before them.

    The cost of painting a line grows with the number of its spans.
    """
    result: list[Span] = []
    before: Ink | None = None
    for text, ink in spans:
        if not text:
            continue
        if before is not None and (ink == before or (ink == "plain" and before not in _GROUNDED and text.isspace())):
            result[-1] = (result[-1][0] + text, before)
        else:
            result.append((text, ink))
            before = ink
    return result


def spans_width(spans: Iterable[Span]) -> int:
    """The number of cells that the spans take."""
    return sum(cell_len(text) for text, _ in spans)
