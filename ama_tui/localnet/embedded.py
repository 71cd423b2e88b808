"""The embedded node: a chain of our own in this process, with a JSON-RPC server on the loopback."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from aiohttp import web

from ama_tui.localnet import abi
from ama_tui.localnet.blocks import Mined
from ama_tui.localnet.chain import Chain
from ama_tui.localnet.evm import EngineName, open_engine
from ama_tui.localnet.node import MULTICALL3, CallReverted, NodeError, Receipt
from ama_tui.localnet.pacing import BlockTimer
from ama_tui.localnet.rpc import answer
from ama_tui.localnet.rpc_methods import RpcMethods
from ama_tui.localnet.txpool import PoolError

MAX_REQUEST = 16 * 2**20  # bytes of one JSON-RPC body

P = ParamSpec("P")
T = TypeVar("T")


class EmbeddedNode:
    """A `Node` on a chain in this process. All of the chain's work runs on one thread of its own.

    The thread keeps the event loop answering while py-evm works; pyrevm holds the GIL, but is quick.
    """

    def __init__(self, chain_id: int, host: str) -> None:
        self._chain_id = chain_id
        self._host = host
        self._rpc_url = ""
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="localnet-chain")
        self._loop = asyncio.get_running_loop()
        self._new_block = asyncio.Event()
        self._timer = BlockTimer(self.mine)
        self._runner: web.AppRunner | None = None
        self._chain: Chain
        self._methods: RpcMethods

    @classmethod
    async def start(
        cls,
        chain_id: int = 31337,
        block_time: float = 1.0,
        engine: EngineName = "auto",
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> EmbeddedNode:
        """Start a chain with Multicall3 on it. `block_time` in seconds; 0 makes a block per transaction.

        Raises NodeError when the engine is not installed or the port is taken.
        """
        node = cls(chain_id, host)
        try:
            await node._run(node._open_chain, engine)
            await node._serve(port)
        except BaseException:
            await node.close()
            raise
        await node.set_block_time(block_time)
        return node

    @property
    def chain_id(self) -> int:
        return self._chain_id

    @property
    def rpc_url(self) -> str:
        return self._rpc_url

    # ---- reading ----

    async def block_number(self) -> int:
        return self._chain.head.number

    async def timestamp(self) -> int:
        return self._chain.head.timestamp

    async def call(self, to: str, data: bytes, *, sender: str | None = None) -> bytes:
        outcome = await self._run(self._chain.call, to, data, sender=sender)
        if not outcome.ok:
            raise CallReverted(outcome.reason)
        return outcome.output

    async def receipt(self, tx_hash: str) -> Receipt | None:
        mined = self._chain.ledger.mined(tx_hash)
        return None if mined is None else _receipt(mined)

    async def wait_receipt(self, tx_hash: str, timeout: float) -> Receipt | None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while (receipt := await self.receipt(tx_hash)) is None:
                    await self._new_block.wait()
                return receipt
        return await self.receipt(tx_hash)

    # ---- writing ----

    async def send(self, sender: str, to: str | None, data: bytes, *, gas: int = 15_000_000) -> str:
        """Raises NodeError when the pool refuses the transaction."""
        try:
            return await self._run(self._chain.send_as, sender.lower(), to, data, gas=gas)
        except PoolError as refused:
            raise NodeError(f"the transaction was refused: {refused}") from None

    async def fund(self, address: str, wei: int) -> None:
        await self._run(self._chain.evm.set_balance, address.lower(), wei)

    async def mine(self) -> None:
        """Make a block now, whatever the block time."""
        await self._run(self._chain.mine)

    async def set_block_time(self, seconds: float) -> None:
        """Make a block every so many seconds from now on; 0 makes one per transaction."""
        await self._timer.stop()
        self._chain.automine = seconds == 0
        if seconds > 0:
            await self._timer.start(seconds)
        else:
            await self._run(self._chain.mine_each)

    async def close(self) -> None:
        await self._timer.stop()
        if self._runner is not None:
            await self._runner.cleanup()
        self._worker.shutdown(wait=True, cancel_futures=True)

    # ---- inside ----

    def _open_chain(self, engine: EngineName) -> None:
        evm = open_engine(engine, self._chain_id)
        self._chain = Chain(self._chain_id, evm, on_block=lambda _: self._announce())
        self._methods = RpcMethods(self._chain)
        evm.set_code(MULTICALL3, abi.artifact("Multicall3").runtime)

    async def _run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do some of the chain's work on its thread."""
        return await self._loop.run_in_executor(self._worker, partial(work, *args, **kwargs))

    def _announce(self) -> None:
        self._loop.call_soon_threadsafe(self._wake_waiters)

    def _wake_waiters(self) -> None:
        self._new_block.set()
        self._new_block = asyncio.Event()

    async def _serve(self, port: int) -> None:
        app = web.Application(client_max_size=MAX_REQUEST)
        app.router.add_post("/", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, port)
        try:
            await site.start()
        except OSError as error:
            raise NodeError(f"cannot listen on {self._host}:{port} ({error})", "choose another port") from None
        bound = self._runner.addresses[0][1]
        self._rpc_url = f"http://{self._host}:{bound}"

    async def _answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        reply = await self._run(answer, self._methods.table, body)
        return web.Response(body=reply, content_type="application/json")


def _receipt(mined: Mined) -> Receipt:
    outcome = mined.outcome
    return Receipt(
        tx_hash=mined.transaction.hash,
        block_number=mined.block_number,
        ok=outcome.ok,
        gas_used=outcome.gas_used,
        logs=outcome.logs,
        contract_address=outcome.contract_address,
        revert_reason=None if outcome.ok else (outcome.reason or None),
    )
