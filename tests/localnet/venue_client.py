"""A small client of the venue's HTTP API and chain, written from the wire contract only."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import httpx
from eth_abi.abi import decode, encode
from eth_account import Account
from eth_utils.crypto import keccak

from ama_tui.localnet.keys import Wallet
from ama_tui.localnet.venue import LocalVenue

ALL_METHODS = 0b111111
DAY = 86_400
PERMIT_FIELDS = [
    {"name": "trader", "type": "address"},
    {"name": "relayerSetRoot", "type": "bytes32"},
    {"name": "expiry", "type": "uint256"},
    {"name": "maxNotionalPerTrade", "type": "uint256"},
    {"name": "maxNotionalPerSession", "type": "uint256"},
    {"name": "methodsBitmap", "type": "bytes32"},
    {"name": "sessionSalt", "type": "bytes32"},
    {"name": "allowedMarkets", "type": "bytes32[]"},
    {"name": "nonce", "type": "uint256"},
]


@dataclass
class VenueClient:
    """A client that trades on one order book."""

    app_url: str
    rpc_url: str
    registry: str
    chain_id: int
    book: str
    http: httpx.AsyncClient = field(default_factory=lambda: httpx.AsyncClient(timeout=30))

    async def __aenter__(self) -> VenueClient:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.http.aclose()

    async def get(self, path: str, **query: object) -> httpx.Response:
        return await self.http.get(self.app_url + path, params={k: str(v) for k, v in query.items()})

    async def post(self, path: str, body: object) -> httpx.Response:
        return await self.http.post(self.app_url + path, json=body)

    async def post_raw(self, path: str, body: bytes | str) -> httpx.Response:
        return await self.http.post(self.app_url + path, content=body, headers={"content-type": "application/json"})

    async def permit(self, wallet: Wallet, **changes: Any) -> dict[str, Any]:
        """A permit for a day and all methods, in the API's format."""
        root = (await self.get("/api/gasless/session/relayer-set")).json()["relayerSetRoot"]
        nonce = (await self.get("/api/gasless/session/nonce", trader=wallet.address)).json()["nonce"]
        latest = await self.rpc("eth_getBlockByNumber", "latest", False)
        return {
            "trader": wallet.address,
            "relayerSetRoot": root,
            "expiry": str(int(latest["timestamp"], 16) + DAY),
            "maxNotionalPerTrade": "0",
            "maxNotionalPerSession": "0",
            "methodsBitmap": f"0x{ALL_METHODS:064x}",
            "sessionSalt": "0x" + os.urandom(32).hex(),
            "allowedMarkets": [],
            "nonce": nonce,
            **changes,
        }

    def sign(self, wallet: Wallet, permit: dict[str, Any]) -> str:
        """The wallet's EIP-712 signature over a permit."""
        numbers = ("expiry", "maxNotionalPerTrade", "maxNotionalPerSession", "nonce")
        signed = Account.sign_typed_data(
            wallet.private_key,
            domain_data={
                "name": "DexetraMeta",
                "version": "1",
                "chainId": self.chain_id,
                "verifyingContract": self.registry,
            },
            message_types={"SessionPermit": PERMIT_FIELDS},
            message_data={name: int(value) if name in numbers else value for name, value in permit.items()},
        )
        return "0x" + bytes(signed.signature).hex()

    async def init(self, wallet: Wallet, **changes: Any) -> httpx.Response:
        """Request a session. `changes` override fields of the permit."""
        permit = await self.permit(wallet, **changes)
        body = {"orderBook": self.book, "permit": permit, "signature": self.sign(wallet, permit)}
        return await self.post("/api/gasless/session/init", body)

    async def session(self, wallet: Wallet, **changes: Any) -> str:
        """The id of a new session."""
        response = await self.init(wallet, **changes)
        assert response.status_code == 200, response.text
        return str(response.json()["sessionId"])

    async def trade(
        self, wallet: Wallet, session_id: str, method: str = "sessionPlaceMarginLimit", **params: Any
    ) -> httpx.Response:
        """Send a trade. Integers in `params` are sent as decimal strings."""
        body = {
            "orderBook": self.book,
            "method": method,
            "sessionId": session_id,
            "params": {"trader": wallet.address, **{name: _wire(value) for name, value in params.items()}},
        }
        return await self.post("/api/gasless/trade", body)

    async def rpc(self, method: str, *params: Any) -> Any:
        response = await self.http.post(
            self.rpc_url, json={"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        )
        body = response.json()
        assert "error" not in body, body
        return body["result"]

    async def call(self, to: str, signature: str, outputs: list[str], *arguments: Any) -> tuple[Any, ...]:
        """Read a contract at the latest block."""
        kinds = [kind for kind in signature[signature.index("(") + 1 : -1].split(",") if kind]
        data = keccak(text=signature)[:4] + encode(kinds, arguments)
        result = await self.rpc("eth_call", {"to": to, "data": "0x" + data.hex()}, "latest")
        return decode(outputs, bytes.fromhex(result[2:]))

    async def orders(self, wallet: Wallet) -> list[int]:
        """The ids of the wallet's resting orders."""
        (ids,) = await self.call(self.book, "getUserOrders(address)", ["uint256[]"], wallet.address)
        return list(ids)

    async def touch(self) -> tuple[int, int]:
        """Best bid and best ask, 6 decimals."""
        (bid,) = await self.call(self.book, "bestBid()", ["uint256"])
        (ask,) = await self.call(self.book, "bestAsk()", ["uint256"])
        return bid, ask


def _wire(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def client_of(venue: LocalVenue, symbol: str = "ETH-USD") -> VenueClient:
    """A client of one market of a venue."""
    address = venue.market(symbol).address
    return VenueClient(venue.app_url, venue.rpc_url, venue.registry, venue.chain_id, address)
