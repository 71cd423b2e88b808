"""What is specific to the embedded node; test_node covers what all nodes have in common."""

from __future__ import annotations

import asyncio
import threading

import httpx
import pytest

from ama_tui.localnet import abi
from ama_tui.localnet.block_timer import BlockTimer
from ama_tui.localnet.embedded import EmbeddedNode
from ama_tui.localnet.node import MULTICALL3, NodeError
from tests.sizes import PATIENCE_S

ALICE = "0x" + "aa" * 20


async def test_taken_port_is_one_clear_error_and_leaves_nothing_behind() -> None:
    threads = threading.active_count()
    async with asyncio.timeout(PATIENCE_S):
        first = await EmbeddedNode.start(block_time=0)
        port = int(first.rpc_url.rsplit(":", 1)[1])
        with pytest.raises(NodeError, match=r"cannot listen on 127\.0\.0\.1"):
            await EmbeddedNode.start(block_time=0, port=port)
        await first.close()
    assert threading.active_count() <= threads + 1  # the event loop's thread pool may have started one


async def test_node_listens_on_the_loopback_only() -> None:
    node = await EmbeddedNode.start(block_time=0)
    assert node.rpc_url.startswith("http://127.0.0.1:")
    await node.close()


async def test_closed_node_does_not_respond() -> None:
    node = await EmbeddedNode.start(block_time=0.05)
    await node.close()
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.TransportError):
            await client.post(node.rpc_url, json={})


async def test_refused_transaction_is_an_immediate_error() -> None:
    node = await EmbeddedNode.start(block_time=0)
    with pytest.raises(NodeError, match="block gas limit"):
        await node.send(ALICE, ALICE, b"", gas=10**12)
    await node.close()


async def test_event_loop_stays_responsive_while_py_evm_works() -> None:
    node = await EmbeddedNode.start(block_time=0, engine="py-evm")
    call = (MULTICALL3, True, abi.encode("Multicall3", "getBlockNumber"))
    data = abi.encode("Multicall3", "aggregate3", ([call] * 400,))
    reading = asyncio.create_task(node.call(MULTICALL3, data))
    turns = 0
    while not reading.done():
        await asyncio.sleep(0.001)
        turns += 1
    await reading
    assert turns >= 5
    await node.close()


async def test_blocks_continue_after_a_delayed_block() -> None:
    made = 0
    enough = asyncio.Event()

    async def mine() -> None:
        nonlocal made
        made += 1
        if made == 1:
            await asyncio.sleep(0.2)  # ten times the block time
        if made == 5:
            enough.set()

    timer = BlockTimer(mine)
    await timer.start(0.02)
    async with asyncio.timeout(PATIENCE_S):
        await enough.wait()
    await timer.stop()


async def test_failed_block_stops_the_timer_and_nothing_else() -> None:
    failed = asyncio.Event()

    async def mine() -> None:
        failed.set()
        raise NodeError("gone")

    timer = BlockTimer(mine)
    await timer.start(0.01)
    async with asyncio.timeout(PATIENCE_S):
        await failed.wait()
    await timer.stop()
    await timer.stop()
