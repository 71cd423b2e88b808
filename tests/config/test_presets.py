"""Presets, built in and saved. An invalid file is one line, never a crash."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ama_tui.config.presets import BUILT_IN, LONGEST_NAME, load_presets, name_problem, own_directory, save_preset
from ama_tui.config.run import resolve
from ama_tui.config.run_options import RunOptions
from ama_tui.domain.errors import ConfigError
from ama_tui.domain.parameters import Parameters, problems_of
from ama_tui.domain.settings import PACKER

OWN = Parameters.of(orders_per_side=9, size_min=1e-05, size_max=0.1, max_utilization=0.3)


def own_names(directory: Path) -> list[str]:
    return [preset.name for preset in load_presets(directory).all if preset.is_own]


def test_built_in_presets_are_in_range_and_standard_is_the_default() -> None:
    assert [preset.name for preset in BUILT_IN] == ["cautious", "standard", "deep"]
    for preset in BUILT_IN:
        assert problems_of(preset.parameters.as_keys()) == []
    assert load_presets(Path("/nowhere")).of(Parameters()) == BUILT_IN[1]


def test_cautious_preset_risks_less_than_standard_and_deep_more() -> None:
    cautious, standard, deep = (preset.parameters for preset in BUILT_IN)
    assert cautious["orders_per_side"] < standard["orders_per_side"] < deep["orders_per_side"]
    assert cautious["max_utilization"] < standard["max_utilization"] < deep["max_utilization"]
    assert cautious["min_distance_ticks"] > standard["min_distance_ticks"]


def test_saved_preset_is_loaded_after_the_built_in_ones(tmp_path: Path) -> None:
    directory = tmp_path / "presets"
    path = save_preset(directory, "night-shift", OWN)
    found = load_presets(directory)
    assert found.problems == ()
    assert found.all[:3] == BUILT_IN
    assert (found.all[3].name, found.all[3].parameters, found.all[3].is_own) == ("night-shift", OWN, True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_saving_again_replaces_the_preset_and_leaves_nothing_else(tmp_path: Path) -> None:
    save_preset(tmp_path, "mine", OWN)
    save_preset(tmp_path, "mine", OWN.changed(orders_per_side=2))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.toml"]
    assert load_presets(tmp_path).all[3].parameters["orders_per_side"] == 2


def test_preset_is_also_a_config_file(tmp_path: Path) -> None:
    assert resolve(RunOptions(), save_preset(tmp_path, "mine", OWN)).parameters == OWN


@given(
    st.builds(
        Parameters.of,
        min_delay_ms=st.integers(0, 1000),
        max_delay_ms=st.integers(1000, 600_000),
        size_min=st.floats(1e-9, 1.0),
        size_max=st.floats(1.0, 1e12),
        orders_per_side=st.integers(1, 50),
        max_utilization=st.floats(0.02, 0.9),
        min_distance_ticks=st.integers(1, 100),
        max_distance_ticks=st.integers(100, 100_000),
    )
)
def test_saved_preset_is_loaded_unchanged(tmp_path_factory: pytest.TempPathFactory, parameters: Parameters) -> None:
    directory = tmp_path_factory.getbasetemp() / "round"
    save_preset(directory, "same", parameters)
    assert load_presets(directory).all[3].parameters == parameters


@pytest.mark.parametrize("name", ["mine", "a", "night-shift_2", "9", "x" * LONGEST_NAME])
def test_valid_names_are_accepted(name: str) -> None:
    assert name_problem(name) is None


@pytest.mark.parametrize(
    "name",
    ["", "Mine", "../x", "a/b", ".a", "-a", "_a", "a b", "a.toml", "x" * (LONGEST_NAME + 1), "é", "deep", "a\n"],
)
def test_invalid_name_is_refused_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    assert name_problem(name)
    with pytest.raises(ConfigError):
        save_preset(tmp_path, name, OWN)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("orders_per_side = ", "is not TOML"),
        ("ordersPerSide = 5", "unknown key ordersPerSide (did you mean ordersPerSidePerWallet?)"),
        ("ordersPerSidePerWallet = 99", "ordersPerSidePerWallet is 99, but must be 1…50"),
        ('ordersPerSidePerWallet = "many"', "must be a number"),
        ("minDelayMs = 5000", "must not be above maxDelayMs"),
        ('market = "ETH"', "market is not a parameter"),
        ("parameters = 3", "parameters is not a table"),
    ],
)
def test_broken_file_is_reported_in_one_line_and_the_others_are_loaded(tmp_path: Path, text: str, said: str) -> None:
    save_preset(tmp_path, "good", OWN)
    (tmp_path / "broken.toml").write_text(text)
    found = load_presets(tmp_path)
    assert own_names(tmp_path) == ["good"]
    (problem,) = found.problems
    assert problem.startswith("preset file broken.toml: ")
    assert said in problem
    assert "\n" not in problem


def test_files_that_are_not_presets_are_reported_or_skipped(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / ".hidden.toml").write_text("x")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "Deep.toml").write_text("")
    (tmp_path / "folder.toml").mkdir()
    found = load_presets(tmp_path)
    assert found.all == BUILT_IN
    assert len(found.problems) == 3
    assert any("binary.toml: is not UTF-8 text" in problem for problem in found.problems)


def test_empty_file_is_the_standard_preset(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("")
    assert load_presets(tmp_path).all[3].parameters == Parameters()


def test_file_in_place_of_the_directory_is_reported(tmp_path: Path) -> None:
    (tmp_path / "presets").write_text("")
    found = load_presets(tmp_path / "presets")
    assert found.all == BUILT_IN
    assert "cannot be read" in found.problems[0]
    with pytest.raises(ConfigError, match="cannot be written"):
        save_preset(tmp_path / "presets", "mine", OWN)


def test_presets_directory_is_in_the_users_configuration() -> None:
    assert own_directory().parts[-2:] == ("ama-tui", "presets")


def test_every_parameter_is_in_the_file(tmp_path: Path) -> None:
    text = save_preset(tmp_path, "mine", OWN).read_text()
    assert [line.split(" = ")[0] for line in text.splitlines()] == [setting.key for setting in PACKER.asked]
