"""The market picker: filter, page, pick; loading, empty and error states."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from ama_tui.domain.errors import MalformedError, UnreachableError
from ama_tui.domain.market import Quote
from ama_tui.ui.panels.market_list import find_market
from ama_tui.ui.screens.markets import CHECK_SECONDS, MarketsScreen
from ama_tui.ui.screens.setup import SetupScreen
from ama_tui.ui.widgets.grid import Grid
from tests.ui.fakes import NOW, market, markets
from tests.ui.stage import HUGE, MEDIUM, NARROW, Stage, dashboard
from tests.ui.test_setup import STORED


@pytest.mark.parametrize("size", [NARROW, HUGE])
async def test_markets_are_listed_with_label_and_prices_of_the_selected_one(size: tuple[int, int]) -> None:
    async with dashboard(size) as stage:
        await stage.to_markets()
        await stage.shows("bid 2,499.90")
        text = stage.text()
        assert "ETH (ETH-USD)  orderBook=0x1234…abc0  chain=31337" in text
        assert "40 of 40" in text
        assert "▸ ETH" in text
        assert "  BTC  " in text
        assert "REAL  chain 31337" in text
        assert "2,499.90     2,500.10        0.8     2,499.97" in text
        assert ("BTC-USD" in text) == (size == HUGE)
        assert (market().address in text) == (size == HUGE)
        assert ("0.01 *" in text) == (size == HUGE)
        assert "25 wallets" in text


async def test_typing_filters_and_enter_picks_the_match() -> None:
    async with dashboard() as stage:
        await stage.to_markets()
        await stage.press("b", "t", "c")
        await stage.shows("1 of 40")
        await stage.press("enter")
        await stage.on(SetupScreen)
        assert "BTC (BTC-USD)" in stage.text()


async def test_slash_before_the_filter_is_not_part_of_it() -> None:
    async with dashboard() as stage:
        await stage.to_markets()
        await stage.press("slash", "b", "t", "c")
        await stage.shows("1 of 40")


async def test_shortcut_letters_only_filter_here() -> None:
    async with dashboard() as stage:
        await stage.to_markets()
        await stage.press("q", "d", "r", "1")
        assert stage.app.is_running
        assert not stage.app.is_leaving
        assert isinstance(stage.app.screen, MarketsScreen)
        assert "0 of 40" in stage.text()
        assert "No matching market" in stage.text()
        await stage.press("enter")
        assert isinstance(stage.app.screen, MarketsScreen)


async def test_escape_clears_the_filter_then_leaves_it() -> None:
    async with dashboard() as stage:
        await stage.to_markets()
        await stage.press("c", "0")
        await stage.press("escape")
        assert "40 of 40" in stage.text()
        assert stage.focused() == "filter"
        await stage.press("escape")
        assert stage.focused() == "grid"
        assert "q quit" in stage.text()
        await stage.press("slash")
        assert stage.focused() == "filter"
        assert "^q quit" in stage.text()


async def test_words_match_in_any_order_and_an_address_finds_its_market() -> None:
    async with dashboard() as stage:
        await stage.to_markets()
        await stage.press(*"usd c01")
        await stage.shows("10 of 40")
        await stage.press("escape", *"abc7")
        await stage.shows("1 of 40")


async def test_hundreds_of_rows_can_be_paged_while_the_filter_keeps_the_focus() -> None:
    async with dashboard(all_markets=markets(400)) as stage:
        await stage.to_markets()
        await stage.press("pagedown", "pagedown", "down", "up", "pageup", "down")
        assert stage.focused() == "filter"
        await stage.press("tab", "end", "enter")
        await stage.on(SetupScreen)
        assert "C399" in stage.text()


async def test_cursor_stays_on_its_market_while_the_filter_changes() -> None:
    async with dashboard(MEDIUM) as stage:
        await stage.to_markets()
        await stage.press("down")
        await stage.press(*"usd")
        await stage.press("enter")
        await stage.on(SetupScreen)
        assert "BTC (BTC-USD)" in stage.text()


async def test_loading_is_announced() -> None:
    async with dashboard(gates={"markets": threading.Event()}) as stage:
        await stage.open_markets()
        await stage.on(MarketsScreen)
        assert "Loading markets…" in stage.text()
        stage.engine.gates["markets"].set()
        await stage.shows("40 of 40")
        assert "Loading markets" not in stage.text()


async def test_error_is_shown_with_its_hint_and_a_retry() -> None:
    error = MalformedError("GET /api/markets: [b]<html>[/b]", "is APP_URL the venue's API?")
    async with dashboard(errors={"markets": error}) as stage:
        await stage.open_markets()
        await stage.shows("✗ GET /api/markets: [b]<html>[/b]")
        assert "→ is APP_URL the venue's API?" in stage.text()
        assert stage.focused() == "retry"
        stage.engine.errors.clear()
        await stage.press("enter")
        await stage.shows("40 of 40")
        assert "<html>" not in stage.text()


async def test_failed_refresh_keeps_the_last_good_list() -> None:
    async with dashboard() as stage:
        await stage.to_markets()
        stage.engine.errors["markets"] = UnreachableError("no answer", "try again")
        await stage.press("f5")
        await stage.shows("✗ no answer")
        assert "  BTC  " in stage.text()
        stage.engine.errors.clear()
        await stage.press("f5")
        await stage.until(lambda: "no answer" not in stage.text(), "the next list")


async def test_empty_list_is_announced_and_can_be_retried() -> None:
    async with dashboard(all_markets=()) as stage:
        await stage.open_markets()
        await stage.shows("This venue has no active market.")
        stage.engine.all_markets = markets(5)
        await stage.press("f5")
        await stage.shows("5 of 5")


async def test_missing_prices_are_announced_and_picking_still_works() -> None:
    async with dashboard(errors={"quote": UnreachableError("no answer", "")}) as stage:
        await stage.to_markets()
        await stage.shows("✗ prices unavailable: no answer")
        await stage.press("enter")
        await stage.on(SetupScreen)


async def test_preselected_market_opens_at_once() -> None:
    async with dashboard(preselected=("btc",)) as stage:
        await stage.open_markets()
        await stage.on(SetupScreen)
        assert "BTC (BTC-USD)" in stage.text()
        await stage.press("escape")
        await stage.on(MarketsScreen)


async def test_unknown_preselected_market_is_reported() -> None:
    async with dashboard(preselected=("[b]NOPE[/b]",)) as stage:
        await stage.to_markets()
        await stage.until(lambda: bool(stage.app._notifications), "a message")
        assert "No such market: [b]NOPE[/b]" in next(iter(stage.app._notifications)).message


async def test_market_without_a_tick_is_marked() -> None:
    async with dashboard() as stage:
        await stage.to_markets()
        await stage.press(*"odd")
        await stage.shows("default tick 0.01")


def test_market_is_found_by_symbol_identifier_or_address() -> None:
    several = markets(5)
    assert find_market(several, " eth ") == several[0]
    assert find_market(several, "BTC-usd") == several[1]
    assert find_market(several, several[2].address.upper().replace("X", "x")) == several[2]
    assert find_market(several, "none") is None


async def test_market_name_from_the_venue_is_shown_literally() -> None:
    odd = replace(market(), symbol="[red]X\x1b[2J", identifier="[/]")
    async with dashboard(all_markets=(odd,)) as stage:
        await stage.to_markets()
        await stage.shows("[red]X·[2J ([/])  orderBook=")
        await stage.press("enter")
        await stage.on(SetupScreen)
        assert "[red]X·[2J ([/])" in stage.text()


# prices


def rows(stage: Stage) -> list[str]:
    grid = stage.app.screen.query_one("#grid", Grid)
    return [row.market.symbol for row in grid.rows]


async def test_prices_are_requested_for_visible_rows_only_at_most_four_at_a_time() -> None:
    gate = threading.Event()
    async with dashboard(NARROW, all_markets=markets(400), gates={"quote": gate}) as stage:
        await stage.to_markets()
        await stage.until(lambda: stage.engine.calls.count("quote") == 4, "the first four")
        await stage.pilot.pause(3 * CHECK_SECONDS)
        assert stage.engine.calls.count("quote") == 4
        gate.set()
        in_sight = stage.app.screen.query_one("#grid", Grid).size.height - 1
        await stage.until(lambda: stage.engine.calls.count("quote") == in_sight, "all in sight")
        await stage.pilot.pause(3 * CHECK_SECONDS)
        assert stage.engine.calls.count("quote") == in_sight
        await stage.until(lambda: "·  " not in stage.text(), "every price")


async def test_requests_for_rows_scrolled_out_of_sight_are_cancelled() -> None:
    async with dashboard(NARROW, all_markets=markets(400), gates={"quote": threading.Event()}) as stage:
        await stage.to_markets()
        screen = stage.app.screen
        assert isinstance(screen, MarketsScreen)
        await stage.until(lambda: len(screen._feed.pending) == 4, "the first four")
        first = screen._feed.pending
        await stage.press("pagedown", "pagedown", "pagedown")
        await stage.until(lambda: len(screen._feed.pending) == 4 and not screen._feed.pending & first, "four others")
        stage.engine.gates["quote"].set()


async def test_request_cancelled_before_it_started_can_be_made_again() -> None:
    async with dashboard(gates={"quote": threading.Event()}) as stage:
        await stage.to_markets()
        screen = stage.app.screen
        assert isinstance(screen, MarketsScreen)
        await stage.until(lambda: len(screen._feed.pending) == 4, "the first four")
        screen._cancel_requests(keep=frozenset())
        screen._check_visible()
        assert len(screen._feed.pending) == 4
        screen._cancel_requests(keep=frozenset())
        assert not screen._feed.pending
        stage.engine.gates["quote"].set()


async def test_no_prices_are_requested_under_another_screen() -> None:
    async with dashboard(NARROW, all_markets=markets(400)) as stage:
        await stage.to_markets()
        await stage.shows("bid 2,499.90")
        stage.app.clock = lambda: NOW + 60
        await stage.press("enter")
        await stage.on(SetupScreen)
        await stage.pilot.pause(2 * CHECK_SECONDS)
        before = stage.engine.calls.count("quote")
        await stage.pilot.pause(4 * CHECK_SECONDS)
        assert stage.engine.calls.count("quote") == before
        await stage.press("escape")
        await stage.on(MarketsScreen)
        await stage.until(lambda: stage.engine.calls.count("quote") > before, "prices again")


async def test_price_is_requested_again_after_five_seconds_and_a_failed_one_shows_its_age() -> None:
    async with dashboard(NARROW, all_markets=markets(3)) as stage:
        await stage.to_markets()
        await stage.until(lambda: stage.engine.calls.count("quote") == 3, "the first")
        stage.engine.prices = Quote(2_400_000_000, 2_400_100_000)
        stage.app.clock = lambda: NOW + 6
        await stage.shows("bid 2,400.00")
        stage.engine.errors["quote"] = UnreachableError("gone", "")
        stage.app.clock = lambda: NOW + 12
        await stage.shows("✗ prices unavailable: gone · 6.0s ago: bid 2,400.00")


# sorting


async def test_keys_sort_columns_and_reverse_the_order() -> None:
    async with dashboard(HUGE, all_markets=markets(5)) as stage:
        await stage.to_markets()
        await stage.press("f3")
        await stage.shows("▲")
        assert rows(stage) == ["BTC", "C003", "C004", "ETH", "ODD"]
        await stage.press("f4")
        assert rows(stage) == ["ODD", "ETH", "C004", "C003", "BTC"]
        assert stage.focused() == "filter"
        await stage.press(*"c00")
        assert rows(stage) == ["C004", "C003"]


async def test_click_on_a_title_sorts_and_rows_keep_their_order_while_prices_change() -> None:
    several = markets(4)
    async with dashboard(HUGE, all_markets=several) as stage:
        await stage.to_markets()
        await stage.until(lambda: stage.engine.calls.count("quote") >= 4, "the prices")
        screen = stage.app.screen
        assert isinstance(screen, MarketsScreen)
        for place, one in enumerate(several):
            screen._feed.arrived(one, Quote((4 - place) * 10**6, 10**8), NOW)
        header = next(line for line in stage.text().splitlines() if "order book" in line)
        await stage.pilot.click("#grid", offset=(header.index("bid") - 2, 0))
        await stage.shows("bid▲")
        assert rows(stage) == ["C003", "ODD", "BTC", "ETH"]
        for place, one in enumerate(several):
            screen._feed.arrived(one, Quote((place + 1) * 10**6, 10**8), NOW)
        await stage.shows("4.000")
        assert rows(stage) == ["C003", "ODD", "BTC", "ETH"]
        await stage.pilot.click("#grid", offset=(header.index("bid") - 2, 0))
        await stage.shows("bid▼")
        assert rows(stage) == ["C003", "ODD", "BTC", "ETH"]


async def test_markets_with_a_stored_run_are_marked_even_if_it_was_stored_meanwhile() -> None:
    async with dashboard(NARROW) as stage:
        await stage.to_markets()
        assert "resumable" not in stage.text()
        await stage.press("enter")
        await stage.on(SetupScreen)
        stage.engine.stored = STORED
        await stage.press("escape")
        await stage.shows("resumable")


async def test_position_in_the_list_is_shown_below_it() -> None:
    async with dashboard(NARROW, all_markets=markets(400)) as stage:
        await stage.to_markets()
        await stage.shows("1–15 of 400")
        await stage.press("tab", "end")
        await stage.shows("386–400 of 400")
