"""The options of strategies that other packages bring, and the list of strategies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from ama_tui.cli.arguments import Arguments, arguments_of
from ama_tui.cli.main import cli
from ama_tui.cli.options import fleet_options, headless_options, localnet_options
from ama_tui.cli.strategy_options import StrategyCommand
from ama_tui.domain.errors import ConfigError
from tests.strategies.plug_ins import installed


@pytest.fixture(autouse=True)
def strategies() -> Iterator[None]:
    with installed(lots="LOTS", ghost="no_such_module:NOTHING", seeded="SEEDED"):
        yield


@click.command("probe", cls=StrategyCommand)
@fleet_options
@headless_options
@localnet_options
def probe(**options: object) -> Arguments:
    return arguments_of(options)


def given(*arguments: str) -> dict[str, object]:
    parsed = probe.main(args=arguments, standalone_mode=False)
    assert isinstance(parsed, Arguments)
    return dict(parsed.run.given())


def test_options_of_the_chosen_strategy_are_typed_values() -> None:
    assert given("--strategy", "lots", "--gap-max", "20", "--ceiling=2500.5", "--size-min", "1") == {
        "strategy": "lots",
        "gap_max": 20,
        "ceiling": 2500.5,
        "size_min": 1.0,
    }


def test_strategy_may_be_chosen_by_the_config_file(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text('strategy = "lots"\n')
    assert given("--config", str(path), "--lots", "3") == {"lots": 3}


def test_option_without_its_strategy_is_passed_on_to_be_refused_or_to_fit_a_saved_run() -> None:
    assert given("--gap-max", "20") == {"gap_max": 20}


def test_option_that_no_strategy_has_is_an_error() -> None:
    with pytest.raises(click.NoSuchOption, match="--gapp"):
        given("--gapp", "20")


def test_option_given_twice_is_refused() -> None:
    with pytest.raises(click.UsageError, match="--gap-max is given 2 times"):
        given("--strategy", "lots", "--gap-max", "20", "--gap-max", "21")


def test_parameter_with_the_name_of_an_option_of_the_command_is_refused() -> None:
    with pytest.raises(
        ConfigError, match="the strategy seeded cannot be used here: --seed is an option of the command"
    ):
        given("--strategy", "seeded")


def test_help_shows_the_options_of_the_chosen_strategy_and_of_no_other() -> None:
    run = CliRunner()
    packers = run.invoke(cli, ["run", "--help"]).output
    lots = run.invoke(cli, ["run", "--strategy", "lots", "--help"]).output
    assert "--orders-per-side" in packers
    assert "--gap-max" not in packers
    assert "Most gap, 1…99 [9]." in lots
    assert "Size of a lot" in lots
    assert lots.count("--size-min") == 1


def test_option_of_another_strategy_is_refused_with_its_name(tmp_path: Path) -> None:
    arguments = ["demo", "--headless", "--until", "1s", "--gap-max", "3", "--state-dir", str(tmp_path)]
    error = CliRunner().invoke(cli, arguments).exception
    assert "--gap-max is for the strategy lots, not packer" in str(error)


def listed() -> dict[str, Any]:
    result = CliRunner().invoke(cli, ["strategies", "--json"])
    assert result.exit_code == 0
    return {row["name"]: row for row in json.loads(result.output)}


def test_strategies_are_listed_with_their_parameters() -> None:
    rows = listed()
    assert rows["packer"]["package"] == "ama-tui"
    assert rows["lots"]["summary"] == "does nothing with lots"
    gap = next(one for one in rows["lots"]["parameters"] if one["key"] == "gapMax")
    assert gap == {
        "key": "gapMax",
        "option": "--gap-max",
        "type": "integer",
        "default": 9,
        "low": 1,
        "low_is_exclusive": False,
        "high": 99,
        "choices": [],
        "unit": "ticks",
        "help": "most gap",
    }
    assert {one["key"] for one in rows["lots"]["shared"]} == {"minDelayMs", "maxDelayMs", "maxWalletUtilization"}


def test_strategy_that_cannot_be_loaded_is_listed_with_the_reason() -> None:
    assert listed()["ghost"]["problem"].startswith("strategy ghost cannot be loaded: ModuleNotFoundError")
    text = CliRunner().invoke(cli, ["strategies"]).output
    assert "ghost  ✗ strategy ghost cannot be loaded" in text
    assert "  --gap-max" in text
