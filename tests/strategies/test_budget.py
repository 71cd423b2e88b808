from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ama_tui.domain.order import Side
from ama_tui.domain.plan import CollateralBasis, PendingOrder, Rules, RunLimits, SkipReason
from ama_tui.strategies.budget import DUST18, OrderRequest, budget_of, fit, margin_bps
from ama_tui.strategies.prices import Price
from tests.strategies.worlds import USDC, resting, wallet

PRICE6 = 2_500 * USDC
USED = wallet(
    available6=9_000 * USDC,
    orders=(
        resting(1, Side.BUY, PRICE6, margin6=600 * USDC),
        resting(2, Side.SELL, PRICE6, margin6=400 * USDC),
        resting(3, Side.SELL, PRICE6, margin6=77 * USDC, is_margin=False),
    ),
    pending_orders=(PendingOrder(Side.BUY, 3, PRICE6, 10**17, 250 * USDC),),
)


@pytest.mark.parametrize(
    ("rules", "basis", "basis6", "cap6", "remaining6"),
    [
        (Rules.EVEN, CollateralBasis.NET, 10_000 * USDC, 2_000 * USDC, 750 * USDC),
        (Rules.EVEN, CollateralBasis.GROSS, 9_000 * USDC, 1_800 * USDC, 550 * USDC),
        (Rules.ORIGINAL, CollateralBasis.NET, 9_000 * USDC, 1_800 * USDC, 550 * USDC),
        (Rules.ORIGINAL, CollateralBasis.GROSS, 9_000 * USDC, 1_800 * USDC, 550 * USDC),
    ],
)
def test_cap_counts_reserved_and_pending_margin(
    rules: Rules, basis: CollateralBasis, basis6: int, cap6: int, remaining6: int
) -> None:
    budget = budget_of(USED, RunLimits(basis=basis), rules)
    assert (budget.basis6, budget.cap6, budget.remaining6) == (basis6, cap6, remaining6)
    assert (budget.reserved6, budget.pending6) == (1_000 * USDC, 250 * USDC)


def test_wallet_without_orders_has_nothing_in_use() -> None:
    budget = budget_of(wallet(available6=9_000 * USDC), RunLimits())
    assert (budget.reserved6, budget.pending6, budget.remaining6) == (0, 0, 1_800 * USDC)


def test_nothing_remains_once_collateral_fell_below_what_is_in_use() -> None:
    budget = budget_of(USED, RunLimits(max_utilization=0.02))
    assert budget.remaining6 == 0


@pytest.mark.parametrize(
    ("side", "market_bps", "expected"),
    [(Side.BUY, 10_000, 10_000), (Side.SELL, 10_000, 15_000), (Side.SELL, 18_000, 18_000), (Side.BUY, 500, 500)],
)
def test_sell_reserves_at_least_150_percent(side: Side, market_bps: int, expected: int) -> None:
    assert margin_bps(side, market_bps, []) == expected


def test_larger_margin_shown_by_resting_orders_is_used() -> None:
    """0.1 at 2,500 is worth 250; 300 reserved is 120 %."""
    shown = resting(1, Side.BUY, PRICE6, margin6=300 * USDC)
    usual = resting(2, Side.BUY, PRICE6, margin6=250 * USDC)
    assert margin_bps(Side.BUY, 10_000, [usual, shown]) == 12_000
    assert margin_bps(Side.BUY, 13_000, [usual, shown]) == 13_000


def test_rounding_on_a_tiny_order_raises_nothing() -> None:
    """0.00001 at 0.5 is worth 5 units: one unit more would be 120 %."""
    tiny = resting(1, Side.BUY, 500_000, amount18=10**13, margin6=6)
    assert margin_bps(Side.BUY, 10_000, [tiny]) == 10_000
    assert margin_bps(Side.BUY, 10_000, [resting(1, Side.BUY, 500_000, amount18=10**13, margin6=9)]) == 16_000


def test_dust_spot_and_free_orders_do_not_count() -> None:
    crumb = resting(1, Side.BUY, PRICE6, amount18=1, margin6=3)
    spot = resting(2, Side.BUY, PRICE6, margin6=10**12, is_margin=False)
    free = resting(3, Side.BUY, 0, margin6=3)
    assert margin_bps(Side.BUY, 10_000, [crumb, spot, free]) == 10_000


@given(
    st.integers(10**13, 10**21),
    st.integers(1, 10**12),
    st.integers(10_001, 60_000),
    st.sampled_from((0, 1)),
)
def test_margin_ratio_from_an_order_never_exceeds_the_true_one(
    amount18: int, price6: int, true_bps: int, rounded_up: int
) -> None:
    exact, rest = divmod(amount18 * price6 * true_bps, 10**22)
    margin6 = exact + (1 if rounded_up and rest else 0)
    shown = margin_bps(Side.BUY, 10_000, [resting(1, Side.BUY, price6, amount18=amount18, margin6=margin6)])
    assert 10_000 <= shown <= true_bps
    assert amount18 * price6 * shown >= (margin6 - 1) * 10**22


def request(level: int, side: Side = Side.BUY, amount18: int = 10**17, price6: int = PRICE6) -> OrderRequest:
    return OrderRequest(side, level, Price(price6, 10, None), amount18, 10_000 if side is Side.BUY else 15_000)


def test_requests_that_fit_are_placed_in_full_with_their_tags_in_the_margin() -> None:
    fitted = fit(wallet(sequence=5), [request(1), request(2, Side.SELL)], 1_000 * USDC, Rules.EVEN)
    assert [one.amount18 // 10**9 for one in fitted.places] == [10**8, 10**8]
    assert [one.amount18 % 10**9 // 100 for one in fitted.places] == [1_00005, 2_00006]
    assert [one.margin6 for one in fitted.places] == [250_000_001, 375_000_001]
    assert fitted.scale == 1.0


@pytest.mark.parametrize("rules", list(Rules))
def test_requests_that_use_everything_left_are_placed_in_full(rules: Rules) -> None:
    fitted = fit(wallet(), [request(1), request(2, Side.SELL)], 250_000_001 + 375_000_001, rules)
    assert [one.amount18 // 10**9 for one in fitted.places] == [10**8, 10**8]
    assert (fitted.skips, fitted.scale) == ([], 1.0)


def test_smallest_amount_is_placed() -> None:
    fitted = fit(wallet(), [request(1, amount18=DUST18)], USDC, Rules.EVEN)
    assert [one.amount18 // 10**9 for one in fitted.places] == [DUST18 // 10**9]


def test_even_scales_all_by_one_factor_to_nine_tenths_of_what_remains() -> None:
    requests = [request(1), request(2, Side.SELL), request(3, amount18=3 * 10**17)]
    fitted = fit(wallet(), requests, 100 * USDC, Rules.EVEN)
    assert fitted.skips == []
    total6 = 250_000_001 + 375_000_001 + 750_000_001
    assert fitted.scale == 100 * USDC * 9 / (10 * total6)
    for one, was in zip(fitted.places, requests, strict=True):
        assert one.amount18 // 10**9 == was.amount18 * 900 * USDC // (10 * total6) // 10**9
    assert 89_999_000 < sum(one.margin6 for one in fitted.places) <= 90 * USDC + 3


def test_original_fits_one_after_the_other_with_a_cushion_each_time() -> None:
    fitted = fit(wallet(), [request(1), request(2), request(3)], 300 * USDC, Rules.ORIGINAL)
    margins = [one.margin6 for one in fitted.places]
    assert margins[0] == 250_000_001
    assert margins[1] == pytest.approx(0.9 * (300 * USDC - margins[0]), abs=10)
    assert margins[2] == pytest.approx(0.9 * (300 * USDC - margins[0] - margins[1]), abs=10)
    assert fitted.scale == pytest.approx(sum(margins) / (3 * 250 * USDC))


def test_order_scaled_to_dust_is_blamed_on_the_cap_only_if_the_cap_fits_no_order() -> None:
    """The smallest order, 0.00001 at 2,500, needs 0.025 of margin."""
    requests = [request(level) for level in range(1, 7)]
    fits_none = fit(wallet(), requests, 24_999, Rules.EVEN)
    assert {skip.reason for skip in fits_none.skips} == {SkipReason.CAP}
    assert {skip.text for skip in fits_none.skips} == {
        "cap reached: its orders use all the margin that the collateral share allows (--max-utilization)"
    }
    fits_one = fit(wallet(), requests, 25_000, Rules.EVEN)
    assert {skip.reason for skip in fits_one.skips} == {SkipReason.DUST}
    assert {skip.text for skip in fits_one.skips} == {"too small to place: less than 0.00001 fits the cap"}
    assert fits_none.places == fits_one.places == []
    assert [(skip.side, skip.level) for skip in fits_one.skips] == [(Side.BUY, level) for level in range(1, 7)]


def test_order_scaled_to_dust_with_the_last_unit_left_is_dust() -> None:
    """At 0.1 the smallest order needs a unit of margin, and so does the smaller one that scaling leaves."""
    fitted = fit(wallet(), [request(1, amount18=2 * DUST18, price6=100_000)], 1, Rules.ORIGINAL)
    assert fitted.places == []
    assert [skip.reason for skip in fitted.skips] == [SkipReason.DUST]


def test_skip_leaves_no_gap_in_the_sequence() -> None:
    requests = [request(1), request(2, amount18=2 * 10**13), request(3)]
    fitted = fit(wallet(sequence=99_999), requests, 100 * USDC, Rules.EVEN)
    assert [skip.level for skip in fitted.skips] == [2]
    assert [(one.level, one.sequence) for one in fitted.places] == [(1, 99_999), (3, 0)]
    assert [one.amount18 % 10**9 // 100 for one in fitted.places] == [1_99999, 3_00000]


def test_order_that_rounding_leaves_no_room_for_is_skipped_for_the_cap() -> None:
    """Five units for three orders: each is scaled to 1.4 units, which reserves two."""
    fitted = fit(wallet(), [request(level, price6=100) for level in (1, 2, 3)], 5, Rules.EVEN)
    assert [one.margin6 for one in fitted.places] == [2, 2]
    assert [(skip.level, skip.reason) for skip in fitted.skips] == [(3, SkipReason.CAP)]


def test_tag_worth_more_than_the_cushion_is_skipped() -> None:
    """At a price of a billion the tag alone is worth up to a dollar."""
    fitted = fit(wallet(), [request(99, amount18=10**14, price6=10**15)], 10_000, Rules.EVEN)
    assert fitted.places == []
    assert fitted.skips[0].reason is SkipReason.CAP
