"""Titles of frames that have only a top border when room is short: Textual puts no blanks around these."""

from __future__ import annotations

from textual.dom import DOMNode
from textual.widget import Widget


def show_title(frame: Widget, title: str) -> None:
    """Show a title in the top border."""
    has_sides = frame.styles.border_left[0] not in ("", "none")
    shown = title if has_sides else f" {title} "
    if frame.border_title != shown:
        frame.border_title = shown


def fit_titles(node: DOMNode) -> None:
    """Show the titles of all frames again, as their borders are now."""
    for frame in node.query(".frame"):
        if frame.border_title:
            show_title(frame, frame.border_title.strip())
