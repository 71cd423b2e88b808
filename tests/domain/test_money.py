from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ama_tui.domain.money import (
    amount18_from_ui,
    decimals_of_tick,
    format_amount,
    format_price,
    format_usdc,
    margin6,
    notional6,
    price6_from_ui,
)

amounts = st.integers(0, 10**30)
prices = st.integers(0, 10**24)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(100.25, 100_250_000), ("100.25", 100_250_000), (0, 0), (0.1, 100_000), (1e-7, 0), (60_000, 60_000_000_000)],
)
def test_ui_prices_become_integers_with_six_decimals(value: float | str, expected: int) -> None:
    assert price6_from_ui(value) == expected


@pytest.mark.parametrize(("value", "expected"), [("0.0000005", 0), ("0.0000015", 2), ("0.0000025", 2)])
def test_halves_of_the_last_decimal_are_rounded_to_even(value: str, expected: int) -> None:
    assert price6_from_ui(value) == expected


def test_unknown_price_stays_unknown() -> None:
    assert price6_from_ui(None) is None


@pytest.mark.parametrize(
    "value", [-1, -0.01, float("nan"), float("inf"), "abc", "", "-1", "NaN", "sNaN", "1e78", "1e999999999", True]
)
def test_invalid_price_raises_value_error(value: float | str) -> None:
    with pytest.raises(ValueError, match="number"):
        price6_from_ui(value)
    with pytest.raises(ValueError, match="number"):
        amount18_from_ui(value)


@given(st.integers(0, 10**15))
def test_price_survives_formatting_and_parsing(price6: int) -> None:
    assert price6_from_ui(format_price(price6, tick6=1).replace(",", "")) == price6


@given(st.floats(0, 1e9))
def test_float_is_read_as_it_prints(value: float) -> None:
    exact = Fraction(str(value)) * 10**18
    assert abs(amount18_from_ui(value) - exact) <= Fraction(1, 2)


@given(amounts, prices)
def test_notional_is_rounded_down(amount18: int, price6: int) -> None:
    assert notional6(amount18, price6) == floor(Fraction(amount18 * price6, 10**18))


@given(amounts, prices, st.integers(0, 60_000))
def test_margin_is_rounded_up(amount18: int, price6: int, bps: int) -> None:
    assert margin6(amount18, price6, bps) == ceil(Fraction(amount18 * price6, 10**18) * Fraction(bps, 10_000))


@pytest.mark.parametrize(
    ("tick6", "decimals"), [(1, 6), (100, 4), (10_000, 2), (25_000, 3), (500_000, 1), (1_000_000, 0), (10**9, 0)]
)
def test_price_has_as_many_decimals_as_its_tick_needs(tick6: int, decimals: int) -> None:
    assert decimals_of_tick(tick6) == decimals


def test_money_is_formatted_with_its_decimals() -> None:
    assert format_price(2_500_100_000) == "2,500.10"
    assert format_price(2_500_100_000, tick6=1_000_000) == "2,500"
    assert format_usdc(9_774_200_000) == "9,774.20"
    assert format_amount(184 * 10**15) == "0.184"
    assert [format_amount(one) for one in (10**15, 42 * 10**13, 10**9, 10**8, 0)] == [
        "0.001",
        "0.00042",
        "0.000000001",
        "0.000000000",
        "0.000",
    ]
    assert {format_price(None), format_usdc(None), format_amount(None)} == {"–"}
