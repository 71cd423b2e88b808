"""An invalid value is reported under the name its own source uses for the setting, never under another."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ama_tui.cli.main import cli
from ama_tui.config.environment import environment_problems
from ama_tui.config.presets import load_presets
from ama_tui.config.run import resolve
from ama_tui.config.run_options import RunOptions
from ama_tui.domain.errors import ParameterError
from ama_tui.domain.parameters import Parameters
from ama_tui.domain.setting import INFINITY, Kind, Setting
from ama_tui.domain.settings import PACKER, WALLETS, settings_with
from ama_tui.strategies.anchor import market_problem
from ama_tui.ui.panels.form import field_text, form_state, help_text

SETTINGS = settings_with(PACKER)
NUMBERS = [setting for setting in SETTINGS if setting.kind in (Kind.INTEGER, Kind.NUMBER)]
ASKED = [*PACKER.asked, WALLETS]


def bad_values(setting: Setting[Any]) -> Iterator[object]:
    """Of the wrong type, too small, and too large, as far as the setting has bounds."""
    yield {} if setting.kind is Kind.TEXTS else "nonsense"
    if setting.low != -INFINITY:
        yield setting.low if setting.low_is_exclusive else setting.low - 1
    if setting.high != INFINITY:
        yield setting.high + 1


def cases(settings: list[Setting[Any]]) -> list[Any]:
    return [
        pytest.param(setting, value, id=f"{setting.key}={value}")
        for setting in settings
        for value in bad_values(setting)
    ]


def names_of(setting: Setting[Any]) -> set[str]:
    """Every name that a setting has anywhere."""
    return {setting.key, setting.name, setting.short_option, setting.form_name} - {""}


def assert_named(message: str, setting: Setting[Any], name: str) -> None:
    """The message begins with this name and uses none of the setting's other names."""
    assert message.startswith(f"{name} "), message
    for other in names_of(setting) - {name}:
        assert not re.search(rf"(?<![\w-]){re.escape(other)}(?![\w-])", message.removeprefix(name)), message


def refusal(**given: Any) -> str:
    with pytest.raises(ParameterError) as raised:
        resolve(**{"options": RunOptions(), **given})
    return raised.value.message


@pytest.mark.parametrize(("setting", "value"), cases([s for s in SETTINGS if s.enumeration is None]))
def test_invalid_option_is_named_as_an_option(setting: Setting[Any], value: object) -> None:
    given: dict[str, Any] = {setting.name: value}
    assert_named(refusal(options=RunOptions(**given)), setting, setting.short_option)


@pytest.mark.parametrize("setting", [*NUMBERS, *(s for s in SETTINGS if s.enumeration)], ids=lambda s: s.key)
def test_unparsable_option_is_named_as_an_option(setting: Setting[Any]) -> None:
    command = ("run", "--headless", setting.short_option, "nonsense")
    error = CliRunner().invoke(cli, command, standalone_mode=False).exception
    assert f"'{setting.short_option}'" in error.format_message()  # type: ignore[union-attr]  # a click.BadParameter


@pytest.mark.parametrize("spelling", ["key", "name"])
@pytest.mark.parametrize(("setting", "value"), cases([s for s in SETTINGS if s.in_config_file]))
def test_invalid_config_value_is_named_as_in_the_file(
    setting: Setting[Any], value: object, spelling: str, tmp_path: Path
) -> None:
    name, path = getattr(setting, spelling), tmp_path / "run.toml"
    path.write_text(f"{name} = {json.dumps(value)}\n")
    assert_named(refusal(toml_path=path), setting, name)


@pytest.mark.parametrize("spelling", ["key", "name"])
@pytest.mark.parametrize(("setting", "value"), cases(list(PACKER.asked)))
def test_invalid_preset_value_is_named_as_in_the_file(
    setting: Setting[Any], value: object, spelling: str, tmp_path: Path
) -> None:
    name = getattr(setting, spelling)
    (tmp_path / "night.toml").write_text(f"{name} = {json.dumps(value)}\n")
    (problem,) = load_presets(tmp_path).problems
    assert problem.startswith("preset file night.toml: ")
    assert_named(problem.removeprefix("preset file night.toml: "), setting, name)


@pytest.mark.parametrize(("setting", "value"), cases([s for s in SETTINGS if s.in_checkpoint]))
def test_invalid_checkpoint_value_is_named_by_its_key(setting: Setting[Any], value: object) -> None:
    with pytest.raises(ParameterError) as raised:
        resolve(RunOptions(), None, {setting.key: value})
    assert_named(raised.value.message, setting, setting.key)
    assert "(checkpoint" in raised.value.message
    assert "--fresh" in raised.value.hint


@pytest.mark.parametrize(("setting", "value"), cases(ASKED))
def test_invalid_form_value_is_named_as_in_the_form(setting: Setting[Any], value: object) -> None:
    texts = {one.name: field_text(one.default) for one in ASKED}
    texts[setting.name] = field_text(value) if isinstance(value, int | float) else str(value)
    state = form_state(texts, 25)
    assert_named(state.problems[0], setting, setting.form_name)
    assert setting.name in state.wrong
    assert setting.form_label.partition(",")[0] in state.problems[0]
    assert setting.key not in help_text(setting.name, 25) or setting.key == setting.form_name


@pytest.mark.parametrize(("lower", "upper"), PACKER.ranges, ids=lambda setting: setting.key)
def test_inverted_range_is_reported_under_the_names_of_its_source(
    lower: Setting[Any], upper: Setting[Any], tmp_path: Path
) -> None:
    low, high = upper.default * 2, upper.default
    expected: list[tuple[str, Callable[[Setting[Any]], str]]] = []
    path = tmp_path / "run.toml"
    path.write_text(f"{lower.name} = {low}\n")
    expected.append((refusal(options=RunOptions(**{lower.name: low})), lambda s: s.short_option))
    expected.append((refusal(checkpoint_config={lower.key: low, upper.key: high}), lambda s: s.key))
    form = {**Parameters().as_keys(), lower.key: low}
    expected.append((refusal(form=form), lambda s: s.form_name))
    for message, name in expected:
        assert message.startswith(f"{name(lower)} ({low:g}) must not be above {name(upper)} ({high:g})")
    assert refusal(toml_path=path).startswith(f"{lower.name} ({low:g}) must not be above")


def test_setting_given_under_two_names_is_reported_with_both(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text("size_min = 0.1\n[parameters]\nsizeMin = 0.1\n")
    with pytest.raises(Exception, match="size_min is given twice, also as sizeMin"):
        resolve(RunOptions(), path)


@pytest.mark.parametrize("value", ["abc", "0", "-1", "9" * 30])
@pytest.mark.parametrize("name", ["CHAIN_ID", "NEXT_PUBLIC_CHAIN_ID"])
def test_invalid_chain_id_is_reported_under_the_variable_used(name: str, value: str, tmp_path: Path) -> None:
    problems = environment_problems(tmp_path, {name: value})
    assert next(one for one in problems if "whole number" in one).startswith(f"{name} is ")


@pytest.mark.parametrize(
    "name", ["RPC_URL", "RPC_URL_HYPEREVM", "RPC_URL_CHECK", "APP_URL", "SESSION_REGISTRY_ADDRESS"]
)
def test_invalid_url_or_address_is_reported_under_the_variable_used(name: str, tmp_path: Path) -> None:
    problems = environment_problems(tmp_path, {name: "nonsense"})
    assert any(one.startswith(f"{name} is ") for one in problems), problems


def test_distance_that_does_not_fit_the_market_is_named_as_in_its_source() -> None:
    names = resolve(RunOptions(min_distance_ticks=10)).names
    assert market_problem(10, 10_000, 160_000, names["minDistanceTicks"]) == (
        "--min-distance-ticks 10 does not fit a price of 8 ticks; use 4 or less"
    )
    assert str(market_problem(10, 10_000, 160_000)).startswith("nearest distance 10 does not fit")
