from __future__ import annotations

from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ama_tui.domain.order import Side
from ama_tui.domain.plan import MarketSnapshot, PendingOrder, Place, Rules, SkipReason
from ama_tui.strategies.anchor import anchor_x2
from ama_tui.strategies.packer_parameters import PackerParameters
from ama_tui.strategies.prices import Prices, best_of, best_prices, own_best, refusal_of
from tests.strategies.worlds import Packer, World, market, orders_of, resting, wallet

# A book off the tick with a spread of 111 ticks; the others' best is behind the fleet's own touch.
WIDE = {
    "best_bid6": 2_499_453_000,
    "best_ask6": 2_500_564_000,
    "others_bid6": 2_499_403_000,
    "others_ask6": 2_500_704_000,
}
EVEN_BUYS = (
    (2_499_370_000, 2_498_910_000, 2_498_960_000, 2_499_100_000, 2_499_150_000, 2_499_290_000),
    (2_499_190_000, 2_499_330_000, 2_499_380_000, 2_498_920_000, 2_499_070_000, 2_499_110_000),
    (2_499_110_000, 2_499_150_000, 2_499_300_000, 2_499_340_000, 2_498_890_000, 2_499_030_000),
)
EVEN_SELLS = (
    (2_500_740_000, 2_501_200_000, 2_501_050_000, 2_501_010_000, 2_500_860_000, 2_500_820_000),
    (2_500_820_000, 2_500_780_000, 2_501_230_000, 2_501_090_000, 2_501_040_000, 2_500_900_000),
    (2_501_000_000, 2_500_860_000, 2_500_810_000, 2_501_270_000, 2_501_120_000, 2_501_080_000),
)
ORIGINAL_BUYS = (
    (2_499_450_000, 2_499_450_000, 2_498_950_000, 2_498_900_000, 2_499_450_000, 2_499_450_000),
    (2_499_450_000, 2_499_450_000, 2_498_940_000, 2_498_910_000, 2_499_450_000, 2_499_450_000),
    (2_499_450_000, 2_499_450_000, 2_498_930_000, 2_498_910_000, 2_499_450_000, 2_499_450_000),
)
ORIGINAL_SELLS = (
    (2_500_570_000, 2_500_570_000, 2_501_060_000, 2_501_110_000, 2_500_570_000, 2_500_570_000),
    (2_500_570_000, 2_500_570_000, 2_501_070_000, 2_501_100_000, 2_500_570_000, 2_500_570_000),
    (2_500_570_000, 2_500_570_000, 2_501_080_000, 2_501_100_000, 2_500_570_000, 2_500_570_000),
)


@pytest.mark.parametrize(
    ("rules", "buys", "sells"),
    [(Rules.EVEN, EVEN_BUYS, EVEN_SELLS), (Rules.ORIGINAL, ORIGINAL_BUYS, ORIGINAL_SELLS)],
)
def test_prices_of_three_wallets_match_the_tables(
    rules: Rules, buys: tuple[tuple[int, ...], ...], sells: tuple[tuple[int, ...], ...]
) -> None:
    """The tables were computed with fractions, independently of this code."""
    rich = [wallet(index, 10**15) for index in range(3)]
    plan = Packer(PackerParameters(rules=rules)).plan(market(*rich, **WIDE))
    found = {(one.wallet, one.side, one.level): one.price6 for one in plan.intents if isinstance(one, Place)}
    for one, buy_row, sell_row in zip(rich, buys, sells, strict=True):
        for level, (buy6, sell6) in enumerate(zip(buy_row, sell_row, strict=True), start=1):
            assert found[one.address, Side.BUY, level] == buy6
            assert found[one.address, Side.SELL, level] == sell6


def best_in(snapshot: MarketSnapshot) -> tuple[int | None, int | None]:
    return best_prices(snapshot, best_of([own_best(wallet) for wallet in snapshot.wallets]))


def prices(snapshot: MarketSnapshot, rules: Rules = Rules.EVEN, nearest: int = 10) -> Prices:
    anchor = anchor_x2(snapshot)
    assert anchor is not None
    return Prices(snapshot, anchor, PackerParameters(min_distance_ticks=nearest, rules=rules), best_in(snapshot))


def by_the_rules(world: World, anchor: Fraction, side: Side, distance: int) -> Fraction:
    """Where the rules put a level, in fractions and mirrored: a sell is a buy seen from below."""
    snapshot, tick, sign = world.market, world.tick6, 1 if side is Side.BUY else -1
    is_even = world.packer.parameters.rules is Rules.EVEN
    opposite = [order.price6 for order in orders_of(*snapshot.wallets) if order.side is not side]
    if side is Side.BUY:
        touch = snapshot.others_bid6 if is_even else snapshot.best_bid6
        opposite += [] if snapshot.best_ask6 is None else [snapshot.best_ask6]
    else:
        touch = snapshot.others_ask6 if is_even else snapshot.best_ask6
        opposite += [] if snapshot.best_bid6 is None else [snapshot.best_bid6]
    nearest = world.packer.parameters.min_distance_ticks
    limits = [sign * price6 - max(2, nearest // 4) * tick for price6 in opposite]
    wanted: Fraction = sign * anchor - distance * tick
    if touch is not None and wanted > sign * touch:
        wanted = Fraction(sign * touch - (distance - nearest) * tick * is_even)
    return sign * Fraction(floor(min([wanted, *map(Fraction, limits)]) / tick) * tick)


@given(st.integers(0, 2**40).map(World), st.integers(0, 150))
def test_price_follows_the_rules_in_any_book(world: World, beyond: int) -> None:
    anchor = anchor_x2(world.market)
    if anchor is None:
        return
    made = Prices(world.market, anchor, world.packer.parameters, best_in(world.market))
    distance = world.packer.parameters.min_distance_ticks + beyond
    for side in Side:
        assert made.at(side, distance).price6 == by_the_rules(world, Fraction(anchor, 2), side, distance)


def test_empty_book_is_quoted_around_the_mark() -> None:
    made = prices(market())
    assert made.at(Side.BUY, 10).price6 == 2_499_900_000
    assert made.at(Side.SELL, 10).price6 == 2_500_100_000


def test_prices_are_rounded_away_from_the_spread() -> None:
    made = prices(market(best_bid6=2_500_000_001, best_ask6=2_500_000_004))
    assert made.at(Side.BUY, 10).price6 == 2_499_900_000
    assert made.at(Side.SELL, 10).price6 == 2_500_110_000


def test_buy_keeps_the_buffer_from_a_best_ask_below_the_mark() -> None:
    made = prices(market(best_ask6=2_400_000_000), nearest=40)
    assert made.at(Side.BUY, 40).price6 == 2_400_000_000 - 10 * 10_000
    assert made.at(Side.SELL, 40).price6 == 2_500_400_000


def test_buffer_is_at_least_two_ticks() -> None:
    made = prices(market(best_bid6=2_500_000_000, best_ask6=2_500_010_000), nearest=1)
    assert made.at(Side.BUY, 1).price6 == 2_500_010_000 - 2 * 10_000
    assert made.at(Side.SELL, 1).price6 == 2_500_000_000 + 2 * 10_000


def test_even_keeps_levels_apart_behind_the_others_touch() -> None:
    made = prices(market(others_bid6=2_499_000_000, best_bid6=2_499_000_000))
    assert [made.at(Side.BUY, ticks).price6 for ticks in (10, 11, 15)] == [
        2_499_000_000,
        2_498_990_000,
        2_498_950_000,
    ]


def test_level_exactly_at_the_others_touch_stays_there() -> None:
    at_15 = {"others_bid6": 2_499_850_000, "best_bid6": 2_499_850_000}
    assert prices(market(**at_15)).at(Side.BUY, 15).price6 == 2_499_850_000
    at_15 = {"others_ask6": 2_500_150_000, "best_ask6": 2_500_150_000}
    assert prices(market(**at_15)).at(Side.SELL, 15).price6 == 2_500_150_000


def test_original_puts_all_levels_at_the_touch() -> None:
    made = prices(market(best_bid6=2_499_000_000), Rules.ORIGINAL)
    assert {made.at(Side.BUY, ticks).price6 for ticks in (10, 11, 15)} == {2_499_000_000}


def test_even_may_improve_on_the_fleets_own_touch() -> None:
    made = prices(market(best_bid6=2_490_000_000, vault_mark6=2_500_000_000))
    assert made.at(Side.BUY, 10).price6 == 2_499_900_000


def test_pending_orders_of_any_wallet_and_young_resting_ones_limit_prices() -> None:
    pending_orders = PendingOrder(Side.SELL, 1, 2_450_000_000, 10**17, 1)
    young = resting(1, Side.BUY, 2_560_000_000)
    snapshot = market(
        wallet(0), wallet(1, was_read=False, pending_orders=(pending_orders,)), wallet(2, orders=(young,))
    )
    assert best_in(snapshot) == (2_560_000_000, 2_450_000_000)
    made = prices(snapshot)
    assert made.at(Side.BUY, 10).price6 == 2_450_000_000 - 2 * 10_000
    assert made.at(Side.SELL, 10).price6 == 2_560_000_000 + 2 * 10_000


def test_distance_that_reaches_zero_is_out_of_range() -> None:
    made = prices(market(vault_mark6=100_000))
    assert made.at(Side.BUY, 9).refusal is None
    assert made.at(Side.BUY, 10).refusal is SkipReason.PRICE_RANGE
    assert made.at(Side.SELL, 10).refusal is None


@pytest.mark.parametrize(
    ("side", "price6", "best6", "expected"),
    [
        (Side.BUY, 99, 100, None),
        (Side.BUY, 100, 100, SkipReason.WOULD_CROSS),
        (Side.BUY, 101, 100, SkipReason.WOULD_CROSS),
        (Side.BUY, 101, None, None),
        (Side.SELL, 101, 100, None),
        (Side.SELL, 100, 100, SkipReason.WOULD_CROSS),
        (Side.SELL, 99, 100, SkipReason.WOULD_CROSS),
        (Side.SELL, 99, None, None),
        (Side.BUY, 1, 100, None),
        (Side.BUY, 0, 100, SkipReason.PRICE_RANGE),
        (Side.BUY, -1, None, SkipReason.PRICE_RANGE),
    ],
)
def test_last_check_refuses_crossing_and_invalid_prices(
    side: Side, price6: int, best6: int | None, expected: SkipReason | None
) -> None:
    assert refusal_of(side, price6, best6) is expected
