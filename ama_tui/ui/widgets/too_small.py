"""The cover of a screen in a terminal that is too small for it."""

from __future__ import annotations

from ama_tui.ui.terminal_size import LEAST_HEIGHT, LEAST_WIDTH
from ama_tui.ui.widgets.plain_text import PlainText


def too_small_text(width: int, height: int) -> str:
    """'Terminal too small: 60×20, needs 80×24', and which keys still work."""
    return (
        f"Terminal too small: {width}×{height}, needs {LEAST_WIDTH}×{LEAST_HEIGHT}\n\n"
        "the run continues · F10: kill · ^q: stop and quit"
    )


class TooSmall(PlainText):
    """Covers its screen; the screen's keys keep working."""

    def __init__(self, width: int, height: int) -> None:
        super().__init__(too_small_text(width, height), id="too-small")
