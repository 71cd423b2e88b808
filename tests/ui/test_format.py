"""Text for the screen keeps its width whatever the input, and no character in it can move the cursor."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len

from ama_tui.ui import format as fmt


@given(st.text(max_size=40), st.integers(1, 30), st.booleans())
def test_padded_text_has_exactly_its_width(text: str, width: int, right: bool) -> None:
    assert cell_len(fmt.pad(fmt.plain(text), width, right=right)) == width


@given(st.text(max_size=60))
def test_plain_text_has_no_control_or_direction_characters(text: str) -> None:
    shown = fmt.plain(text)
    assert "\x1b" not in shown
    assert not any(ord(one) < 32 or 0x7F <= ord(one) < 0xA0 or 0x202A <= ord(one) <= 0x202E for one in shown)


def test_plain_text_keeps_ordinary_characters() -> None:
    assert fmt.plain("ETH-USD é 漢") == "ETH-USD é 漢"
    assert fmt.plain("a\x1b[31mb\nc") == "a·[31mb c"


@given(st.floats(-1, 3), st.integers(1, 40))
def test_bar_has_exactly_its_width(fraction: float, width: int) -> None:
    assert cell_len(fmt.bar(fraction, width)) == width


@given(st.integers(0, 60), st.integers(0, 50), st.integers(2, 20))
def test_count_bar_is_full_only_when_nothing_is_missing(have: int, want: int, width: int) -> None:
    filled, empty = fmt.count_bar(have, want, width)
    assert len(filled) + len(empty) == width
    if want > 0:
        assert (empty == "") == (have >= want)
        assert (filled == "") == (have == 0)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0.0s"), (0.6, "0.6s"), (9.96, "9s"), (42, "42s"), (130, "2m"), (7300, "2h"), (2e5, "2d")],
)
def test_age(seconds: float, text: str) -> None:
    assert fmt.age(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(85_620, "23:47"), (61, "0:01"), (59, "<1 min"), (0, "expired")])
def test_hours_left(seconds: float, text: str) -> None:
    assert fmt.hours_left(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(45, "45s"), (724, "12m 04s"), (3720, "1h 02m")])
def test_duration(seconds: float, text: str) -> None:
    assert fmt.duration(seconds) == text


@pytest.mark.parametrize(
    ("usdc6", "text"),
    [(None, "–"), (0, "0"), (1_999_800_000, "2,000"), (999_499_000_000, "999,499"), (12_345_678_900_000, "12.35M")],
)
def test_short_usdc(usdc6: int | None, text: str) -> None:
    assert fmt.short_usdc(usdc6) == text


@given(st.integers(0, 10**20))
@example(999_995_000_000_000_000)
@example(999_999_600_000)
def test_short_usdc_fits_seven_cells(usdc6: int) -> None:
    assert len(fmt.short_usdc(usdc6)) <= 7


def test_signed_amount_has_a_sign_unless_it_rounds_to_zero() -> None:
    assert fmt.signed_amount(5 * 10**16) == "+0.050"
    assert fmt.signed_amount(-5 * 10**16) == "-0.050"
    assert fmt.signed_amount(0) == "0.000"
    assert fmt.signed_amount(-(4 * 10**14)) == "-0.00040"
    assert fmt.signed_amount(4 * 10**7) == "0.000000000"


def test_signed_usdc_has_a_sign_unless_it_rounds_to_zero() -> None:
    assert [fmt.signed_usdc(one) for one in (12_410_000, -1_234_560_000, 4_000, None)] == [
        "+12.41",
        "-1,234.56",
        "0.00",
        "–",
    ]


def test_basis_points_need_an_anchor() -> None:
    assert fmt.basis_points(200_000, 2 * 2_500_000_000) == pytest.approx(0.8)
    assert fmt.basis_points(200_000, None) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(85_620, "23 h 47 m left"), (3600, "1 h 00 m left"), (120, "2 m left"), (59, "under 1 m left"), (0, "expired")],
)
def test_time_left_has_units(seconds: float, text: str) -> None:
    assert fmt.time_left(seconds) == text
