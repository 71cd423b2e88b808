"""Marks in the dashboard's output that tell when a key's effect is on the screen. A terminal ignores them."""

from __future__ import annotations

from rich.console import RenderableType
from textual.screen import Screen
from textual.strip import Strip

from ama_tui.ui.app import AmaApp
from ama_tui.ui.widgets.grid import Grid

READY = b"\x1b]5379;ready\x07"
"""Written when cursor moves begin to count."""


def moved_mark(moves: int) -> bytes:
    """Written after the frame in which the cursor's `moves`th step can be seen; an unknown command to a terminal."""
    return f"\x1b]5379;moved {moves}\x07".encode()


class CursorMarks:
    """Marks the frames of every dashboard of this process."""

    def __init__(self) -> None:
        self._moves = self._painted = self._told = 0

    def install(self) -> None:
        """Have every grid tell where its cursor goes and when that line is painted."""
        move_to, render_line, display = Grid.move_to, Grid.render_line, AmaApp._display

        def moving(grid: Grid[object], index: int) -> None:
            self._moves += 1
            move_to(grid, index)

        def rendering(grid: Grid[object], y: int) -> Strip:
            if y and grid.scroll_offset.y + y - 1 == grid.cursor:
                self._painted = self._moves
            return render_line(grid, y)

        def displaying(app: AmaApp, screen: Screen[object], renderable: RenderableType | None) -> None:
            display(app, screen, renderable)
            if self._told != self._painted:
                self._told = self._painted
                _write(app, moved_mark(self._told))

        Grid.move_to, Grid.render_line = moving, rendering  # type: ignore[method-assign,assignment]
        AmaApp._display = displaying  # type: ignore[method-assign,assignment]

    def begin(self, app: AmaApp) -> None:
        """Count moves from now on, and say so."""
        self._moves = self._painted = self._told = 0
        _write(app, READY)


def _write(app: AmaApp, mark: bytes) -> None:
    if app._driver is not None:
        app._driver.write(mark.decode())
        app._driver.flush()
