"""The form of a run: a field for each parameter and the number of wallets, validated while typing."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from textual.app import ComposeResult
from textual.containers import HorizontalGroup, VerticalGroup
from textual.message import Message
from textual.widgets import Input

from ama_tui.domain.market import Market
from ama_tui.domain.parameters import Parameters, problems_of
from ama_tui.domain.setting import Setting
from ama_tui.domain.settings import PACKER, WALLETS
from ama_tui.domain.strategy_settings import StrategySettings, lines_of
from ama_tui.ui.format import basis_points
from ama_tui.ui.widgets.plain_text import PlainText

WALLETS_FIELD = WALLETS.name
TICKS, BASE = "ticks", "base"
"""Units whose values are also shown as basis points, and in USDC."""


@dataclass(frozen=True, slots=True)
class FormState:
    """The values in the form."""

    parameters: Parameters | None
    """None while a parameter is invalid."""
    wallets: int | None
    """None while the number is invalid, or when the form has no such field."""
    problems: tuple[str, ...]
    """Why values are invalid, one line each."""
    wrong: frozenset[str] = frozenset()
    """The fields they are about."""


def parse_number(text: str) -> int | float | str:
    """The number in a field's text; the text itself when it is not a number."""
    text = text.strip()
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text


def field_text(value: float) -> str:
    """A value as text for its field; `parse_number` gives the value back."""
    return f"{Decimal(repr(value)):f}".removesuffix(".0")


def form_state(texts: Mapping[str, str], wallets_available: int, base: Parameters | None = None) -> FormState:
    """Read a form. `texts` maps names of parameters, and `wallets` where the form has that field, to texts.

    `base` has the parameters that the form does not ask for.
    """
    base = Parameters() if base is None else base
    values = base.as_keys()
    values |= {setting.key: parse_number(texts[setting.name]) for setting in base.strategy.asked}
    found = problems_of(values, base.strategy, lambda setting: setting.form_name or setting.short_option)
    problems = [problem.text for problem in found]
    wrong = {setting.name for problem in found for setting in problem.settings}
    parameters = None if problems else Parameters.checked(values, base.strategy)
    if WALLETS_FIELD not in texts:
        return FormState(parameters, None, tuple(problems), frozenset(wrong))
    entered = parse_number(texts[WALLETS_FIELD])
    wallets = entered if isinstance(entered, int) and 1 <= entered <= wallets_available else None
    if wallets is None:
        problems.append(f"{WALLETS.form_name} must be a whole number, 1…{wallets_available}")
        wrong.add(WALLETS_FIELD)
    return FormState(parameters, wallets, tuple(problems), frozenset(wrong))


def help_text(field_name: str, wallets_available: int, strategy: StrategySettings = PACKER) -> str:
    """A field's description, range and default, in one line."""
    if field_name == WALLETS_FIELD:
        return f"{WALLETS.help}: 1…{wallets_available}"
    setting = next(setting for setting in strategy.asked if setting.name == field_name)
    return f"{setting.form_name}: {setting.help} · {setting.range_text} {setting.unit} · default {setting.default_text}"


def values_in(texts: Mapping[str, str], names: Iterable[str]) -> list[float]:
    """The finite numbers among these fields' texts."""
    numbers = (parse_number(texts[name]) for name in names)
    return [float(value) for value in numbers if not isinstance(value, str) and math.isfinite(value)]


def distance_note(ticks: Iterable[float], market: Market, anchor_x2: int | None) -> str:
    """Distances in basis points of the anchor (given doubled): '0.4…4.8 bp'; '' without an anchor."""
    points = [basis_points(int(distance * market.tick6), anchor_x2) for distance in ticks]
    numbers = [f"{value:,.1f}" for value in points if value is not None]
    return f"{'…'.join(numbers)} bp" if numbers else ""


def size_note(sizes: Iterable[float], anchor_x2: int | None) -> str:
    """Sizes in USDC at the anchor (given doubled): '125…625 USDC'; '' without an anchor."""
    if not anchor_x2:
        return ""
    amounts = [_usdc_text(size * anchor_x2 / 2_000_000) for size in sizes]
    return f"{'…'.join(amounts)} USDC" if amounts else ""


def _usdc_text(usdc: float) -> str:
    """0.4213 → '0.42', 15000 → '15,000', 12345678 → '12.35M'."""
    if usdc >= 1_000_000:
        return f"{usdc / 1_000_000:,.2f}M"
    return f"{usdc:,.0f}" if usdc >= 10 else f"{usdc:.2f}"


class ParameterForm(VerticalGroup):
    """Compact fields, one line per parameter or range. Posts `Edited` on every change and `Entered` on Enter."""

    class Edited(Message):
        """A field's text changed."""

    class Focused(Message):
        """A field got the focus."""

        def __init__(self, field_name: str) -> None:
            super().__init__()
            self.field_name = field_name

    class Entered(Message):
        """Enter was pressed in a field."""

    def __init__(
        self, parameters: Parameters, wallets: int | None, wallets_available: int = 0, *, id: str | None = None
    ) -> None:
        """With `wallets` None the form has no field for the number of wallets."""
        super().__init__(id=id)
        self._base = parameters
        self._wallets = wallets
        self._available = wallets_available
        self._market: Market | None = None
        self._anchor_x2: int | None = None

    def compose(self) -> ComposeResult:
        for line in self._lines():
            with HorizontalGroup(classes="form-row"):
                yield PlainText(line[0].form_label, classes="form-label label")
                for index, setting in enumerate(line):
                    if index:
                        yield PlainText("…", classes="form-dots label")
                    yield self._input(setting.name, self._initial_text(setting.name))
                yield PlainText(self._range_text(line[0]), classes="form-range label")
                if line[0].unit in (TICKS, BASE):
                    yield PlainText(id=self._note_id(line), classes="form-note")

    def _lines(self) -> tuple[tuple[Setting[Any], ...], ...]:
        wallets = () if self._wallets is None else ((WALLETS,),)
        return (*lines_of(self._base.strategy.all), *wallets)

    def _note_id(self, line: tuple[Setting[Any], ...]) -> str:
        return f"note-{line[0].name}"

    def _initial_text(self, name: str) -> str:
        return str(self._wallets) if name == WALLETS_FIELD else field_text(self._base[name])

    def _range_text(self, setting: Setting[Any]) -> str:
        return f"of {self._available}" if setting is WALLETS else setting.range_text

    def _input(self, name: str, value: str) -> Input:
        return Input(
            value, id=f"field-{name}", name=name, compact=True, restrict=r"[0-9.]*", max_length=12, classes="form-input"
        )

    async def _replace_fields(self) -> None:
        await self.recompose()
        self._show_notes()
        self.post_message(self.Edited())

    @property
    def texts(self) -> dict[str, str]:
        """The fields' texts by name. A field that is about to replace those of another strategy has its first text."""
        shown = {field.name: field.value for field in self.query(Input)}
        names = [setting.name for line in self._lines() for setting in line]
        return {name: shown[name] if name in shown else self._initial_text(name) for name in names}

    @property
    def state(self) -> FormState:
        return form_state(self.texts, self._available, self._base)

    @property
    def strategy(self) -> StrategySettings:
        """The strategy whose parameters the form asks for."""
        return self._base.strategy

    def fill(self, parameters: Parameters, wallets: int | None = None) -> None:
        """Replace the values of the fields, and the fields themselves if the strategy is another; None keeps the number
        of wallets. Posts `Edited`.
        """
        is_same = parameters.strategy == self._base.strategy
        self._base = parameters
        if not is_same:
            self._wallets = self._wallets if wallets is None else wallets
            self.run_worker(self._replace_fields(), group="fields", exclusive=True)
            return
        for field in self.query(Input):
            value = wallets if field.name == WALLETS_FIELD else parameters[field.name or ""]
            if value is not None:
                field.value = field_text(value)

    def price(self, market: Market, anchor_x2: int | None) -> None:
        """Set the price (anchor, doubled) that distances in basis points and sizes in USDC are shown for."""
        self._market, self._anchor_x2 = market, anchor_x2
        self._show_notes()

    def _show_notes(self) -> None:
        if self._market is None:
            return
        texts = self.texts
        for line in self._lines():
            if line[0].unit not in (TICKS, BASE):
                continue
            values = values_in(texts, [setting.name for setting in line])
            note = next(iter(self.query(f"#{self._note_id(line)}").results(PlainText)), None)
            if note is None:
                continue
            if line[0].unit == TICKS:
                note.show(distance_note(values, self._market, self._anchor_x2))
            else:
                note.show(size_note(values, self._anchor_x2))

    def mark(self, wrong: Collection[str]) -> None:
        """Mark these fields as wrong, and no others."""
        for field in self.query(Input):
            field.set_class(field.name in wrong, "-wrong")

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._show_notes()
        self.post_message(self.Edited())

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Entered())

    def on_descendant_focus(self) -> None:
        focused = self.screen.focused
        if isinstance(focused, Input) and focused.name:
            self.post_message(self.Focused(focused.name))
