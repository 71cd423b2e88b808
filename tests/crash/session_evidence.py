"""Which sessions the chain has for which trader and market: from the registry's log, calls and records."""

from __future__ import annotations

from dataclasses import dataclass

from eth_abi.abi import decode, encode
from eth_utils.crypto import keccak

from tests.e2e.client import OtherClient

CREATED = "0x" + keccak(text="SessionCreated(bytes32,address,bytes32,uint256)").hex()
PERMIT = "(address,bytes32,uint256,uint256,uint256,bytes32,bytes32,bytes32[],uint256)"
RECORD = ["address", "bytes32", "uint256", "uint256", "uint256", "uint256", "bytes32", "bool"]
PACKER_METHODS = 0b110010
"""Margin limit, modify and cancel."""


@dataclass(frozen=True)
class MadeSession:
    """A session created on chain. `markets` are the ids that its permit allows, `methods` its bitmap."""

    session_id: str
    trader: str
    markets: tuple[str, ...]
    relayer_root: str
    expiry: int
    methods: int
    is_revoked: bool


def sessions_made(client: OtherClient) -> list[MadeSession]:
    """Every session that the registry has ever created, in order."""
    span = {"address": client.registry, "topics": [CREATED], "fromBlock": "0x0", "toBlock": "latest"}
    (logs,) = client.rpc(("eth_getLogs", [span]))
    calls = client.rpc(*(("eth_getTransactionByHash", [log["transactionHash"]]) for log in logs))
    records = client.rpc(*(_record_call(client.registry, log["topics"][1]) for log in logs))
    made = []
    for log, call, words in zip(logs, calls, records, strict=True):
        permit, _ = decode([PERMIT, "bytes"], bytes.fromhex(call["input"][10:]))
        trader, root, expiry, _, _, _, methods, is_revoked = decode(RECORD, bytes.fromhex(words[2:]))
        markets = tuple("0x" + market.hex() for market in permit[7])
        session_id = log["topics"][1].lower()
        made.append(
            MadeSession(
                session_id, trader.lower(), markets, "0x" + root.hex(), expiry, int.from_bytes(methods), is_revoked
            )
        )
    return made


def live_sessions(client: OtherClient, symbol: str, traders: list[str]) -> dict[str, list[MadeSession]]:
    """The sessions of a market that are neither revoked nor expired, by trader."""
    (latest,) = client.rpc(("eth_getBlockByNumber", ["latest", False]))
    now, market = int(latest["timestamp"], 16), client.row(symbol)["market_id_bytes32"].lower()
    found: dict[str, list[MadeSession]] = {trader: [] for trader in traders}
    for one in sessions_made(client):
        if one.trader in found and market in one.markets and not one.is_revoked and one.expiry > now:
            found[one.trader].append(one)
    return found


def assert_one_usable_each(client: OtherClient, symbol: str, traders: list[str], stored: dict[str, str]) -> int:
    """Every trader has exactly one live session of the market, it is the stored one, and the packer can use it.

    Returns how many sessions were ever created on chain for these traders.
    """
    live = live_sessions(client, symbol, traders)
    doubles = {trader: [one.session_id for one in some] for trader, some in live.items() if len(some) > 1}
    assert not doubles, f"more than one live session: {doubles}"
    without = [trader for trader, some in live.items() if not some]
    assert not without, f"no live session: {without}"
    root = client.get("/api/gasless/session/relayer-set")["relayerSetRoot"].lower()
    for trader, (one,) in live.items():
        assert stored[trader] == one.session_id, f"{trader} goes by {stored[trader]}, the chain has {one.session_id}"
        assert one.methods & PACKER_METHODS == PACKER_METHODS, f"{trader} may only use {one.methods:#b}"
        assert one.relayer_root == root, f"{trader} has a session for the relayers {one.relayer_root}"
    return sum(client.sessions_made(*traders))


def _record_call(registry: str, session_id: str) -> tuple[str, list[object]]:
    data = keccak(text="sessions(bytes32)")[:4] + encode(["bytes32"], [bytes.fromhex(session_id[2:])])
    return "eth_call", [{"to": registry, "data": "0x" + data.hex()}, "latest"]
