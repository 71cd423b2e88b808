"""A bare client: the requests that a fleet's sessions and orders need, sent as fast as the venue takes them.

No plan, no checks, no journal, no reading in between: the least that any client must do, and so the measure of ours.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import aiohttp
import orjson

from ama_tui.config.environment import load_environment
from ama_tui.domain.market import Market, find_market
from ama_tui.domain.session import Methods, SessionPermit
from ama_tui.engine.connect import open_signer
from ama_tui.engine.connections import Connections, connect
from ama_tui.keys.wallet_source import WalletsSource
from ama_tui.venue.permits import permit_payload
from tests.bench.client import MARKET

EXPIRY = 2**31
AMOUNT18 = 10**16
NEAREST_TICKS, FARTHEST_TICKS = 60, 180
"""Far enough from the best prices that the traders do not get there meanwhile."""
RECEIPTS_AT_ONCE = 500
BETWEEN_RECEIPTS_S = 0.1
JSON = {"content-type": "application/json"}


@dataclass(frozen=True, slots=True)
class BareTimes:
    """Seconds from the first request until the chain has everything."""

    sessions: float
    orders: float


def bare_times(directory: Path, orders_per_side: int) -> BareTimes:
    """Give every wallet of the client files in `directory` a session and its orders."""
    return asyncio.run(_bare_times(directory, orders_per_side))


async def _bare_times(directory: Path, orders_per_side: int) -> BareTimes:
    wallets, signer = open_signer(WalletsSource(directory / "wallets.csv"))
    environment = load_environment(directory, {})
    connections, _ = await connect(environment, signer)
    try:
        market = find_market(await connections.api.markets(), MARKET)
        if market is None:
            raise RuntimeError(f"the venue has no {MARKET}")
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(None)) as http:
            bare = BareClient(http, environment.app_url, environment.rpc_url, connections, market)
            return await bare.trade([wallet.address for wallet in wallets], orders_per_side)
    finally:
        await connections.close()


@dataclass(slots=True)
class BareClient:
    """Sends with one HTTP session; `connections` only sign and tell where the market is."""

    http: aiohttp.ClientSession
    app_url: str
    rpc_url: str
    connections: Connections
    market: Market

    async def trade(self, traders: Sequence[str], orders_per_side: int) -> BareTimes:
        """Wallets side by side, each wallet's orders one after another, as the venue wants it."""
        began = monotonic()
        root = (await self.connections.api.relayer_set()).root
        sessions = await asyncio.gather(*(self._open_session(trader, root) for trader in traders))
        with_sessions = monotonic() - began
        quote = (await self.connections.api.live(self.market)).quote
        if quote.best_bid6 is None or quote.best_ask6 is None:
            raise RuntimeError("the market has no best prices")
        best = quote.best_bid6, quote.best_ask6
        began = monotonic()
        unmined = await asyncio.gather(
            *(
                self._place(number, trader, session, best, orders_per_side)
                for number, (trader, session) in enumerate(zip(traders, sessions, strict=True))
            )
        )
        await self._until_mined([tx_hash for hashes in unmined for tx_hash in hashes])
        return BareTimes(with_sessions, monotonic() - began)

    async def _open_session(self, trader: str, root: str) -> str:
        async with self.http.get(f"{self.app_url}/api/gasless/session/nonce", params={"trader": trader}) as response:
            nonce = int(orjson.loads(await response.read())["nonce"])
        permit = SessionPermit(
            trader=trader,
            relayer_set_root=root,
            expiry=EXPIRY,
            max_notional_per_trade6=0,
            max_notional_per_session6=0,
            methods=Methods.PLACE_MARGIN_LIMIT,
            salt="0x" + secrets.token_hex(32),
            allowed_markets=(self.market.market_id,),
            nonce=nonce,
        )
        payload = {"permit": permit_payload(permit), "signature": self.connections.sign_permit(permit)}
        created = await self._post("session/init", {"orderBook": self.market.address, **payload})
        return str(created["sessionId"])

    async def _place(
        self, number: int, trader: str, session: str, best: tuple[int, int], orders_per_side: int
    ) -> list[str]:
        """Place one wallet's orders. Returns the hashes of those that no block has yet."""
        best_bid6, best_ask6 = best
        unmined = []
        for level in range(orders_per_side):
            for is_buy in (True, False):
                ticks = NEAREST_TICKS + (number * 7 + level * 17) % (FARTHEST_TICKS - NEAREST_TICKS)
                price6 = best_bid6 - ticks * self.market.tick6 if is_buy else best_ask6 + ticks * self.market.tick6
                order = {"trader": trader, "price": str(price6), "amount": str(AMOUNT18), "isBuy": is_buy}
                method = {"method": "sessionPlaceMarginLimit", "sessionId": session, "params": order}
                placed = await self._post("trade", {"orderBook": self.market.address, **method})
                if not placed.get("mined"):
                    unmined.append(str(placed["txHash"]))
        return unmined

    async def _post(self, path: str, payload: dict[str, object]) -> dict[str, Any]:
        url = f"{self.app_url}/api/gasless/{path}"
        async with self.http.post(url, data=orjson.dumps(payload), headers=JSON) as response:
            body = await response.read()
            if response.status != 200:
                raise RuntimeError(f"the bare client was refused: {body[:200]!r}")
            answer: dict[str, Any] = orjson.loads(body)
            return answer

    async def _until_mined(self, hashes: Sequence[str]) -> None:
        """Wait until every transaction is in a block."""
        left = list(hashes)
        while left:
            asked = left[:RECEIPTS_AT_ONCE]
            calls = [
                {"jsonrpc": "2.0", "id": number, "method": "eth_getTransactionReceipt", "params": [tx_hash]}
                for number, tx_hash in enumerate(asked)
            ]
            async with self.http.post(self.rpc_url, data=orjson.dumps(calls), headers=JSON) as response:
                mined = {answer["id"] for answer in orjson.loads(await response.read()) if answer["result"]}
            left = [tx_hash for number, tx_hash in enumerate(left) if number not in mined]
            if not mined:
                await asyncio.sleep(BETWEEN_RECEIPTS_S)
