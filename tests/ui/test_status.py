"""The status lines: the state of the run and its money at every width, without jumping fields."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ama_tui.domain.event import EngineSnapshot, EngineState, RateLimitWait, SendBudget, Totals
from ama_tui.domain.parameters import Parameters
from ama_tui.domain.pnl import Pnl
from ama_tui.ui.panels.status import LastTrade, VenueFacts, notice, placing_line, status_lines
from ama_tui.ui.states import BANNER, banner_of, state_name
from ama_tui.ui.widgets.field_lines import fit
from tests.ui.fakes import NOW, market, snapshot

DEMO = VenueFacts("DEMO localnet 31337", is_demo=True)
REAL = VenueFacts("https://venue.example chain 999", is_demo=False)


def shown(state: EngineSnapshot, width: int, venue: VenueFacts = DEMO, last: LastTrade | None = None) -> str:
    last = last or LastTrade(state.last_trade6)
    lines = status_lines(state, venue, market(), last, NOW, width)
    return "\n".join("".join(text for text, _ in fit(line, width)) for line in lines)


def test_wide_lines_show_the_state_of_run_market_and_fleet() -> None:
    text = shown(snapshot(), 160)
    for part in (
        "DEMO  localnet 31337", "ETH  0x1234…abc0", "● RUNNING", "12m 04s", "block 1,204", "0s ago",
        "bid 2,499.90", "ask 2,500.10", "mid 2,500.00", "20 t   0.8 bp", "mark 2,499.97", "last 2,500.10",
        "cycle   42 ms", "next  <1 s", "rpc   6 ms", "api  38 ms",
        "resting 120/120 packed", "pending   0", "unknown   0", "2,280 / 19,998 USDC",
        "P&L    0.00", "fills   14", "sent   162", "rejected   0", "errors   0",
    ):  # fmt: skip
        assert part in text


def test_narrow_lines_keep_state_orders_prices_and_margin() -> None:
    text = shown(snapshot(), 80)
    for part in ("DEMO", "ETH", "● RUNNING", "120/120", "20t 0.8bp", "blk 1,204", "2,499.90 / 2,500.10", "11%"):
        assert part in text
    assert text.count("\n") == 1


@pytest.mark.parametrize("width", [80, 120, 160])
def test_result_that_may_be_off_has_a_question_mark_and_an_unknown_one_is_a_dash(width: int) -> None:
    earned = Pnl(realised24=-1_250 * 10**22)
    assert " -12.50 " in shown(snapshot(pnl=earned), width)
    assert " -12.50? " in shown(snapshot(pnl=earned, pnl_problem="a position had no price"), width)
    assert "-12.50" not in shown(snapshot(pnl=earned, fills_unknown_from=7), width)


@pytest.mark.parametrize("width", [60, 80, 100, 120, 140, 160, 200])
@pytest.mark.parametrize("state", EngineState)
def test_every_state_is_named_at_every_width(state: EngineState, width: int) -> None:
    text = shown(snapshot(state, reason="because of a long reason that the engine gives"), width)
    assert f"{BANNER[state][0]} {state_name(state)}" in text
    assert {len(line) for line in text.splitlines()} == {width}


def test_changing_numbers_do_not_move_the_fields() -> None:
    few = shown(snapshot(totals=Totals(fills=1, sent=9, rejected=0, errors=0)), 160)
    many = shown(snapshot(totals=Totals(fills=999, sent=8_000, rejected=99, errors=99)), 160)
    for label in ("fills", "sent", "rejected", "errors", "margin", "pending"):
        assert few.index(label) == many.index(label)


def test_real_and_demo_are_distinguished_in_words() -> None:
    assert " REAL " in shown(snapshot(), 160, REAL)
    assert " REAL " in shown(snapshot(), 80, REAL)
    assert " DEMO " in shown(snapshot(), 80)


def test_old_read_is_called_stale() -> None:
    assert "STALE" not in shown(snapshot(), 160)
    assert "30s ago STALE" in shown(snapshot(read_at_ms=int((NOW - 30) * 1000)), 160)


def test_missing_data_is_shown_as_dashes() -> None:
    text = shown(EngineSnapshot(EngineState.PREPARING), 160)
    assert "bid –" in text
    assert "no data yet" in text


def test_ended_run_is_not_called_packed() -> None:
    assert "packed" in shown(snapshot(), 160)
    assert "packed" not in shown(snapshot(EngineState.STOPPED), 160)


def test_last_trade_shows_its_direction() -> None:
    last = LastTrade().next(2_500_000_000)
    assert last.direction == 0
    assert "▲" in shown(snapshot(), 160, last=last.next(2_500_100_000))
    down = last.next(2_499_000_000)
    assert "▼" in shown(snapshot(), 160, last=down)
    assert down.next(2_499_000_000) == down
    assert down.next(None) == down


def test_market_name_from_the_venue_is_shown_literally() -> None:
    odd = replace(market(), symbol="[red]E\x1b[2JTH")
    lines = status_lines(snapshot(), DEMO, odd, LastTrade(), NOW, 160)
    assert "[red]E·[2JTH" in "".join(text for text, _ in fit(lines[0], 160))


def test_chain_id_is_shown_next_to_real_and_demo_at_every_width() -> None:
    assert " REAL 31337 " in shown(snapshot(), 80, REAL)
    assert " DEMO 31337 " in shown(snapshot(), 80)
    assert "DEMO  localnet 31337" in shown(snapshot(), 120)


def test_healthy_run_has_no_notice_and_may_place() -> None:
    assert notice(snapshot(), NOW, None) == ("", "")
    text = "".join(part for part, _ in fit(placing_line(snapshot(budget=SendBudget(32, 2)), NOW, 120), 120))
    for part in ("placing: yes", "chain read  0 s ago (limit 10 s)", "requests   2/32", "errors/min 0"):
        assert part in text


def test_frozen_display_takes_precedence_over_other_notices() -> None:
    kind, text = notice(snapshot(EngineState.PAUSED), NOW, NOW - 65)
    assert kind == "frozen"
    assert "1m 05s" in text
    assert "‖ PAUSED" in text


def test_ended_run_is_never_called_stale() -> None:
    old = snapshot(EngineState.STOPPED, read_at_ms=int((NOW - 3600) * 1000), reason="120 orders stay on the book")
    kind, text = notice(old, NOW, None)
    assert kind == "over"
    assert "120 orders stay on the book" in text


def test_run_whose_last_read_failed_is_not_green() -> None:
    good = snapshot(EngineState.RUNNING)
    assert banner_of(good, NOW) == ("● RUNNING", "good")
    failed = replace(good, reason="the node does not answer")
    assert banner_of(failed, NOW) == ("● RUNNING", "warn")
    assert notice(failed, NOW, None) == (
        "warn",
        "⚠ CHAIN READ FAILED  data is 0s old · retrying · the node does not answer",
    )
    assert banner_of(replace(good, state=EngineState.FAULTED, reason="x"), NOW)[1] == "danger"


@pytest.mark.parametrize("state", [EngineState.RUNNING, EngineState.READY, EngineState.KILLING])
def test_hanging_node_turns_everything_amber_well_before_the_data_is_stale(state: EngineState) -> None:
    """A hanging read has not failed yet; only the age of the data shows it."""
    hung = snapshot(state, read_at_ms=int((NOW - 5) * 1000))
    assert banner_of(hung, NOW)[1] != "good"
    lines = status_lines(hung, DEMO, market(), LastTrade(), NOW, 160)
    inks = {ink for line in (*lines, placing_line(hung, NOW, 120)) for one in line for _, ink in one.spans}
    assert "good" not in inks
    if state is not EngineState.KILLING:
        assert notice(hung, NOW, None) == ("warn", "⚠ CHAIN NOT ANSWERING  data is 5s old · waiting")
    assert notice(snapshot(read_at_ms=int((NOW - 11) * 1000)), NOW, None)[0] == "danger"


def test_long_pauses_between_cycles_raise_no_alarm() -> None:
    slow = snapshot(read_at_ms=int((NOW - 8) * 1000), parameters=Parameters.of(max_delay_ms=60_000))
    assert banner_of(slow, NOW)[1] == "good"
    assert notice(snapshot(EngineState.PREPARING, read_at_ms=int((NOW - 60) * 1000)), NOW, None) == ("", "")


def test_rate_limit_is_shown_as_a_wait_in_seconds_and_not_green() -> None:
    limited = snapshot(rate_limits=(RateLimitWait("venue", 17, 60.0, 12.0), RateLimitWait("node", 1, 0.2, 0.0)))
    kind, text = notice(limited, NOW, None)
    assert kind == "warn"
    assert text == "◔ waiting for the venue's rate limit (12 s) · waiting for the node's rate limit"
    assert banner_of(limited, NOW) == ("● RUNNING", "warn")
    stale = replace(limited, read_at_ms=int((NOW - 13) * 1000))
    assert "data is 13s old" in notice(stale, NOW, None)[1]
    assert "CHAIN READ FAILED" in notice(replace(limited, reason="no response"), NOW, None)[1]


def test_fills_the_node_does_not_report_are_shown_with_their_first_block() -> None:
    unknown = snapshot(fills_unknown_from=12_345, totals=Totals(fills=7))
    assert notice(unknown, NOW, None) == (
        "warn",
        "⚠ FILLS UNKNOWN  from block 12,345 on · the node does not list trades",
    )
    lines = status_lines(unknown, DEMO, market(), LastTrade(), NOW, 160)
    assert ("7+?".rjust(4), "warn") in {span for line in lines for one in line for span in one.spans}


@pytest.mark.parametrize("state", [EngineState.KILLING, EngineState.FAULTED, EngineState.STOPPING])
def test_run_that_does_not_cycle_announces_no_next_cycle(state: EngineState) -> None:
    assert "next     –" in shown(snapshot(state), 160)
    assert "next  <1 s" in shown(snapshot(), 160)
