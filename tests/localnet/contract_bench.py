"""The venue's contracts on a bare EVM without a chain: the base of the contract tests."""

from __future__ import annotations

from typing import Any

from eth_abi.abi import decode
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak

from ama_tui.localnet import abi, merkle
from ama_tui.localnet.evm import ExecutionResult, Message, simulate
from ama_tui.localnet.evm_factory import open_engine
from ama_tui.localnet.node import MULTICALL3, CallReverted, Log
from ama_tui.localnet.options import EngineName

CHAIN_ID = 31337
UNIT = 10**18
USDC = 10**6
ALL_METHODS = 0b111111

OWNER = "0x" + "0a" * 20
ALICE, BOB, CAROL = ("0x" + digit * 40 for digit in "abc")
RELAYERS = ["0x" + f"{number:02x}" * 20 for number in range(0x11, 0x16)]
STRANGER = "0x" + "99" * 20

TRADER_KEY = Account.from_key(b"\x42" * 32)
TRADER = TRADER_KEY.address.lower()

Event = tuple[str, dict[str, Any]]


def order_book_event(log: Log) -> Event | None:
    """An order book's event: its name and fields; None if the contract does not declare it."""
    for entry in abi.artifact("OrderBook").abi:
        if entry["type"] != "event" or abi.event_topic("OrderBook", entry["name"]) != log.topics[0]:
            continue
        inputs = entry["inputs"]
        indexed = [field for field in inputs if field["indexed"]]
        plain = [field for field in inputs if not field["indexed"]]
        values = [decode([field["type"]], topic)[0] for field, topic in zip(indexed, log.topics[1:], strict=True)]
        values += decode([field["type"] for field in plain], log.data)
        return entry["name"], dict(zip([field["name"] for field in indexed + plain], values, strict=True))
    return None


class Bench:
    """Registry, vault and one order book; ALICE, BOB and CAROL have a million USDC each."""

    def __init__(self, engine: EngineName = "auto", margin_bps: int = 10_000) -> None:
        self.evm = open_engine(engine, CHAIN_ID)
        self.now = 1_700_000_000
        self._number = 0
        self._nonce = 0
        self.advance(0)
        self.evm.set_code(MULTICALL3, abi.artifact("Multicall3").runtime)
        self.registry = self.deploy("SessionRegistry")
        self.vault = self.deploy("CoreVault")
        self.book = ""
        self.market_id = keccak(text="TEST")
        self.book = self.open_market(self.market_id, margin_bps)
        self.send(OWNER, "SessionRegistry", "setRelayers", RELAYERS, True)
        for trader in (ALICE, BOB, CAROL, TRADER):
            self.credit(trader, 1_000_000 * USDC)

    # ---- plumbing ----

    def advance(self, seconds: int) -> None:
        self.now += seconds
        self._number += 1
        self.evm.set_block(self._number, self.now)

    def deploy(self, contract: str, *args: Any) -> str:
        message = Message(OWNER, None, abi.deploy_code(contract, args), 10**7, nonce=self._nonce)
        result = self.evm.execute(message)
        self._nonce += 1
        assert result.contract_address is not None, result
        return result.contract_address

    def open_market(self, market_id: bytes, margin_bps: int = 10_000) -> str:
        book = self.deploy("OrderBook", self.vault, self.registry, market_id, margin_bps)
        self.send(OWNER, "SessionRegistry", "registerBook", market_id, book)
        self.send(OWNER, "CoreVault", "registerBook", market_id, book)
        return book

    def at(self, contract: str) -> str:
        stands = {"SessionRegistry": self.registry, "CoreVault": self.vault, "OrderBook": self.book}
        return stands.get(contract, MULTICALL3)

    def try_send(self, sender: str, contract: str, function: str, *args: Any) -> ExecutionResult:
        data = abi.encode(contract, function, args)
        return self.evm.execute(Message(sender, self.at(contract), data, 15_000_000))

    def send(self, sender: str, contract: str, function: str, *args: Any) -> ExecutionResult:
        """Raises CallReverted."""
        result = self.try_send(sender, contract, function, *args)
        if not result.ok:
            raise CallReverted(result.reason or result.error)
        return result

    def read(self, contract: str, function: str, *args: Any) -> Any:
        """A view's return value, unpacked if it is a single one."""
        data = abi.encode(contract, function, args)
        result = simulate(self.evm, Message(STRANGER, self.at(contract), data, 2**40))
        if not result.ok:
            raise CallReverted(result.reason or result.error)
        values = abi.decode(contract, function, result.output)
        return values[0] if len(values) == 1 else values

    def events(self, result: ExecutionResult) -> list[Event]:
        logs = [log for log in result.logs if log.address == self.book]
        return [event for log in logs if (event := order_book_event(log)) is not None]

    # ---- trading directly ----

    def credit(self, trader: str, usdc6: int) -> None:
        self.send(OWNER, "CoreVault", "credit", trader, usdc6)

    def place(self, trader: str, is_buy: bool, price6: int, amount18: int) -> int:
        result = self.send(trader, "OrderBook", "placeMarginLimit", price6, amount18, is_buy)
        return int.from_bytes(result.output, "big")

    def buy(self, trader: str, price: float, amount: float) -> int:
        return self.place(trader, True, round(price * USDC), round(amount * UNIT))

    def sell(self, trader: str, price: float, amount: float) -> int:
        return self.place(trader, False, round(price * USDC), round(amount * UNIT))

    def market(self, trader: str, is_buy: bool, amount: float) -> ExecutionResult:
        return self.send(trader, "OrderBook", "placeMarginMarket", round(amount * UNIT), is_buy)

    def cancel(self, trader: str, order_id: int) -> ExecutionResult:
        return self.send(trader, "OrderBook", "cancelOrder", order_id)

    # ---- reads ----

    def orders(self, trader: str) -> list[int]:
        return list(self.read("OrderBook", "getUserOrders", trader))

    def order(self, order_id: int) -> dict[str, Any]:
        names = ["id", "trader", "price", "amount", "is_buy", "timestamp", "next", "margin6", "is_margin", "prev"]
        return dict(zip(names, self.read("OrderBook", "getOrder", order_id), strict=True))

    def touch(self) -> tuple[int, int]:
        return self.read("OrderBook", "bestBid"), self.read("OrderBook", "bestAsk")

    def depth(self, levels: int = 500) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Bids and asks as (price6, amount18), best first."""
        bid_prices, bids, ask_prices, asks = self.read("OrderBook", "getOrderBookDepthFromPointers", levels)
        return list(zip(bid_prices, bids, strict=True)), list(zip(ask_prices, asks, strict=True))

    def available6(self, trader: str) -> int:
        return int(self.read("CoreVault", "getAvailableCollateral", trader))

    def reserved6(self, trader: str) -> int:
        return int(self.read("CoreVault", "reserved6", trader))

    def position(self, trader: str) -> tuple[int, int, int]:
        """Size (18 decimals), entry price and margin (6)."""
        size, entry, margin = self.read("CoreVault", "getPositionSummary", trader, self.market_id)
        return size, entry, margin

    # ---- sessions ----

    def permit(self, **changes: Any) -> dict[str, Any]:
        permit = {
            "trader": TRADER,
            "relayerSetRoot": merkle.root(RELAYERS),
            "expiry": self.now + 86_400,
            "maxNotionalPerTrade": 0,
            "maxNotionalPerSession": 0,
            "methodsBitmap": ALL_METHODS.to_bytes(32, "big"),
            "sessionSalt": b"\x07" * 32,
            "allowedMarkets": [],
            "nonce": self.read("SessionRegistry", "metaNonce", TRADER),
        }
        return {**permit, **changes}

    def sign(self, permit: dict[str, Any]) -> bytes:
        domain = {
            "name": "DexetraMeta",
            "version": "1",
            "chainId": CHAIN_ID,
            "verifyingContract": self.registry,
        }
        typed = encode_typed_data(domain, {"SessionPermit": PERMIT_TYPE}, permit)
        return bytes(TRADER_KEY.sign_message(typed).signature)

    def create_session(self, permit: dict[str, Any], signature: bytes | None = None) -> bytes:
        """Raises CallReverted."""
        signature = self.sign(permit) if signature is None else signature
        values = tuple(permit[field["name"]] for field in PERMIT_TYPE)
        return self.send(RELAYERS[0], "SessionRegistry", "createSession", values, signature).output

    def relay(self, function: str, session: bytes, *args: Any, relayer: str = RELAYERS[0]) -> ExecutionResult:
        """Call a session method of the order book as a relayer of the set. Raises CallReverted."""
        proof = merkle.proof(RELAYERS, relayer) if relayer in RELAYERS else []
        return self.send(relayer, "OrderBook", function, session, proof, TRADER, *args)


PERMIT_TYPE = [
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
