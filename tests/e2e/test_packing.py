"""From nothing to a packed book, with every part in its own process."""

from __future__ import annotations

import json
import signal
import stat
from pathlib import Path
from typing import Any

import pytest

from ama_tui.localnet.options import VenueOptions
from tests.e2e.book import assert_each_level_once
from tests.e2e.client import OtherClient
from tests.e2e.operator import PACK, Operator
from tests.e2e.venues import NewOperator, ServeVenue
from tests.sizes import SLOW_MACHINE

DESIGNED_KEYS = {
    "wallets",
    "target_orders",
    "resting_bids",
    "resting_asks",
    "packed",
    "short",
    "seconds_to_packed",
    "seconds_sessions",
    "cycles",
    "rpc_requests",
    "api_requests",
    "trades_sent",
    "rejected",
    "unknown",
    "crossed",
    "overtaken",
    "self_trades",
    "taker_trades",
    "max_utilization",
    "errors",
    "errors_by_kind",
    "rate_limits",
}


def assert_ten_wallets_packed(summary: dict[str, Any]) -> None:
    """The summary of a run with every default."""
    assert summary.keys() >= DESIGNED_KEYS
    assert (summary["wallets"], summary["target_orders"]) == (10, 120)
    assert (summary["resting_bids"], summary["resting_asks"]) == (60, 60)
    assert (summary["crossed"], summary["unknown"]) == (0, 0)
    assert summary["errors_by_kind"].keys() <= SLOW_MACHINE
    assert summary["short"] == {}
    assert 0 < summary["max_utilization"] <= 0.2


def test_demo_packs_ten_wallets_with_one_second_blocks(tmp_path: Path) -> None:
    operator = Operator(tmp_path / "anywhere")
    try:
        demo = operator.ama("demo", "--headless", "--until", "packed", "--json")
    finally:
        operator.end()
    assert_ten_wallets_packed(demo.packed())
    assert len(demo.out.splitlines()) == 1
    assert list(operator.directory.iterdir()) == []


@pytest.mark.parametrize(
    ("block_time", "node"),
    [
        pytest.param("0.2", "embedded"),
        pytest.param("1", "embedded", marks=pytest.mark.slow),
        pytest.param("1", "anvil", marks=pytest.mark.anvil),
    ],
)
def test_venue_and_run_in_separate_processes_pack_ten_wallets(tmp_path: Path, block_time: str, node: str) -> None:
    operator = Operator(tmp_path / "venue")
    try:
        venue = operator.start("venue", "--write", ".", "--block-time", block_time, "--node", node)
        venue.until("its files", (operator.directory / ".env").is_file)
        assert stat.S_IMODE((operator.directory / ".env").stat().st_mode) == 0o600
        assert stat.S_IMODE(operator.wallets_file.stat().st_mode) == 0o600
        run = operator.ama("run", "--headless", "--market", "ETH-USD", "--until", "packed", "--json")
        assert_ten_wallets_packed(run.packed())
        venue.signal(signal.SIGINT)
        assert venue.wait().code == 0
    finally:
        operator.end()


def pack_with_pending_answers(operator: Operator, client: OtherClient, *options: str, orders: int) -> None:
    """Pack where responses come before their block, and require exactly this many orders on the book."""
    keys = client.keys
    summary = operator.ama(*PACK, "--market", "BNB-USD", *options).packed()
    assert summary["target_orders"] == summary["trades_sent"] == orders
    assert summary["resting_bids"] == summary["resting_asks"] == orders // 2
    assert (summary["unknown"], summary["rejected"], summary["crossed"]) == (0, 0, 0)
    statuses = [line["params"]["status"] for line in operator.journal() if line["action"] == "PLACE_LIMIT"]
    answers = [status for status in statuses if status != "resting"]
    assert len(answers) == len(statuses) - len(answers) == orders
    assert "pending" in answers
    assert client.sessions_made(*client.addresses()) == [1] * len(keys)
    assert_each_level_once(client, "BNB-USD", keys, orders // 2 // len(keys))


def test_pending_responses_never_cause_too_many_orders(serve: ServeVenue, operators: NewOperator) -> None:
    venue = serve(VenueOptions(wallets=2, block_time=3.0, receipt_wait=0.0))
    pack_with_pending_answers(operators(venue), venue.client, "--orders-per-side", "3", orders=12)


@pytest.mark.slow
def test_three_wallets_with_ten_second_blocks_place_exactly_36(serve: ServeVenue, operators: NewOperator) -> None:
    venue = serve(VenueOptions(wallets=3, block_time=10.0))
    pack_with_pending_answers(operators(venue), venue.client, orders=36)


def test_market_at_60000_is_quoted_on_all_levels_within_the_cap(serve: ServeVenue, operators: NewOperator) -> None:
    venue = serve(VenueOptions(block_time=0.0, usdc6=10_000_000_000))
    run = operators(venue).ama(*PACK, "--market", "BTC-USD")
    assert_ten_wallets_packed(run.packed())
    cap6 = 10_000_000_000 * 20 // 100
    for orders in venue.client.orders("BTC-USD", *venue.client.addresses()).values():
        assert 0 < sum(order.margin6 for order in orders) <= cap6


def test_fleet_packs_an_otherwise_empty_book(operator: Operator) -> None:
    summary = operator.ama(*PACK, "--market", "NOVA-USD", "--wallets", "2", "--orders-per-side", "2").packed()
    assert (summary["resting_bids"], summary["resting_asks"], summary["self_trades"]) == (4, 4, 0)


def test_plain_summary_says_what_rests(operator: Operator) -> None:
    run = operator.ama("run", "--until", "packed", "--market", "UNI-USD", "--wallets", "1", "--orders-per-side", "1")
    assert run.code == 0
    assert run.out.startswith("UNI-USD: bids 1, asks 1 of 2, packed at block ")
    with pytest.raises(json.JSONDecodeError):
        json.loads(run.out)


def test_run_on_a_terminal_shows_bars_and_keeps_stdout_for_the_summary(operator: Operator) -> None:
    small = ("--market", "NEAR-USD", "--wallets", "1", "--orders-per-side", "1")
    run, screen = operator.ama_on_a_terminal(*PACK, *small)
    assert run.packed()["resting_asks"] == 1
    assert len(run.out.splitlines()) == 1
    for word in ("sessions", "1/1", "orders", "2/2"):
        assert word in screen


def test_run_not_packed_in_time_exits_with_5(serve: ServeVenue, operators: NewOperator) -> None:
    venue = serve(VenueOptions(wallets=1, block_time=1.0))
    run = operators(venue).ama("run", "--until", "2s", "--json", "--market", "BNB-USD")
    assert run.code == 5, run.err
    assert not run.summary["packed"]
    assert run.summary["seconds_to_packed"] is None
    assert run.summary["short"].keys() == {"User001"}


def test_run_packed_in_time_exits_with_0(operator: Operator) -> None:
    small = ("--market", "APT-USD", "--wallets", "1", "--orders-per-side", "1")
    run = operator.ama("run", "--until", "3s", "--json", *small)
    assert run.packed()["resting_bids"] == 1
