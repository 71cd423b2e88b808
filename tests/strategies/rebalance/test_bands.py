"""The bands of `rebalance`: what moves them, and that none comes nearer than set."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ama_tui.domain.order import Side
from ama_tui.strategies.rebalance.bands import Band, Lean, wanted_lean
from ama_tui.strategies.rebalance.bands import band as band_of
from ama_tui.strategies.rebalance.parameters import RebalanceParameters

PLAIN = RebalanceParameters()
weights = st.floats(0, 2)


def band(parameters: RebalanceParameters, side: Side, lean: Lean, position: float) -> Band:
    """The band of a wallet with this share of the full position."""
    return band_of(parameters.shapes.on(side), side, lean, parameters.inventory_weight * position)


def test_without_signals_both_sides_have_the_set_distances() -> None:
    for side in Side:
        assert band(PLAIN, side, Lean(), 0.0) == Band(10, 120)


def test_a_long_wallet_bids_further_out_and_asks_nearer() -> None:
    assert band(PLAIN, Side.BUY, Lean(), 1.0) == Band(65, 175)
    assert band(PLAIN, Side.SELL, Lean(), 1.0) == Band(10, 65)


def test_a_short_wallet_is_the_mirror_image_of_a_long_one() -> None:
    assert band(PLAIN, Side.BUY, Lean(), -1.0) == band(PLAIN, Side.SELL, Lean(), 1.0)


def test_more_bids_than_asks_moves_asks_out_and_draws_bids_in() -> None:
    lean = wanted_lean(PLAIN, imbalance=1.0, volatility_ticks=0.0)
    assert lean == Lean(toward_asks=28)
    assert band(PLAIN, Side.SELL, lean, 0.0) == Band(38, 148)
    assert band(PLAIN, Side.BUY, lean, 0.0) == Band(10, 92)


def test_volatility_moves_both_sides_out_by_its_weight() -> None:
    lean = wanted_lean(PLAIN, imbalance=0.0, volatility_ticks=12.0)
    for side in Side:
        assert band(PLAIN, side, lean, 0.0) == Band(34, 144)


def test_a_wild_market_moves_orders_out_by_ten_spans_at_most() -> None:
    assert wanted_lean(PLAIN, 0.0, 1e9).wider == 1_100


def test_a_lean_is_followed_only_beyond_the_slack() -> None:
    assert Lean(0, 0).followed(Lean(5, -5), slack=5) == Lean(0, 0)
    assert Lean(0, 0).followed(Lean(6, 5), slack=5) == Lean(6, 0)


@given(
    st.integers(1, 500), st.integers(0, 500), weights, weights, st.floats(-1, 1), st.floats(-1, 1), st.floats(0, 1e6)
)
def test_no_band_is_nearer_than_set_or_empty(
    nearest: int, span: int, by_book: float, by_position: float, imbalance: float, position: float, volatility: float
) -> None:
    parameters = RebalanceParameters(
        min_distance_ticks=nearest,
        max_distance_ticks=nearest + span,
        imbalance_weight=by_book,
        inventory_weight=by_position,
    )
    lean = wanted_lean(parameters, imbalance, volatility)
    for side in Side:
        found = band(parameters, side, lean, position)
        assert nearest <= found.near < found.far
