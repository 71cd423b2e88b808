"""An independent client: it knows the wire contract and an operator's two files, and shares no code with ama_tui."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from eth_abi.abi import decode, encode
from eth_account import Account
from eth_utils.crypto import keccak

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
NUMBERS = ("expiry", "maxNotionalPerTrade", "maxNotionalPerSession", "nonce")
ORDER = ["uint256", "address", "uint256", "uint256", "bool", "uint256", "uint256", "uint256", "bool"]
DAY = 86_400


@dataclass(frozen=True)
class Order:
    """A resting order; `price6`, `margin6` with 6 decimals, `amount18` with 18."""

    order_id: int
    price6: int
    amount18: int
    is_buy: bool
    margin6: int


@dataclass(frozen=True)
class Key:
    """One row of the wallets file; `address` in lower case."""

    nickname: str
    address: str
    private_key: str = field(repr=False)


class OtherClient:
    """Reads `.env` and `wallets.csv` of a directory and connects to the venue they name."""

    def __init__(self, directory: Path) -> None:
        lines = (directory / ".env").read_text().splitlines()
        settings = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
        self.rpc_url, self.app_url = settings["RPC_URL"], settings["APP_URL"]
        self.registry = settings["SESSION_REGISTRY_ADDRESS"]
        with (directory / "wallets.csv").open(newline="") as rows:
            self.keys = [
                Key(row["nickname"], row["address"].lower(), row["privateKey"]) for row in csv.DictReader(rows)
            ]
        self._http = httpx.Client(timeout=30, trust_env=False)
        self._rows: dict[str, dict[str, Any]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def get(self, path: str, **query: str) -> Any:
        return self._http.get(self.app_url + path, params=query).raise_for_status().json()

    def post(self, path: str, body: object) -> httpx.Response:
        return self._http.post(self.app_url + path, json=body)

    def rpc(self, *calls: tuple[str, list[Any]]) -> list[Any]:
        """The results of a JSON-RPC batch, in the order of the calls."""
        if not calls:
            return []
        batch = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            for number, (method, params) in enumerate(calls)
        ]
        answers = {one["id"]: one["result"] for one in self._http.post(self.rpc_url, json=batch).json()}
        return [answers[number] for number in range(len(calls))]

    def row(self, symbol: str) -> dict[str, Any]:
        """The market's row in the API's list."""
        if not self._rows:
            rows = self.get("/api/markets", limit="500", status="ACTIVE")["markets"]
            self._rows = {row.get("symbol") or row["name"]: row for row in rows}
        return self._rows[symbol]

    def book(self, symbol: str) -> str:
        """The address of a market's order book, in lower case."""
        return str(self.row(symbol)["market_address"]).lower()

    def chain_id(self) -> int:
        return int(self.rpc(("eth_chainId", []))[0], 16)

    def sessions_made(self, *addresses: str) -> list[int]:
        """How many sessions the registry has ever created for each trader: its nonce counts them."""
        calls = [_call(self.registry, "metaNonce(address)", address) for address in addresses]
        return [int(result, 16) for result in self.rpc(*calls)]

    def orders(self, symbol: str, *addresses: str) -> dict[str, list[Order]]:
        """A market's resting orders, by trader."""
        book = self.book(symbol)
        listed = self.rpc(*(_call(book, "getUserOrders(address)", address) for address in addresses))
        owned = [
            (address, order_id)
            for address, result in zip(addresses, listed, strict=True)
            for order_id in decode(["uint256[]"], bytes.fromhex(result[2:]))[0]
        ]
        found: dict[str, list[Order]] = {address: [] for address in addresses}
        words = self.rpc(*(_call(book, "getOrder(uint256)", order_id) for _, order_id in owned))
        for (address, order_id), result in zip(owned, words, strict=True):
            order = decode(ORDER, bytes.fromhex(result[2:]))
            found[address].append(Order(order_id, order[2], order[3], order[4], order[7]))
        return found

    def touch(self, symbol: str) -> tuple[int, int]:
        """Best bid and best ask, 6 decimals, 0 for none."""
        book = self.book(symbol)
        bid, ask = self.rpc(_call(book, "bestBid()"), _call(book, "bestAsk()"))
        return int(bid, 16), int(ask, 16)

    def open_session(self, symbol: str, key: Key) -> tuple[str, int]:
        """A new session for one market: its id and its expiry (Unix seconds)."""
        (latest,) = self.rpc(("eth_getBlockByNumber", ["latest", False]))
        permit = {
            "trader": key.address,
            "relayerSetRoot": self.get("/api/gasless/session/relayer-set")["relayerSetRoot"],
            "expiry": str(int(latest["timestamp"], 16) + DAY),
            "maxNotionalPerTrade": "0",
            "maxNotionalPerSession": "0",
            "methodsBitmap": f"0x{0b111111:064x}",
            "sessionSalt": "0x" + os.urandom(32).hex(),
            "allowedMarkets": [self.row(symbol)["market_id_bytes32"]],
            "nonce": self.get("/api/gasless/session/nonce", trader=key.address)["nonce"],
        }
        signed = Account.sign_typed_data(
            key.private_key,
            domain_data={
                "name": "DexetraMeta",
                "version": "1",
                "chainId": self.chain_id(),
                "verifyingContract": self.registry,
            },
            message_types={"SessionPermit": PERMIT_FIELDS},
            message_data={name: int(value) if name in NUMBERS else value for name, value in permit.items()},
        )
        signature = "0x" + bytes(signed.signature).hex()
        body = {"orderBook": self.book(symbol), "permit": permit, "signature": signature}
        answer = self.post("/api/gasless/session/init", body).raise_for_status().json()
        return answer["sessionId"], int(permit["expiry"])

    def trade(self, symbol: str, session_id: str, method: str, key: Key, **params: Any) -> httpx.Response:
        """Send a trade; integers among `params` are sent as decimal strings."""
        values = {name: value if isinstance(value, bool) else str(value) for name, value in params.items()}
        return self.post(
            "/api/gasless/trade",
            {
                "orderBook": self.book(symbol),
                "method": method,
                "sessionId": session_id,
                "params": {"trader": key.address, **values},
            },
        )

    def revoke(self, symbol: str, session_id: str) -> None:
        """Revoke a session; returns once that is mined."""
        body = {"orderBook": self.book(symbol), "sessionId": session_id}
        self.post("/api/gasless/session/revoke", body).raise_for_status()

    def addresses(self, keys: Sequence[Key] | None = None) -> list[str]:
        return [key.address for key in (self.keys if keys is None else keys)]


def _call(to: str, signature: str, *arguments: object) -> tuple[str, list[Any]]:
    kinds = [kind for kind in signature[signature.index("(") + 1 : -1].split(",") if kind]
    data = keccak(text=signature)[:4] + encode(kinds, arguments)
    return "eth_call", [{"to": to, "data": "0x" + data.hex()}, "latest"]
