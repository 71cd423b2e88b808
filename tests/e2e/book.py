"""What the chain must show of a fleet, read by an independent client."""

from __future__ import annotations

from collections.abc import Sequence

from ama_tui.domain.order import decode_tag
from tests.e2e.client import Key, OtherClient


def assert_each_level_once(client: OtherClient, symbol: str, keys: Sequence[Key], per_side: int) -> None:
    """Every wallet has each of its levels on both sides, and none twice."""
    expected = list(range(1, per_side + 1))
    for orders in client.orders(symbol, *client.addresses(keys)).values():
        for is_buy in (True, False):
            tags = [decode_tag(order.amount18) for order in orders if order.is_buy is is_buy]
            assert sorted(tag.level for tag in tags if tag is not None) == expected
            assert None not in tags


def count_orders(client: OtherClient, symbol: str, keys: Sequence[Key]) -> int:
    """How many orders of these wallets rest on a market."""
    return sum(map(len, client.orders(symbol, *client.addresses(keys)).values()))
