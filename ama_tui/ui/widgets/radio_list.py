"""A few options, one per line, of which one is chosen; arrow keys choose at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import RadioButton, RadioSet


class RadioOption(RadioButton):
    """Shows `(●)` or `( )`, so that the choice is visible without colours."""

    BUTTON_LEFT = "("
    BUTTON_RIGHT = ")"

    def __init__(self, label: str, *, value: bool) -> None:
        super().__init__(label, value, compact=True)
        self._set_sign()

    def _set_sign(self) -> None:
        self.BUTTON_INNER = "●" if self.value else " "

    def watch_value(self) -> None:
        self._set_sign()
        super().watch_value()


class RadioList(RadioSet):
    """Textual's radio set, with arrow keys that choose instead of only moving. Posts `RadioSet.Changed`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,left", "choose(-1)", "Previous", show=False),
        Binding("down,right", "choose(1)", "Next", show=False),
    ]

    def __init__(self, options: Sequence[str], *, id: str | None = None) -> None:
        """The first option is chosen."""
        super().__init__(*(RadioOption(text, value=not index) for index, text in enumerate(options)), id=id)
        self.compact = True

    def choose(self, index: int) -> None:
        """Choose an option, counted from 0; an index beyond the options changes nothing."""
        options = self.query(RadioOption)
        if 0 <= index < len(options):
            options[index].value = True

    def action_choose(self, step: int) -> None:
        self.choose(self.pressed_index + step)
