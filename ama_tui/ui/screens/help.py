"""The help: every key and what it does, from the table that also defines the key bindings."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.types import CSSPathType

from ama_tui.ui.actions import KEY_NAMES, SCOPE_NAMES, ActionSpec, Scope, actions_in, bindings_for
from ama_tui.ui.format import pad
from ama_tui.ui.screens.base import AmaScreen
from ama_tui.ui.theme import style
from ama_tui.ui.widgets.field_lines import FieldLines, Line, field
from ama_tui.ui.widgets.keybar import KeyBar

KEYS_WIDTH = 10
TITLE_WIDTH = 47
WIDE = 120

NAVIGATION = (
    ("↑ ↓ j k", "move the cursor"),
    ("pgup pgdn", "page up / page down"),
    ("home end", "first / last row (log: newest; book: spread)"),
    ("tab", "next panel or button (shift+tab: previous)"),
    ("click", "buttons, tabs, key hints, or a column title to sort"),
    ("click ×2", "open the row"),
)
"""Keys and clicks that every panel handles."""


def key_text(spec: ActionSpec) -> str:
    """'S r', '?  F1'."""
    return " ".join(KEY_NAMES.get(key, key) for key in spec.keys.split(","))


def action_line(spec: ActionSpec, width: int) -> Line:
    """One action: its keys, its title, and on a wide screen its tooltip."""
    ink = "danger" if spec.id == "run.kill" else "ours"
    spans = [(pad(key_text(spec), KEYS_WIDTH), ink), (pad(spec.title, TITLE_WIDTH), "plain")]
    if width >= WIDE:
        spans.append((spec.tooltip, "label"))
    return (field(*spans),)  # type: ignore[arg-type]  # inks are literals


def help_lines(scope: Scope, width: int) -> list[Line]:
    """The help for a screen: its own actions, those available anywhere, then those of other screens."""
    others = [other for other in SCOPE_NAMES if other not in (scope, "anywhere", "help")]
    lines: list[Line] = []
    for section in (scope, "anywhere", *others):
        specs = actions_in(section)
        if section not in SCOPE_NAMES or not specs:
            continue
        here = "  this screen" if section == scope else ""
        lines += [(field((SCOPE_NAMES[section], "strong"), (here, "ours")),)]
        lines += [action_line(spec, width) for spec in specs]
        if section == "anywhere":
            lines += [(field((pad(keys, KEYS_WIDTH), "ours"), (effect, "label")),) for keys, effect in NAVIGATION]
        lines.append(())
    return lines


class HelpScreen(AmaScreen[None]):
    """Returns to the screen it was opened from."""

    SCOPE: ClassVar[Scope] = "help"
    CSS_PATH: ClassVar[CSSPathType | None] = [style("base"), style("help")]
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("help")
    AUTO_FOCUS = "#scroll"

    def __init__(self, scope: Scope) -> None:
        super().__init__()
        self._help_scope = scope

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="scroll", classes="frame") as scroll:
            scroll.border_title = "Help"
            scroll.border_subtitle = "letter keys are off while you are typing"
            yield FieldLines(id="help-lines")
        yield KeyBar()

    def on_resize(self) -> None:
        self.query_one("#help-lines", FieldLines).show(help_lines(self._help_scope, self.size.width))

    def action_back(self) -> None:
        self.dismiss()
