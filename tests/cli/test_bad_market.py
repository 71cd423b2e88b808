"""Markets and wallets that cannot be quoted, or not by every wallet."""

from __future__ import annotations

import os

import pytest
from eth_account import Account

from tests.cli.conftest import SMALL, Ama, StoredRun
from tests.e2e.book import assert_each_level_once
from tests.e2e.operator import PACK, Operator
from tests.e2e.venues import ServedVenue


@pytest.mark.parametrize("symbol", ["NOPE-USD", "LUNA-USD", "0x" + "ab" * 20])
def test_unlisted_market_is_refused(ama_here: Ama, symbol: str) -> None:
    line = ama_here(*PACK, "--market", symbol).refusal(2)
    assert line == f"no market named '{symbol}': list them with `ama-tui markets`"


def test_missing_market_option_is_refused_when_there_are_many_markets(ama_here: Ama) -> None:
    line = ama_here(*PACK).refusal(2)
    assert line == "no market selected: choose one with --market; list them with `ama-tui markets`"


def test_price_too_low_for_the_distance_is_refused_with_the_largest_that_fits(
    stored_run: StoredRun, shared_venue: ServedVenue
) -> None:
    operator, client = stored_run.operator, shared_venue.client
    line = operator.ama(*PACK, "--market", "DOGE-USD").refusal(3)
    assert line == "DOGE-USD cannot be quoted: --min-distance-ticks 10 does not fit a price of 13 ticks; use 6 or less"
    assert line in operator.ama("run", "--dry-run", "--market", "DOGE-USD").err
    stored_run.assert_nothing_lost()
    assert client.orders("DOGE-USD", *client.addresses()) == {address: [] for address in client.addresses()}

    fits = operator.ama(*PACK, "--market", "DOGE-USD", *SMALL, "--min-distance-ticks", "6", "--max-distance-ticks", "6")
    assert fits.packed()["resting_bids"] == 1


def test_wallet_without_collateral_is_reported_and_the_others_are_packed(
    operator: Operator, shared_venue: ServedVenue
) -> None:
    client = shared_venue.client
    poor = Account.from_key(os.urandom(32))
    header, first, second, *_ = operator.wallets_file.read_text().splitlines()
    rows = [header, first, f"Poor,{poor.address},0x{bytes(poor.key).hex()}", second]
    operator.write("wallets.csv", "\n".join(rows) + "\n")
    summary = operator.ama(*PACK, "--market", "AVAX-USD", "--orders-per-side", "2").packed()
    assert summary["short"].keys() == {"Poor"}
    assert summary["short"]["Poor"].startswith("no collateral")
    assert (summary["target_orders"], summary["resting_bids"], summary["resting_asks"]) == (12, 4, 4)
    assert_each_level_once(client, "AVAX-USD", client.keys[:2], 2)
