"""A JSON-RPC node over a small model of one market, built on eth_abi alone, that can misbehave on demand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from eth_abi.abi import decode, encode
from eth_utils.abi import event_signature_to_log_topic, function_signature_to_4byte_selector

BOOK = "0x" + "b0" * 20
VAULT = "0x" + "fa" * 20
REGISTRY = "0x" + "5e" * 20
MULTICALL = "0xca11bde05977b3631167028862be2a173976ca11"
MARKET_ID = "0x" + "1d" * 32
ZERO = "0x" + "00" * 20
RECORD = ["address", "bytes32", "uint256", "uint256", "uint256", "uint256", "bytes32", "bool"]


class RevertError(Exception):
    """A call reverted with this data."""

    def __init__(self, data: bytes = b"") -> None:
        super().__init__()
        self.data = data


def reverted(reason: str) -> RevertError:
    return RevertError(bytes.fromhex("08c379a0") + encode(["string"], [reason]))


@dataclass
class Order:
    """An order of the model."""

    order_id: int
    trader: str
    price6: int = 100_000_000
    amount18: int = 10**18
    is_buy: bool = True


@dataclass
class FakeNode:
    """The model and its misbehaviour. `requests` holds every HTTP request as a list of its calls."""

    orders: dict[int, Order] = field(default_factory=dict)
    block: int = 1000
    has_multicall: bool = True
    keeps_history: bool = True
    lagging: int = 0
    """This many calls that name a block are answered as of an earlier one."""
    max_calls: int = 10_000
    """More sub-calls than this make an eth_call fail."""
    gas_for: int = 10_000
    """Sub-calls of one eth_call beyond this number fail without a reason."""
    max_batch: int = 10_000
    limited: int = 0
    """This many of the next requests meet a rate limit."""
    poison: set[bytes] = field(default_factory=set)
    """Call data whose presence fails the whole eth_call."""
    reverting: dict[bytes, Exception] = field(default_factory=dict)
    """What a call with this data reverts with."""
    results: dict[bytes, bytes] = field(default_factory=dict)
    """What a call with this data returns instead of the truth."""
    blocks_on: str = ""
    """A method after which a new block is mined."""
    logs: list[dict[str, object]] = field(default_factory=list)
    receipts: dict[str, object] = field(default_factory=dict)
    hashes: dict[int, str] = field(default_factory=dict)
    """Hashes of blocks that are not what they were."""
    log_error: str = ""
    refuses_beyond_head: bool = False
    """Whether a range of blocks beyond the latest is refused, or answered as far as it goes."""
    longest_logs: int = 10_000
    """A longer range of blocks is refused."""
    requests: list[list[str]] = field(default_factory=list)
    tags: Counter[str] = field(default_factory=Counter)

    def place(self, trader: str, count: int = 1, first_id: int | None = None) -> None:
        start = len(self.orders) + 1 if first_id is None else first_id
        for order_id in range(start, start + count):
            self.orders[order_id] = Order(order_id, trader)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        calls = body if isinstance(body, list) else [body]
        self.requests.append([call["method"] for call in calls])
        if self.limited:
            self.limited -= 1
            error = {"code": -32007, "message": "request limit reached"}
            limits = [{"jsonrpc": "2.0", "id": call["id"], "error": error} for call in calls]
            return web.json_response(limits if isinstance(body, list) else limits[0])
        if isinstance(body, list) and len(calls) > self.max_batch:
            return web.json_response({"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "batch"}})
        answers = [self._answer(call) for call in calls]
        # A batch may be answered in any order.
        return web.json_response(answers[::-1] if isinstance(body, list) else answers[0])

    def _answer(self, call: dict[str, Any]) -> dict[str, object]:
        method, params = call["method"], call["params"]
        head = {"jsonrpc": "2.0", "id": call["id"]}
        try:
            result = getattr(self, "_" + method)(*params)
        except RevertError as error:
            return {**head, "error": {"code": 3, "message": "execution reverted", "data": "0x" + error.data.hex()}}
        except RuntimeError as error:
            return {**head, "error": {"code": -32000, "message": str(error)}}
        if method == self.blocks_on:
            self.block += 1
        return {**head, "result": result}

    def _eth_chainId(self) -> str:  # noqa: N802 - the name is JSON-RPC's
        return hex(999)

    def _eth_blockNumber(self) -> str:  # noqa: N802
        return hex(self.block)

    def _eth_getCode(self, address: str, _tag: str) -> str:  # noqa: N802
        if address == MULTICALL:
            return "0x6001" if self.has_multicall else "0x"
        return "0x6001" if address in (BOOK, VAULT, REGISTRY) else "0x"

    def _eth_getBlockByNumber(self, tag: str, _full: bool) -> dict[str, str]:  # noqa: N802
        block = self.block if tag == "latest" else int(tag, 16)
        block_hash = self.hashes.get(block, f"0x{block:064x}")
        return {"number": hex(block), "timestamp": hex(1_700_000_000 + block), "hash": block_hash}

    def _eth_getLogs(self, query: dict[str, Any]) -> list[dict[str, object]]:  # noqa: N802
        if self.log_error:
            raise RuntimeError(self.log_error)
        to_block = query["toBlock"]
        low, high = int(query["fromBlock"], 16), self.block if to_block == "latest" else int(to_block, 16)
        if high > self.block and self.refuses_beyond_head:
            raise RuntimeError("block range extends beyond current head block")
        if high - low >= self.longest_logs:
            raise RuntimeError(f"range of more than {self.longest_logs} blocks")
        return [
            log
            for log in self.logs
            if low <= int(str(log["blockNumber"]), 16) <= high
            and log["address"] == query["address"]
            and _matches(query["topics"], log["topics"])
        ]

    def _eth_getTransactionReceipt(self, tx_hash: str) -> object:  # noqa: N802
        receipt = self.receipts.get(tx_hash)
        if isinstance(receipt, Exception):
            raise receipt
        return receipt

    def _eth_call(self, call: dict[str, str], tag: str) -> str:
        self.tags[tag] += 1
        block = self.block
        if tag != "latest":
            if not self.keeps_history:
                raise RuntimeError("missing trie node")
            if self.lagging:
                self.lagging -= 1
                raise RuntimeError("header not found")
        elif self.lagging:
            block -= 5
        data = bytes.fromhex(call["data"][2:])
        if call["to"] != MULTICALL:
            return "0x" + self._run(call["to"], data, block).hex()
        if not self.has_multicall:
            return "0x"
        return "0x" + self._multicall(data, block).hex()

    def _multicall(self, data: bytes, block: int) -> bytes:
        if data[:4] != function_signature_to_4byte_selector("aggregate3((address,bool,bytes)[])"):
            return self._run(MULTICALL, data, block)
        (calls,) = decode(["(address,bool,bytes)[]"], data[4:])
        if len(calls) > self.max_calls or any(inner in self.poison for _, _, inner in calls):
            raise RuntimeError("out of gas")
        results: list[tuple[bool, bytes]] = []
        for target, allow_failure, inner in calls:
            assert allow_failure
            if len(results) >= self.gas_for:
                results.append((False, b""))
                continue
            try:
                results.append((True, self._run(target, inner, block)))
            except RevertError as error:
                results.append((False, error.data))
        return encode(["(bool,bytes)[]"], [results])

    def _run(self, target: str, data: bytes, block: int) -> bytes:
        if data in self.reverting:
            raise self.reverting[data]
        if data in self.results:
            return self.results[data]
        for signature, (contract, arguments, run) in FUNCTIONS.items():
            if contract == target and data[:4] == function_signature_to_4byte_selector(signature):
                return run(self, block, *decode(arguments, data[4:]))
        raise RevertError

    def user_orders(self, trader: str) -> bytes:
        ids = [order.order_id for order in self.orders.values() if order.trader == trader]
        return encode(["uint256[]"], [ids])

    def order(self, order_id: int) -> bytes:
        order = self.orders.get(order_id, Order(0, ZERO, 0, 0, False))
        return encode(
            ["uint256", "address", "uint256", "uint256", "bool", "uint256", "uint256", "uint256", "bool", "uint256"],
            [order.order_id, order.trader, order.price6, order.amount18, order.is_buy, 1_700_000_000, 0, 7, True, 0],
        )


def _session(session_id: bytes) -> bytes:
    trader = "0x" + session_id[:20].hex()
    return encode(RECORD, [trader, b"\1" * 32, 1_800_000_000, 0, 0, 5, (2).to_bytes(32, "big"), False])


def _words(types: Sequence[str], *values: object) -> Callable[..., bytes]:
    return lambda _node, _block, *_arguments: encode(types, values)


FUNCTIONS: dict[str, tuple[str, list[str], Callable[..., bytes]]] = {
    "getBlockNumber()": (MULTICALL, [], lambda _, block: encode(["uint256"], [block])),
    "getCurrentBlockTimestamp()": (MULTICALL, [], lambda _, block: encode(["uint256"], [1_700_000_000 + block])),
    "marketStatic()": (
        BOOK,
        [],
        _words(["address", "bytes32", "bool", "uint256"], VAULT, bytes.fromhex(MARKET_ID[2:]), False, 0),
    ),
    "getLeverageInfo()": (BOOK, [], _words(["bool", "uint256", "uint256", "address"], True, 10, 1_000, ZERO)),
    "bestBid()": (BOOK, [], _words(["uint256"], 99_000_000)),
    "bestAsk()": (BOOK, [], _words(["uint256"], 101_000_000)),
    "lastTradePrice()": (BOOK, [], _words(["uint256"], 100_500_000)),
    "getMarkPrice(bytes32)": (VAULT, ["bytes32"], _words(["uint256"], 100_000_000)),
    "getOrderBookDepthFromPointers(uint256)": (
        BOOK,
        ["uint256"],
        _words(["uint256[]"] * 4, [99_000_000, 0], [5, 0], [101_000_000, 0], [6, 0]),
    ),
    "getUserOrders(address)": (BOOK, ["address"], lambda node, _, trader: node.user_orders(trader)),
    "getOrder(uint256)": (BOOK, ["uint256"], lambda node, _, order_id: node.order(order_id)),
    "getAvailableCollateral(address)": (VAULT, ["address"], _words(["uint256"], 9_000_000_000)),
    "getPositionSummary(address,bytes32)": (
        VAULT,
        ["address", "bytes32"],
        _words(["int256", "uint256", "uint256"], -3, 100_000_000, 450),
    ),
    "metaNonce(address)": (REGISTRY, ["address"], _words(["uint256"], 4)),
    "sessions(bytes32)": (REGISTRY, ["bytes32"], lambda _, __, session_id: _session(session_id)),
}


def call_data(signature: str, *arguments: object) -> bytes:
    """The data of a call, for use in `poison`, `reverting` or `results`."""
    types = [kind for kind in signature[signature.index("(") + 1 : -1].split(",") if kind]
    return function_signature_to_4byte_selector(signature) + encode(types, arguments)


def _matches(wanted: Sequence[Any], topics: Any) -> bool:
    """Topic matching as in eth_getLogs: None matches anything, a list matches any of its items."""
    return len(wanted) <= len(topics) and all(
        want is None or topic == want or (isinstance(want, list) and topic in want)
        for want, topic in zip(wanted, topics, strict=False)
    )


def event_log(
    signature: str, topics: Sequence[bytes], values: Sequence[object], *, block: int = 5, index: int = 0
) -> dict[str, object]:
    """A log of the order book; the last types of the signature are its data."""
    kinds = signature[signature.index("(") + 1 : -1].split(",")
    data = encode(kinds[len(kinds) - len(values) :], values)
    return {
        "address": BOOK,
        "topics": ["0x" + event_signature_to_log_topic(signature).hex(), *("0x" + t.hex() for t in topics)],
        "data": "0x" + data.hex(),
        "blockNumber": hex(block),
        "transactionHash": "0x" + "7f" * 32,
        "logIndex": hex(index),
        "removed": False,
    }
