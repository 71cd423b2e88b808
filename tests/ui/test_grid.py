"""The live grid repaints only what changed, at any length and width."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from ama_tui.domain.event import SessionState, WalletRow
from ama_tui.domain.order import Side
from ama_tui.domain.pnl import Pnl
from ama_tui.ui.panels.wallets import PREPARATION_COLUMNS, ResultColumn, WalletGrid, narrow_columns, wide_columns
from ama_tui.ui.theme import AMA_DARK, MEANINGS, style
from ama_tui.ui.widgets.columns import GAP, Column, SortOrder, fit_columns, fitted, sorted_rows
from ama_tui.ui.widgets.grid import MARK, Grid
from ama_tui.ui.widgets.styled_text import INK_CLASSES, joined, spans_width
from tests.ui.fakes import NOW, wallet
from tests.ui.stage import repaints


class GridApp(App[None]):
    COMPONENT_CLASSES = set(INK_CLASSES)  # noqa: RUF012
    CSS_PATH = style("base")

    def __init__(self) -> None:
        super().__init__()
        self.register_theme(AMA_DARK)
        self.picked: list[int] = []

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return MEANINGS

    def compose(self) -> ComposeResult:
        yield WalletGrid(id="wallets")

    def on_grid_picked(self, event: Grid.Picked) -> None:
        self.picked.append(event.grid.cursor)


@asynccontextmanager
async def grid_of(
    rows: Sequence[WalletRow], size: tuple[int, int] = (140, 20)
) -> AsyncIterator[tuple[WalletGrid, Pilot[None], GridApp]]:
    app = GridApp()
    async with app.run_test(size=size) as pilot:
        grid = app.query_one(WalletGrid)
        grid.tick(rows, NOW)
        await pilot.pause()
        yield grid, pilot, app


def lines(grid: WalletGrid) -> list[str]:
    return [grid.render_line(y).text for y in range(grid.size.height)]


FLEET = tuple(wallet(index) for index in range(10))


async def test_unchanged_rows_are_not_repainted() -> None:
    async with grid_of(FLEET) as (grid, pilot, _):
        painted = repaints(grid)
        grid.tick(tuple(replace(row) for row in FLEET), NOW + 0.25)
        await pilot.pause()
        assert painted == []


async def test_only_the_changed_row_is_repainted() -> None:
    async with grid_of(FLEET) as (grid, pilot, _):
        painted = repaints(grid)
        grid.tick((*FLEET[:4], replace(FLEET[4], bids=5), *FLEET[5:]), NOW)
        await pilot.pause()
        assert set(painted) == {5}
        assert "5/6" in lines(grid)[5]


async def test_rows_out_of_sight_are_not_rendered() -> None:
    asked: list[int] = []

    def cell(row: WalletRow, width: int, now: float) -> tuple[tuple[str, str], ...]:
        asked.append(row.index)
        return ((row.nickname.ljust(width), "plain"),)

    async with grid_of(()) as (grid, pilot, _):
        grid._columns = (Column("wallet", "wallet", 10, cell),)  # type: ignore[arg-type]
        grid.columns_for = lambda width: grid._columns  # type: ignore[method-assign]
        many = tuple(wallet(index) for index in range(1000))
        grid.tick(many, NOW)
        await pilot.pause()
        asked.clear()
        grid.tick(many, NOW + 1)
        await pilot.pause()
        assert max(asked) < grid.size.height


async def test_moving_the_cursor_repaints_two_rows() -> None:
    async with grid_of(FLEET) as (grid, pilot, _):
        grid.focus()
        await pilot.pause()
        painted = repaints(grid)
        await pilot.press("down")
        await pilot.pause()
        assert set(painted) == {1, 2}
        assert lines(grid)[2].startswith(MARK)
        assert not lines(grid)[1].startswith(MARK)


async def test_keys_reach_every_row_and_keep_the_cursor_visible() -> None:
    many = tuple(wallet(index) for index in range(300))
    async with grid_of(many) as (grid, pilot, app):
        grid.focus()
        await pilot.press("end")
        await pilot.pause()
        assert grid.cursor == 299
        assert any("User300" in line and line.startswith(MARK) for line in lines(grid))
        await pilot.press("pageup", "up", "enter")
        await pilot.pause()
        assert grid.cursor == 299 - (grid.size.height - 2) - 1
        assert app.picked == [grid.cursor]
        await pilot.press("home")
        await pilot.pause()
        assert "User001" in lines(grid)[1]


async def test_click_moves_the_cursor_and_a_second_click_picks() -> None:
    async with grid_of(FLEET) as (grid, pilot, app):
        await pilot.click(grid, offset=(5, 3))
        assert grid.cursor == 2
        await pilot.click(grid, offset=(5, 3), times=2)
        await pilot.pause()
        assert app.picked == [2]
        await pilot.click(grid, offset=(5, 0))
        assert grid.cursor == 2


async def test_cursor_moves_up_when_rows_disappear() -> None:
    async with grid_of(FLEET) as (grid, pilot, _):
        grid.move_to(9)
        grid.tick(FLEET[:3], NOW)
        await pilot.pause()
        assert grid.cursor == 2
        grid.tick((), NOW)
        await pilot.pause()
        assert grid.current is None
        grid.action_pick()
        grid.action_move(1)


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 160, 220])
async def test_lines_fill_the_width_and_always_show_the_wallet_and_its_orders(width: int) -> None:
    async with grid_of(FLEET, size=(width, 20)) as (grid, _, _):
        assert {grid.render_line(y).cell_length for y in range(12)} == {grid.size.width}
        assert "User001" in lines(grid)[1]
        assert lines(grid)[1].count("6/6") == 2


RESULT = ResultColumn(100 * 10**6)
WIDE_COLUMNS, NARROW_COLUMNS = wide_columns(RESULT), narrow_columns(RESULT)


@given(st.sampled_from([WIDE_COLUMNS, NARROW_COLUMNS, PREPARATION_COLUMNS]), st.integers(20, 250))
def test_columns_fit_the_available_width(columns: tuple[Column[WalletRow], ...], room: int) -> None:
    fitted = fit_columns(columns, room)
    assert sum(width for _, width in fitted) + GAP * (len(fitted) - 1) <= room or len(fitted) == 1


ROWS = st.builds(
    WalletRow,
    address=st.just("0x" + "ab" * 20),
    nickname=st.text(max_size=20),
    index=st.integers(0, 999),
    bids=st.integers(0, 150),
    asks=st.integers(0, 150),
    target_bids=st.integers(0, 50),
    target_asks=st.integers(0, 50),
    available6=st.none() | st.integers(0, 10**16),
    cap6=st.none() | st.integers(0, 10**16),
    reserved6=st.none() | st.integers(0, 10**16),
    pending=st.integers(0, 99),
    unknown=st.integers(0, 9),
    position18=st.integers(-(10**21), 10**21),
    pnl=st.builds(Pnl, realised24=st.integers(-(10**40), 10**40)),
    session=st.sampled_from(SessionState),
    session_expiry=st.integers(0, 2 * 10**9),
    last_action_at=st.integers(0, 2 * 10**12),
    note=st.text(max_size=60),
)


@given(ROWS, st.sampled_from([*WIDE_COLUMNS, *NARROW_COLUMNS, *PREPARATION_COLUMNS]))
def test_every_value_fills_its_column_exactly(row: WalletRow, column: Column[WalletRow]) -> None:
    cell = fitted(column.cell(row, column.width, NOW), column.width, right=column.right)
    assert spans_width(cell) == column.width


@pytest.mark.parametrize("row", [replace(FLEET[0], available6=10**13, reserved6=10**13, cap6=10**13)])
def test_large_amounts_are_abbreviated_not_cut(row: WalletRow) -> None:
    for column in (*WIDE_COLUMNS, *NARROW_COLUMNS):
        assert "…" not in "".join(text for text, _ in column.cell(row, column.width, NOW))
        assert spans_width(column.cell(row, column.width, NOW)) <= column.width


async def test_results_follow_the_mark_and_sort_the_wallets() -> None:
    long, short = Pnl().after(Side.BUY, 100 * 10**6, 10**18), Pnl().after(Side.SELL, 100 * 10**6, 2 * 10**18)
    rows = (replace(FLEET[0], pnl=long), replace(FLEET[1], pnl=short))
    async with grid_of(rows, size=(120, 20)) as (grid, pilot, _):
        assert [line.count("–") > 0 for line in lines(grid)[1:3]] == [True, True]
        for mark, results in ((110, ("+10.00", "-20.00")), (80, ("-20.00", "+40.00"))):
            grid.result.mark6 = mark * 10**6
            grid.tick(rows, NOW + mark)
            await pilot.pause()
            assert all(text in line for text, line in zip(results, lines(grid)[1:3], strict=True))
        grid.action_sort("result")
        await pilot.pause()
        assert "User001" in lines(grid)[1]
        grid.action_sort("result")
        await pilot.pause()
        assert "User002" in lines(grid)[1]


async def test_names_from_the_venue_are_never_markup() -> None:
    row = replace(FLEET[0], nickname="[b]x[/b]", note="[red]\x1b[2J")
    async with grid_of((row,)) as (grid, _, _):
        assert "[b]x[/b]" in lines(grid)[1]
        assert "[red]·[2J " in lines(grid)[1]


@given(st.lists(st.none() | st.integers()), st.booleans())
def test_rows_without_a_value_sort_last_in_both_directions(values: list[int | None], descending: bool) -> None:
    rows = sorted_rows(values, lambda value: value, descending=descending)
    present = [value for value in values if value is not None]
    assert rows == sorted(present, reverse=descending) + [None] * (len(values) - len(present))


@given(st.lists(st.tuples(st.sampled_from(["", " ", "  ", "ab", "█ "]), st.sampled_from(["plain", "bid", "demo"]))))
def test_joined_spans_have_the_same_text_and_styles(spans: list[tuple[str, str]]) -> None:
    merged = joined(spans)  # type: ignore[arg-type]  # inks by name
    assert "".join(text for text, _ in merged) == "".join(text for text, _ in spans)
    assert all(one[1] != other[1] for one, other in pairwise(merged))
    grounded = "".join(text for text, ink in spans if ink == "demo")
    assert "".join(text for text, ink in merged if ink == "demo") == grounded


async def test_cursor_stays_with_its_row_when_the_order_changes() -> None:
    async with grid_of(FLEET) as (grid, pilot, _):
        grid.move_to(2)
        grid.sort_by(SortOrder("bids"))
        held = grid.current
        rows = tuple(replace(row, bids=row.index % 6) for row in FLEET)
        grid.tick(rows, NOW)
        await pilot.pause()
        assert held is not None
        assert grid.current is not None
        assert grid.current.address == held.address
        assert [row.bids for row in grid.rows] == sorted(row.bids for row in rows)


async def test_empty_grid_says_why() -> None:
    async with grid_of(()) as (grid, pilot, _):
        grid.say_when_empty("nothing here yet")
        await pilot.pause()
        assert "nothing here yet" in grid.render_line(2).text
