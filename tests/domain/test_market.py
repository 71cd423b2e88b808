from __future__ import annotations

from ama_tui.domain.market import Market, short_address

ADDRESS = "0x1234567890abcdef1234567890abcdef1234abcd"


def test_market_label_has_its_identifier_book_and_chain() -> None:
    market = Market("ETH", ADDRESS, "0x" + "00" * 32, 999, 10_000, identifier="ETH-USD")
    assert market.label == "ETH (ETH-USD)  orderBook=0x1234…abcd  chain=999"


def test_market_without_identifier_is_labelled_by_its_symbol() -> None:
    market = Market("ETH", ADDRESS, "0x" + "00" * 32, 31337, 10_000)
    assert market.label == "ETH  orderBook=0x1234…abcd  chain=31337"


def test_address_is_shortened_to_both_ends() -> None:
    assert short_address(ADDRESS) == "0x1234…abcd"
