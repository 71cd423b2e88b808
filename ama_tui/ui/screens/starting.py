"""The first screen: painted before anything else is loaded, it stays under all others."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Static

from ama_tui.ui.actions import Scope, bindings_for
from ama_tui.ui.screens.base import AmaScreen

STARTING = "Starting…"
STARTING_DEMO = "Starting the demo venue…"


class StartingScreen(AmaScreen[None]):
    """Shows that the venue is being opened."""

    SCOPE: ClassVar[Scope] = "starting"
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("starting")

    def __init__(self, *, is_demo: bool) -> None:
        super().__init__()
        self._text = STARTING_DEMO if is_demo else STARTING

    def compose(self) -> ComposeResult:
        yield Static("ama-tui", id="wordmark")
        yield Static(self._text, id="starting")

    def show_starting(self, *, is_demo: bool) -> None:
        self.query_one("#starting", Static).update(STARTING_DEMO if is_demo else STARTING)
