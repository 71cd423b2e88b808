"""The set-up form: a field for every parameter and for the number of wallets, checked as it is typed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import HorizontalGroup, VerticalGroup
from textual.message import Message
from textual.widgets import Input

from ama_tui.domain.parameters import SPECS, Parameters, ParameterSpec, problems_of
from ama_tui.ui.widgets.plain import Plain

WALLETS_FIELD = "wallets"

ROWS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("orders per side", ("orders_per_side",), ""),
    ("collateral share", ("max_utilization",), ""),
    ("distance", ("min_distance_ticks", "max_distance_ticks"), "ticks"),
    ("order size", ("size_min", "size_max"), ""),
    ("delay", ("min_delay_ms", "max_delay_ms"), "ms"),
)
"""The form's lines: label, one parameter or the two ends of a range, unit."""

_BY_NAME = {spec.name: spec for spec in SPECS}


@dataclass(frozen=True, slots=True)
class FormState:
    """What the form says right now. `parameters` is None while something is wrong, and `problems` says what."""

    parameters: Parameters | None
    wallets: int | None
    problems: tuple[str, ...]


def number(text: str) -> int | float | str:
    """The number that a field's text means; the text itself when it is none."""
    text = text.strip()
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text


def form_state(texts: Mapping[str, str], wallets_available: int) -> FormState:
    """Read a form whose fields are named by parameter attribute, and `wallets`."""
    values = {spec.key: number(texts[spec.name]) for spec in SPECS}
    problems = problems_of(values)
    parameters = None if problems else Parameters.checked(values)
    wanted = number(texts[WALLETS_FIELD])
    wallets = wanted if isinstance(wanted, int) and 1 <= wanted <= wallets_available else None
    if wallets is None:
        problems.append(f"wallets must be a whole number, 1…{wallets_available}")
    return FormState(parameters, wallets, tuple(problems))


def help_text(field_name: str, wallets_available: int) -> str:
    """What a field means, its range and its default, in one line."""
    if field_name == WALLETS_FIELD:
        return f"how many wallets of the file take part, from the first: 1…{wallets_available}"
    spec = _BY_NAME[field_name]
    return f"{spec.key}: {spec.meaning} · {spec.range_text} {spec.unit} · default {spec.default:g}"


class ParameterForm(VerticalGroup):
    """Compact fields, one line a parameter or a range. Posts `Edited` on every change and `Entered` on Enter."""

    class Edited(Message):
        """A field's text changed."""

    class Focused(Message):
        """Another field has the focus."""

        def __init__(self, field_name: str) -> None:
            super().__init__()
            self.field_name = field_name

    class Entered(Message):
        """Enter was pressed in a field."""

    def __init__(self, parameters: Parameters, wallets: int, wallets_available: int, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._initial = parameters
        self._wallets = wallets
        self._available = wallets_available

    def compose(self) -> ComposeResult:
        for label, names, unit in ROWS:
            with HorizontalGroup(classes="form-row"):
                yield Plain(label, classes="form-label label")
                for place, name in enumerate(names):
                    if place:
                        yield Plain("…", classes="form-dots label")
                    yield self._input(name, f"{getattr(self._initial, name):g}")
                yield Plain(self._range(names, unit), classes="form-range label")
        with HorizontalGroup(classes="form-row"):
            yield Plain("wallets", classes="form-label label")
            yield self._input(WALLETS_FIELD, str(self._wallets))
            yield Plain(f"of {self._available}", classes="form-range label")

    def _input(self, name: str, value: str) -> Input:
        return Input(
            value, id=f"field-{name}", name=name, compact=True, restrict=r"[0-9.]*", max_length=12, classes="form-input"
        )

    def _range(self, names: Iterable[str], unit: str) -> str:
        spec: ParameterSpec = _BY_NAME[next(iter(names))]
        return f"{spec.range_text} {unit}".strip()

    @property
    def texts(self) -> dict[str, str]:
        return {field.name or "": field.value for field in self.query(Input)}

    @property
    def state(self) -> FormState:
        return form_state(self.texts, self._available)

    def fill(self, parameters: Parameters, wallets: int) -> None:
        """Put other values into the fields."""
        for field in self.query(Input):
            value = wallets if field.name == WALLETS_FIELD else getattr(parameters, field.name or "")
            field.value = f"{value:g}"

    def mark(self, state: FormState) -> None:
        """Mark the fields that a problem names."""
        for field in self.query(Input):
            spec = _BY_NAME.get(field.name or "")
            key = spec.key if spec is not None else WALLETS_FIELD
            field.set_class(any(key in problem for problem in state.problems), "-wrong")

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Edited())

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Entered())

    def on_descendant_focus(self) -> None:
        focused = self.screen.focused
        if isinstance(focused, Input) and focused.name:
            self.post_message(self.Focused(focused.name))
