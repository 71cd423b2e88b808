"""A run's configuration: precedence, origins, and differences from a resumed checkpoint."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ama_tui.config.config_file import read_config_text
from ama_tui.config.run import Origin, RunConfig, resolve
from ama_tui.config.run_options import RunOptions
from ama_tui.domain.errors import ConfigError, ParameterError
from ama_tui.domain.parameters import Parameters
from ama_tui.domain.plan import CollateralBasis, Rules
from ama_tui.domain.setting import Setting
from ama_tui.domain.settings import PACKER, RUN_SETTINGS

ORIGINAL = {
    "minDelayMs": 500,
    "maxDelayMs": 900,
    "sizeMin": 0.1,
    "sizeMax": 0.3,
    "makerRatio": 0.7,
    "mode": "UP",
}


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    return tmp_path / "run.toml"


def test_nothing_given_means_all_defaults() -> None:
    resolved = resolve(RunOptions())
    assert resolved.run == RunConfig()
    assert set(resolved.origins.values()) == {Origin.DEFAULT}
    assert resolved.missing_in_checkpoint == ()


@pytest.mark.parametrize("setting", PACKER.asked, ids=lambda setting: setting.key)
@pytest.mark.parametrize("layers", range(8))
def test_nearest_layer_wins_for_each_parameter(toml: Path, layers: int, setting: Setting[Any]) -> None:
    key = setting.key
    # Values of each layer that fit with the other parameters' defaults.
    is_upper = key.startswith("max") and key != "maxWalletUtilization"
    upward = [1, 1.5, 2] if is_upper or key == "sizeMax" else [1, 0.8, 0.6]
    option, config, stored = (type(setting.default)(setting.default * factor) for factor in upward)
    toml.write_text(f"{key} = {config}\n" if layers & 2 else "")
    resolved = resolve(
        RunOptions(**{setting.name: option if layers & 1 else None}), toml, {key: stored} if layers & 4 else None
    )
    expected = (
        (option, Origin.OPTION)
        if layers & 1
        else (config, Origin.CONFIG_FILE)
        if layers & 2
        else (stored, Origin.CHECKPOINT)
        if layers & 4
        else (setting.default, Origin.DEFAULT)
    )
    assert (resolved.parameters.as_keys()[key], resolved.origins[key]) == expected
    differs = bool(layers & 4) and expected[0] != stored
    assert [(d.key, d.stored, d.used) for d in resolved.differences] == (
        [(key, stored, expected[0])] if differs else []
    )


def test_checkpoint_of_the_original_tool_lacks_four_parameters() -> None:
    resolved = resolve(RunOptions(orders_per_side=3), None, ORIGINAL)
    assert resolved.missing_in_checkpoint == (
        "ordersPerSidePerWallet",
        "maxWalletUtilization",
        "minDistanceTicks",
        "maxDistanceTicks",
    )
    assert resolved.parameters == Parameters.of(
        min_delay_ms=500, max_delay_ms=900, size_min=0.1, size_max=0.3, orders_per_side=3
    )
    assert resolved.origins["minDelayMs"] is Origin.CHECKPOINT
    assert resolved.origins["ordersPerSidePerWallet"] is Origin.OPTION
    assert resolved.origins["minDistanceTicks"] is Origin.DEFAULT
    assert resolved.differences == ()


def test_settings_of_our_checkpoint_are_restored() -> None:
    first = resolve(RunOptions(rules=Rules.ORIGINAL, basis=CollateralBasis.GROSS, size_max=0.5))
    stored = first.parameters.as_keys() | first.run.stored_settings()
    second = resolve(RunOptions(), None, stored)
    assert second.run == first.run
    assert second.origins["rules"] is Origin.CHECKPOINT
    third = resolve(RunOptions(rules=Rules.EVEN), None, stored)
    assert third.run.parameters["rules"] is Rules.EVEN
    assert [(d.key, d.stored, d.used) for d in third.differences] == [("rules", "original", "even")]


def test_file_may_name_several_markets_and_their_weights(toml: Path) -> None:
    toml.write_text("market = ['ETH', 'BTC']\nweights = ['ETH=3']\nsharedSession = true\n")
    run = resolve(RunOptions(), toml).run
    assert (run.market, run.weights, run.shared_session) == (("ETH", "BTC"), ("ETH=3",), True)
    assert resolve(RunOptions(market=("SOL",)), toml).run.market == ("SOL",)


@pytest.mark.parametrize("text", ["sizeMin = 0.1\nsizeMax = 0.2", "[parameters]\nsizeMin = 0.1\nsize_max = 0.2"])
def test_parameters_may_be_at_the_top_or_in_their_table(toml: Path, text: str) -> None:
    toml.write_text(f"strategy = 'packer'\nrules = 'original'\nwallets = 3\nmarket = 'ETH'\n{text}\n")
    run = resolve(RunOptions(), toml).run
    assert (run.parameters["size_min"], run.parameters["size_max"]) == (0.1, 0.2)
    assert (run.parameters["rules"], run.wallets, run.market, run.strategy) == (Rules.ORIGINAL, 3, ("ETH",), "packer")


def test_unknown_keys_are_all_reported_with_the_closest_match(toml: Path) -> None:
    toml.write_text("sizeMn = 1\nfoo = 2\nresume = true\n")
    with pytest.raises(ConfigError) as raised:
        resolve(RunOptions(), toml)
    assert "unknown key sizeMn (did you mean sizeMin?); unknown key foo; unknown key resume" in raised.value.message


def test_key_given_in_both_spellings_is_refused(toml: Path) -> None:
    toml.write_text("sizeMin = 0.1\n[parameters]\nsize_min = 0.1\n")
    with pytest.raises(ConfigError, match="sizeMin is given twice"):
        resolve(RunOptions(), toml)


def test_parse_error_gives_line_and_column(toml: Path) -> None:
    toml.write_text("sizeMin = 0.1\nsizeMax = = 2\n")
    with pytest.raises(ConfigError, match=r"line 2, column 11"):
        resolve(RunOptions(), toml)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(None, "not found"), (b"\xff\xfe", "not UTF-8"), (b"parameters = 3\n", "parameters is not a table")],
)
def test_unusable_config_file_is_one_clear_line(toml: Path, content: bytes | None, complaint: str) -> None:
    if content is not None:
        toml.write_bytes(content)
    with pytest.raises(ConfigError, match=complaint) as raised:
        read_config_text(toml)
    assert raised.value.hint


def test_everything_out_of_range_is_reported_with_its_origin(toml: Path) -> None:
    toml.write_text("sizeMin = '0.1'\nrules = 'odd'\nmarket = 3\n")
    with pytest.raises(ParameterError) as raised:
        resolve(RunOptions(max_utilization=2.0, wallets=0), toml, {"minDelayMs": -1})
    for part in (
        "sizeMin must be a number (config file)",
        "--max-utilization is 2, but must be 0.02…0.9 (option)",
        "minDelayMs is -1, but must be 0…600000 (checkpoint)",
        "rules must be even or original (config file)",
        "--wallets is 0, but must be at least 1 (option)",
        "market must be a text or a list of texts (config file)",
    ):
        assert part in raised.value.message
    assert raised.value.exit_code == 2


def test_overridden_stored_value_may_be_invalid() -> None:
    assert resolve(RunOptions(min_delay_ms=10), None, {"minDelayMs": "x"}).parameters.min_delay_ms == 10


def test_configuration_has_a_field_for_each_setting_of_a_run() -> None:
    others = {field.name for field in fields(RunConfig)} - {"parameters"}
    assert others == {setting.name for setting in RUN_SETTINGS} - {"strategy"}


def test_misspelt_option_is_refused() -> None:
    with pytest.raises(TypeError, match="size"):
        resolve(RunOptions(size=1))


@pytest.mark.parametrize("resume", [True, False, None])
def test_flags_are_passed_on(resume: bool | None) -> None:
    run = resolve(RunOptions(resume=resume, dry_run=True, cancel_on_stop=True, settle_after_s=5, market=("0xab",))).run
    assert (run.resume, run.dry_run, run.cancel_on_stop, run.settle_after_s) == (resume, True, True, 5.0)
    assert run.market == ("0xab",)


def test_session_settings_come_from_options_then_file_and_are_not_stored(toml: Path) -> None:
    toml.write_text("sessionHours = 2\nsessionCaps = false\nrenewRevoked = true\n")
    run = resolve(RunOptions(session_hours=0.5, session_caps=None, renew_revoked=None), toml).run
    assert (run.session_hours, run.session_caps, run.renew_revoked) == (0.5, False, True)
    run = resolve(RunOptions(), None, {"sessionHours": 2, "sessionCaps": False, "renewRevoked": True}).run
    assert (run.session_hours, run.session_caps, run.renew_revoked) == (24.0, True, False)
    assert not {"sessionHours", "sessionCaps", "renewRevoked"} & set(run.stored_settings())


@pytest.mark.parametrize("hours", [0.1, 24, 168])
def test_sessions_last_from_six_minutes_to_a_week(hours: float) -> None:
    assert resolve(RunOptions(session_hours=hours)).run.session_hours == hours


@pytest.mark.parametrize("hours", [0, 0.09, 168.1, -1, float("nan"), float("inf"), True, "24"])
def test_other_session_lengths_are_refused(hours: object) -> None:
    with pytest.raises(
        ParameterError, match=r"--session-hours (is .+, but must be 0\.1…168|must be a number) \(option\)"
    ):
        resolve(RunOptions(session_hours=hours))


@given(
    st.dictionaries(
        st.sampled_from([setting.key for setting in PACKER.asked]), st.one_of(st.none(), st.text(), st.floats())
    )
)
def test_any_stored_value_gives_a_configuration_or_our_own_error(stored: dict[str, object]) -> None:
    try:
        parameters = resolve(RunOptions(), None, stored).parameters
    except ParameterError:
        return
    for key, value in stored.items():
        assert value is None or parameters.as_keys()[key] == value
