"""The whole path of an operator at a real terminal: from the market list to the proof of a kill, and back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.tmux import Terminal, Tmux

START = 60.0
"""Seconds allowed for a venue or a first order."""

pytestmark = pytest.mark.tmux


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    server = Tmux(tmp_path)
    yield server
    server.end()


def assert_terminal_is_clean(terminal: Terminal) -> None:
    """The shell's screen is restored, with its cursor, without mouse reports, and in its usual key modes."""
    assert terminal.fact("alternate_on") == "0"
    assert terminal.fact("cursor_flag") == "1"
    assert terminal.fact("mouse_any_flag") == "0"
    assert terminal.fact("bracket_paste_flag") in ("0", "")
    terminal.enter("echo code $?")
    terminal.shows("code 0")
    terminal.prompts()


def test_dashboard_goes_from_the_market_list_to_a_proven_kill(tmux: Tmux, tmp_path: Path) -> None:
    venue = tmux.open(tmp_path, 120, 40)
    venue.enter("ama-tui venue --write here --wallets 2 --block-time 0.2")
    venue.shows("next: cd here && ama-tui", limit=START)

    operator = tmux.open(tmp_path / "here", 120, 40)
    operator.enter("ama-tui --min-delay-ms 50 --max-delay-ms 150")
    operator.shows("Markets", "35 of 35", "REAL", limit=START)
    operator.type("btc")
    operator.shows("1 of 35", "BTC-USD")
    operator.press("Enter")
    operator.shows("Set up", "BTC-USD", "24 orders to place", "nothing is signed or sent")
    operator.press("F2")
    operator.shows("RUNNING", "24/24 packed", "PLACE_LIMIT", limit=START)

    operator.press("Space")
    operator.shows("‖ PAUSED", "␣ resumes")
    operator.press("Space")
    operator.shows("RUNNING", "resumed")

    operator.press("F10")
    operator.shows("Cancel all 24 orders from 2 wallets on BTC-USD?", "Keep running")
    operator.press("Escape")
    operator.until("the dialog to close", lambda shown: "Keep running" not in shown)
    operator.press("F10")
    operator.shows("Keep running")
    operator.press("Right")
    operator.press("Enter")
    operator.shows("All orders cancelled. Confirmed on chain:", "✓ 0 open at block", "24 cancelled", limit=START)
    operator.shows("Left open:", "2 sessions still valid")
    operator.press("Right")
    operator.press("Enter")

    said = operator.prompts()
    assert len(said) == 2
    assert said[1].startswith("ama-tui: killed on BTC-USD: 0 open at block ")
    assert said[1].endswith("/actions.jsonl")
    assert_terminal_is_clean(operator)

    venue.press("C-c")
    venue.prompts()


def test_demo_starts_at_once_on_a_small_terminal_and_says_what_ended_with_it(tmux: Tmux, tmp_path: Path) -> None:
    operator = tmux.open(tmp_path, 80, 24)
    operator.enter("ama-tui demo --wallets 2 --block-time 0.2 --min-delay-ms 50 --max-delay-ms 150")
    operator.shows("DEMO", "RUNNING", "24/24", limit=START)
    operator.press("q")
    operator.shows("24 orders from 2 wallets rest on ETH-USD.", "They end with the demo venue.", "Stay here")
    operator.press("Right")
    operator.press("Enter")

    said = operator.prompts()
    assert len(said) == 2
    assert said[1].startswith("ama-tui: stopped; ")
    assert said[1].endswith(" on ETH-USD discarded with the demo venue")
    assert_terminal_is_clean(operator)
