"""How text is painted: one ink per meaning, and widgets that draw their own lines with them."""

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
"""What a piece of text means; base.tcss gives each its colour."""

Span = tuple[str, Ink]
"""A piece of text and what it means. The text must already be plain: no control characters, no markup."""


INK_CLASSES = frozenset({f"ink--{name}" for name in get_args(Ink) if name != "plain"})
"""The component classes of the inks. The application has them, once for all of its widgets: Textual styles every
component class of every widget anew whenever that widget's style may have changed."""


class Painted(Widget):
    """A widget that draws spans; the styles of its inks are looked up once per theme.

    Its application has `INK_CLASSES` among its component classes.
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
        """The spans as one line of exactly `width` cells; `over` is laid over every style."""
        segments = [Segment(text, self.ink(name) + over) for text, name in joined(spans)]
        return Strip(segments).adjust_cell_length(width, self.ink("plain") + over)

    def notify_style_update(self) -> None:
        self._inks = None
        super().notify_style_update()
        # Lines that a widget keeps were painted in the old styles, whether or not Textual saw a difference.
        self.refresh()


_GROUNDED: frozenset[Ink] = frozenset({"demo", "real", "frame", "tab"})
"""Inks with a ground of their own: a blank in them shows."""


def joined(spans: Iterable[Span]) -> list[Span]:
    """The spans with neighbours of one ink made one, and blanks given to the neighbour before them.

    What a line costs to paint goes by the number of its pieces.
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
    """How many cells the spans take."""
    return sum(cell_len(text) for text, _ in spans)
