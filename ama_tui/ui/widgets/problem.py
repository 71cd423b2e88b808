"""An error that stays until it is dismissed: a message and a hint."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalGroup

from ama_tui.domain.errors import AmaError
from ama_tui.ui.widgets.plain_text import PlainText


class Problem(VerticalGroup):
    """Shows an error; hidden while there is none."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, classes="problem")
        self.display = False

    def compose(self) -> ComposeResult:
        yield PlainText(classes="problem--message")
        yield PlainText(classes="problem--hint")

    @property
    def text(self) -> str:
        return "\n".join(part.text for part in self.query(PlainText)) if self.display else ""

    def show(self, error: AmaError) -> None:
        """Show an error's message and hint."""
        self.show_text(error.message, error.hint)

    def show_text(self, message: str, hint: str = "") -> None:
        message_line, hint_line = self.query(PlainText)
        message_line.show(f"✗ {message}")
        hint_line.show(f"→ {hint}" if hint else "")
        hint_line.display = bool(hint)
        self.display = True

    def clear(self) -> None:
        self.display = False
