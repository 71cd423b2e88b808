"""What covers a screen that has no room: how large the terminal is, and how large it must be."""

from __future__ import annotations

from ama_tui.ui.terminal_size import LEAST_HEIGHT, LEAST_WIDTH
from ama_tui.ui.widgets.plain_text import PlainText


def small_text(width: int, height: int) -> str:
    """'too small: have 60×20, need 80×24', and what still works."""
    return (
        f"too small: have {width}×{height}, need {LEAST_WIDTH}×{LEAST_HEIGHT}\n\n"
        "the run goes on · F10 kills · ^q stops and quits"
    )


class TooSmall(PlainText):
    """Lies over its screen; the keys under it go on working."""

    def __init__(self, width: int, height: int) -> None:
        super().__init__(small_text(width, height), id="too-small")
