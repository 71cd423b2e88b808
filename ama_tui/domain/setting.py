"""The declaration of one setting of a run: its names, type, range and default."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, Generic, TypeGuard, TypeVar, cast

T = TypeVar("T")
INFINITY: Final = float("inf")


class Kind(Enum):
    """The type of a setting's value."""

    INTEGER = "a whole number"
    NUMBER = "a number"
    FLAG = "true or false"
    CHOICE = "one of some words"
    TEXT = "a text"
    TEXTS = "one or more texts"


@dataclass(frozen=True, slots=True)
class Setting(Generic[T]):
    """One setting of a run."""

    key: str
    """Its name in configuration files and in the checkpoint, `sizeMin`."""
    name: str
    """Its name in `Parameters`, `RunConfig` and `RunOptions`; configuration files accept it too."""
    kind: Kind
    default: T
    """None where a run may start without a value."""
    help: str
    """Its meaning, without a capital and a full stop."""
    spelling: str = ""
    """The command-line option where it is not made from `name`: `--resume/--fresh` for a flag with an opposite."""
    placeholder: str | None = None
    """The placeholder for the value in `--help`."""
    unit: str = ""
    low: float = -INFINITY
    high: float = INFINITY
    low_is_exclusive: bool = False
    enumeration: type[Enum] | None = None
    """The values of a CHOICE. None where they depend on what is installed."""
    in_config_file: bool = True
    in_checkpoint: bool = False
    """Whether a resumed run uses the value it was saved with."""
    form_label: str = ""
    """The label of its line in the set-up form, empty where the form does not ask. A range shares its line."""
    form_end: str = ""
    """Which end of its range it is, as in messages about the form: `smallest`."""
    form_line: int = 0
    """The position of that line."""

    @property
    def option(self) -> str:
        """The command-line option, `--min-delay-ms`; of two opposites both, `--resume/--fresh`."""
        return self.spelling or "--" + self.name.replace("_", "-")

    @property
    def short_option(self) -> str:
        """The command-line option without its opposite, as messages name it."""
        return self.option.partition("/")[0]

    @property
    def form_name(self) -> str:
        """Its name in messages about the set-up form: `smallest order size`, `collateral share`."""
        return " ".join(filter(None, (self.form_end, self.form_label.partition(",")[0])))

    @property
    def choices(self) -> tuple[str, ...]:
        """The words of a CHOICE."""
        return () if self.enumeration is None else tuple(str(member.value) for member in self.enumeration)

    @property
    def plain_default(self) -> object:
        """The default as files have it."""
        return plain(self.default)

    @property
    def range_text(self) -> str:
        """The values it accepts: `1…50`, `above 0`, `even or original`; empty where that goes without saying."""
        if self.kind is Kind.CHOICE:
            return " or ".join(self.choices)
        low = "" if self.low == -INFINITY else f"{'above' if self.low_is_exclusive else 'at least'} {self.low:.12g}"
        high = "" if self.high == INFINITY else f"at most {self.high:.12g}"
        if low and high and not self.low_is_exclusive:
            return f"{self.low:.12g}…{self.high:.12g}"
        return ", ".join(filter(None, (low, high)))

    @property
    def default_text(self) -> str:
        """The default in words; empty where there is none."""
        default = self.plain_default
        if default is None or default == ():
            return ""
        if isinstance(default, bool):
            return "on" if default else "off"
        return f"{default:g}" if isinstance(default, int | float) else str(default)

    def problem(self, value: object, label: str = "", choices: Collection[str] = ()) -> str | None:
        """Why a value is not allowed, in one line that begins with `label` (default: the key), or None.

        `choices` are the words of a CHOICE that declares none.
        """
        label = label or self.key
        if value is None and self.default is None:
            return None
        if self.kind is Kind.FLAG:
            return None if isinstance(value, bool) else f"{label} must be true or false"
        if self.kind is Kind.TEXT:
            return None if isinstance(value, str) and value.strip() else f"{label} must be a text"
        if self.kind is Kind.TEXTS:
            texts = value if isinstance(value, list | tuple) else [value]
            are_texts = all(isinstance(text, str) and text.strip() for text in texts)
            return None if are_texts else f"{label} must be a text or a list of texts"
        if self.kind is Kind.CHOICE:
            words = self.choices or choices
            is_choice = isinstance(value, str) and value in words
            return None if is_choice else f"{label} must be {' or '.join(words)}"
        return self._number_problem(value, label)

    def _number_problem(self, value: object, label: str) -> str | None:
        if not is_number(value):
            return f"{label} must be a number"
        if self.kind is Kind.INTEGER and value != int(value):
            return f"{label} must be a whole number"
        is_too_low = value <= self.low if self.low_is_exclusive else value < self.low
        if is_too_low or value > self.high:
            return f"{label} is {value:.12g}, but must be {self.range_text}"
        return None

    def read(self, values: Mapping[str, object]) -> T:
        """Its value among values by key that `problem` accepts; the default where it is missing."""
        value = values.get(self.key, self.default)
        if is_number(value):
            value = int(value) if self.kind is Kind.INTEGER else float(value)
        elif self.enumeration is not None and value is not None:
            value = self.enumeration(value)
        elif self.kind is Kind.TEXTS:
            value = (value,) if isinstance(value, str) else tuple(cast("list[str]", value))
        return cast(T, value)


def plain(value: object) -> object:
    """A value as files have it: the word of an enumeration's member."""
    return value.value if isinstance(value, Enum) else value


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether a value is a number that a float can hold: no bool, no NaN, no infinity."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return -sys.float_info.max <= value <= sys.float_info.max
