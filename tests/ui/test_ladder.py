"""The ladder keeps the spread in place, marks the fleet's own orders, and repaints only what changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from textual.events import MouseScrollDown
from textual.pilot import Pilot

from ama_tui.domain.event import EngineSnapshot, EngineState
from ama_tui.domain.market import Book, BookLevel
from ama_tui.domain.money import format_price
from ama_tui.domain.order import Side
from ama_tui.ui.book_levels import PriceLevel, levels_of
from ama_tui.ui.panels.ladder import (
    BOTH,
    OTHERS_BAR,
    OURS,
    OURS_BAR,
    PENDING,
    BookLadder,
    bar_spans,
    decimals_for,
    level_spans,
    steady_scale,
    widths_of,
)
from ama_tui.ui.theme import AMA_DARK, MEANINGS, style
from ama_tui.ui.widgets.styled_text import INK_CLASSES, spans_width
from tests.ui.books import DEPTH, MID6, TICK6, UNIT18, order, packed, pending_orders, with_wallet
from tests.ui.fakes import NOW, market, snapshot
from tests.ui.stage import repaints

TALL = (48, 60)
"""Every level of the sample book fits."""


def is_centred(ladder: BookLadder) -> bool:
    """Whether the spread is in the middle."""
    return ladder.scroll_offset.y == ladder._above - ladder._centre


class LadderApp(App[None]):
    COMPONENT_CLASSES = set(INK_CLASSES)  # noqa: RUF012
    CSS_PATH = style("base")

    def __init__(self) -> None:
        super().__init__()
        self.register_theme(AMA_DARK)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return MEANINGS

    def compose(self) -> ComposeResult:
        yield BookLadder(id="ladder")


@asynccontextmanager
async def ladder_of(
    state: EngineSnapshot, size: tuple[int, int] = (48, 24)
) -> AsyncIterator[tuple[BookLadder, Pilot[None]]]:
    app = LadderApp()
    async with app.run_test(size=size) as pilot:
        ladder = app.query_one(BookLadder)
        ladder.tick(state, NOW)
        await pilot.pause()
        yield ladder, pilot


def lines(ladder: BookLadder) -> list[str]:
    return ladder.text.splitlines()


def spread_row(ladder: BookLadder) -> int:
    return next(y for y, line in enumerate(lines(ladder)) if "──" in line)


def shallower(state: EngineSnapshot, asks: int, bids: int) -> EngineSnapshot:
    """The snapshot without a fleet and with this many levels per side."""
    book = Book(state.book.bids[:bids], state.book.asks[:asks])
    return replace(state, wallets=(), book=book)


# what is shown


async def test_asks_are_above_and_bids_below_with_the_best_next_to_the_spread() -> None:
    async with ladder_of(packed()) as (ladder, _):
        row = spread_row(ladder)
        assert row == 1 + (24 - 2) // 2
        assert "20 ticks · 0.8 bp" in lines(ladder)[row]
        assert "2,500.10" in lines(ladder)[row - 1]
        assert "2,499.90" in lines(ladder)[row + 1]
        prices = [line.split()[1 if line.split()[0] in "●○◉" else 0] for line in lines(ladder)[1:] if "──" not in line]
        assert prices == sorted(prices, reverse=True)


async def test_fleets_size_is_the_sum_over_its_wallets() -> None:
    state = packed(2)
    for index in (0, 1):
        state = with_wallet(state, index, orders=(order(index, Side.SELL, 10, UNIT18 // 4),))
    async with ladder_of(state) as (ladder, _):
        best = lines(ladder)[spread_row(ladder) - 1]
        assert best.split()[:4] == [OURS, "2,500.10", f"{state.book.asks[0].amount18 / UNIT18:.3f}", "0.500"]


async def test_own_orders_below_the_depth_read_are_shown_too() -> None:
    state = with_wallet(packed(1), 0, orders=(order(1, Side.BUY, 900, UNIT18 // 2),))
    assert len(state.book.bids) == DEPTH
    async with ladder_of(state, TALL) as (ladder, _):
        deepest = [line for line in lines(ladder) if line][-1]
        assert deepest.split() == [OURS, "2,491.00", "–", "0.500", *deepest.split()[4:]]
        assert set(deepest.split()[4]) == {OURS_BAR}


async def test_pending_orders_have_a_hollow_mark_and_no_bar() -> None:
    state = with_wallet(
        packed(1), 0,
        orders=(order(1, Side.SELL, 12),),
        pending_orders=(pending_orders(Side.SELL, 12), pending_orders(Side.BUY, 11, UNIT18 // 10)),
    )  # fmt: skip
    async with ladder_of(state) as (ladder, _):
        sent = next(line for line in lines(ladder) if "2,499.89" in line)
        assert sent.split() == [PENDING, "2,499.89", "–", "0.100"]
        assert next(line for line in lines(ladder) if "2,500.12" in line).split()[0] == BOTH


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"read_at_ms": 0, "book": Book(), "best_bid6": None, "best_ask6": None, "wallets": ()}, "no data yet"),
        ({"book": Book(), "best_bid6": None, "best_ask6": None, "wallets": ()}, "no orders on the book"),
        ({"best_ask6": None}, "no asks"),
        ({"best_bid6": None}, "no bids"),
        ({"best_ask6": MID6 - 20 * TICK6}, "crossed -10 ticks"),
        ({"best_ask6": MID6 - 10 * TICK6}, "locked 0 ticks"),
        ({"read_at_ms": int((NOW - 14) * 1000)}, "20 ticks · 0.8 bp · 14s old"),
    ],
)
async def test_empty_or_one_sided_book_says_so(changes: dict[str, object], text: str) -> None:
    async with ladder_of(replace(packed(), **changes)) as (ladder, _):  # type: ignore[arg-type]
        assert text in lines(ladder)[spread_row(ladder)]


async def test_touch_without_a_readable_depth_is_shown_without_a_size() -> None:
    async with ladder_of(replace(packed(), book=Book(), wallets=())) as (ladder, _):
        row = spread_row(ladder)
        assert lines(ladder)[row - 1].split() == ["2,500.10", "–"]
        assert lines(ladder)[row + 1].split() == ["2,499.90", "–"]


async def test_stale_book_is_dimmed_until_the_next_read() -> None:
    old = packed(read_at_ms=int((NOW - 9) * 1000))
    async with ladder_of(old) as (ladder, pilot):
        best = spread_row(ladder) + 1
        fresh = ladder.render_line(best)
        ladder.tick(old, NOW + 3)
        await pilot.pause()
        quiet = ladder.render_line(best)
        assert quiet.text == fresh.text
        assert {segment.style.color for segment in quiet if segment.style and segment.text.strip()} == {
            ladder.ink("label").color
        }
        ladder.tick(packed(read_at_ms=int((NOW + 3) * 1000)), NOW + 3)
        await pilot.pause()
        assert list(ladder.render_line(best)) == list(fresh)


# no jumps


async def test_spread_stays_on_its_row_while_levels_come_and_go() -> None:
    state = packed()
    async with ladder_of(state) as (ladder, pilot):
        row = spread_row(ladder)
        for asks, bids in ((25, 25), (3, 25), (0, 1), (25, 0), (14, 9), (25, 25)):
            ladder.tick(shallower(state, asks, bids), NOW)
            await pilot.pause()
            assert spread_row(ladder) == row
        for size in ((48, 30), (30, 12), (60, 24)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            assert spread_row(ladder) == 1 + (size[1] - 2) // 2


async def test_scroll_position_is_kept_when_levels_are_added() -> None:
    state = packed()
    async with ladder_of(shallower(state, 20, 20)) as (ladder, pilot):
        ladder.focus()
        await pilot.press("up", "up")
        await pilot.pause()
        before = lines(ladder)[8:]
        row = spread_row(ladder)
        ladder.tick(shallower(state, 25, 22), NOW)
        await pilot.pause()
        assert lines(ladder)[8:] == before
        assert not is_centred(ladder)
        await pilot.press("home")
        await pilot.pause()
        assert is_centred(ladder)
        assert spread_row(ladder) == row - 2


async def test_keys_and_wheel_reach_both_ends() -> None:
    async with ladder_of(packed()) as (ladder, pilot):
        ladder.focus()
        await pilot.press(*["pageup"] * 9)
        await pilot.pause()
        assert format_price(ladder.levels.asks[-1].price6) in lines(ladder)[1]
        await pilot.press(*["pagedown"] * 9)
        await pilot.pause()
        assert format_price(ladder.levels.bids[-1].price6) in lines(ladder)[-1]
        await pilot.press("c")
        assert is_centred(ladder)
        await pilot._post_mouse_events([MouseScrollDown], widget=ladder, offset=(5, 5))
        await pilot.pause()
        assert not is_centred(ladder)


# repainting


async def test_unchanged_book_repaints_nothing() -> None:
    state = packed()
    async with ladder_of(state) as (ladder, pilot):
        painted = repaints(ladder)
        ladder.tick(replace(state, block=1205), NOW + 0.25)
        ladder.tick(replace(state, block=1206), NOW + 0.5)
        await pilot.pause()
        assert painted == []


async def test_only_the_changed_level_is_repainted() -> None:
    state = packed()
    async with ladder_of(state) as (ladder, pilot):
        row = spread_row(ladder)
        asks = list(state.book.asks)
        asks[2] = BookLevel(asks[2].price6, asks[2].amount18 + UNIT18 // 10)
        painted = repaints(ladder)
        ladder.tick(replace(state, book=replace(state.book, asks=tuple(asks))), NOW)
        await pilot.pause()
        assert set(painted) == {row - 3}


async def test_theme_change_repaints_everything() -> None:
    async with ladder_of(packed()) as (ladder, pilot):
        before = ladder.render_line(5)
        ladder.app.theme = "textual-light"
        await pilot.pause()
        assert ladder.render_line(5).text == before.text
        assert list(ladder.render_line(5)) != list(before)


# widths


@pytest.mark.parametrize("width", [30, 34, 40, 47, 60])
@pytest.mark.parametrize("mid6", [MID6, 60_000 * 10**6])
async def test_every_line_fills_its_width_and_no_price_is_cut(width: int, mid6: int) -> None:
    async with ladder_of(packed(mid6=mid6), (width, 30)) as (ladder, _):
        assert {ladder.render_line(y).cell_length for y in range(30)} == {width}
        best = lines(ladder)[spread_row(ladder) + 1]
        assert f"{(mid6 - 10 * TICK6) / 10**6:,.2f}" in best
        assert OURS_BAR in best or OTHERS_BAR in best
        assert "ours" in lines(ladder)[0]


async def test_price_column_shrinks_with_another_market() -> None:
    async with ladder_of(packed(mid6=60_000 * 10**6)) as (ladder, pilot):
        wide = lines(ladder)[0].index("size")
        ladder.tick(replace(packed(), market=market("SOL", 7)), NOW)
        await pilot.pause()
        assert lines(ladder)[0].index("size") < wide


@given(st.integers(10, 120), st.integers(4, 14))
def test_columns_fill_the_line_exactly(width: int, price: int) -> None:
    widths = widths_of(width, price)
    level = PriceLevel(Side.SELL, 1, 5 * UNIT18, 2 * UNIT18, UNIT18)
    used = spans_width(level_spans(level, widths, 10_000, 3, 5 * UNIT18))
    assert used <= max(width, 3 + price + 6)
    assert not widths.bar or used >= width - 1


AMOUNTS = st.integers(0, 10**24)


@given(AMOUNTS, AMOUNTS, AMOUNTS, st.integers(1, 60), st.sampled_from(Side))
def test_bar_stays_within_its_column_and_shows_the_fleets_share(
    size18: int, ours18: int, scale18: int, width: int, side: Side
) -> None:
    level = PriceLevel(side, 1, size18, ours18)
    (ours, _), (others, _) = bar_spans(level, scale18, width)
    assert len(ours + others) <= width
    if scale18 and ours18:
        assert ours
    if ours18 >= size18:
        assert not others


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_scale_never_cuts_the_largest_and_rarely_changes(scale: int, largest: int) -> None:
    steady = steady_scale(scale, largest)
    assert steady >= largest
    assert steady in (scale, largest)
    assert steady_scale(steady, largest) == steady


@pytest.mark.parametrize(
    ("largest18", "width", "decimals"),
    [(UNIT18, 7, 3), (1234 * UNIT18, 8, 2), (1234 * UNIT18, 7, 1), (123_456 * UNIT18, 8, 0), (0, 6, 3)],
)
def test_all_sizes_have_as_many_decimals_as_the_largest_leaves_room_for(
    largest18: int, width: int, decimals: int
) -> None:
    assert decimals_for(largest18, width) == decimals


def test_levels_have_every_price_once_in_order() -> None:
    levels = levels_of(packed())
    for side, reverse in ((levels.bids, True), (levels.asks, False)):
        prices = [level.price6 for level in side]
        assert prices == sorted(set(prices), reverse=reverse)
    own = sum(one.amount18 for row in packed().wallets for one in row.orders)
    assert sum(level.ours18 for level in (*levels.bids, *levels.asks)) == own


def test_no_data_and_no_fleet_is_an_empty_book() -> None:
    assert levels_of(EngineSnapshot(EngineState.READY)).is_empty
    assert not levels_of(snapshot()).is_empty
