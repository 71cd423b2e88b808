"""The table of lies: what the venue says, from when on, and what must happen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from eth_abi.abi import decode, encode

from ama_tui.localnet.faults.contract_calls import Change
from ama_tui.localnet.faults.rules import FaultRule
from ama_tui.venue import contract_abi as abi
from ama_tui.venue.multicall import MULTICALL3
from tests.engine.doctor.meddler import ChangeBody, ChangeResult
from tests.hostile.proxy import Lies

LIVE = "/api/orderbook/live"
MARKETS = "/api/markets"
RELAYERS = "/api/gasless/session/relayer-set"
NONCE = "/api/gasless/session/nonce"
INIT = "/api/gasless/session/init"
TRADE = "/api/gasless/trade"

UINTS: Mapping[str, int] = {"0": 0, "1": 1, "2^127": 2**127, "2^255": 2**255, "2^256-1": 2**256 - 1}
"""Extreme values of an integer on chain."""
NUMBERS: Mapping[str, Any] = {
    "null": None,
    "0": 0,
    "-1": -1,
    "1e-30": 1e-30,
    "1e300": 1e300,
    "2^256": 2**256,
    "NaN": "NaN",
    "text": "x",
    "[]": [],
}
"""Extreme values of a number in the API."""
QUANTITIES: Mapping[str, Any] = {
    "0": "0x0",
    "2^64": hex(2**64),
    "2^256-1": hex(2**256 - 1),
    "-1": "-0x1",
    "null": None,
    "[]": [],
}
"""Extreme values of a number in a response of the node."""
OTHER = "0x" + "c0" * 20
OTHER_32 = "0x" + "99" * 32


class Since(Enum):
    """When the venue begins to lie."""

    START = "start"
    PACKED = "packed"
    RESUMED = "resumed"
    """A run packs the fleet and stops; the next one resumes it."""
    FORGOTTEN = "forgotten"
    """The same, but the next run has an empty state directory."""


class Outcome(Enum):
    """What must happen under a lie. The chain is checked in every case: no excess order, no margin above the cap."""

    REFUSED = "the run is refused before anything is signed"
    NO_SESSION = "the run starts, and no permit is signed"
    HELD = "nothing more is placed while it lasts"
    SAFE = "the run continues, or stops with a clear error"


@dataclass(frozen=True, slots=True)
class Lie:
    """One row."""

    name: str
    make: Callable[[], Lies]
    since: Since
    outcome: Outcome
    says: str = ""
    """What the operator sees, as a part of an error, a reason or a log line."""
    symbol: str = "ETH-USD"
    faults: tuple[FaultRule, ...] = ()
    """Faults of the local venue that are active during the lie."""
    ends_nothing: bool = False
    """No order may be called gone or void, or be hidden for long: all of them rest, and nobody cancels."""


def call(selector: bytes, lie: Change) -> Callable[[], Lies]:
    return lambda: Lies(calls={selector: lie})


def method(name: str, lie: ChangeResult) -> Callable[[], Lies]:
    return lambda: Lies(rpc={name: lie})


def body(path: str, lie: ChangeBody) -> Callable[[], Lies]:
    return lambda: Lies(api={path: lie})


# ---- contract results ----


def word(index: int, value: int) -> Change:
    """A result with one of its words replaced."""
    return lambda _, said: said[: 32 * index] + value.to_bytes(32, "big") + said[32 * (index + 1) :]


def _ids(said: bytes) -> list[int]:
    (ids,) = decode(["uint256[]"], said)
    return list(ids)


def first_ids(count: int) -> Change:
    """A gateway that pages: only the first few order ids."""
    return lambda _, said: encode(["uint256[]"], [_ids(said)[:count]])


def every_second_id(_: bytes, said: bytes) -> bytes:
    return encode(["uint256[]"], [_ids(said)[::2]])


def other_ids(_: bytes, said: bytes) -> bytes:
    return encode(["uint256[]"], [[one + 10_000 for one in _ids(said)]])


def no_order(_: bytes, said: bytes) -> bytes:
    return bytes(len(said))


@dataclass
class Cache:
    """A gateway that repeats its first response to each call forever."""

    known: dict[bytes, bytes] = field(default_factory=dict)

    def __call__(self, asked: bytes, said: bytes) -> bytes:
        return self.known.setdefault(asked, said)


def hidden(lists: Change) -> Callable[[], Lies]:
    """Truncated order lists, and orders that cannot be found by their ids either."""

    def make() -> Lies:
        shown: set[int] = set()

        def cut(asked: bytes, said: bytes) -> bytes:
            result = lists(asked, said)
            shown.update(_ids(result))
            return result

        def find(asked: bytes, said: bytes) -> bytes:
            return said if int.from_bytes(asked[4:36], "big") in shown else bytes(len(said))

        return Lies(calls={abi.GET_USER_ORDERS: cut, abi.GET_ORDER: find})

    return make


# ---- API bodies ----


def live(**changes: Any) -> ChangeBody:
    return lambda said: {**said, "data": {**said["data"], **changes}}


def rows(**changes: Any) -> ChangeBody:
    """Change every row of the market list."""
    return lambda said: {**said, "markets": [{**row, **changes} for row in said["markets"]]}


def total(value: Any) -> ChangeBody:
    return lambda said: {**said, "pagination": {**said["pagination"], "total": value}}


def whole(**changes: Any) -> ChangeBody:
    return lambda said: {**said, **changes}


API_FIELDS: Mapping[str, tuple[str, Callable[[Any], ChangeBody]]] = {
    "cache age": (LIVE, lambda value: whole(cacheAgeMs=value)),
    "tick": (MARKETS, lambda value: rows(tick_size=value)),
    "chain id of a row": (MARKETS, lambda value: rows(chain_id=value)),
    "total of the markets": (MARKETS, total),
    "API nonce": (NONCE, lambda value: whole(nonce=value)),
    "block of a session": (INIT, lambda value: whole(blockNumber=value)),
    "block of a trade": (TRADE, lambda value: whole(blockNumber=value)),
}
"""Numbers in API bodies: the path, and the body with another value."""


# ---- answers of the node ----


def receipt(**changes: Any) -> ChangeResult:
    return lambda _, said: said and {**said, **changes}


def each_log(**changes: Any) -> ChangeResult:
    return lambda _, said: [{**log, **changes} for log in said]


def trade_word(index: int, value: int) -> ChangeResult:
    """Replace one word in the data of every event."""

    def change(_: list[Any], said: Any) -> Any:
        lie = word(index, value)
        return [{**log, "data": "0x" + lie(b"", bytes.fromhex(log["data"][2:])).hex()} for log in said]

    return change


def no_code(params: list[Any], said: Any) -> Any:
    """A chain without Multicall3."""
    return "0x" if params[0].lower() == MULTICALL3 else said


def without_multicall(name: str, lie: Callable[[Any], Any]) -> Callable[[], Lies]:
    """A node without Multicall3, whose blocks are read as JSON."""
    return lambda: Lies(rpc={"eth_getCode": no_code, name: lambda _, said: lie(said)})


NODE_FIELDS: Mapping[str, Callable[[Any], Callable[[], Lies]]] = {
    "chain id": lambda value: method("eth_chainId", lambda _, said: value),
    "receipt's status": lambda value: method("eth_getTransactionReceipt", receipt(status=value)),
    "receipt's block": lambda value: method("eth_getTransactionReceipt", receipt(blockNumber=value)),
    "log's block": lambda value: method("eth_getLogs", each_log(blockNumber=value)),
    "log's index": lambda value: method("eth_getLogs", each_log(logIndex=value)),
    "JSON block number": lambda value: without_multicall("eth_blockNumber", lambda _: value),
    "JSON block": lambda value: without_multicall("eth_getBlockByNumber", lambda said: {**said, "number": value}),
    "JSON block time": lambda value: without_multicall(
        "eth_getBlockByNumber", lambda said: {**said, "timestamp": value}
    ),
}
"""Numbers in the node's responses, and the lie with another value."""


def fewer_relayers(said: dict[str, Any]) -> dict[str, Any]:
    return {**said, "relayerAddresses": said["relayerAddresses"][1:]}


def block_time(seconds: int) -> Callable[[], Lies]:
    """A node whose clock is ahead, in blocks as in contract calls."""
    return lambda: Lies(
        calls={
            abi.GET_BLOCK_TIMESTAMP: lambda _, said: (int.from_bytes(said, "big") + seconds).to_bytes(32, "big"),
        }
    )


READS: Mapping[str, tuple[bytes, int]] = {
    "bestBid": (abi.BEST_BID, 0),
    "bestAsk": (abi.BEST_ASK, 0),
    "lastTradePrice": (abi.LAST_TRADE_PRICE, 0),
    "vault mark": (abi.GET_MARK_PRICE, 0),
    "available collateral": (abi.GET_AVAILABLE_COLLATERAL, 0),
    "position": (abi.GET_POSITION_SUMMARY, 0),
    "position margin": (abi.GET_POSITION_SUMMARY, 2),
    "block number": (abi.GET_BLOCK_NUMBER, 0),
    "block time": (abi.GET_BLOCK_TIMESTAMP, 0),
    "order price": (abi.GET_ORDER, 2),
    "order amount": (abi.GET_ORDER, 3),
    "order time": (abi.GET_ORDER, 5),
    "order margin": (abi.GET_ORDER, 7),
    "leverage": (abi.GET_LEVERAGE_INFO, 2),
    "nonce": (abi.META_NONCE, 0),
    "session expiry": (abi.SESSIONS, 2),
    "session used": (abi.SESSIONS, 5),
}
"""Integers in contract reads: the selector and the word."""
FIELDS = ("bestBid", "bestAsk", "markPrice", "lastTradePrice")


def no_logs(_: list[Any], said: Any) -> Any:
    return []


NAMED = (
    Lie("market id", body(MARKETS, rows(market_id_bytes32=OTHER_32)), Since.START, Outcome.REFUSED, "market id"),
    Lie("relayer set", body(RELAYERS, fewer_relayers), Since.START, Outcome.REFUSED, "relayer root"),
    Lie("nonce", body(NONCE, lambda said: {**said, "nonce": "7"}), Since.START, Outcome.NO_SESSION, "nonce"),
    Lie("clock 10 years ahead", block_time(10 * 365 * 86_400), Since.START, Outcome.NO_SESSION, "clock"),
    Lie("clock 6 minutes ahead", block_time(360), Since.START, Outcome.NO_SESSION, "clock"),
    Lie("live of another book", body(LIVE, live(orderBookAddress=OTHER, markPrice=250)), Since.START, Outcome.SAFE,
        f"order book {OTHER}"),
    Lie("live of last minute", body(LIVE, lambda said: {**said, "cacheAgeMs": 60_000}), Since.START, Outcome.SAFE,
        "60 s old"),
    Lie("mark far off, empty book", body(LIVE, live(markPrice=99_999)), Since.START, Outcome.HELD, "apart",
        symbol="NOVA-USD"),
    Lie("vault mark far off", call(abi.GET_MARK_PRICE, word(0, 10**12)), Since.PACKED, Outcome.HELD, "apart"),
    Lie("5 ids", call(abi.GET_USER_ORDERS, first_ids(2)), Since.PACKED, Outcome.SAFE, "does not list"),
    Lie("5 ids from the start", call(abi.GET_USER_ORDERS, first_ids(2)), Since.START, Outcome.SAFE),
    Lie("every second id", call(abi.GET_USER_ORDERS, every_second_id), Since.PACKED, Outcome.SAFE, "does not list"),
    Lie("every second id from the start", call(abi.GET_USER_ORDERS, every_second_id), Since.START, Outcome.SAFE),
    Lie("no ids", call(abi.GET_USER_ORDERS, first_ids(0)), Since.PACKED, Outcome.SAFE, "does not list"),
    Lie("other ids", call(abi.GET_USER_ORDERS, other_ids), Since.PACKED, Outcome.SAFE),
    Lie("cached ids", lambda: Lies(calls={abi.GET_USER_ORDERS: Cache()}), Since.START, Outcome.SAFE),
    Lie("cached orders", lambda: Lies(calls={abi.GET_USER_ORDERS: Cache(), abi.GET_ORDER: Cache()}), Since.START,
        Outcome.SAFE),
    Lie("orders hidden", hidden(first_ids(0)), Since.PACKED, Outcome.HELD, "vanished"),
    Lie("orders hidden from the start", hidden(first_ids(0)), Since.START, Outcome.SAFE),
    Lie("half of the orders hidden", hidden(every_second_id), Since.PACKED, Outcome.HELD, "vanished"),
    Lie("half of the orders hidden from the start", hidden(every_second_id), Since.START, Outcome.SAFE),
    Lie("orders hidden", hidden(first_ids(0)), Since.RESUMED, Outcome.HELD, "vanished"),
    Lie("half of the orders hidden", hidden(every_second_id), Since.RESUMED, Outcome.HELD, "vanished"),
    Lie("orders empty", call(abi.GET_ORDER, no_order), Since.RESUMED, Outcome.HELD, "vanished"),
    Lie("orders hidden, no logs", lambda: Lies(calls=hidden(first_ids(0))().calls, rpc={"eth_getLogs": no_logs}),
        Since.RESUMED, Outcome.HELD, "vanished"),
    Lie("5 ids", call(abi.GET_USER_ORDERS, first_ids(2)), Since.RESUMED, Outcome.SAFE, "does not list"),
    Lie("orders hidden", hidden(first_ids(0)), Since.FORGOTTEN, Outcome.HELD, "vanished"),
    Lie("half of the orders hidden", hidden(every_second_id), Since.FORGOTTEN, Outcome.HELD, "vanished"),
    Lie("orders empty", call(abi.GET_ORDER, no_order), Since.FORGOTTEN, Outcome.HELD, "vanished"),
    Lie("5 ids", call(abi.GET_USER_ORDERS, first_ids(2)), Since.FORGOTTEN, Outcome.SAFE, "does not list"),
    Lie("every second id", call(abi.GET_USER_ORDERS, every_second_id), Since.FORGOTTEN, Outcome.SAFE,
        "does not list"),
    Lie("cached ids", lambda: Lies(calls={abi.GET_USER_ORDERS: Cache()}), Since.FORGOTTEN, Outcome.SAFE),
    Lie("orders empty", call(abi.GET_ORDER, no_order), Since.PACKED, Outcome.HELD, "vanished"),
    Lie("no receipts", method("eth_getTransactionReceipt", lambda _, said: None), Since.START, Outcome.SAFE),
    Lie("no logs", method("eth_getLogs", lambda _, said: []), Since.PACKED, Outcome.SAFE),
    Lie("tick 0", body(MARKETS, rows(tick_size=0)), Since.START, Outcome.REFUSED, "tick"),
    Lie("tick -1", body(MARKETS, rows(tick_size=-1)), Since.START, Outcome.REFUSED, "tick"),
    Lie("tick 1e-30", body(MARKETS, rows(tick_size=1e-30)), Since.START, Outcome.REFUSED, "tick"),
    Lie("tick NaN", body(MARKETS, rows(tick_size="NaN")), Since.START, Outcome.REFUSED, "tick"),
    Lie("tick 1e300", body(MARKETS, rows(tick_size=1e300)), Since.START, Outcome.REFUSED),
)  # fmt: skip

REPLICAS = FaultRule("replicas")
"""A load balancer: each response comes from another node, up to five blocks behind."""


def replicas(name: str, since: Since, make: Callable[[], Lies] = Lies) -> Lie:
    return Lie(name, make, since, Outcome.SAFE, faults=(REPLICAS,), ends_nothing=True)


def no_multicall(**more: bool) -> Callable[[], Lies]:
    return lambda: Lies(rpc={"eth_getCode": no_code}, **more)  # type: ignore[arg-type]


LIES: tuple[Lie, ...] = (
    *NAMED,
    replicas("replicas", Since.START),
    replicas("replicas", Since.PACKED),
    replicas("replicas", Since.RESUMED),
    replicas("replicas", Since.FORGOTTEN),
    replicas("replicas without history", Since.START, lambda: Lies(has_no_history=True)),
    replicas("replicas without Multicall3", Since.START, no_multicall()),
    replicas("replicas without Multicall3 and history", Since.START, no_multicall(has_no_history=True)),
    replicas("replicas without Multicall3 and batches", Since.START, no_multicall(refuses_batches=True)),
    *(
        replicas("replicas one call at a time", since, no_multicall(refuses_batches=True, has_no_history=True))
        for since in (Since.START, Since.PACKED)
    ),
    *(
        Lie(f"{name} = {text}", call(selector, word(index, value)), since, Outcome.SAFE)
        for name, (selector, index) in READS.items()
        for text, value in UINTS.items()
        for since in ((Since.START,) if index == 0 else (Since.PACKED,))
    ),
    *(
        Lie(f"API {name} = {text}", body(LIVE, live(**{name: value})), Since.START, Outcome.SAFE, symbol=symbol)
        for name, symbol in zip(FIELDS, ("ETH-USD", "ETH-USD", "NOVA-USD", "NOVA-USD"), strict=True)
        for text, value in NUMBERS.items()
    ),
    *(
        Lie(f"{name} = {text}", body(path, change(value)), Since.START, Outcome.SAFE)
        for name, (path, change) in API_FIELDS.items()
        for text, value in NUMBERS.items()
    ),
    *(
        Lie(f"{name} = {text}", make(value), Since.START, Outcome.SAFE)
        for name, make in NODE_FIELDS.items()
        for text, value in QUANTITIES.items()
    ),
    *(
        Lie(f"trade's {name} = {text}", method("eth_getLogs", trade_word(index, value)), Since.START, Outcome.SAFE)
        for index, name in enumerate(("price", "amount"))
        for text, value in UINTS.items()
    ),
)
