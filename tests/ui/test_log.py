"""The activity log: newest on top, bounded, steady while it is read, and never markup."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from textual.app import App, ComposeResult
from textual.pilot import Pilot

from ama_tui.domain.event import Action, LogEvent
from ama_tui.ui.panels.log import KEPT_LINES, KINDS, ActivityLog, KeptEvents, LogFilter
from ama_tui.ui.theme import AMA_DARK, MEANINGS, style
from ama_tui.ui.widgets.styled_text import INK_CLASSES
from tests.ui.fakes import NOW


class LogApp(App[None]):
    COMPONENT_CLASSES = set(INK_CLASSES)  # noqa: RUF012
    CSS_PATH = style("base")

    def __init__(self) -> None:
        super().__init__()
        self.register_theme(AMA_DARK)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return MEANINGS

    def compose(self) -> ComposeResult:
        yield ActivityLog(id="log")


@asynccontextmanager
async def log_at(width: int) -> AsyncIterator[tuple[ActivityLog, Pilot[None]]]:
    app = LogApp()
    async with app.run_test(size=(width, 12)) as pilot:
        yield app.query_one(ActivityLog), pilot


def event(number: int, text: str = "", *, is_error: bool = False, action: Action = Action.PLACE_LIMIT) -> LogEvent:
    return LogEvent(int(NOW * 1000) + number, action, text or f"sell 0.184 @ {number}", "0xab", "User001", is_error)


def lines(log: ActivityLog) -> list[str]:
    return [log.render_line(y).text for y in range(log.size.height)]


async def test_newest_event_is_on_top() -> None:
    async with log_at(120) as (log, pilot):
        log.add([event(1), event(2)])
        log.add([event(3)])
        await pilot.pause()
        assert [line.split("@ ")[1].strip() for line in lines(log)[:3]] == ["3", "2", "1"]


async def test_long_line_is_cut_with_an_ellipsis_next_to_the_scrollbar() -> None:
    async with log_at(80) as (log, pilot):
        log.add([event(1, "x" * 200)])
        await pilot.pause()
        assert (len(lines(log)[0]), lines(log)[0][-1]) == (79, "…")  # the scrollbar's column is kept free
        log.add([event(number) for number in range(2, 30)])
        await pilot.pause()
        log.scroll_end(animate=False)
        await pilot.pause()
        (long,) = [line for line in lines(log) if "xxx" in line]
        assert (len(long), long[-1]) == (79, "…")


async def test_only_the_newest_lines_are_kept() -> None:
    async with log_at(120) as (log, pilot):
        for first in range(0, 3 * KEPT_LINES, 500):
            log.add([event(number) for number in range(first, first + 500)])
        await pilot.pause()
        assert len(log.events) == KEPT_LINES
        assert log.virtual_size.height == KEPT_LINES
        assert "@ 2999" in lines(log)[0]


async def test_lines_being_read_stay_in_place_while_events_arrive() -> None:
    async with log_at(120) as (log, pilot):
        log.add([event(number) for number in range(50)])
        await pilot.pause()
        log.scroll_to(y=10, animate=False, immediate=True)
        before = lines(log)
        assert not log.is_following
        log.add([event(number) for number in range(50, 55)])
        await pilot.pause()
        assert lines(log) == before
        log.scroll_home(animate=False, immediate=True)
        assert log.is_following
        assert "@ 54" in lines(log)[0]


async def test_error_also_has_a_sign_not_only_a_colour() -> None:
    async with log_at(120) as (log, pilot):
        log.add([event(1, "session revoked", is_error=True, action=Action.ERROR), event(2)])
        await pilot.pause()
        assert "✗" in lines(log)[1]
        assert "✗" not in lines(log)[0]


async def test_narrow_lines_leave_out_milliseconds_and_the_action() -> None:
    async with log_at(80) as (log, pilot):
        log.add([event(1)])
        await pilot.pause()
        assert "PLACE_LIMIT" not in lines(log)[0]
        assert ".001" not in lines(log)[0]
        assert "sell 0.184 @ 1" in lines(log)[0]


async def test_venue_text_is_shown_literally() -> None:
    async with log_at(120) as (log, pilot):
        log.add([event(1, "[bold red]HTML <b>\x1b[2J[/]", is_error=True)])
        await pilot.pause()
        assert "[bold red]HTML <b>·[2J[/]" in lines(log)[0]


async def test_nothing_is_repainted_without_a_new_event() -> None:
    async with log_at(120) as (log, pilot):
        log.add([event(1)])
        await pilot.pause()
        strip = log.render_line(0)
        log.add([])
        await pilot.pause()
        assert log.render_line(0) is strip


async def test_frozen_log_counts_new_events_and_shows_them_later() -> None:
    async with log_at(120) as (log, pilot):
        log.add([event(1)])
        log.freeze(frozen=True)
        log.add([event(2), event(3)])
        await pilot.pause()
        assert log.waiting == 2
        assert "@ 1" in lines(log)[0]
        log.freeze(frozen=False)
        await pilot.pause()
        assert log.waiting == 0
        assert [line.split("@ ")[1].strip() for line in lines(log)[:3]] == ["3", "2", "1"]


async def test_empty_log_says_so() -> None:
    async with log_at(120) as (log, pilot):
        await pilot.pause()
        assert "No activity yet" in lines(log)[0]
        log.add([event(1)])
        log.show_only(LogFilter("fills"))
        assert "No matching" in lines(log)[0]


def test_kept_events_are_bounded_and_every_type_keeps_its_newest() -> None:
    kept = KeptEvents()
    kept.add([event(0, action=Action.FILL)])
    for number in range(3 * KEPT_LINES):
        kept.add([event(number)])
    assert [one.action for one in kept.matching(LogFilter("fills"))] == [Action.FILL]
    assert len(kept.matching(LogFilter())) == KEPT_LINES
    assert sum(len(kept.matching(LogFilter(kind))) for kind in KINDS) <= 2 * KEPT_LINES + 1
    assert kept.matching(LogFilter(wallet="0xab"))[0].action is not None
    assert len(kept.matching(LogFilter(wallet="0xab"))) == KEPT_LINES
