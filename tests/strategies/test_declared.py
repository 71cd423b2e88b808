"""A strategy's parameters become settings, and what cannot be one is refused by name."""

from __future__ import annotations

from enum import Enum

import pytest
from pydantic import Field

from ama_tui.domain import settings
from ama_tui.domain.errors import ParameterError
from ama_tui.domain.setting import INFINITY, Kind
from ama_tui.strategies.declared import settings_of
from ama_tui.strategies.definition import StrategyParameters
from ama_tui.strategies.packer_parameters import PackerParameters


class Pace(Enum):
    SLOW = "slow"
    FAST = "fast"


class Own(StrategyParameters):
    lot_count: int = Field(default=3, ge=1, le=9, description="how many lots.", json_schema_extra={"unit": "lots"})
    lot_size: float = Field(
        default=0.5, gt=0, description="size of a lot", json_schema_extra={"form": "size, base", "end": "least"}
    )
    ceiling: float | None = Field(default=None, gt=0, description="highest price")
    is_shy: bool = Field(default=False, description="stay back")
    pace: Pace = Field(default=Pace.SLOW, description="how fast")


def test_fields_become_settings_with_range_unit_help_and_names() -> None:
    lots, size, ceiling, shy, pace = settings_of(Own)
    assert (lots.key, lots.name, lots.option, lots.kind) == ("lotCount", "lot_count", "--lot-count", Kind.INTEGER)
    assert (lots.low, lots.high, lots.unit, lots.default, lots.help) == (1, 9, "lots", 3, "how many lots")
    assert (lots.form_label, lots.form_name, lots.in_checkpoint) == ("lot count", "lot count", True)
    assert (size.low, size.low_is_exclusive, size.high) == (0, True, INFINITY)
    assert (size.form_label, size.form_name) == ("size, base", "least size")
    assert (ceiling.default, ceiling.kind, ceiling.form_label) == (None, Kind.NUMBER, "")
    assert (shy.kind, shy.form_label) == (Kind.FLAG, "")
    assert (pace.kind, pace.choices, pace.plain_default) == (Kind.CHOICE, ("slow", "fast"), "slow")


def test_packers_model_has_the_settings_that_are_known_without_it() -> None:
    assert settings_of(PackerParameters) == settings.PACKER.own
    assert PackerParameters().model_dump() == {setting.name: setting.default for setting in settings.PACKER.own}


class Nameless(StrategyParameters):
    lots: int = 3


class Required(StrategyParameters):
    lots: int = Field(description="how many lots")


class Listing(StrategyParameters):
    lots: list[int] = Field(default=[], description="how many lots")


class Below(StrategyParameters):
    lots: int = Field(default=3, lt=9, description="how many lots")


class Misspelt(StrategyParameters):
    lots: int = Field(default=3, description="how many lots", json_schema_extra={"units": "lots"})


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (Nameless, "parameter lots needs a default and a description"),
        (Required, "parameter lots needs a default and a description"),
        (Listing, "parameter lots: a setting is a bool, int, float, str or an enumeration"),
        (Below, "parameter lots: a range is stated with ge, gt and le"),
        (Misspelt, "parameter lots: json_schema_extra has end, form, unit and nothing else"),
    ],
)
def test_field_that_cannot_be_a_setting_is_refused_by_name(model: type[StrategyParameters], said: str) -> None:
    with pytest.raises(ParameterError) as raised:
        settings_of(model)
    assert raised.value.message == said
