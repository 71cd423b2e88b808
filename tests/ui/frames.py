"""A screen as a text file: its lines, then the style of every cell. What a snapshot test compares, and a person reads.

A file has three parts, each under a heading: the text; for every line its styles as letters with the number of
cells they cover, such as `12a 3b`; and what each letter stands for.
"""

from __future__ import annotations

from difflib import unified_diff
from itertools import groupby
from pathlib import Path
from string import ascii_letters, digits
from typing import Any

from rich.color import Color
from rich.style import Style
from textual._context import visible_screen_stack
from textual.app import App
from textual.geometry import Size
from textual.strip import Strip

from ama_tui.ui.app import AmaApp

SNAPSHOTS = Path(__file__).with_name("snapshots")
LETTERS = ascii_letters + digits + "".join(chr(code) for code in range(0xC0, 0x17F))
HOW_TO_UPDATE = "if it should look like this: python -m pytest tests/ui/test_snapshots.py --snapshot-update"


def painted(app: App[Any]) -> list[Strip]:
    """The lines of the top screen, with what shows of the screens below it."""
    visible_screen_stack.set(app._background_screens)  # without it a dialog drawn here covers them from then on
    return app.screen._compositor.render_strips(Size(*app.size))


def frame(app: AmaApp) -> str:
    """The top screen as it would be painted."""
    rows = [
        [(character, _told(style)) for text, style, control in strip for character in text if not control]
        for strip in painted(app)
    ]
    letters: dict[str, str] = {}
    for _, style in (cell for row in rows for cell in row):
        letters.setdefault(style, LETTERS[len(letters)])
    texts = ["".join(character for character, _ in row).rstrip() for row in rows]
    styles = [
        " ".join(f"{len(list(cells))}{letter}" for letter, cells in groupby(row, key=lambda cell: letters[cell[1]]))
        for row in rows
    ]
    legend = [f"{letter} {style}" for style, letter in letters.items()]
    return "\n".join(["# text", *texts, "# styles", *styles, "# letters", *legend]) + "\n"


def check(name: str, now: str, *, update: bool) -> None:
    """Compare a frame with the stored one of this name, or store it."""
    path = SNAPSHOTS / f"{name}.txt"
    if update:
        path.parent.mkdir(exist_ok=True)
        path.write_text(now, encoding="utf-8")
        return
    kept = path.read_text(encoding="utf-8") if path.exists() else ""
    if now != kept:
        difference = unified_diff(kept.splitlines(), now.splitlines(), f"kept {path.name}", "now", lineterm="", n=1)
        raise AssertionError("\n".join(["the screen looks otherwise", *difference, HOW_TO_UPDATE]))


def _told(style: Style | None) -> str:
    """'#dbe3ec on #0b1016 bold'."""
    if style is None:
        return "none"
    names = ("bold", "dim", "italic", "underline", "reverse", "strike")
    marks = [name for name in names if getattr(style, name)]
    return " ".join([_color(style.color), "on", _color(style.bgcolor), *marks])


def _color(color: Color | None) -> str:
    if color is None:
        return "default"
    return color.name if color.triplet is None else color.triplet.hex
