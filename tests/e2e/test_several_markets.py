"""Whole runs on several markets: killed and resumed, ended with one exit code, refused in one line."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest

from ama_tui.localnet.options import VenueOptions
from tests.e2e.book import assert_each_level_once, count_orders
from tests.e2e.operator import PACK, Operator, Running
from tests.e2e.venues import NewOperator, ServedVenue, ServeVenue

MARKETS = ("BNB-USD", "AVAX-USD", "LTC-USD")
NAMED = tuple(word for market in MARKETS for word in ("--market", market))
SMALL = ("--wallets", "3", "--orders-per-side", "2", "--settle-after", "4")
GO_ON = ("run", "--headless", "--json", "--min-delay-ms", "20", "--max-delay-ms", "80")


def journals(operator: Operator) -> list[dict[str, Any]]:
    """The lines of every market's journal."""
    lines: list[dict[str, Any]] = []
    for path in sorted(operator.state.rglob("actions.jsonl")):
        lines += [json.loads(line) for line in path.read_text().splitlines()]
    return lines


def wait_for_placements(operator: Operator, running: Running, count: int) -> None:
    """Wait until the journals have this many more intents to place an order."""

    def placed() -> int:
        return sum(line.get("params", {}).get("method") == "sessionPlaceMarginLimit" for line in _readable(operator))

    wanted = placed() + count
    running.until(f"{count} more placements", lambda: placed() >= wanted)


def _readable(operator: Operator) -> list[dict[str, Any]]:
    """The lines so far; a line that is being written is left out."""
    try:
        return journals(operator)
    except json.JSONDecodeError:
        return []


@pytest.mark.parametrize(("sharing", "sessions"), [((), 3), (("--shared-session",), 1)], ids=["own", "shared"])
def test_killed_run_on_three_markets_resumes_without_an_extra_session_or_order(
    serve: ServeVenue, operators: NewOperator, sharing: tuple[str, ...], sessions: int
) -> None:
    venue = serve(VenueOptions(wallets=3, block_time=0.4, receipt_wait=0.0))
    operator = operators(venue)
    for placements in (2, 9):
        running = operator.start(*GO_ON, *SMALL, *sharing, *NAMED, "--resume")
        wait_for_placements(operator, running, placements)
        running.signal(signal.SIGKILL)
        assert running.wait().code == -signal.SIGKILL
    last = operator.ama(*PACK, *SMALL, *sharing, *NAMED, "--resume")
    assert last.code == 0, last.err
    totals = last.summary["totals"]
    assert (totals["packed"], totals["crossed"], totals["self_trades"], totals["unknown"]) == (True, 0, 0, 0)
    assert [row["market"] for row in last.summary["markets"]] == list(MARKETS)
    for market in MARKETS:
        assert f"{market}: running: resting 12/12" in last.err
        assert_whole(venue, market)
    assert venue.client.sessions_made(*venue.client.addresses()) == [sessions] * 3


def assert_whole(venue: ServedVenue, market: str) -> None:
    assert count_orders(venue.client, market, venue.client.keys) == 12
    assert_each_level_once(venue.client, market, venue.client.keys, 2)


def test_wrong_market_or_weight_is_refused_in_one_line_and_a_dry_run_shows_every_plan(
    shared_venue: ServedVenue, operators: NewOperator
) -> None:
    operator = operators(shared_venue)
    both = ("--market", "BNB-USD", "--market", "AVAX-USD")
    for words, message in (
        ((*both, "--market", "NOPE"), "no market named 'NOPE'"),
        ((*both, "--market", "BNB-USD"), "BNB-USD is given twice"),
        ((*both, "--weight", "ETH-USD=2"), "the run has no market ETH-USD"),
        ((*both, "--weight", "BNB-USD=0"), "--weight BNB-USD=0 must be above 0"),
        ((*both, "--weight", "BNB-USD=50%", "--weight", "AVAX-USD=40%"), "the weights add up to 90 %"),
    ):
        assert message in operator.ama("run", "--headless", *words).refusal(2)
    plan = operator.ama("run", "--dry-run", "--json", *both)
    assert [one["market"] for one in json.loads(plan.out)["markets"]] == ["BNB-USD", "AVAX-USD"]
    assert journals(operator) == []
