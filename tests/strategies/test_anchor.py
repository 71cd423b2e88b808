from __future__ import annotations

import pytest

from ama_tui.domain.plan import AnchorChoice, AnchorSource
from ama_tui.strategies.anchor import anchor_x2, missing_anchor, price_conflict
from ama_tui.strategies.packer_parameters import PackerParameters
from tests.strategies.worlds import USDC, Packer, market, wallet

BID, ASK, MARK, VAULT, LAST = 100 * USDC, 101 * USDC + 1, 110 * USDC, 120 * USDC, 130 * USDC


@pytest.mark.parametrize(
    ("bid", "ask", "mark", "vault", "last", "expected"),
    [
        (BID, ASK, MARK, VAULT, LAST, BID + ASK),
        (BID, None, MARK, VAULT, LAST, 2 * MARK),
        (None, ASK, MARK, VAULT, LAST, 2 * MARK),
        (None, None, None, VAULT, LAST, 2 * VAULT),
        (None, None, 0, VAULT, LAST, 2 * VAULT),
        (None, None, USDC, VAULT, LAST, 2 * VAULT),
        (None, None, USDC, USDC, LAST, 2 * USDC),
        (None, None, None, 0, LAST, 2 * LAST),
        (None, None, None, None, LAST, 2 * LAST),
        (None, None, None, None, USDC, None),
        (None, None, None, None, 0, None),
        (BID, None, None, None, None, None),
    ],
)
def test_anchor_is_the_first_usable_price(
    bid: int | None, ask: int | None, mark: int | None, vault: int | None, last: int | None, expected: int | None
) -> None:
    snapshot = market(best_bid6=bid, best_ask6=ask, mark6=mark, vault_mark6=vault, last_trade6=last)
    assert anchor_x2(snapshot) == expected


@pytest.mark.parametrize(
    ("bid", "ask", "mark", "vault", "band", "conflicts"),
    [
        (100, 110, 105, 100, 5, False),
        (100, 110, 105, 100, 4.9, True),
        (None, None, 250, 40, 5, True),
        (None, None, 40, 250, 5, True),
        (None, None, 250, 40, 600, False),
        (None, None, 250, None, 5, False),
        (None, None, 250, 0, 5, False),
        (None, None, None, 40, 5, False),
        (249, 251, 40, 40, 5, True),
    ],
)
def test_anchor_outside_the_band_around_the_vaults_mark_is_a_conflict(
    bid: int | None, ask: int | None, mark: int | None, vault: int | None, band: float, conflicts: bool
) -> None:
    def usdc(price: int | None) -> int | None:
        return None if price is None else price * USDC

    snapshot = market(
        best_bid6=usdc(bid), best_ask6=usdc(ask), mark6=usdc(mark), vault_mark6=usdc(vault), last_trade6=None
    )
    assert bool(price_conflict(snapshot, band)) == conflicts


def test_conflict_shows_the_prices_side_by_side() -> None:
    snapshot = market(best_bid6=None, best_ask6=None, mark6=250 * USDC, vault_mark6=40 * USDC, last_trade6=41 * USDC)
    assert price_conflict(snapshot, 5).endswith(
        "525.0 % apart, more than --price-band 5: API mark 250.00, vault mark 40.00, last trade 41.00"
    )


def test_price_of_exactly_twice_the_nearest_distance_is_accepted() -> None:
    packer = Packer(PackerParameters(min_distance_ticks=10))
    assert packer.refusal(10_000, 2 * 20 * 10_000) is None


def test_lower_price_is_refused_with_the_largest_distance_that_fits() -> None:
    refusal = Packer(PackerParameters(min_distance_ticks=10)).refusal(10_000, 2 * 20 * 10_000 - 1)
    assert refusal == "nearest distance 10 does not fit a price of 19 ticks; use 9 or less"
    assert Packer(PackerParameters(min_distance_ticks=9)).refusal(10_000, 2 * 20 * 10_000 - 1) is None


def test_price_below_two_ticks_is_refused_whatever_the_distance() -> None:
    refusal = Packer(PackerParameters(min_distance_ticks=1)).refusal(10_000, 3 * 10_000)
    assert refusal == (
        "nearest distance 1 does not fit a price of 1 ticks, and no other value does; choose another market"
    )


@pytest.mark.parametrize("tick6", [0, -1])
def test_tick_that_is_not_positive_is_refused(tick6: int) -> None:
    assert Packer().refusal(tick6, 2 * 10**9) == (
        "the market's tick is not a positive multiple of 0.000001; choose another market"
    )


def test_finest_tick_is_accepted() -> None:
    assert Packer().refusal(1, 2 * 10**9) is None


def test_unknown_anchor_refuses_nothing() -> None:
    assert Packer().refusal(10_000, None) is None


@pytest.mark.parametrize(
    ("choice", "anchor", "why"),
    [
        (AnchorChoice(AnchorSource.MARK), 2 * 2600 * USDC, ""),
        (AnchorChoice(AnchorSource.EXTERNAL, 2700 * USDC), 2 * 2700 * USDC, ""),
        (AnchorChoice(AnchorSource.EXTERNAL, None, "all are silent"), None, "all are silent"),
        (AnchorChoice(AnchorSource.BOOK, 2700 * USDC), 2 * 2500 * USDC, ""),
    ],
)
def test_run_may_choose_another_price_than_the_books(choice: AnchorChoice, anchor: int | None, why: str) -> None:
    snapshot = market(
        wallet(),
        best_bid6=2499 * USDC,
        best_ask6=2501 * USDC,
        mark6=2600 * USDC,
        vault_mark6=2400 * USDC,
        anchor=choice,
    )
    assert anchor_x2(snapshot) == anchor
    (skip, *_) = Packer().plan(snapshot).skips or (None,)
    assert (skip.detail if skip is not None else "") == why


def test_mark_is_the_vaults_where_the_api_has_none_and_nothing_else() -> None:
    choice = AnchorChoice(AnchorSource.MARK)
    book = {"best_bid6": 2499 * USDC, "best_ask6": 2501 * USDC, "last_trade6": 2500 * USDC, "anchor": choice}
    assert anchor_x2(market(vault_mark6=2400 * USDC, **book)) == 2 * 2400 * USDC
    bare = market(wallet(), vault_mark6=None, **book)
    assert anchor_x2(bare) is None
    assert missing_anchor(bare) == "neither the API nor the vault has a mark price"
