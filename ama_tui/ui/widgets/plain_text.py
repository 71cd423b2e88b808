"""Text that is never interpreted as markup; messages from the venue and the engine are shown verbatim."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from ama_tui.ui.format import plain


def content(text: str) -> Content:
    """Plain text as content, with control characters made visible."""
    return Content("\n".join(plain(line) for line in text.splitlines()))


class PlainText(Static):
    """A Static that shows text verbatim."""

    def __init__(self, text: str = "", *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(content(text), id=id, classes=classes, markup=False)
        self._shown = text

    @property
    def text(self) -> str:
        return self._shown

    def show(self, text: str) -> None:
        """Replace the text if it changed."""
        if text != self._shown:
            self._shown = text
            self.update(content(text))
