from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ama_tui.domain.errors import ParameterError
from ama_tui.domain.packer_settings import SHAPING
from ama_tui.domain.parameters import Parameters, problems_of
from ama_tui.domain.setting import Setting
from ama_tui.domain.settings import PACKER

BY_KEY = {setting.key: setting for setting in PACKER.all}
KEYS = (
    "minDelayMs",
    "maxDelayMs",
    "sizeMin",
    "sizeMax",
    "ordersPerSidePerWallet",
    "maxWalletUtilization",
    "minDistanceTicks",
    "maxDistanceTicks",
)


def texts_of(values: dict[str, object]) -> list[str]:
    return [problem.text for problem in problems_of(values)]


def test_defaults_are_the_specified_ones_and_in_range() -> None:
    assert Parameters.checked({}) == Parameters()
    assert tuple(Parameters().asked().values()) == (250, 1200, 0.05, 0.25, 6, 0.20, 10, 120)


def test_parameters_are_read_and_written_by_their_file_keys() -> None:
    values = dict(zip(KEYS, (0, 5, 0.5, 1.5, 50, 0.9, 1, 100_000), strict=True))
    parameters = Parameters.checked(values)
    assert tuple(parameters.asked().values()) == tuple(values.values())
    unset = dict.fromkeys((setting.key for setting in SHAPING), None)
    assert parameters.as_keys() == {**values, "rules": "even", **unset}
    assert tuple(parameters.as_keys())[:8] == KEYS


def test_integers_stay_integers_and_shares_become_floats() -> None:
    parameters = Parameters.checked({"ordersPerSidePerWallet": 4.0, "sizeMax": 1})
    assert type(parameters["orders_per_side"]) is int
    assert type(parameters["size_max"]) is float


@pytest.mark.parametrize(
    ("key", "low", "below", "high", "above"),
    [
        ("minDelayMs", 0, -1, 600_000, 600_001),
        ("maxDelayMs", 250, -1, 600_000, 600_001),
        ("ordersPerSidePerWallet", 1, 0, 50, 51),
        ("maxWalletUtilization", 0.02, 0.019, 0.90, 0.91),
        ("minDistanceTicks", 1, 0, 120, 100_001),
        ("maxDistanceTicks", 10, 0, 100_000, 100_001),
    ],
)
def test_ranges_include_their_limits(key: str, low: float, below: float, high: float, above: float) -> None:
    rest = {"maxDelayMs": 600_000} if key == "minDelayMs" else {}
    assert problems_of({**rest, key: low}) == []
    assert problems_of({**rest, key: high}) == []
    assert BY_KEY[key].problem(below) is not None
    assert BY_KEY[key].problem(above) is not None


@pytest.mark.parametrize("value", [0, 0.0, -1])
def test_size_must_be_above_zero(value: float) -> None:
    assert texts_of({"sizeMin": value}) == [f"sizeMin is {value:g}, but must be above 0"]


@pytest.mark.parametrize(
    ("low", "high"),
    [("minDelayMs", "maxDelayMs"), ("sizeMin", "sizeMax"), ("minDistanceTicks", "maxDistanceTicks")],
)
def test_lower_of_a_pair_must_not_be_above_the_higher(low: str, high: str) -> None:
    assert problems_of({low: 30, high: 30}) == []
    ((problem, _),) = problems_of({low: 31, high: 30})
    assert problem == f"{low} (31) must not be above {high} (30)"


@pytest.mark.parametrize("setting", PACKER.asked, ids=lambda setting: setting.key)
@pytest.mark.parametrize(
    "value", [None, "6", True, float("nan"), float("inf"), float("-inf"), 10**400, -(10**400), [1]]
)
def test_value_that_is_not_a_number_is_named_without_a_crash(setting: Setting[Any], value: object) -> None:
    assert texts_of({setting.key: value}) == [f"{setting.key} must be a number"]


def test_fractional_order_count_is_refused() -> None:
    assert texts_of({"ordersPerSidePerWallet": 2.5}) == ["ordersPerSidePerWallet must be a whole number"]


def test_all_problems_are_named_at_once() -> None:
    with pytest.raises(ParameterError) as caught:
        Parameters.checked({"sizeMin": 5, "ordersPerSidePerWallet": 0, "minDelayMs": "soon"})
    for key in ("sizeMin", "ordersPerSidePerWallet", "minDelayMs"):
        assert key in caught.value.message
    assert caught.value.exit_code == 2
    assert caught.value.hint


def test_options_and_ranges_are_shown_in_readable_form() -> None:
    assert BY_KEY["minDelayMs"].option == "--min-delay-ms"
    assert BY_KEY["ordersPerSidePerWallet"].range_text == "1…50"
    assert BY_KEY["sizeMax"].range_text == "above 0"
    assert tuple(setting.key for setting in PACKER.asked) == KEYS


anything = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3), st.sampled_from((0.2, 6, 10, 300))
)


@given(st.dictionaries(st.sampled_from(KEYS), anything))
def test_any_values_are_accepted_or_refused_with_our_own_error(values: dict[str, object]) -> None:
    problems = problems_of(values)
    if problems:
        with pytest.raises(ParameterError):
            Parameters.checked(values)
    else:
        assert Parameters.checked(Parameters.checked(values).as_keys()) == Parameters.checked(values)
