"""Deploying the venue's contracts: they work together on every node."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from ama_tui.localnet import abi, merkle
from ama_tui.localnet.anvil import AnvilNode
from ama_tui.localnet.catalogue import CATALOGUE
from ama_tui.localnet.deploy import Deployment, deploy
from ama_tui.localnet.embedded import EmbeddedNode
from ama_tui.localnet.node import MULTICALL3, Node, NodeError

OWNER, ALICE, BOB = ("0x" + digits * 20 for digits in ("0a", "aa", "bb"))
RELAYERS = ["0x" + digits * 20 for digits in ("11", "22", "33", "44")]


@pytest.fixture(params=["auto", "py-evm", pytest.param("anvil", marks=pytest.mark.anvil)])
async def node(request: pytest.FixtureRequest) -> AsyncIterator[Node]:
    started: Node
    if request.param == "anvil":
        started = await AnvilNode.start(block_time=0)
    else:
        started = await EmbeddedNode.start(block_time=0, engine=request.param)
    for account in (OWNER, ALICE, BOB):
        await started.fund(account, 10**24)
    yield started
    await started.close()


async def transact(node: Node, sender: str, to: str, contract: str, function: str, *args: object) -> None:
    receipt = await node.wait_receipt(await node.send(sender, to, abi.encode(contract, function, args)), 10)
    assert receipt is not None
    assert receipt.ok, receipt.revert_reason


async def read(node: Node, to: str, contract: str, function: str, *args: object) -> tuple[object, ...]:
    return abi.decode(contract, function, await node.call(to, abi.encode(contract, function, args)))


async def check_market(node: Node, deployment: Deployment, symbol: str) -> None:
    spec = next(spec for spec in CATALOGUE if spec.symbol == symbol)
    book, market_id = deployment.books[symbol]
    mid = bytes.fromhex(market_id[2:])
    assert (await read(node, book, "OrderBook", "marketStatic"))[:2] == (deployment.vault, mid)
    assert (await read(node, book, "OrderBook", "getLeverageInfo"))[2] == spec.margin_req_bps
    assert await read(node, deployment.vault, "CoreVault", "getMarkPrice", mid) == (spec.price6,)
    assert await read(node, deployment.registry, "SessionRegistry", "marketOf", book) == (mid,)


async def test_every_market_gets_its_own_book_that_trades(node: Node) -> None:
    deployment = await deploy(node, OWNER, RELAYERS, CATALOGUE)
    assert list(deployment.books) == [spec.symbol for spec in CATALOGUE]
    assert len({book for book, _ in deployment.books.values()}) == len(CATALOGUE) >= 30
    assert deployment.relayer_root == merkle.root(RELAYERS)
    assert deployment.multicall == MULTICALL3
    for symbol in (CATALOGUE[0].symbol, CATALOGUE[-1].symbol):
        await check_market(node, deployment, symbol)

    book, _ = deployment.books[CATALOGUE[0].symbol]
    for trader in (ALICE, BOB):
        await transact(node, OWNER, deployment.vault, "CoreVault", "credit", trader, 10**12)
    await transact(node, ALICE, book, "OrderBook", "placeMarginLimit", 5 * 10**6, 10**18, False)
    await transact(node, BOB, book, "OrderBook", "placeMarginMarket", 10**17, True)
    assert await read(node, book, "OrderBook", "getUserPosition", BOB) == (10**17,)


async def test_relayers_may_revoke(node: Node) -> None:
    deployment = await deploy(node, OWNER, RELAYERS, CATALOGUE[:1])
    for relayer in RELAYERS:
        assert await read(node, deployment.registry, "SessionRegistry", "isRelayer", relayer) == (True,)
    assert await read(node, deployment.registry, "SessionRegistry", "isRelayer", ALICE) == (False,)


async def test_deployment_works_with_timed_blocks_too() -> None:
    node = await EmbeddedNode.start(block_time=0.1)
    deployment = await deploy(node, OWNER, RELAYERS, CATALOGUE)
    assert await node.block_number() < 30
    await check_market(node, deployment, CATALOGUE[0].symbol)
    await node.close()


async def test_deployment_that_is_never_mined_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ama_tui.localnet.deploy.DEPLOY_TIMEOUT", 0.1)
    node = await EmbeddedNode.start(block_time=3_600)
    with pytest.raises(NodeError, match="not mined in time"):
        await deploy(node, OWNER, RELAYERS, CATALOGUE[:1])
    await node.close()


async def test_deployment_that_reverts_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ama_tui.localnet.deploy.market_id", lambda symbol: bytes(32))
    node = await EmbeddedNode.start(block_time=0)
    with pytest.raises(NodeError, match="bad_market"):
        await deploy(node, OWNER, RELAYERS, CATALOGUE[:1])
    await node.close()
