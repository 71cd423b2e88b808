"""Deploys the venue's contracts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eth_utils.crypto import keccak

from ama_tui.localnet import abi, merkle
from ama_tui.localnet.catalogue import MarketSpec
from ama_tui.localnet.node import MULTICALL3, Node, NodeError, NodeReceipt

DEPLOY_TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class Deployment:
    """The addresses of the deployed contracts, in lower case."""

    registry: str
    vault: str
    books: Mapping[str, tuple[str, str]]
    """By symbol: the order book's address and the market id in hex."""
    relayer_root: bytes
    multicall: str


def market_id(symbol: str) -> bytes:
    """The 32-byte id of a market."""
    return keccak(text=symbol)


async def deploy(node: Node, owner: str, relayers: Sequence[str], markets: Sequence[MarketSpec]) -> Deployment:
    """Deploy the registry, the vault and an order book per market, and wait until all are mined.

    With a block time this takes three blocks. Raises NodeError if a transaction reverts or is not mined in time.
    """
    registry, vault = await _mined(
        node,
        [
            await node.send(owner, None, abi.deploy_code("SessionRegistry")),
            await node.send(owner, None, abi.deploy_code("CoreVault")),
        ],
    )
    at_registry, at_vault = _created(registry), _created(vault)
    codes = [
        abi.deploy_code("OrderBook", (at_vault, at_registry, market_id(market.symbol), market.margin_req_bps))
        for market in markets
    ]
    books = await _mined(node, [await node.send(owner, None, code) for code in codes])
    pairs = list(zip(markets, map(_created, books), strict=True))

    async def send(contract: str, to: str, function: str, *args: Any) -> str:
        return await node.send(owner, to, abi.encode(contract, function, args))

    sent = [await send("SessionRegistry", at_registry, "setRelayers", list(relayers), True)]
    for market, book in pairs:
        mid = market_id(market.symbol)
        sent.append(await send("SessionRegistry", at_registry, "registerBook", mid, book))
        sent.append(await send("CoreVault", at_vault, "registerBook", mid, book))
        sent.append(await send("CoreVault", at_vault, "setMarkPrice", mid, market.price6))
    await _mined(node, sent)
    return Deployment(
        registry=at_registry,
        vault=at_vault,
        books={market.symbol: (book, "0x" + market_id(market.symbol).hex()) for market, book in pairs},
        relayer_root=merkle.root(relayers),
        multicall=MULTICALL3,
    )


async def _mined(node: Node, hashes: Sequence[str]) -> list[NodeReceipt]:
    receipts = await asyncio.gather(*(node.wait_receipt(each, DEPLOY_TIMEOUT) for each in hashes))
    done = []
    for receipt in receipts:
        if receipt is None:
            raise NodeError("a deployment was not mined in time", "check that the node mines blocks")
        if not receipt.ok:
            raise NodeError(f"a deployment transaction reverted ({receipt.revert_reason or 'no reason'})")
        done.append(receipt)
    return done


def _created(receipt: NodeReceipt) -> str:
    if receipt.contract_address is None:
        raise NodeError("a deployment created no contract")
    return receipt.contract_address
