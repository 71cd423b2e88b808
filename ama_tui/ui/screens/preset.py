"""Asking for the name under which the parameters are kept."""

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
    """Closes with a name that can be, or with None when the operator changed their mind."""

    CSS_PATH: ClassVar[CSSPathType | None] = [style("base"), style("preset")]
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "no", "No", show=False)]
    AUTO_FOCUS = "#preset-name"

    def __init__(self, own: Collection[str], suggested: str, directory: str) -> None:
        """`own` are the names that stand already, `directory` where presets are kept."""
        super().__init__()
        self._own, self._suggested, self._directory = own, suggested, directory

    def compose(self) -> ComposeResult:
        with Vertical(id="save-dialog") as dialog:
            dialog.border_title = "Save preset"
            with HorizontalGroup():
                yield PlainText("name", classes="label", id="preset-label")
                yield Input(self._suggested, id="preset-name", compact=True, max_length=LONGEST_NAME)
            yield PlainText(id="preset-says")
            yield PlainText(f"a TOML file in {self._directory}", classes="label", id="preset-where")
            with HorizontalGroup(id="preset-choices"):
                yield Button("Cancel  esc", id="preset-no", compact=True)
                yield Button("Save  ⏎", id="preset-yes", compact=True, classes="ours")

    def on_mount(self) -> None:
        self._say()

    @property
    def _typed(self) -> str:
        return self.query_one("#preset-name", Input).value.strip()

    def _say(self) -> None:
        """What is wrong with the name, or that it replaces another."""
        name = self._typed
        problem = name_problem(name)
        says = self.query_one("#preset-says", PlainText)
        if problem is not None:
            says.show(f"✗ {problem}" if name else "small letters, digits, - and _")
        else:
            says.show("⚠ replaces the one of that name" if name in self._own else "")
        says.set_class(bool(problem and name), "wrong")
        self.query_one("#preset-yes").set_class(problem is not None, "-refused")

    def on_input_changed(self) -> None:
        self._say()

    def on_input_submitted(self) -> None:
        self._save()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "preset-yes":
            self._save()
        else:
            self.action_no()

    def action_no(self) -> None:
        self.dismiss(None)

    def _save(self) -> None:
        if name_problem(self._typed) is None:
            self.dismiss(self._typed)
