"""The pictures stay intact when made smaller, and show no path of the machine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from textual.app import App, ComposeResult
from textual.widgets import Static

from tests.screenshots.album import Album, slim


class Sign(App[None]):
    """Shows one text."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self._words = words

    def compose(self) -> ComposeResult:
        yield Static(self._words, markup=False)


async def _svg(words: str) -> str:
    app = Sign(words)
    async with app.run_test(size=(40, 4)):
        return app.export_screenshot(simplify=True)


def _words(svg: str) -> list[str]:
    texts = re.findall(r"<text [^>]*>([^<]*)</text>", svg)
    return [text.replace("&#160;", " ").strip() for text in texts if text.replace("&#160;", " ").strip()]


async def test_slim_picture_shows_the_same_words_in_the_same_places() -> None:
    svg = await _svg("120 orders rest  ▕████ ▏")
    small = slim(svg)
    assert len(small) < len(svg)
    assert _words(small) == _words(svg)
    assert "120 orders rest  ▕████ ▏" in _words(small)
    places = re.compile(r'<text class="t-[^"]*" x="[\d.]+" y="[\d.]+"')
    assert set(places.findall(small)) <= set(places.findall(re.sub(r"terminal-\d+", "t", svg)))


async def test_text_without_trailing_blanks_is_as_wide_as_its_cells() -> None:
    (width,) = re.findall(r'textLength="([\d.]+)"[^>]*>three</text>', slim(await _svg("three   ")))
    assert float(width) == pytest.approx(5 * 12.2)


async def test_picture_with_a_path_of_the_machine_is_refused() -> None:
    app = Sign(str(Path.cwd()))
    async with app.run_test(size=(100, 4)):
        with pytest.raises(ValueError, match="shows"):
            Album().take(app, "secret")


async def test_pictures_are_written_together_under_their_names(tmp_path: Path) -> None:
    album = Album()
    app = Sign("hello")
    async with app.run_test(size=(40, 4)):
        album.take(app, "one")
        album.take(app, "two")
    assert [path.name for path in album.write(tmp_path / "pictures")] == ["one.svg", "two.svg"]
    assert "hello" in (tmp_path / "pictures" / "two.svg").read_text(encoding="utf-8")
