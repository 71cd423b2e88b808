"""The live screen: its panels at every size, views, filters and sorting, the frozen display, and every key."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ama_tui.domain.errors import AmaError
from ama_tui.domain.event import Action, EngineSnapshot, EngineState, LogEvent, SendBudget, WalletRow
from ama_tui.ui.panels.ladder import BookLadder
from ama_tui.ui.panels.log import ActivityLog
from ama_tui.ui.panels.statistics import Statistics
from ama_tui.ui.panels.wallets import WalletGrid, row_filter
from ama_tui.ui.screens.help import HelpScreen
from ama_tui.ui.screens.live import LiveScreen
from ama_tui.ui.screens.parameters import ParametersScreen
from ama_tui.ui.screens.wallet import WalletScreen
from ama_tui.ui.widgets.columns import SortOrder
from tests.ui.books import packed
from tests.ui.fakes import NOW, market, snapshot, wallet
from tests.ui.stage import HUGE, MEDIUM, NARROW, WIDE, Stage, dashboard, repaints

SIZES = [NARROW, MEDIUM, WIDE, HUGE]


def event(number: int, action: Action = Action.PLACE_LIMIT, *, wallet_index: int = 0, error: bool = False) -> LogEvent:
    row = wallet(wallet_index)
    text = f"sell 0.184 @ {number} L1"
    return LogEvent(int(NOW * 1000) + number, action, text, row.address, row.nickname, error)


def grid(stage: Stage) -> WalletGrid:
    return stage.app.screen.query_one(WalletGrid)


def shown(stage: Stage) -> list[str]:
    return [row.nickname for row in grid(stage).rows]


def messages(stage: Stage) -> list[str]:
    return [one.message for one in stage.app._notifications]


def mixed() -> EngineSnapshot:
    """Ten wallets, three of which differ from the others."""
    base = packed()
    rows = list(base.wallets)
    rows[3] = replace(rows[3], bids=2, is_packed=False, note="cap reached", unknown=1)
    rows[5] = replace(rows[5], is_paused=True, note="paused")
    rows[7] = replace(rows[7], available6=None, cap6=None, reserved6=None, last_action_at=0)
    return replace(base, wallets=tuple(rows), packed=False)


def paused(rows: tuple[WalletRow, ...], block: int) -> EngineSnapshot:
    return replace(packed(state=EngineState.PAUSED, block=block), wallets=rows)


# the panels


async def test_wallets_book_and_log_are_side_by_side_or_in_tabs() -> None:
    async with dashboard(NARROW) as stage:
        await stage.to_live(packed())
        await stage.publish(packed(), event(1))
        for size in SIZES:
            await stage.resize(size)
            text = stage.text()
            is_wide = size[0] >= 120
            for part in ("User001", "sell 0.184 @ 1 L1", "KILL  F10", "placing: yes"):
                assert part in text
            for part in ("20 ticks · 0.8 bp", "depth", "errors only", "Wallets 10 · 10 packed"):
                assert (part in text) == is_wide, part
            assert ("▌1 Wallets▐" in text) != is_wide


async def test_wide_grid_has_every_column() -> None:
    async with dashboard(WIDE) as stage:
        await stage.to_live(mixed())
        header = next(line for line in stage.text().splitlines() if "reserved/cap" in line)
        for title in ("wallet", "bids", "asks", "available", "…", "?", "pos", "P&L", "session", "last", "note"):
            assert title in header
        assert "1?" in stage.text()


async def test_narrow_views_show_one_panel_at_a_time_above_the_newest_actions() -> None:
    async with dashboard(NARROW) as stage:
        await stage.to_live(packed())
        await stage.publish(packed(), *(event(number) for number in range(20)))
        for key, focus, part in (
            ("2", "ladder", "20 ticks · 0.8 bp"),
            ("3", "log", "errors only"),
            ("1", "wallets", "▸"),
        ):
            await stage.press(key)
            assert stage.focused() == focus
            assert part in stage.text()
            assert "@ 19 L1" in stage.text()
        await stage.press("2")
        assert "User001  ▆" not in stage.text()
        await stage.press("4")
        await stage.shows("median order lifetime")
        assert "▌4 Stats▐" in stage.text()


async def test_title_has_a_blank_on_each_side_with_and_without_corners() -> None:
    async with dashboard(WIDE) as stage:
        await stage.to_live(packed())
        assert "╭─ Activity ─" in stage.text()
        await stage.pilot.resize_terminal(*NARROW)
        await stage.shows("\n─ Activity ──")
        await stage.pilot.resize_terminal(*WIDE)
        await stage.shows("╭─ Activity ─")


async def test_click_on_a_tab_shows_its_panel() -> None:
    async with dashboard(NARROW) as stage:
        await stage.to_live(packed())
        line = next(number for number, text in enumerate(stage.text().splitlines()) if "▌1 Wallets▐" in text)
        await stage.pilot.click(offset=(stage.text().splitlines()[line].index("2 Book"), line))
        assert stage.focused() == "ladder"


@pytest.mark.parametrize("size", [NARROW, HUGE])
async def test_statistics_toggle_with_one_key(size: tuple[int, int]) -> None:
    async with dashboard(size) as stage:
        await stage.to_live(packed())
        await stage.press("4")
        await stage.shows("median order lifetime")
        assert "fill rate" in stage.text()
        assert "User001  ▆" not in stage.text()
        await stage.press("4")
        assert "User001" in stage.text()
        assert len(stage.app.screen.query(Statistics)) == 1


async def test_hidden_panels_are_not_updated() -> None:
    async with dashboard(NARROW) as stage:
        await stage.to_live(packed())
        ladder = stage.app.screen.query_one(BookLadder)
        levels = ladder.levels
        await stage.publish(packed(mid6=2_600_000_000))
        assert ladder.levels is levels
        await stage.press("2")
        assert "2,600.10" in stage.text()


async def test_changes_behind_another_screen_are_painted_when_it_closes() -> None:
    async with dashboard(WIDE) as stage:
        await stage.to_live(packed(state=EngineState.PAUSED))
        for turn, (key, back) in enumerate((("enter", "escape"), ("question_mark", "escape"), ("p", "escape")), 1):
            await stage.press(key)
            await stage.until(lambda: not isinstance(stage.app.screen, LiveScreen), "another screen")
            rows = tuple(replace(row, bids=turn) for row in packed().wallets)
            await stage.publish(paused(rows, 1300 + turn))
            await stage.press(back)
            await stage.on(LiveScreen)
            await stage.shows(f"{turn}/6")
            for more in range(3):
                rows = tuple(replace(row, asks=turn + more) for row in rows)
                await stage.publish(paused(rows, 1400 + 10 * turn + more))
                assert stage.text().count(f"{turn + more}/6") >= 10


# states


SAID = {
    EngineState.PAUSED: "‖ PAUSED  ␣ resumes · p edits parameters",
    EngineState.KILLING: "✗ KILLING  cancelling everything, no new orders",
    EngineState.STOPPING: "◌ STOPPING  because · no new orders",
    EngineState.STOPPED: "■ STOPPED  m: markets · q: quit · because",
    EngineState.FAULTED: "✗ FAULTED  orders may still rest · F10 cancels them · q quits · because",
}


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_every_state_but_running_is_announced_across_the_screen(size: tuple[int, int]) -> None:
    async with dashboard(size) as stage:
        await stage.to_live(packed())
        for state, said in SAID.items():
            await stage.publish(snapshot(state, reason="because"))
            assert said in stage.text()


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_unreadable_chain_is_announced_and_the_last_good_data_is_dimmed(size: tuple[int, int]) -> None:
    async with dashboard(size) as stage:
        await stage.to_live(packed())
        old = packed(read_at_ms=int((NOW - 34) * 1000), reason="the node does not answer")
        await stage.publish(old)
        text = stage.text()
        assert "✗ CHAIN UNREACHABLE  data is 34s old · retrying · the node does not answer" in text
        assert "User001" in text
        assert {ink for _, ink in grid(stage)._spans(0)} <= {"label", "rule"}
        if size == WIDE:
            assert "34s old" in text
            assert "placing: no (chain data too old)" in text
        await stage.publish(packed())
        assert "CHAIN NOT READ" not in stage.text()


async def test_panels_say_that_they_wait_for_the_first_read() -> None:
    async with dashboard(WIDE) as stage:
        await stage.to_live(EngineSnapshot(EngineState.RUNNING, market=market(), run_id="1"))
        text = stage.text()
        assert "Reading the wallets…" in text
        assert "no data yet" in text
        assert "placing: no (no chain data yet)" in text


async def test_rate_limit_blocks_placing() -> None:
    async with dashboard(WIDE) as stage:
        await stage.to_live(packed(budget=SendBudget(32, 2, 7.4), errors_last_minute=3))
        assert "placing: no (venue rate limit: 7 s)" in stage.text()
        assert "requests   2/32" in stage.text()
        assert "errors/min 3" in stage.text()


# the frozen display


@pytest.mark.parametrize("size", [NARROW, MEDIUM])
async def test_frozen_display_does_not_change_while_the_state_does(size: tuple[int, int]) -> None:
    async with dashboard(size) as stage:
        await stage.to_live(packed())
        await stage.publish(packed(), event(1))
        await stage.press("f")
        assert "▣ FROZEN DISPLAY" in stage.text()
        assert "engine still ● RUNNING" in stage.text()
        rows = tuple(replace(row, bids=1) for row in packed().wallets)
        await stage.publish(replace(packed(block=1299), wallets=rows), event(2), event(3))
        text = stage.text()
        assert "1,299" in text
        assert "1/6" not in text
        assert "@ 2 L1" not in text
        if size[0] >= 120:
            assert "▣ FROZEN · 2 new" in text
        assert "pause" not in stage.engine.calls
        await stage.press("f")
        text = stage.text()
        assert "FROZEN" not in text
        assert "1/6" in text
        assert "@ 3 L1" in text


async def test_freezing_the_display_and_pausing_are_independent() -> None:
    async with dashboard(WIDE) as stage:
        await stage.to_live(packed())
        await stage.press("f", "space")
        await stage.until(lambda: "pause" in stage.engine.calls, "the pause")
        await stage.shows("engine still ‖ PAUSED")
        await stage.press("f")
        assert "‖ PAUSED  ␣ resumes" in stage.text()


# sorting and filtering


async def test_keys_and_titles_sort_and_the_cursor_stays_with_its_wallet() -> None:
    async with dashboard(WIDE) as stage:
        await stage.to_live(mixed())
        await stage.press("down", "down", "down")
        await stage.press("s", "s")
        assert grid(stage).order == SortOrder("bids")
        assert shown(stage)[0] == "User004"
        current = grid(stage).current
        assert current is not None
        assert current.nickname == "User004"
        assert "bids ▲" in " ".join(stage.text().split())
        await stage.press("S")
        assert shown(stage)[-1] == "User004"
        assert "bids ▼" in " ".join(stage.text().split())
        lines = stage.text().splitlines()
        y = next(number for number, line in enumerate(lines) if "available" in line)
        await stage.pilot.click(offset=(lines[y].index("available") + 1, y))
        assert grid(stage).order.column == "available"
        assert shown(stage)[-1] == "User008"
        for _ in range(2):
            await stage.pilot.click(offset=(lines[y].index("available") + 1, y))
        assert grid(stage).order == SortOrder()
        assert shown(stage)[0] == "User001"


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_filter_narrows_the_wallets_and_letter_keys_are_off_in_it(size: tuple[int, int]) -> None:
    async with dashboard(size) as stage:
        await stage.to_live(mixed())
        await stage.press("slash")
        assert stage.focused() == "filter"
        await stage.press(*"paused")
        assert shown(stage) == ["User006"]
        assert "pause" not in stage.engine.calls
        assert isinstance(stage.app.screen, LiveScreen)
        assert stage.app.return_value is None
        await stage.press("enter")
        assert stage.focused() == "wallets"
        assert "paused" in stage.text()
        await stage.press("slash", *"zz")
        assert "No wallet matches" in stage.text()
        await stage.press("escape")
        assert len(shown(stage)) == 10
        assert stage.focused() == "wallets"


def test_filter_matches_every_word_in_name_address_note_and_state() -> None:
    rows = mixed().wallets
    for text, names in (
        ("short", {"User004"}), ("unknown cap", {"User004"}), ("USER00 paused", {"User006"}),
        (rows[2].address, {"User003"}),
        ("nothing such", set()),
    ):  # fmt: skip
        keep = row_filter(text)
        assert keep is not None
        assert {row.nickname for row in rows if keep(row)} == names
    assert row_filter("  ") is None


async def test_enter_opens_the_selected_wallet_and_escape_returns() -> None:
    async with dashboard(WIDE) as stage:
        await stage.to_live(packed())
        await stage.press("down", "enter")
        await stage.on(WalletScreen)
        assert "User002" in stage.text()
        await stage.press("escape")
        await stage.on(LiveScreen)
        current = grid(stage).current
        assert current is not None
        assert current.nickname == "User002"


# the log


async def test_log_is_filtered_by_type_wallet_and_errors() -> None:
    async with dashboard(WIDE) as stage:
        await stage.to_live(packed())
        await stage.publish(
            packed(), event(1), event(2, Action.FILL), event(3, wallet_index=1), event(4, Action.ERROR, error=True)
        )
        log = stage.app.screen.query_one(ActivityLog)
        assert len(log.events) == 5
        await stage.press("t")
        assert [one.ts_ms - int(NOW * 1000) for one in log.events] == [1, 3]
        assert "orders ▾" in stage.text()
        await stage.press("w")
        assert [one.ts_ms - int(NOW * 1000) for one in log.events] == [1]
        assert "User001 ▾" in stage.text()
        await stage.press("w", "t", "t")
        assert [one.ts_ms - int(NOW * 1000) for one in log.events] == [2]
        await stage.press("t", "t", "t", "t", "e")
        assert "■ errors only" in stage.text()
        assert [one.ts_ms - int(NOW * 1000) for one in log.events] == [4]
        await stage.publish(packed(), event(5), event(6, Action.ERROR, error=True))
        assert [one.ts_ms - int(NOW * 1000) for one in log.events] == [4, 6]
        lines = stage.text().splitlines()
        y = next(number for number, line in enumerate(lines) if "errors only" in line)
        await stage.pilot.click(offset=(lines[y].index("errors only"), y))
        assert len(log.events) == 7


async def test_errors_are_kept_through_a_flood_of_other_events() -> None:
    async with dashboard(WIDE) as stage:
        await stage.to_live(packed())
        await stage.publish(packed(), event(1, Action.ERROR, error=True))
        for first in range(2, 4000, 1000):
            await stage.publish(packed(), *(event(number) for number in range(first, first + 1000)))
        await stage.press("e")
        assert "@ 1 L1" in stage.text()
        log = stage.app.screen.query_one(ActivityLog)
        assert len(log.events) == 1


# copying, parameters, help


async def test_copy_takes_the_focused_item() -> None:
    async with dashboard(WIDE) as stage:
        await stage.to_live(packed(journal_path="/var/ama/actions.jsonl"))
        await stage.publish(packed(journal_path="/var/ama/actions.jsonl"), event(7))
        await stage.press("y")
        assert stage.app.clipboard == wallet(0).address
        await stage.press("3", "y")
        assert stage.app.clipboard.endswith("PLACE_LIMIT  sell 0.184 @ 7 L1")
        await stage.press("Y")
        assert stage.app.clipboard == market().address
        await stage.press("J")
        assert stage.app.clipboard == "/var/ama/actions.jsonl"
        assert "Copied the journal’s path" in messages(stage)


async def test_repeated_messages_do_not_pile_up() -> None:
    async with dashboard(WIDE) as stage:
        await stage.to_live(packed())
        for _ in range(4):
            await stage.press("p")
        assert messages(stage) == ["parameters: pause the run first (space)"]
        assert isinstance(stage.app.screen, LiveScreen)


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_parameters_of_a_paused_run_are_changed_with_a_preview(size: tuple[int, int]) -> None:
    async with dashboard(size) as stage:
        await stage.to_live(packed(state=EngineState.PAUSED))
        await stage.press("p")
        await stage.on(ParametersScreen)
        assert "orders per side" in stage.text()
        await stage.shows("Plan preview · block")
        await stage.press("f2")
        assert messages(stage) == ["Cannot apply: nothing has changed"]
        await stage.press("backspace", "9")
        await stage.press("f2")
        await stage.on(LiveScreen)
        assert [one["orders_per_side"] for one in stage.engine.changed] == [9]
        assert stage.engine.requests == []


async def test_invalid_or_refused_parameters_stay_on_the_screen() -> None:
    error = AmaError("the parameters do not fit the market", "try 5 ticks")
    async with dashboard(WIDE, errors={"change": error}) as stage:
        await stage.to_live(packed(state=EngineState.PAUSED))
        await stage.press("p")
        await stage.on(ParametersScreen)
        await stage.press("backspace", "9", "9")
        assert "✗ orders per side is 99" in stage.text()
        await stage.press("f2")
        assert isinstance(stage.app.screen, ParametersScreen)
        await stage.press("backspace", "f2")
        await stage.shows("✗ the parameters do not fit the market")
        await stage.press("escape")
        assert isinstance(stage.app.screen, ParametersScreen)
        await stage.press("escape")
        await stage.on(LiveScreen)
        assert stage.engine.changed == []


@pytest.mark.parametrize("size", [NARROW, MEDIUM])
async def test_help_lists_the_keys_of_this_screen_first_and_closes_with_its_key(size: tuple[int, int]) -> None:
    async with dashboard(size) as stage:
        await stage.to_live(packed())
        await stage.press("question_mark")
        await stage.on(HelpScreen)
        text = stage.text()
        assert "Live  this screen" in text
        assert "run: pause or resume" in text
        await stage.press("question_mark")
        await stage.on(LiveScreen)


async def test_too_small_terminal_is_announced_until_it_fits_and_kill_still_works() -> None:
    async with dashboard(NARROW) as stage:
        await stage.to_live(packed())
        for width, height in ((79, 24), (80, 23), (50, 12)):
            await stage.pilot.resize_terminal(width, height)
            await stage.shows(f"too small: {width}×{height}, needs 80×24")
            assert "User001" not in stage.text()
        await stage.press("f10")
        assert "KILL" in stage.text()
        await stage.press("escape")
        await stage.pilot.resize_terminal(80, 24)
        await stage.shows("User001")
        assert "too small" not in stage.text()


async def test_every_theme_shows_every_panel() -> None:
    async with dashboard(WIDE) as stage:
        await stage.to_live(packed())
        for theme in ("ama-light", "ansi-dark"):
            stage.app.theme = theme
            await stage.press("f", "f10", "escape", "f")
            for part in ("● RUNNING", "User001", "20 ticks", "KILL  F10"):
                assert part in stage.text()


async def test_unchanged_snapshots_repaint_nothing() -> None:
    async with dashboard(WIDE) as stage:
        state = packed()
        await stage.to_live(state)
        panels = ("#wallets", "#ladder", "#log", "#notice", "#placing", "#log-bar", "#depth")
        painted = [repaints(stage.app.screen.query_one(name)) for name in panels]
        for _ in range(3):
            await stage.publish(state)
        assert painted == [[], [], [], [], [], [], []]
