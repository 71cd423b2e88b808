"""What costs nothing: a run in which nothing changes, and the widgets that have nothing to do with what did."""

from __future__ import annotations

import random
from dataclasses import replace

from textual.widget import Widget

from ama_tui.domain.event import EngineSnapshot
from ama_tui.domain.order import Side
from ama_tui.ui.book_levels import FleetOrders, levels_of
from ama_tui.ui.panels.depth import DepthProfile
from ama_tui.ui.panels.ladder import BookLadder
from ama_tui.ui.panels.status import StatusBar
from ama_tui.ui.panels.wallets import WalletGrid
from tests.ui.books import order, packed, pending_orders
from tests.ui.stage import WIDE, dashboard, repaints


def read_again(state: EngineSnapshot) -> EngineSnapshot:
    """The same state from another read: every object is another, every value the same."""
    rows = tuple(replace(row, orders=tuple(replace(order) for order in row.orders)) for row in state.wallets)
    return replace(state, wallets=rows, book=replace(state.book))


async def test_reads_that_show_the_same_paint_and_reckon_nothing() -> None:
    state = packed()
    async with dashboard(WIDE) as stage:
        await stage.to_live(state)
        screen = stage.app.screen
        grid, ladder, depth = (screen.query_one(kind) for kind in (WalletGrid, BookLadder, DepthProfile))
        painted = [repaints(widget) for widget in (screen.query_one(StatusBar), grid, ladder, depth)]
        reckoned: list[object] = []
        for widget, name in ((grid, "_spans"), (ladder, "_repaint_changed"), (depth, "_draw")):
            setattr(widget, name, lambda *given: reckoned.append(given))
        for _ in range(4):
            await stage.publish(read_again(state))
        assert painted == [[], [], [], []]
        assert reckoned == []


async def test_a_changed_line_is_painted_without_asking_any_other_widget() -> None:
    async with dashboard(WIDE) as stage:
        await stage.to_live(packed())
        screen = stage.app.screen
        asked: list[tuple[str, int]] = []

        def watch(widget: Widget) -> None:
            original = widget.render_lines
            widget.render_lines = lambda crop: asked.append((widget.id or "", crop.height)) or original(crop)  # type: ignore[method-assign,func-returns-value]

        for widget in screen.query("*"):
            watch(widget)
        await stage.press("down")
        assert [line for line in asked if line[0] == "wallets"] == [("wallets", 2)]
        assert {name for name, _ in asked} <= {"wallets", "wallets-frame", "fleet"}
        assert "▸ User002" in stage.text()


def test_levels_stay_the_very_same_until_the_book_or_an_order_changes() -> None:
    state = packed()
    levels = levels_of(state)
    assert levels_of(read_again(state)) is levels
    more = replace(state.wallets[0], pending_orders=(pending_orders(Side.BUY, 300),))
    assert levels_of(replace(state, wallets=(more, *state.wallets[1:]))).bids[-1].pending18 > 0
    assert levels_of(state) == levels


def test_amounts_counted_wallet_by_wallet_are_those_counted_from_scratch() -> None:
    chance = random.Random(7)
    rows = list(packed().wallets)
    kept = FleetOrders()
    for _ in range(200):
        index = chance.randrange(len(rows))
        side = chance.choice(list(Side))
        orders = tuple(order(number, side, chance.randrange(1, 9)) for number in range(chance.randrange(4)))
        sent = tuple(pending_orders(side, chance.randrange(1, 9)) for _ in range(chance.randrange(3)))
        rows[index] = replace(rows[index], orders=orders, pending_orders=sent)
        shown = rows[: chance.randrange(len(rows) + 1)]
        kept.follow(shown)
        fresh = FleetOrders()
        fresh.follow(shown)
        assert kept == fresh
        assert not kept.follow(list(shown))
