"""What fills captured, and what became of the price: by whose prices, when, and of which fills."""

from __future__ import annotations

import pytest

from ama_tui.domain.fill_quality import Edge
from ama_tui.domain.market import BookView
from ama_tui.domain.order import Side
from ama_tui.domain.reading import Trade
from ama_tui.engine.markouts import LATEST_S, OLDEST_MID_S, Markouts

ALICE, BOB, OTHER = (f"0x{number:040x}" for number in (1, 2, 3))
UNIT, PRICE = 10**18, 10**6


def bought(price: int, units: int = 1, wallet: str = ALICE) -> Trade:
    return Trade(1, "0x01", 0, wallet, OTHER, price * PRICE, units * UNIT)


def sold(price: int, units: int = 1, wallet: str = ALICE) -> Trade:
    return Trade(1, "0x02", 0, OTHER, wallet, price * PRICE, units * UNIT)


def read(markouts: Markouts, now: float, mid: int | None, *trades: Trade) -> list[float | None]:
    """A read at this time shows this mid and these new trades; the captured bps and the markouts then."""
    view = BookView() if mid is None else BookView((mid - 1) * PRICE, (mid + 1) * PRICE)
    markouts.note(trades, {ALICE, BOB}.__contains__, view, now)
    quality = markouts.quality
    return [edge.bps for edge in (quality.captured, *quality.markouts)]


def test_fill_is_measured_by_the_mid_before_it_and_by_those_after_5_30_and_300_seconds() -> None:
    markouts = Markouts()
    assert read(markouts, 0.0, 1_000) == [None] * 4
    assert read(markouts, 1.0, 998, bought(999)) == [pytest.approx(10.01, rel=1e-3), None, None, None]
    assert read(markouts, 5.9, 990)[1] is None
    assert read(markouts, 6.0, 997)[1] == pytest.approx(-20.02, rel=1e-3)
    assert read(markouts, 31.5, 1_003)[2] == pytest.approx(40.04, rel=1e-3)
    assert read(markouts, 302.0, 999)[3] == 0.0
    assert [edge.fills for edge in markouts.quality.markouts] == [1, 1, 1]


def test_sold_above_the_mid_is_captured_and_a_rise_afterwards_is_toxic() -> None:
    markouts = Markouts()
    read(markouts, 0.0, 1_000)
    assert read(markouts, 1.0, 1_000, sold(1_002))[0] == pytest.approx(19.96, rel=1e-3)
    assert read(markouts, 7.0, 1_010)[1] == pytest.approx(-79.84, rel=1e-3)


def test_fills_count_by_their_notional() -> None:
    edge = Edge().after(Side.BUY, 100 * PRICE, 3 * UNIT, 202 * PRICE).after(Side.SELL, 100 * PRICE, UNIT, 202 * PRICE)
    assert (edge.bps, edge.fills) == (50.0, 2)


def test_trades_of_others_of_takers_and_within_the_fleet_are_no_fills_of_makers() -> None:
    markouts = Markouts()
    read(markouts, 0.0, 1_000)
    taker = "0x" + "09" * 20
    trades = (Trade(1, "0x03", 0, ALICE, BOB, PRICE, UNIT), bought(999, wallet=taker), sold(999, wallet=OTHER))
    assert read(markouts, 1.0, 1_000, *trades) == [None] * 4
    assert read(markouts, 400.0, 1_000) == [None] * 4


@pytest.mark.parametrize("before", [None, 1_000])
def test_without_a_recent_mid_nothing_is_captured(before: int | None) -> None:
    markouts = Markouts()
    read(markouts, 0.0, before)
    assert read(markouts, OLDEST_MID_S + 1, 1_000, bought(999))[0] is None


def test_markout_that_no_read_came_for_in_time_is_left_out() -> None:
    markouts = Markouts()
    read(markouts, 0.0, 1_000)
    read(markouts, 1.0, 1_000, bought(999))
    late = read(markouts, 1.0 + 5 + LATEST_S + 0.1, 1_000)
    assert (late[1], markouts.quality.markouts[0].fills) == (None, 0)
    assert read(markouts, 32.0, None)[2] is None
    assert read(markouts, 301.5, 1_000)[3] == pytest.approx(10.01, rel=1e-3)
