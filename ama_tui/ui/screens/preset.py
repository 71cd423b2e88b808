"""The dialog that asks for a preset's name."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import HorizontalGroup, Vertical
from textual.screen import ModalScreen
from textual.types import CSSPathType
from textual.widgets import Button, Input

from ama_tui.config.presets import LONGEST_NAME, name_problem
from ama_tui.ui.theme import style
from ama_tui.ui.widgets.plain_text import PlainText


class SavePresetScreen(ModalScreen[str]):
    """Closes with a valid name, or with None when the operator cancels."""

    CSS_PATH: ClassVar[CSSPathType | None] = [style("base"), style("preset")]
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Cancel", show=False)]
    AUTO_FOCUS = "#preset-name"

    def __init__(self, existing: Collection[str], suggested: str, directory: str) -> None:
        """`existing` are the names of the operator's presets, `directory` is where they are stored."""
        super().__init__()
        self._existing, self._suggested, self._directory = existing, suggested, directory

    def compose(self) -> ComposeResult:
        with Vertical(id="save-dialog") as dialog:
            dialog.border_title = "Save preset"
            with HorizontalGroup():
                yield PlainText("name", classes="label", id="preset-label")
                yield Input(self._suggested, id="preset-name", compact=True, max_length=LONGEST_NAME)
            yield PlainText(id="preset-message")
            yield PlainText(f"TOML file in {self._directory}", classes="label", id="preset-where")
            with HorizontalGroup(id="preset-choices"):
                yield Button("Cancel  esc", id="preset-cancel", compact=True)
                yield Button("Save  ⏎", id="preset-save", compact=True, classes="ours")

    def on_mount(self) -> None:
        self._show_message()

    @property
    def _typed(self) -> str:
        return self.query_one("#preset-name", Input).value.strip()

    def _show_message(self) -> None:
        """Show what is wrong with the name, or that it replaces a preset."""
        name = self._typed
        problem = name_problem(name)
        message = self.query_one("#preset-message", PlainText)
        if problem is not None:
            message.show(f"✗ {problem}" if name else "lower-case letters, digits, - and _")
        else:
            message.show("⚠ replaces the existing preset" if name in self._existing else "")
        message.set_class(bool(problem and name), "wrong")
        self.query_one("#preset-save").set_class(problem is not None, "-refused")

    def on_input_changed(self) -> None:
        self._show_message()

    def on_input_submitted(self) -> None:
        self._save()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "preset-save":
            self._save()
        else:
            self.action_cancel()

    def action_cancel(self) -> None:
        self.dismiss(None)

    def _save(self) -> None:
        if name_problem(self._typed) is None:
            self.dismiss(self._typed)
