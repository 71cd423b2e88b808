"""Every key and what it does, from the same table that makes the keys work."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.types import CSSPathType

from ama_tui.ui.actions import KEY_NAMES, PLACE_NAMES, ActionSpec, Place, actions_for, bindings_for
from ama_tui.ui.format import pad
from ama_tui.ui.screens.base import AmaScreen
from ama_tui.ui.theme import style
from ama_tui.ui.widgets.field_lines import FieldLines, Line, field
from ama_tui.ui.widgets.keybar import KeyBar

KEYS_WIDTH = 10
TITLE_WIDTH = 47
WIDE = 120

MOVING = (
    ("↑ ↓ j k", "move the cursor"),
    ("pgup pgdn", "a page up, a page down"),
    ("home end", "the first, the last; in log and book the newest, the spread"),
    ("tab", "the next, the last panel or button"),
    ("click", "buttons, tabs, keys of the last line, titles of columns to sort"),
    ("click ×2", "open the row"),
)
"""What the panels do by themselves."""


def key_text(spec: ActionSpec) -> str:
    """'S r', '?  F1'."""
    return " ".join(KEY_NAMES.get(key, key) for key in spec.keys.split(","))


def action_line(spec: ActionSpec, width: int) -> Line:
    """One action: its keys, its name, and on a wide screen what it does."""
    ink = "danger" if spec.id == "run.kill" else "ours"
    spans = [(pad(key_text(spec), KEYS_WIDTH), ink), (pad(spec.title, TITLE_WIDTH), "plain")]
    if width >= WIDE:
        spans.append((spec.tooltip, "label"))
    return (field(*spans),)  # type: ignore[arg-type]  # inks are literals


def help_lines(place: Place, width: int) -> list[Line]:
    """The help as seen from a place: what can be done here, then everywhere, then elsewhere."""
    others = [other for other in PLACE_NAMES if other not in (place, "anywhere", "help")]
    lines: list[Line] = []
    for section in (place, "anywhere", *others):
        specs = actions_for(section)
        if section not in PLACE_NAMES or not specs:
            continue
        here = "  here" if section == place else ""
        lines += [(field((PLACE_NAMES[section], "strong"), (here, "ours")),)]
        lines += [action_line(spec, width) for spec in specs]
        if section == "anywhere":
            lines += [(field((pad(keys, KEYS_WIDTH), "ours"), (told, "label")),) for keys, told in MOVING]
        lines.append(())
    return lines


class HelpScreen(AmaScreen[None]):
    """Leads back to where it was opened."""

    PLACE: ClassVar[Place] = "help"
    CSS_PATH: ClassVar[CSSPathType | None] = [style("base"), style("help")]
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("help")
    AUTO_FOCUS = "#scroll"

    def __init__(self, place: Place) -> None:
        super().__init__()
        self._place = place

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="scroll", classes="frame") as scroll:
            scroll.border_title = "Help"
            scroll.border_subtitle = "letters do not act while a field is edited"
            yield FieldLines(id="help-lines")
        yield KeyBar()

    def on_resize(self) -> None:
        self.query_one("#help-lines", FieldLines).show(help_lines(self._place, self.size.width))

    def action_back(self) -> None:
        self.dismiss()
