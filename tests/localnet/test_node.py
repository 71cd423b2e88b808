"""The behaviour that all nodes have in common."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from ama_tui.localnet import abi
from ama_tui.localnet.anvil import AnvilNode
from ama_tui.localnet.embedded import EmbeddedNode
from ama_tui.localnet.node import MULTICALL3, CallReverted, Node

OWNER, ALICE = "0x" + "0a" * 20, "0x" + "aa" * 20


@pytest.fixture(params=["pyrevm", "py-evm", pytest.param("anvil", marks=pytest.mark.anvil)])
async def node(request: pytest.FixtureRequest) -> AsyncIterator[Node]:
    """A node with a block per transaction, on which OWNER has coins."""
    started: Node
    if request.param == "anvil":
        started = await AnvilNode.start(block_time=0)
    else:
        started = await EmbeddedNode.start(block_time=0, engine=request.param)
    await started.fund(OWNER, 10**24)
    yield started
    await started.close()


async def new_vault(node: Node) -> str:
    receipt = await node.wait_receipt(await node.send(OWNER, None, abi.deploy_code("CoreVault")), 10)
    assert receipt is not None
    assert receipt.ok
    assert receipt.contract_address is not None
    return receipt.contract_address


def credit(usdc6: int) -> bytes:
    return abi.encode("CoreVault", "credit", (ALICE, usdc6))


async def available6(node: Node, vault: str) -> int:
    data = abi.encode("CoreVault", "getAvailableCollateral", (ALICE,))
    return int.from_bytes(await node.call(vault, data), "big")


async def test_contract_is_deployed_written_and_read(node: Node) -> None:
    vault = await new_vault(node)
    assert vault == vault.lower()
    receipt = await node.wait_receipt(await node.send(OWNER, vault, credit(5)), 10)
    assert receipt is not None
    assert receipt.block_number == await node.block_number()
    (log,) = receipt.logs
    assert log.address == vault
    assert log.topics[0] == abi.event_topic("CoreVault", "Credited")
    assert int.from_bytes(log.data, "big") == 5
    assert await available6(node, vault) == 5


async def test_reverted_transaction_has_a_receipt_with_its_reason(node: Node) -> None:
    vault = await new_vault(node)
    await node.fund(ALICE, 10**18)
    receipt = await node.wait_receipt(await node.send(ALICE, vault, credit(5)), 10)
    assert receipt is not None
    assert (receipt.ok, receipt.revert_reason, receipt.logs) == (False, "not_owner", ())
    assert receipt.gas_used > 21_000


async def test_call_reverts_with_its_reason_depending_on_its_sender(node: Node) -> None:
    vault = await new_vault(node)
    with pytest.raises(CallReverted) as reverted:
        await node.call(vault, credit(5), sender=ALICE)
    assert reverted.value.reason == "not_owner"
    assert await node.call(vault, credit(5), sender=OWNER) == b""
    assert await available6(node, vault) == 0


async def test_transactions_of_one_account_sent_together_are_all_mined(node: Node) -> None:
    vault = await new_vault(node)
    hashes = await asyncio.gather(*(node.send(OWNER, vault, credit(2**bit)) for bit in range(20)))
    receipts = await asyncio.gather(*(node.wait_receipt(each, 10) for each in hashes))
    assert all(receipt is not None and receipt.ok for receipt in receipts)
    assert await available6(node, vault) == 2**20 - 1


async def test_timed_block_contains_everything_sent_since_the_last(node: Node) -> None:
    vault = await new_vault(node)
    await node.set_block_time(3_600)
    hashes = [await node.send(OWNER, vault, credit(1)) for _ in range(5)]
    assert [await node.receipt(each) for each in hashes] == [None] * 5
    await node.mine()
    receipts = [await node.wait_receipt(each, 10) for each in hashes]
    assert len({receipt.block_number for receipt in receipts if receipt is not None}) == 1


async def test_timed_blocks_are_mined_without_transactions(node: Node) -> None:
    vault = await new_vault(node)
    await node.set_block_time(0.05)
    blocks = []
    for _ in range(3):
        receipt = await node.wait_receipt(await node.send(OWNER, vault, credit(1)), 20)
        assert receipt is not None
        blocks.append(receipt.block_number)
    assert blocks == sorted(set(blocks))


async def test_wait_times_out_if_no_block_is_mined(node: Node) -> None:
    vault = await new_vault(node)
    await node.set_block_time(3_600)
    tx_hash = await node.send(OWNER, vault, credit(1))
    assert await node.wait_receipt(tx_hash, 0.1) is None
    waiting = asyncio.create_task(node.wait_receipt(tx_hash, 10))
    await asyncio.sleep(0.05)
    await node.mine()
    receipt = await waiting
    assert receipt is not None
    assert receipt.ok


async def test_switching_to_a_block_per_transaction_mines_the_pool(node: Node) -> None:
    vault = await new_vault(node)
    await node.set_block_time(3_600)
    first = await node.send(OWNER, vault, credit(1))
    await node.set_block_time(0)
    second = await node.send(OWNER, vault, credit(2))
    for tx_hash in (first, second):
        assert await node.wait_receipt(tx_hash, 10) is not None
    assert await available6(node, vault) == 3


async def test_block_time_is_the_wall_clock(node: Node) -> None:
    await node.mine()
    assert abs(await node.timestamp() - time.time()) < 30
    assert node.chain_id == 31337


async def test_multicall_is_at_its_usual_address(node: Node) -> None:
    data = abi.encode("Multicall3", "getBlockNumber")
    response = await node.call(MULTICALL3, data)
    assert int.from_bytes(response, "big") == await node.block_number()


async def test_unknown_transaction_has_no_receipt(node: Node) -> None:
    assert await node.receipt("0x" + "00" * 32) is None
