"""The market list includes every kind of market that a client has to handle."""

from __future__ import annotations

from collections import Counter

from ama_tui.localnet.catalogue import CATALOGUE

DEFAULT_DISTANCE_TICKS = 10


def test_list_is_long_and_symbols_are_unique() -> None:
    assert len(CATALOGUE) >= 30
    assert len({spec.symbol for spec in CATALOGUE}) == len(CATALOGUE)


def test_first_market_is_live_ether_at_2500() -> None:
    first = CATALOGUE[0]
    assert (first.symbol, first.use) == ("ETH-USD", "live")
    assert (first.price6, first.tick6) == (2_500_000_000, 10_000)


def test_every_kind_of_book_is_listed() -> None:
    uses = Counter(spec.use for spec in CATALOGUE)
    assert uses["live"] >= 3
    assert uses["empty"] == uses["one_sided"] == 1


def test_one_live_market_trades_at_60000() -> None:
    assert any(spec.price6 == 60_000_000_000 and spec.use == "live" for spec in CATALOGUE)


def test_one_price_is_too_low_for_the_default_distance() -> None:
    assert any(spec.price_ticks < 2 * DEFAULT_DISTANCE_TICKS for spec in CATALOGUE)


def test_prices_are_whole_ticks() -> None:
    assert all(spec.tick6 > 0 and spec.price6 % spec.tick6 == 0 for spec in CATALOGUE)


def test_market_without_a_listed_tick_has_the_default_one() -> None:
    unlisted = [spec for spec in CATALOGUE if not spec.tick_listed]
    assert unlisted
    assert all(spec.tick6 == 10_000 for spec in unlisted)


def test_ticks_and_margins_differ() -> None:
    assert len({spec.tick6 for spec in CATALOGUE}) >= 8
    assert {10_000, 15_000} <= {spec.margin_req_bps for spec in CATALOGUE}
