"""`ama-tui markets`, and the ways to name a market."""

from __future__ import annotations

import json

from tests.cli.conftest import SMALL
from tests.e2e.operator import PACK, Operator
from tests.e2e.venues import ServedVenue


def test_markets_are_listed_with_tick_label_book_and_chain(operator: Operator, shared_venue: ServedVenue) -> None:
    answer = operator.ama("markets")
    assert (answer.code, answer.err) == (0, "")
    lines = answer.out.splitlines()
    assert len(lines) >= 30
    book = shared_venue.client.book("ETH-USD")
    assert lines[0].split() == [
        *("ETH-USD", "tick", "0.01", "ETH-USD", "(ETH-USD-PERP)"),
        *(f"orderBook={book[:6]}…{book[-4:]}", "chain=31337"),
    ]


def test_json_rows_have_the_keys_of_the_api(operator: Operator, shared_venue: ServedVenue) -> None:
    answer = operator.ama("markets", "--json")
    assert (answer.code, answer.err) == (0, "")
    rows = {row["symbol"]: row for row in json.loads(answer.out)}
    for symbol, row in rows.items():
        listed = shared_venue.client.row(symbol)
        assert row["market_address"] == listed["market_address"].lower()
        assert row["market_id_bytes32"] == listed["market_id_bytes32"]
        assert row["chain_id"] == 31_337
    assert shared_venue.client.row("XAU-USD")["tick_size"] is None
    assert (rows["XAU-USD"]["tick_size"], rows["BTC-USD"]["tick_size"]) == (0.01, 0.5)
    assert "LUNA-USD" not in rows


def test_market_is_found_by_address_and_identifier_in_any_case(operator: Operator, shared_venue: ServedVenue) -> None:
    book = shared_venue.client.book("SUI-USD")
    upper = "0x" + book[2:].upper()
    by_address = operator.ama("run", "--dry-run", "--json", "--market", upper, *SMALL)
    by_identifier = operator.ama("run", "--dry-run", "--json", "--market", "sui-usd-perp", *SMALL)
    assert by_address.summary["market"] == by_identifier.summary["market"] == "SUI-USD"


def test_market_without_a_tick_is_quoted_in_hundredths(operator: Operator, shared_venue: ServedVenue) -> None:
    client = shared_venue.client
    operator.ama(*PACK, "--market", "XAU-USD", "--wallets", "1", "--orders-per-side", "3").packed()
    orders = client.orders("XAU-USD", client.keys[0].address)[client.keys[0].address]
    assert len(orders) == 6
    assert all(order.price6 % 10_000 == 0 for order in orders)
    assert "tick_size" not in operator.checkpoint()["market"]
