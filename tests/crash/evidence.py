"""What must hold for a journal and the chain after any number of crashes.

It knows the formats and shares no code with our implementation.
"""

from __future__ import annotations

import json
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
from eth_abi.abi import decode
from eth_utils.crypto import keccak

from ama_tui.domain.order import decode_tag
from tests.e2e.client import OtherClient

PLACED = "0x" + keccak(text="OrderPlaced(uint256,address,uint256,uint256,bool,bool)").hex()
MODIFIED = "0x" + keccak(text="OrderModified(uint256,uint256,address,uint256,uint256)").hex()
TRADED = "0x" + keccak(text="TradeExecutionCompleted(address,address,uint256,uint256)").hex()
PLACE_LIMIT = ["bytes32", "bytes32[]", "address", "uint256", "uint256", "bool"]
"""The arguments of the order book's sessionPlaceMarginLimit."""
MODIFY = ["bytes32", "bytes32[]", "address", "uint256", "uint256", "uint256"]
"""The arguments of sessionModifyOrder: the order's id, the price and the amount are the last."""
TAKE = ["bytes32", "bytes32[]", "address", "uint256", "bool"]
"""The arguments of sessionPlaceMarginMarket."""


def _selector(name: str, arguments: list[str]) -> str:
    return keccak(text=f"{name}({','.join(arguments)})").hex()[:8]


PLACE_SELECTOR = _selector("sessionPlaceMarginLimit", PLACE_LIMIT)
MODIFY_SELECTOR = _selector("sessionModifyOrder", MODIFY)
TAKE_SELECTOR = _selector("sessionPlaceMarginMarket", TAKE)


def journal_bytes(market_state: Path) -> bytes:
    """The whole journal of a market's state directory, its older segments first, up to the last newline."""
    segments = [*sorted(market_state.glob("actions.*.jsonl")), market_state / "actions.jsonl"]
    whole = b"".join(path.read_bytes() for path in segments if path.is_file())
    return whole[: whole.rfind(b"\n") + 1]


def assert_journal_is_whole(journal: bytes) -> list[dict[str, Any]]:
    """Every line has the CRC-32 of what precedes it, and the numbers are 1, 2, 3 and so on."""
    lines = []
    for number, line in enumerate(journal.splitlines(), start=1):
        before, mark, crc = line.rpartition(b',"crc":')
        assert mark, f"line {number} has no crc"
        assert int(crc.removesuffix(b"}")) == zlib.crc32(before), f"line {number} has another crc"
        lines.append(json.loads(line))
        assert lines[-1]["seq"] == number, f"line {number} says that it is {lines[-1]['seq']}"
    return lines


def assert_no_intent_twice(
    client: OtherClient, symbol: str, traders: list[str], journal: list[dict[str, Any]]
) -> tuple[int, int]:
    """Every placement and every move was written ahead, and none was executed twice; returns how many of each were.

    An amount carries its order's level and sequence, so (trader, amount) names one intent.
    """
    placed, moved = Counter(_placements(client, symbol, traders)), Counter(_moves(client, symbol, traders))
    executed = placed + moved
    twice = [intent for intent, count in executed.items() if count > 1]
    assert not twice, f"executed twice: {twice}"
    intended = {
        (line["trader"], int(line["params"]["amount"]))
        for line in journal
        if line["action"] == "INTENT" and "level" in line["params"] and "amount" in line["params"]
    }
    unheard = executed.keys() - intended
    assert not unheard, f"on the chain and in no intent: {unheard}"
    return len(placed), len(moved)


def assert_no_take_twice(client: OtherClient, symbol: str, traders: list[str], journal: list[dict[str, Any]]) -> int:
    """No more takes of a kind were executed than were written ahead; returns how many were."""
    intended = Counter(
        (line["trader"], int(line["params"]["amount"]), line["params"]["side"] == "buy")
        for line in journal
        if line["action"] == "INTENT" and line["params"].get("method") == "sessionPlaceMarginMarket"
    )
    (logs,) = client.rpc(("eth_getLogs", [_span(client, symbol, TRADED)]))
    taken: Counter[tuple[str, int, bool]] = Counter()
    for transaction in _transactions(client, logs, TAKE_SELECTOR):
        _, _, trader, amount, is_buy = decode(TAKE, bytes.fromhex(transaction["input"][10:]))
        if trader.lower() in traders:
            taken[trader.lower(), amount, is_buy] += 1
    unheard = taken - intended
    assert not unheard, f"taken more often than intended: {unheard}"
    return taken.total()


def has_moves(client: OtherClient, symbol: str) -> bool:
    """Whether the chain shows a moved order on a market now; False where the venue's faults spoil the answer."""
    try:
        (logs,) = client.rpc(("eth_getLogs", [_span(client, symbol, MODIFIED)]))
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return False
    return bool(logs)


def assert_no_self_trade(client: OtherClient, symbol: str, traders: list[str]) -> None:
    """No trade has the fleet on both sides."""
    (logs,) = client.rpc(("eth_getLogs", [_span(client, symbol, TRADED)]))
    pairs = [tuple("0x" + topic[-40:].lower() for topic in log["topics"][1:3]) for log in logs]
    own = [pair for pair in pairs if set(pair) <= set(traders)]
    assert not own, f"the fleet traded with itself: {own}"


def assert_each_level_once(
    client: OtherClient, symbol: str, traders: list[str], per_side: int, journal: list[dict[str, Any]]
) -> None:
    """Every trader has each level on both sides, and none twice.

    An order's tag has its level; where a fill has erased the tag, the intent with its price has it.
    """
    intended = {
        (line["trader"], line["params"]["side"] == "buy", int(line["params"]["price"])): line["params"]["level"]
        for line in journal
        if line["action"] == "INTENT" and "level" in line["params"] and "price" in line["params"]
    }
    for trader, orders in client.orders(symbol, *traders).items():
        for is_buy in (True, False):
            levels = [
                tag.level if (tag := decode_tag(order.amount18)) is not None else intended[trader, is_buy, order.price6]
                for order in orders
                if order.is_buy is is_buy
            ]
            assert sorted(levels) == list(range(1, per_side + 1)), f"{trader} {'bids' if is_buy else 'asks'}: {levels}"


def _placements(client: OtherClient, symbol: str, traders: list[str]) -> list[tuple[str, int]]:
    """The (trader, amount18) of every placement of these traders that the chain has executed on a market.

    The amount is the transaction's: the event has only what was left after a match.
    """
    (logs,) = client.rpc(("eth_getLogs", [_span(client, symbol, PLACED)]))
    ours = [log for log in logs if "0x" + log["topics"][2][-40:].lower() in traders]
    asked = (
        decode(PLACE_LIMIT, bytes.fromhex(transaction["input"][10:]))
        for transaction in _transactions(client, ours, PLACE_SELECTOR)
    )
    return [(trader.lower(), amount) for _, _, trader, _, amount, _ in asked]


def _moves(client: OtherClient, symbol: str, traders: list[str]) -> list[tuple[str, int]]:
    """The same for every executed move of an order."""
    (logs,) = client.rpc(("eth_getLogs", [_span(client, symbol, MODIFIED)]))
    asked = (
        decode(MODIFY, bytes.fromhex(transaction["input"][10:]))
        for transaction in _transactions(client, logs, MODIFY_SELECTOR)
    )
    return [(trader.lower(), amount) for _, _, trader, _, _, amount in asked if trader.lower() in traders]


def _span(client: OtherClient, symbol: str, topic: str) -> dict[str, object]:
    return {"address": client.book(symbol), "topics": [topic], "fromBlock": "0x0", "toBlock": "latest"}


def _transactions(client: OtherClient, logs: list[dict[str, Any]], selector: str) -> list[dict[str, Any]]:
    """The transactions of these logs that call one function, each once."""
    hashes = list(dict.fromkeys(log["transactionHash"] for log in logs))
    sent = client.rpc(*(("eth_getTransactionByHash", [one]) for one in hashes)) if hashes else ()
    return [transaction for transaction in sent if transaction["input"][2:10] == selector]
