"""A node backed by an anvil process, which serves JSON-RPC itself: this class is one of its clients.

The operator's clients reach it through a guarded server.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from dataclasses import replace
from typing import Any

import aiohttp

from ama_tui.localnet import abi
from ama_tui.localnet.anvil_front import AnvilFront
from ama_tui.localnet.anvil_process import AnvilProcess
from ama_tui.localnet.block_timer import BlockTimer
from ama_tui.localnet.evm import revert_reason
from ama_tui.localnet.node import MULTICALL3, CallReverted, Log, NodeError, NodeReceipt

_REVERTED = 3
"""JSON-RPC error code of a call that reverted."""
_POLL_SECONDS = 0.01
_RECHECK_SECONDS = 0.1


class _AnvilError(Exception):
    """A JSON-RPC error response from anvil."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error.get("message", ""))
        self.code = error.get("code")
        self.data = error.get("data")


class AnvilNode:
    """A `Node` on anvil. With automine anvil replies before the receipt exists, so receipts are polled."""

    def __init__(self, chain_id: int, process: AnvilProcess) -> None:
        self._chain_id = chain_id
        self._process = process
        self._front = AnvilFront(process.rpc_url)
        self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=64))
        self._timer = BlockTimer(self.mine)
        self._sending: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._waiters = 0
        self._new_block = asyncio.Event()
        self._watch: asyncio.Task[None] | None = None

    @classmethod
    async def start(
        cls, chain_id: int = 31337, block_time: float = 1.0, host: str = "127.0.0.1", port: int = 0
    ) -> AnvilNode:
        """Start the anvil on the PATH, with Multicall3 on its chain.

        `block_time` is in seconds; 0 mines a block per transaction. Raises NodeError if anvil is missing or does not
        start.
        """
        node = cls(chain_id, await AnvilProcess.spawn(chain_id))
        try:
            await node._front.serve(host, port)
            await node._rpc("anvil_setLoggingEnabled", False)
            await node._rpc("anvil_setCode", MULTICALL3, "0x" + abi.artifact("Multicall3").runtime.hex())
            await node.set_block_time(block_time)
        except BaseException:
            await node.close()
            raise
        return node

    @property
    def chain_id(self) -> int:
        return self._chain_id

    @property
    def rpc_url(self) -> str:
        return self._front.rpc_url

    @property
    def ws_url(self) -> str:
        return self.rpc_url.replace("http", "ws", 1)

    # ---- reading ----

    async def block_number(self) -> int:
        return int(await self._rpc("eth_blockNumber"), 16)

    async def timestamp(self) -> int:
        block = await self._rpc("eth_getBlockByNumber", "latest", False)
        return int(block["timestamp"], 16)

    async def call(self, to: str, data: bytes, *, sender: str | None = None) -> bytes:
        message = {"to": to, "data": "0x" + data.hex()}
        if sender is not None:
            message["from"] = sender
        try:
            return _unhex(await self._rpc("eth_call", message, "latest"))
        except _AnvilError as error:
            if error.code == _REVERTED:
                raise CallReverted(revert_reason(_unhex(error.data or "0x"))) from None
            raise NodeError(f"anvil refused a call: {error}") from None

    async def receipt(self, tx_hash: str) -> NodeReceipt | None:
        raw = await self._rpc("eth_getTransactionReceipt", tx_hash)
        if raw is None:
            return None
        receipt = _receipt(raw)
        if receipt.ok:
            return receipt
        return replace(receipt, revert_reason=await self._revert_reason(tx_hash))

    async def wait_receipt(self, tx_hash: str, timeout: float) -> NodeReceipt | None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                return await self._poll_receipt(tx_hash)
        return await self.receipt(tx_hash)

    # ---- writing ----

    async def send(self, sender: str, to: str | None, data: bytes, *, gas: int = 15_000_000) -> str:
        """Raises NodeError if anvil rejects the transaction."""
        message = {"from": sender, "data": "0x" + data.hex(), "gas": hex(gas), "gasPrice": "0x0"}
        if to is not None:
            message["to"] = to
        try:
            # anvil picks the nonce: concurrent transactions of one account could get the same.
            async with self._sending[sender.lower()]:
                return str(await self._rpc("eth_sendTransaction", message))
        except _AnvilError as error:
            raise NodeError(f"the transaction was refused: {error}") from None

    async def fund(self, address: str, wei: int) -> None:
        await self._rpc("anvil_setBalance", address, hex(wei))

    async def mine(self) -> None:
        """Mine a block now, whatever the block time."""
        await self._rpc("evm_mine")

    async def set_block_time(self, seconds: float) -> None:
        """Mine a block every `seconds` from now on; 0 mines one per transaction."""
        await self._timer.stop()
        await self._rpc("evm_setAutomine", seconds == 0)
        if seconds > 0:
            await self._timer.start(seconds)
        else:
            await self.mine()  # whatever is still in the pool

    async def close(self) -> None:
        await self._timer.stop()
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        await self._front.close()
        await self._http.close()
        await self._process.end()

    # ---- internals ----

    async def _rpc(self, method: str, *params: object) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        try:
            async with self._http.post(self._process.rpc_url, json=body) as response:
                reply = await response.json()
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise NodeError(f"anvil does not respond ({error or type(error).__name__})") from None
        if "error" in reply:
            raise _AnvilError(reply["error"])
        return reply.get("result")

    async def _poll_receipt(self, tx_hash: str) -> NodeReceipt:
        """Poll until the receipt exists. One watch of the block number wakes all waiters."""
        self._waiters += 1
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._watch_blocks(), name="localnet-anvil-blocks")
        try:
            while True:
                new_block = self._new_block
                receipt = await self.receipt(tx_hash)
                if receipt is not None:
                    return receipt
                # The receipt may appear a moment after its block: check again without a new block too.
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(new_block.wait(), _RECHECK_SECONDS)
        finally:
            self._waiters -= 1

    async def _watch_blocks(self) -> None:
        latest = -1
        while self._waiters > 0:
            with contextlib.suppress(NodeError):
                number = await self.block_number()
                if number != latest:
                    latest = number
                    self._new_block.set()
                    self._new_block = asyncio.Event()
            await asyncio.sleep(_POLL_SECONDS)

    async def _revert_reason(self, tx_hash: str) -> str | None:
        try:
            trace = await self._rpc("debug_traceTransaction", tx_hash, {"tracer": "callTracer"})
            return revert_reason(_unhex(trace.get("output") or "0x")) or None
        except _AnvilError:
            return None


def _receipt(raw: dict[str, Any]) -> NodeReceipt:
    contract = raw.get("contractAddress")
    return NodeReceipt(
        tx_hash=raw["transactionHash"],
        block_number=int(raw["blockNumber"], 16),
        ok=int(raw["status"], 16) == 1,
        gas_used=int(raw["gasUsed"], 16),
        logs=tuple(_log(log) for log in raw["logs"]),
        contract_address=contract.lower() if contract else None,
    )


def _log(raw: dict[str, Any]) -> Log:
    return Log(raw["address"].lower(), tuple(map(_unhex, raw["topics"])), _unhex(raw["data"]))


def _unhex(text: str) -> bytes:
    return bytes.fromhex(text[2:])
