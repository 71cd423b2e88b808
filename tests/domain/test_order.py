from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ama_tui.domain.order import TAG_UNIT, Side, Tag, decode_tag, encode_tag

tags = st.builds(Tag, level=st.integers(1, 99), sequence=st.integers(0, 99_999))


@pytest.mark.parametrize(
    ("tag", "digits"),
    [
        # Check digits per ISO 7064 MOD 97-10: 98 - (LLSSSSS00 mod 97).
        (Tag(1, 0), 10_000_022),
        (Tag(6, 42), 60_004_298),
        (Tag(99, 99_999), 999_999_967),
    ],
)
def test_tags_match_the_table(tag: Tag, digits: int) -> None:
    assert encode_tag(tag) == digits


@given(tags, st.integers(0, 10**24))
def test_tag_is_decoded_from_the_amount_that_carries_it(tag: Tag, amount18: int) -> None:
    tagged18 = amount18 // TAG_UNIT * TAG_UNIT + encode_tag(tag)
    assert decode_tag(tagged18) == tag
    assert tagged18 // TAG_UNIT == amount18 // TAG_UNIT


@given(tags, tags)
def test_two_tags_are_never_equal(one: Tag, other: Tag) -> None:
    assert (encode_tag(one) == encode_tag(other)) is (one == other)


@given(tags, st.integers(0, 8), st.integers(1, 9))
def test_one_wrong_digit_is_detected(tag: Tag, place: int, change: int) -> None:
    digits = f"{encode_tag(tag):09d}"
    wrong = (int(digits[place]) + change) % 10
    assert decode_tag(int(f"{digits[:place]}{wrong}{digits[place + 1 :]}")) is None


@given(tags, st.integers(0, 7))
def test_two_swapped_digits_are_detected(tag: Tag, place: int) -> None:
    digits = f"{encode_tag(tag):09d}"
    swapped = digits[:place] + digits[place + 1] + digits[place] + digits[place + 2 :]
    assert (decode_tag(int(swapped)) is None) is (swapped != digits)


@pytest.mark.parametrize("amount18", [0, 10**17, 1, 97, 98, 5 * 10**17 + 123])
def test_amount_without_a_tag_has_none(amount18: int) -> None:
    assert decode_tag(amount18) is None


@pytest.mark.parametrize("tag", [Tag(0, 0), Tag(100, 0), Tag(1, -1), Tag(1, 100_000)])
def test_tag_out_of_range_is_refused(tag: Tag) -> None:
    with pytest.raises(ValueError, match="out of range"):
        encode_tag(tag)


def test_each_side_is_the_opposite_of_the_other() -> None:
    assert Side.BUY.opposite is Side.SELL
    assert Side.SELL.opposite is Side.BUY
    assert Side.BUY.is_buy
    assert not Side.SELL.is_buy
