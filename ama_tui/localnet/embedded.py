"""The embedded node: a chain in this process with a JSON-RPC server on the loopback interface."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from random import Random
from typing import ParamSpec, TypeVar

import orjson
from aiohttp import web

from ama_tui.localnet import abi
from ama_tui.localnet.block_timer import BlockTimer
from ama_tui.localnet.blocks import Block, MinedTransaction
from ama_tui.localnet.chain import Chain
from ama_tui.localnet.evm_factory import open_engine
from ama_tui.localnet.faults.injector import FaultInjector, Strike
from ama_tui.localnet.faults.kinds import Endpoint
from ama_tui.localnet.faults.server import STRIKE, FaultyServer
from ama_tui.localnet.node import MULTICALL3, CallReverted, NodeError, NodeReceipt
from ama_tui.localnet.options import EngineName
from ama_tui.localnet.rpc import respond
from ama_tui.localnet.rpc_methods import RpcMethods
from ama_tui.localnet.subscriptions import Subscriptions
from ama_tui.localnet.txpool import PoolError
from ama_tui.localnet.web_guard import own_clients_only

MAX_REQUEST = 16 * 2**20
"""Largest JSON-RPC request body in bytes."""

P = ParamSpec("P")
T = TypeVar("T")


class EmbeddedNode:
    """A `Node` on a chain in this process. All chain work runs on its own single thread.

    The thread keeps the event loop responsive with py-evm. pyrevm holds the GIL, but is fast.
    """

    def __init__(self, chain_id: int, host: str, faults: FaultInjector) -> None:
        self._chain_id = chain_id
        self._host = host
        self._rpc_url = ""
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="localnet-chain")
        self._loop = asyncio.get_running_loop()
        self._new_block = asyncio.Event()
        self._timer = BlockTimer(self.mine)
        self._runner: web.AppRunner | None = None
        self._faults = faults
        self._faulty = FaultyServer(faults, _endpoint)
        self._subscriptions = Subscriptions(faults, partial(self._respond, blocks_ago=0))
        self._reorgs: set[asyncio.Task[None]] = set()
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
        faults: FaultInjector | None = None,
    ) -> EmbeddedNode:
        """Start a chain with Multicall3. `block_time` is in seconds; 0 mines a block per transaction.

        `faults` affect requests and blocks; reorgs and lag need `keep_states`. Raises NodeError if the EVM is not
        installed or the port is taken.
        """
        node = cls(chain_id, host, faults or FaultInjector())
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

    @property
    def ws_url(self) -> str:
        return self._rpc_url.replace("http", "ws", 1)

    # ---- reading ----

    async def block_number(self) -> int:
        return (await self._run(self._head)).number

    async def timestamp(self) -> int:
        return (await self._run(self._head)).timestamp

    async def call(self, to: str, data: bytes, *, sender: str | None = None) -> bytes:
        result = await self._run(self._chain.call, to, data, sender=sender)
        if not result.ok:
            raise CallReverted(result.reason)
        return result.output

    async def receipt(self, tx_hash: str) -> NodeReceipt | None:
        mined = await self._run(self._mined, tx_hash)
        return None if mined is None else _receipt(mined)

    async def wait_receipt(self, tx_hash: str, timeout: float) -> NodeReceipt | None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while True:
                    new_block = self._new_block  # taken before the check, so no block is missed
                    receipt = await self.receipt(tx_hash)
                    if receipt is not None:
                        return receipt
                    await new_block.wait()
        return await self.receipt(tx_hash)

    # ---- writing ----

    async def send(self, sender: str, to: str | None, data: bytes, *, gas: int = 15_000_000) -> str:
        """Raises NodeError if the pool rejects the transaction."""
        try:
            return await self._run(self._chain.send_as, sender.lower(), to, data, gas=gas)
        except PoolError as refused:
            raise NodeError(f"the transaction was refused: {refused}") from None

    async def fund(self, address: str, wei: int) -> None:
        await self._run(self._chain.fund, address.lower(), wei)

    async def mine(self) -> None:
        """Mine a block now, whatever the block time."""
        await self._run(self._chain.mine)

    async def keep_states(self, keep: bool) -> None:
        """Keep the last few states, for `reorg` and for lagging replies, or only the newest."""
        await self._run(self._chain.keep_states, keep)

    async def reorg(self, blocks: int, rng: Random | None = None) -> int:
        """Mine the last blocks again, shuffled with `rng`, as far as states are kept. Returns how many."""
        replaced = await self._run(self._chain.reorg, blocks, rng)
        self._wake_waiters()
        again = await self._run(self._blocks_from, replaced[0].number) if replaced else []
        self._subscriptions.announce(again, replaced)
        return len(replaced)

    async def set_block_time(self, seconds: float) -> None:
        """Mine a block every `seconds` from now on; 0 mines one per transaction."""
        await self._timer.stop()
        self._chain.automine = seconds == 0
        if seconds > 0:
            await self._timer.start(seconds)
        else:
            await self._run(self._chain.mine_each)

    async def close(self) -> None:
        await self._timer.stop()
        await self._subscriptions.close()
        if self._runner is not None:
            await self._runner.cleanup()
        await self._faulty.close()
        for task in self._reorgs:
            task.cancel()
        await asyncio.gather(*self._reorgs, return_exceptions=True)
        self._worker.shutdown(wait=True, cancel_futures=True)

    # ---- internals ----

    def _head(self) -> Block:
        return self._chain.head

    def _blocks_from(self, first: int) -> list[Block]:
        numbers = range(first, self._chain.head.number + 1)
        return [block for number in numbers if (block := self._chain.history.block(number)) is not None]

    def _mined(self, tx_hash: str) -> MinedTransaction | None:
        return self._chain.history.mined(tx_hash)

    def _open_chain(self, engine: EngineName) -> None:
        evm = open_engine(engine, self._chain_id)
        self._chain = Chain(self._chain_id, evm, on_block=self._announce)
        self._methods = RpcMethods(self._chain)
        evm.set_code(MULTICALL3, abi.artifact("Multicall3").runtime)

    async def _run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function on the chain's thread."""
        return await self._loop.run_in_executor(self._worker, partial(work, *args, **kwargs))

    def _announce(self, block: Block) -> None:
        self._loop.call_soon_threadsafe(self._on_block, block)

    def _on_block(self, block: Block) -> None:
        self._wake_waiters()
        self._subscriptions.announce([block])
        if self._faults.is_on and self._chain.states > 0:
            strike = self._faults.draw("block").strike
            if strike is not None:
                task = asyncio.create_task(self._reorg_by_fault(strike), name="localnet reorg")
                self._reorgs.add(task)
                task.add_done_callback(self._reorgs.discard)

    async def _reorg_by_fault(self, strike: Strike) -> None:
        """Reorg after the drawn delay, keeping the order of the transactions or shuffling it."""
        await asyncio.sleep(strike.seconds)
        await self.reorg(strike.blocks, strike.rng if strike.rng.random() < 0.5 else None)

    def _wake_waiters(self) -> None:
        self._new_block.set()
        self._new_block = asyncio.Event()

    async def _serve(self, port: int) -> None:
        app = web.Application(client_max_size=MAX_REQUEST, middlewares=[own_clients_only, self._faulty.middleware])
        app.router.add_post("/", self._answer)
        app.router.add_get("/", self._subscriptions.handle)
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
        strike = request.get(STRIKE)
        reply = await self._respond(body, 0 if strike is None else strike.blocks)
        return web.Response(body=reply, content_type="application/json")

    async def _respond(self, body: bytes, blocks_ago: int) -> bytes:
        return await self._run(self._reply, body, blocks_ago)

    def _reply(self, body: bytes, blocks_ago: int) -> bytes:
        """Respond from the latest state, or as of `blocks_ago`. Transactions always go to the latest."""
        if blocks_ago == 0 or b"eth_sendRawTransaction" in body:
            return respond(self._methods.table, body)
        with self._chain.rewound(blocks_ago):
            return respond(self._methods.table, body)


def _endpoint(request: web.Request, body: bytes) -> Endpoint | None:
    if request.method != "POST":
        return None  # a WebSocket has faults of its own
    try:
        calls = orjson.loads(body)
    except orjson.JSONDecodeError:
        return "rpc"
    return "batch" if isinstance(calls, list) and len(calls) > 1 else "rpc"


def _receipt(mined: MinedTransaction) -> NodeReceipt:
    result = mined.result
    return NodeReceipt(
        tx_hash=mined.transaction.hash,
        block_number=mined.block_number,
        ok=result.ok,
        gas_used=result.gas_used,
        logs=result.logs,
        contract_address=result.contract_address,
        revert_reason=None if result.ok else (result.reason or None),
    )
