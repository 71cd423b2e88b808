"""The smallest possible Textual application: the baseline for `ama-tui`'s first paint."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.widgets import Static


class BareApp(App[None]):
    """One line of text."""

    def compose(self) -> ComposeResult:
        yield Static("a bare application")


if __name__ == "__main__":
    BareApp().run()
