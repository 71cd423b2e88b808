"""What must hold for a journal and the chain after any number of crashes.

It knows the formats and shares no code with our implementation.
"""

from __future__ import annotations

import json
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

from eth_abi.abi import decode
from eth_utils.crypto import keccak

from ama_tui.domain.order import decode_tag
from tests.e2e.client import OtherClient

PLACED = "0x" + keccak(text="OrderPlaced(uint256,address,uint256,uint256,bool,bool)").hex()
PLACE_LIMIT = ["bytes32", "bytes32[]", "address", "uint256", "uint256", "bool"]
"""The arguments of the order book's sessionPlaceMarginLimit."""
TRADED = "0x" + keccak(text="TradeExecutionCompleted(address,address,uint256,uint256)").hex()
PLACE_MARKET = ["bytes32", "bytes32[]", "address", "uint256", "bool"]
"""The arguments of the order book's sessionPlaceMarginMarket."""
MARKET_SELECTOR = keccak(text=f"sessionPlaceMarginMarket({','.join(PLACE_MARKET)})")[:4].hex()


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


def assert_no_intent_twice(client: OtherClient, symbol: str, traders: list[str], journal: list[dict[str, Any]]) -> int:
    """Every placement was written ahead, and none was placed twice; returns how many orders were placed.

    An amount carries its order's level and sequence, so (trader, amount) names one intent.
    """
    placed = Counter(_placements(client, symbol, traders))
    twice = [intent for intent, count in placed.items() if count > 1]
    assert not twice, f"placed twice: {twice}"
    intended = {
        (line["trader"], int(line["params"]["amount"]))
        for line in journal
        if line["action"] == "INTENT" and "level" in line["params"] and "amount" in line["params"]
    }
    unheard = placed.keys() - intended
    assert not unheard, f"on the chain and in no intent: {unheard}"
    return len(placed)


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


def assert_takes_are_ours_and_meet_others(
    client: OtherClient, symbol: str, fleet: list[str], journal: list[dict[str, Any]]
) -> int:
    """Every market order of the fleet on the chain has an intent of its own, and none traded with the fleet.

    Returns how many there are.
    """
    (logs,) = client.rpc(("eth_getLogs", [_span(client, symbol, TRADED)]))
    ours = [log for log in logs if any(_address(topic) in fleet for topic in log["topics"][1:])]
    among_us = [log for log in ours if all(_address(topic) in fleet for topic in log["topics"][1:])]
    assert not among_us, f"the fleet traded with itself: {among_us}"
    hashes = sorted({log["transactionHash"] for log in ours})
    sent = client.rpc(*(("eth_getTransactionByHash", [tx_hash]) for tx_hash in hashes)) if hashes else []
    takes = Counter(
        decode(PLACE_MARKET, bytes.fromhex(transaction["input"][10:]))[2].lower()
        for transaction in sent
        if transaction["input"][2:10] == MARKET_SELECTOR
    )
    intended = Counter(
        line["trader"]
        for line in journal
        if line["action"] == "INTENT" and line["params"]["method"] == "sessionPlaceMarginMarket"
    )
    for trader in fleet:
        assert takes[trader] <= intended[trader], f"{trader} took {takes[trader]} times, intended {intended[trader]}"
    return sum(takes[trader] for trader in fleet)


def _span(client: OtherClient, symbol: str, topic: str) -> dict[str, Any]:
    return {"address": client.book(symbol), "topics": [topic], "fromBlock": "0x0", "toBlock": "latest"}


def _address(topic: str) -> str:
    return "0x" + topic[-40:].lower()


def _placements(client: OtherClient, symbol: str, traders: list[str]) -> list[tuple[str, int]]:
    """The (trader, amount18) of every placement of these traders that the chain has executed on a market.

    The amount is the transaction's: the event has only what was left after a match.
    """
    (logs,) = client.rpc(("eth_getLogs", [_span(client, symbol, PLACED)]))
    ours = [log for log in logs if _address(log["topics"][2]) in traders]
    sent = client.rpc(*(("eth_getTransactionByHash", [log["transactionHash"]]) for log in ours))
    asked = (decode(PLACE_LIMIT, bytes.fromhex(transaction["input"][10:])) for transaction in sent)
    return [(trader.lower(), amount) for _, _, trader, _, amount, _ in asked]
