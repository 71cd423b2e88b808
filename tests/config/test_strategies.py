"""The settings of strategies other than the packer: from options, files and the checkpoint, and none of another's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ama_tui.config.presets import Preset, load_presets, save_preset
from ama_tui.config.run import Origin, resolve
from ama_tui.config.run_options import RunOptions
from ama_tui.domain.errors import ConfigError, ParameterError
from ama_tui.domain.parameters import STRATEGY_PARAMETERS, Parameters
from ama_tui.domain.strategy_settings import StrategySettings
from ama_tui.store.checkpoint import stored_config
from ama_tui.strategies import registry
from tests.strategies.plug_ins import installed


@pytest.fixture(autouse=True)
def lots() -> Iterator[StrategySettings]:
    with installed(lots="LOTS"):
        yield registry.settings_for("lots")


def resolved(options: RunOptions, path: Path | None = None, config: dict[str, Any] | None = None) -> Any:
    return resolve(options, path, config, strategies=registry)


def test_chosen_strategy_takes_its_own_options_and_those_of_every_run() -> None:
    found = resolved(RunOptions(strategy="lots", gap_max=20, max_delay_ms=900, size_min=0.25))
    assert found.run.strategy == "lots"
    assert found.parameters.as_keys() == {
        "minDelayMs": 250,
        "maxDelayMs": 900,
        "maxWalletUtilization": 0.2,
        "lots": 2,
        "gapMin": 1,
        "gapMax": 20,
        "sizeMin": 0.25,
        "ceiling": None,
    }
    assert (found.origins["gapMax"], found.origins["lots"]) == (Origin.OPTION, Origin.DEFAULT)


def test_file_may_choose_the_strategy_and_give_its_parameters(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text('strategy = "lots"\nlots = 5\n[parameters]\ngap_max = 12\n')
    found = resolved(RunOptions(), path)
    assert (found.run.strategy, found.parameters["lots"], found.parameters["gap_max"]) == ("lots", 5, 12)


@pytest.mark.parametrize(
    ("options", "text", "said"),
    [
        ({"gap_max": 20}, "", "--gap-max is for the strategy lots, not packer"),
        ({"strategy": "lots", "rules": "even"}, "", "--rules is for the strategies packer and rebalance, not lots"),
        ({}, "gapMax = 20", "gapMax is for the strategy lots, not packer"),
        (
            {"strategy": "lots"},
            "orders_per_side = 3",
            "orders_per_side is for the strategies packer and rebalance, not lots",
        ),
        ({"strategy": "lots", "lots": 10}, "", "--lots is 10, but must be 1…9 (option)"),
        ({"strategy": "lots"}, "gapMin = 50", "gapMin (50) must not be above --gap-max (9)"),
        ({"strategy": "lots"}, "gap = 1", "unknown key gap (did you mean gapMin?)"),
        ({"strategy": "gridd"}, "", "--strategy is 'gridd', which is not installed (option)"),
        ({}, "strategy = 3", "strategy is '3', which is not installed (config file)"),
    ],
)
def test_what_does_not_fit_the_strategy_is_named_with_it(
    options: dict[str, Any], text: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "run.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as raised:
        resolved(RunOptions(**options), path)
    assert said in raised.value.message
    assert "\n" not in str(raised.value)


def test_checkpoint_keeps_each_strategys_parameters_under_its_name(lots: StrategySettings) -> None:
    packed = stored_config(Parameters.of(size_max=0.5), strategy="packer")
    assert STRATEGY_PARAMETERS not in packed
    config = stored_config(Parameters.of(lots, gap_max=20, max_delay_ms=900), packed, strategy="lots")
    assert config["strategy"] == "lots"
    assert config[STRATEGY_PARAMETERS] == {
        "lots": {"lots": 2, "gapMin": 1, "gapMax": 20, "sizeMin": 0.5, "ceiling": None}
    }
    assert (config["sizeMax"], config["maxDelayMs"], config["maxOpenOrdersPerMaker"]) == (0.5, 900, 12)
    found = resolved(RunOptions(), None, json.loads(json.dumps(config)))
    assert (found.run.strategy, found.parameters) == ("lots", Parameters.of(lots, gap_max=20, max_delay_ms=900))
    assert (found.differences, found.origins["gapMax"]) == ((), Origin.CHECKPOINT)
    back = stored_config(Parameters.of(size_max=0.7), config, strategy="packer")
    assert (back["sizeMax"], back[STRATEGY_PARAMETERS]) == (0.7, config[STRATEGY_PARAMETERS])


def test_resumed_run_shows_how_a_strategys_parameters_differ(lots: StrategySettings) -> None:
    config = stored_config(Parameters.of(lots), strategy="lots")
    found = resolved(RunOptions(gap_max=30), None, config)
    assert [(one.key, one.stored, one.used, one.name) for one in found.differences] == [("gapMax", 9, 30, "--gap-max")]


def test_saved_run_of_a_strategy_that_is_not_installed_says_how_to_go_on() -> None:
    with pytest.raises(ParameterError) as raised:
        resolved(RunOptions(), None, {"strategy": "grid"})
    assert raised.value.message == "strategy is 'grid', which is not installed (checkpoint)"
    assert raised.value.hint == "install the package that has it, or start over with --fresh"


@pytest.mark.parametrize(("saved", "asked"), [("lots", "packer"), ("packer", "lots")])
def test_saved_run_of_another_strategy_is_one_clear_line(saved: str, asked: str) -> None:
    with pytest.raises(ParameterError) as raised:
        resolved(RunOptions(strategy=asked), None, {"strategy": saved})
    assert raised.value.message == f"--strategy is {asked}, but the saved run uses the strategy {saved}"
    assert "--fresh" in raised.value.hint


def test_checkpoint_of_the_original_tool_may_be_resumed_with_any_strategy() -> None:
    found = resolved(RunOptions(strategy="lots"), None, {"minDelayMs": 500, "sizeMin": 0.1})
    assert (found.parameters.min_delay_ms, found.parameters["size_min"]) == (500, 0.5)


def test_presets_are_those_of_their_strategy(lots: StrategySettings, tmp_path: Path) -> None:
    night = Parameters.of(lots, lots=4, ceiling=2500.0)
    save_preset(tmp_path, "night", night)
    save_preset(tmp_path, "day", Parameters.of(orders_per_side=3))
    found = load_presets(tmp_path, lots)
    assert (found.problems, [preset.name for preset in found.all]) == ((), ["standard", "night"])
    assert [preset.parameters for preset in found.all] == [Parameters.of(lots), night]
    assert [preset.name for preset in load_presets(tmp_path).all] == ["cautious", "standard", "deep", "day"]
    assert resolved(RunOptions(), tmp_path / "night.toml").parameters == night


def test_preset_leaves_alone_what_it_does_not_set_and_the_form_does_not_ask_for(lots: StrategySettings) -> None:
    base = Parameters.of(lots, ceiling=2500.0)
    assert Preset("busy", Parameters.of(lots, lots=4)).applied_to(base) == base.changed(lots=4)
    capped = Preset("capped", Parameters.of(lots, ceiling=9.0))
    assert capped.applied_to(base) == capped.parameters
