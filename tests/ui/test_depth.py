"""The depth profile accumulates from the mid outwards, per side, and shows the fleet's share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from ama_tui.domain.event import EngineSnapshot
from ama_tui.domain.market import Book
from ama_tui.domain.order import Side
from ama_tui.ui.book_levels import PriceLevel, PriceLevels, levels_of
from ama_tui.ui.panels.depth import (
    MIDDLE,
    DepthProfile,
    covered_range6,
    hill,
    middle_x2,
    profile_of,
    profile_spans,
    share_text,
)
from ama_tui.ui.theme import AMA_DARK, MEANINGS, style
from ama_tui.ui.widgets.styled_text import INK_CLASSES
from tests.ui.books import MID6, TICK6, UNIT18, packed, with_wallet
from tests.ui.fakes import NOW
from tests.ui.stage import repaints


def level(side: Side, ticks: int, size18: int | None, ours18: int = 0) -> PriceLevel:
    return PriceLevel(side, MID6 + (ticks if side is Side.SELL else -ticks) * TICK6, size18, ours18)


BOOK = PriceLevels(
    bids=(level(Side.BUY, 10, 4 * UNIT18), level(Side.BUY, 30, 2 * UNIT18, 2 * UNIT18)),
    asks=(level(Side.SELL, 10, 8 * UNIT18, 6 * UNIT18), level(Side.SELL, 40, None, UNIT18)),
)


def test_sizes_accumulate_from_the_mid_outwards() -> None:
    profile = profile_of(BOOK, 2 * MID6, 4, 40 * TICK6)
    assert [column.total18 // UNIT18 for column in profile.bids] == [4, 4, 6, 6]
    assert [column.ours18 // UNIT18 for column in profile.bids] == [0, 0, 2, 2]
    assert [column.total18 // UNIT18 for column in profile.asks] == [8, 8, 8, 9]
    assert [column.ours18 // UNIT18 for column in profile.asks] == [6, 6, 6, 7]
    assert share_text(profile) == "60%"


def test_bids_are_mirrored_and_columns_mostly_ours_use_our_colour() -> None:
    profile = profile_of(BOOK, 2 * MID6, 4, 40 * TICK6)
    assert profile_spans(profile, "all") == (("▆▆▄▄", "bid"), (MIDDLE, "label"), ("████", "ours"))
    assert "".join(text for text, _ in profile_spans(profile, "ours")) == "▂▂  │▆▆▆▇"


def test_far_outlier_does_not_set_the_range() -> None:
    far = replace(BOOK, bids=(*BOOK.bids, level(Side.BUY, 200_000, UNIT18 // 10)))
    assert covered_range6(far, 2 * MID6) == 40 * TICK6
    assert covered_range6(PriceLevels(), 2 * MID6) == 0


def test_bars_scale_to_the_largest_and_show_even_the_smallest_amount() -> None:
    assert hill((0, 1, 50, 100), 100) == " ▁▅█"
    assert hill((0, 5), 0) == "  "


SIDES = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 10**20), st.integers(0, 10**20)), max_size=30)


@given(SIDES, SIDES, st.integers(1, 40), st.integers(0, 600))
def test_columns_never_decrease_and_never_exceed_the_resting_size(
    bids: list[tuple[int, int, int]], asks: list[tuple[int, int, int]], columns: int, range_ticks: int
) -> None:
    levels = PriceLevels(tuple(level(Side.BUY, *one) for one in bids), tuple(level(Side.SELL, *one) for one in asks))
    profile = profile_of(levels, 2 * MID6, columns, range_ticks * TICK6)
    for side, known in ((profile.bids, levels.bids), (profile.asks, levels.asks)):
        totals = [column.total18 for column in side]
        assert totals == sorted(totals)
        assert all(column.ours18 <= column.total18 for column in side)
        assert not totals or totals[-1] <= sum(one.resting18 for one in known)
        assert len(side) in (0, columns)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, 2 * MID6),
        ({"best_ask6": None}, 2 * MID6 + 2),
        ({"best_ask6": None, "anchor_x2": None}, 2 * (MID6 - 10 * TICK6)),
        ({"best_bid6": None, "best_ask6": None, "anchor_x2": None, "book": Book(), "wallets": ()}, None),
    ],
)
def test_distances_count_from_the_mid_else_the_anchor_else_the_touch(
    changes: dict[str, object], expected: int | None
) -> None:
    state = replace(packed(anchor_x2=2 * MID6 + 2), **changes)  # type: ignore[arg-type]
    levels = levels_of(state)
    if "anchor_x2" in changes and expected is not None:
        levels = replace(levels, asks=())
    assert middle_x2(state, levels) == expected


# the widget


class DepthApp(App[None]):
    COMPONENT_CLASSES = set(INK_CLASSES)  # noqa: RUF012
    CSS_PATH = style("base")
    CSS = ".two { height: 2; }"

    def __init__(self) -> None:
        super().__init__()
        self.register_theme(AMA_DARK)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return MEANINGS

    def compose(self) -> ComposeResult:
        yield DepthProfile(id="one")
        yield DepthProfile(id="two", classes="two")


@asynccontextmanager
async def depth_of(state: EngineSnapshot, width: int = 48) -> AsyncIterator[tuple[DepthApp, Pilot[None]]]:
    app = DepthApp()
    async with app.run_test(size=(width, 5)) as pilot:
        for profile in app.query(DepthProfile):
            profile.tick(state, NOW)
        await pilot.pause()
        yield app, pilot


@pytest.mark.parametrize("width", [30, 48, 60, 120])
async def test_one_line_shows_the_share_as_text_and_two_lines_draw_it(width: int) -> None:
    async with depth_of(packed(), width) as (app, _):
        one, two = (app.query_one(f"#{name}", DepthProfile) for name in ("one", "two"))
        assert one.text.startswith(" depth ")
        assert one.text.count(MIDDLE) == 1
        assert one.text.endswith(" ours 43%")
        total, ours = two.text.splitlines()
        assert "±" in total
        assert ours.startswith("  ours ")
        assert ours.endswith(" 43%")
        assert total.index(MIDDLE) == ours.index(MIDDLE)
        assert max(map(len, (one.text, total, ours))) <= width


async def test_empty_book_shows_a_dash() -> None:
    state = packed(0, others=0)
    assert state.best_bid6 is None
    async with depth_of(replace(state, anchor_x2=None)) as (app, _):
        assert app.query_one("#one", DepthProfile).text == " depth –"


async def test_unchanged_profile_is_not_repainted_and_a_stale_one_is_dimmed() -> None:
    state = packed(read_at_ms=int((NOW - 9) * 1000))
    async with depth_of(state) as (app, pilot):
        one = app.query_one("#one", DepthProfile)
        painted = repaints(one)
        one.tick(replace(state, block=1205), NOW)
        await pilot.pause()
        assert painted == []
        text = one.text
        one.tick(state, NOW + 9)
        await pilot.pause()
        assert painted == [0]
        assert one.text == text
        colors = {segment.style.color for segment in one.render_line(0) if segment.style and segment.text.strip()}
        assert colors == {one.ink("label").color}


async def test_range_is_kept_while_the_depth_fits() -> None:
    state = packed()
    async with depth_of(state) as (app, pilot):
        two = app.query_one("#two", DepthProfile)
        reach = two.text.splitlines()[0].split()[-2:]
        two.tick(with_wallet(state, 0, orders=()), NOW)
        await pilot.pause()
        assert two.text.splitlines()[0].split()[-2:] == reach
