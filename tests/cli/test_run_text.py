"""The summary of a headless run as text."""

from __future__ import annotations

from ama_tui.cli.run_text import summary_text


def test_summary_of_several_markets_has_a_line_for_each_and_the_rate_limits_once() -> None:
    market = {
        "resting_bids": 6,
        "resting_asks": 5,
        "target_orders": 12,
        "packed": False,
        "block": 7,
        "state": "RUNNING",
        "short": {"Poor": "no collateral"},
        "reason": "",
    }
    failed = {**market, "market": "BTC-USD", "state": "FAULTED", "reason": "the disk is full", "short": {}}
    totals = {"rate_limits": {"api": {"seconds": 3.0, "refused": 2}}}
    assert summary_text({"markets": [{**market, "market": "ETH-USD"}, failed], "totals": totals}).splitlines() == [
        "ETH-USD: bids 6, asks 5 of 12, not packed at block 7",
        "  Poor: no collateral",
        "BTC-USD: bids 6, asks 5 of 12, not packed at block 7",
        "  ended with an error: the disk is full",
        "  waited 3 s for the api's rate limit (2 requests refused)",
    ]
