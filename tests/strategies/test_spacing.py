"""Distances and sizes against tables computed with sixty-digit decimals, sine series included."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

import pytest

from ama_tui.domain.plan import Rules
from ama_tui.strategies.packer_parameters import PackerParameters
from tests.strategies.worlds import spacing_of

EVEN_DISTANCES = (
    (13, 59, 104, 40, 85, 21),
    (81, 17, 62, 108, 43, 89),
    (39, 85, 20, 66, 111, 47),
    (107, 43, 88, 24, 69, 115),
    (65, 111, 46, 92, 27, 73),
    (23, 69, 114, 50, 95, 31),
    (91, 27, 72, 118, 53, 99),
    (49, 94, 30, 76, 11, 57),
    (117, 52, 98, 34, 79, 15),
    (75, 10, 56, 102, 37, 83),
)
ORIGINAL_DISTANCES = (
    (11, 39, 105, 110, 46, 10),
    (11, 40, 106, 109, 45, 10),
    (10, 42, 107, 109, 44, 10),
    (10, 43, 108, 108, 42, 10),
    (10, 44, 109, 107, 41, 10),
    (10, 46, 110, 106, 40, 11),
    (10, 47, 111, 105, 38, 11),
    (10, 49, 112, 104, 37, 11),
    (10, 50, 112, 103, 36, 12),
    (10, 51, 113, 102, 35, 12),
)
SIZES9 = (
    (198_718_767, 235_778_759, 95_967_232, 67_568_573, 209_139_399, 228_767_737),
    (66_576_001, 97_470_366, 236_678_212, 197_159_913, 60_400_227, 108_390_798),
    (249_437_065, 157_510_603, 50_097_652, 148_678_353, 249_984_223, 145_127_617),
    (56_829_953, 189_191_269, 240_742_144, 105_187_248, 62_034_007, 200_262_250),
    (216_027_143, 72_888_139, 88_749_941, 230_906_305, 206_237_907, 65_609_752),
    (125_909_946, 247_754_600, 168_034_149, 51_128_183, 138_090_965, 249_609_582),
    (126_755_294, 53_505_770, 179_222_529, 244_683_892, 114_911_797, 57_489_824),
    (215_371_205, 223_613_151, 80_068_454, 80_719_112, 224_223_500, 214_682_737),
    (57_149_509, 115_761_850, 244_971_545, 178_354_655, 53_271_881, 127_637_657),
    (249_525_491, 137_191_672, 51_267_985, 168_924_782, 247_559_622, 125_031_393),
)
"""Ten wallets by six levels of the default parameters, sizes in billionths."""

TEN = range(10)


def distinct(table: Iterable[tuple[int, ...]]) -> int:
    return len(set(chain.from_iterable(table)))


@pytest.mark.parametrize(("rules", "expected"), [(Rules.EVEN, EVEN_DISTANCES), (Rules.ORIGINAL, ORIGINAL_DISTANCES)])
def test_distances_match_the_table(rules: Rules, expected: tuple[tuple[int, ...], ...]) -> None:
    assert tuple(spacing_of(PackerParameters(rules=rules), index).distances for index in TEN) == expected


@pytest.mark.parametrize("rules", list(Rules))
def test_sizes_match_the_table_under_either_rule_set(rules: Rules) -> None:
    sizes9 = tuple(
        tuple(size // 10**9 for size in spacing_of(PackerParameters(rules=rules), index).amounts18) for index in TEN
    )
    assert sizes9 == SIZES9


def test_sixty_orders_of_ten_wallets_have_55_prices_under_even() -> None:
    assert distinct(spacing_of(PackerParameters(), index).distances for index in TEN) == 55


def test_sixty_orders_of_ten_wallets_have_31_prices_under_original() -> None:
    assert distinct(spacing_of(PackerParameters(rules=Rules.ORIGINAL), index).distances for index in TEN) == 31


@pytest.mark.parametrize("index", [0, 999, 10**6])
def test_distances_stay_between_nearest_and_farthest(index: int) -> None:
    parameters = PackerParameters(orders_per_side=50, min_distance_ticks=3, max_distance_ticks=7)
    assert set(spacing_of(parameters, index).distances) <= {3, 4, 5, 6}
    original = parameters.model_copy(update={"rules": Rules.ORIGINAL})
    assert set(spacing_of(original, index).distances) <= {3, 4, 5, 6, 7}


def test_all_distances_are_equal_when_nearest_is_farthest() -> None:
    parameters = PackerParameters(min_distance_ticks=8, max_distance_ticks=8)
    assert set(spacing_of(parameters, 3).distances) == {8}


def test_equal_size_limits_give_exactly_that_size() -> None:
    parameters = PackerParameters(size_min=0.29, size_max=0.29)
    assert set(spacing_of(parameters, 3).amounts18) == {290_000_000 * 10**9}


@pytest.mark.parametrize("size", [5e-324, 1e-10, 1e300])
def test_extreme_sizes_become_whole_amounts(size: float) -> None:
    amounts = spacing_of(PackerParameters(size_min=size, size_max=size), 0).amounts18
    assert all(amount % 10**9 == 0 for amount in amounts)
    assert (amounts[0] > 0) is (size > 1)


def test_nearest_first_lists_every_level_by_distance() -> None:
    spacing = spacing_of(PackerParameters(), 0)
    assert spacing.distances == (13, 59, 104, 40, 85, 21)
    assert spacing.nearest_first == (1, 6, 4, 2, 5, 3)
