"""Live prices as the API returns them: floats in UI units, cached for a while."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from ama_tui.localnet.contract_reads import ContractRead, read_all
from ama_tui.localnet.listing import USDC, Listing
from ama_tui.localnet.node import Node
from ama_tui.localnet.trade_history import TradeHistory
from ama_tui.localnet.wire import Body

MAX_LEVELS = 25
DEFAULT_LEVELS = 10
BAD_DEFAULT = 1.0
"""Mark price and last trade of an empty or one-sided book that never traded."""


@dataclass(frozen=True, slots=True)
class _Cached:
    read_at: float
    data: Body


class LivePrices:
    """Responses of `/api/orderbook/live`, each cached for `lifetime` seconds."""

    def __init__(self, node: Node, vault: str, trade_history: TradeHistory, lifetime: float) -> None:
        self._node = node
        self._vault = vault
        self._trade_history = trade_history
        self._lifetime = lifetime
        self._cache: dict[str, _Cached] = {}

    async def response(self, listing: Listing, levels: int) -> Body:
        """The response for a market, with at most `levels` price levels per side."""
        now = time.monotonic()
        cached = self._cache.get(listing.address)
        fresh = cached is None or now - cached.read_at >= self._lifetime
        if cached is None or fresh:
            cached = self._cache[listing.address] = _Cached(now, await self._read(listing))
        depth = cached.data["depth"]
        if depth is not None:
            depth = {name: values[:levels] for name, values in depth.items()}
        return {
            "ok": True,
            "fromCache": not fresh,
            "cacheAgeMs": 0 if fresh else int((now - cached.read_at) * 1000),
            "data": {**cached.data, "depth": depth},
        }

    async def _read(self, listing: Listing) -> Body:
        book = listing.address
        (bid6,), (ask6,), (last6,), depth, (mark6,) = await read_all(
            self._node,
            [
                ContractRead("OrderBook", book, "bestBid"),
                ContractRead("OrderBook", book, "bestAsk"),
                ContractRead("OrderBook", book, "lastTradePrice"),
                ContractRead("OrderBook", book, "getOrderBookDepthFromPointers", (MAX_LEVELS,)),
                ContractRead("CoreVault", self._vault, "getMarkPrice", (listing.market_id_bytes,)),
            ],
        )
        priced = last6 != 0 or (bid6 != 0 and ask6 != 0)
        return {
            "symbol": listing.spec.symbol,
            "orderBookAddress": book,
            "marketIdBytes32": listing.market_id,
            "bestBid": _price(bid6),
            "bestAsk": _price(ask6),
            "spread": _price(ask6 - bid6) if bid6 and ask6 else None,
            "lastTradePrice": _price(last6) if priced else BAD_DEFAULT,
            "markPrice": _price(mark6) if priced else BAD_DEFAULT,
            "depth": _depth(depth) if bid6 or ask6 else None,
            "recentTrades": [
                {
                    "price": trade.price6 / USDC,
                    "amount": trade.amount18 / 10**18,
                    "txHash": trade.tx_hash,
                    "blockNumber": trade.block_number,
                }
                for trade in self._trade_history.latest(book)
            ],
        }


def _price(price6: int) -> float | None:
    return price6 / USDC if price6 else None


def _depth(depth: tuple[Any, ...]) -> Body:
    bid_prices, bid_amounts, ask_prices, ask_amounts = depth
    return {
        "bidPrices": [price6 / USDC for price6 in bid_prices],
        "bidAmounts": [amount18 / 10**18 for amount18 in bid_amounts],
        "askPrices": [price6 / USDC for price6 in ask_prices],
        "askAmounts": [amount18 / 10**18 for amount18 in ask_amounts],
    }
