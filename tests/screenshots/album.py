"""The pictures: small SVG files without any path of the machine they were taken on."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

from textual.app import App

CELL_WIDTH = 12.2
"""The width of a cell as drawn by Rich, in the SVG's units."""
_BLANK = "&#160;"
_UNIQUE_ID = re.compile(r"terminal-\d+")
_TEXT = re.compile(r'(<text [^>]*textLength=")([\d.]+)("[^>]*>)([^<]*)</text>')


class Album:
    """Pictures of one run. They are written together at its end, so that a directory never mixes two runs."""

    def __init__(self) -> None:
        self._pictures: dict[str, str] = {}

    def take(self, app: App[Any], name: str) -> None:
        """Keep a picture of the application as `name`. Raises ValueError if it shows a path of this machine."""
        svg = slim(app.export_screenshot(title="ama-tui", simplify=True))
        for path in (tempfile.gettempdir(), str(Path.home()), str(Path.cwd())):
            if path != "/" and path in svg:
                raise ValueError(f"the picture {name} shows {path}")
        self._pictures[name] = svg

    def write(self, directory: Path) -> list[Path]:
        """Write every picture as `name`.svg into `directory`, which is created if needed."""
        directory.mkdir(parents=True, exist_ok=True)
        paths = []
        for name, svg in self._pictures.items():
            path = directory / f"{name}.svg"
            path.write_text(svg, encoding="utf-8")
            paths.append(path)
        return paths


def slim(svg: str) -> str:
    """The same picture in fewer bytes: short ids, and no blanks at the end of a text."""
    return _TEXT.sub(_without_trailing_blanks, _UNIQUE_ID.sub("t", svg))


def _without_trailing_blanks(match: re.Match[str]) -> str:
    head, width, tail, content = match.groups()
    content = content.strip("\n")
    kept = content
    while kept.endswith(_BLANK):
        kept = kept.removesuffix(_BLANK)
    if not kept:
        return ""
    blanks = (len(content) - len(kept)) // len(_BLANK)
    return f"{head}{float(width) - blanks * CELL_WIDTH:.1f}{tail}{kept}</text>"
