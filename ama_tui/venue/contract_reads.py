"""Runs many contract calls in few requests, at one block if the node supports it.

`run_first` runs calls at the latest block and returns its number. `run_at` runs follow-up calls at that block.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import monotonic
from typing import NamedTuple, Protocol

from ama_tui.domain.errors import MalformedError, NodeBehindError, RpcError
from ama_tui.venue import contract_decode as decode
from ama_tui.venue import json_scalars
from ama_tui.venue.batch_reads import BatchReader
from ama_tui.venue.multicall import MULTICALL3, Call, CallResult
from ama_tui.venue.multicall_reads import BLOCK_NUMBER, MAX_CHUNK, MulticallReader
from ama_tui.venue.rpc import JsonRpc

_REFUSALS = 3
"""After this many refusals in a row to read at a block, the node is treated as having no history."""

_UNPINNED_READS = 100
"""The number of reads at the latest block before history is tried again."""

_ATTEMPTS = 4
_WAIT = 0.15
"""Seconds between attempts."""

_FIRST_PAUSE_S = 10.0
_LONGEST_PAUSE_S = 600.0
"""Between two checks for Multicall3 on a chain that seems to lack it; the pause doubles each time."""

_MAX_BLOCK_GAP = 100
"""On some layer-two chains a contract's `block.number` is the other chain's. A larger gap indicates this."""


class CallBackend(Protocol):
    """Packs contract calls into requests, through Multicall3 or as JSON-RPC batches."""

    async def run_first(self, calls: Sequence[Call]) -> tuple[int, int, list[CallResult]]:
        """The latest block's number and Unix time, and the results of the first calls, as many as were run."""
        ...

    async def run_latest(self, calls: Sequence[Call]) -> tuple[int, int, list[CallResult]]:
        """All results, and the earliest and the latest block that they may be from."""
        ...

    async def run_at(self, calls: Sequence[Call], tag: str) -> list[CallResult]:
        """All results at a block. Raises RpcError or MalformedError if the node cannot read at that block."""
        ...


class BlockRead(NamedTuple):
    """The results of contract calls."""

    block: int
    block_time: int
    """Unix seconds."""
    results: list[CallResult]
    pinned: bool
    """Whether all results are from `block`; False if some may be from a later block."""
    newest: int
    """The latest block that any result may be from."""


class ResultsAt(NamedTuple):
    """The results of follow-up calls."""

    results: list[CallResult]
    pinned: bool
    """Whether they are from the block that was asked for; False if they may be from a later one."""
    newest: int
    """The latest block that any of them may be from."""


class CallReader:
    """Runs contract calls on one node.

    A failed call is a result with an error. A failed request raises UnreachableError, MalformedError or RpcError.
    """

    def __init__(self, rpc: JsonRpc, *, max_chunk: int = MAX_CHUNK) -> None:
        self._rpc = rpc
        self._max_chunk = max_chunk
        self._backend: CallBackend = BatchReader(rpc)
        self._look_again_at = float("-inf")
        self._pause = _FIRST_PAUSE_S
        self._refusals = 0
        self._unpinned_left = 0

    async def has_multicall(self) -> bool:
        """Whether calls go through Multicall3 instead of JSON-RPC batches."""
        return await self.multicall() is not None

    async def multicall(self) -> MulticallReader | None:
        """The reader of Multicall3, None on a chain without."""
        backend = await self._choose_backend()
        return backend if isinstance(backend, MulticallReader) else None

    async def run_first(self, calls: Sequence[Call]) -> BlockRead:
        """Run calls at the latest block."""
        backend = await self._choose_backend()
        block, block_time, results = await backend.run_first(calls)
        rest = await self.run_at(calls[len(results) :], block)
        return BlockRead(block, block_time, results + rest.results, rest.pinned, rest.newest)

    async def run_at(self, calls: Sequence[Call], block: int) -> ResultsAt:
        """Run calls at `block`, or at a later block if the node refuses that. Raises NodeBehindError."""
        if not calls:
            return ResultsAt([], True, block)
        backend = await self._choose_backend()
        for attempt in range(_ATTEMPTS):
            if attempt:
                await asyncio.sleep(_WAIT)
            if self._unpinned_left == 0:
                try:
                    results = await backend.run_at(calls, hex(block))
                    self._refusals = 0
                    return ResultsAt(results, True, block)
                except (RpcError, MalformedError):
                    pass  # The node has no history or has not seen this block yet. The next read shows which.
            earliest, newest, results = await backend.run_latest(calls)
            if earliest >= block:
                self._note_refusal()
                return ResultsAt(results, newest == block, newest)
        raise NodeBehindError(
            f"the node went back to before block {block}",
            "use another node: RPC_URL seems to point to several nodes that are not in sync",
        )

    def _note_refusal(self) -> None:
        if self._unpinned_left > 0:
            self._unpinned_left -= 1
            return
        self._refusals += 1
        if self._refusals >= _REFUSALS:
            self._unpinned_left = _UNPINNED_READS
            self._refusals = _REFUSALS - 1

    async def _choose_backend(self) -> CallBackend:
        """Multicall3 for good once it was found. Until then JSON-RPC batches, with an occasional new check."""
        if isinstance(self._backend, MulticallReader) or monotonic() < self._look_again_at:
            return self._backend
        code, height, number = await self._rpc.batch(
            [
                ("eth_getCode", (MULTICALL3, "latest")),
                ("eth_blockNumber", ()),
                ("eth_call", ({"to": MULTICALL3, "data": "0x" + BLOCK_NUMBER.data.hex()}, "latest")),
            ]
        )
        if _is_usable(code, height, number):
            self._backend = MulticallReader(self._rpc, max_chunk=self._max_chunk)
        else:
            self._look_again_at = monotonic() + self._pause
            self._pause = min(_LONGEST_PAUSE_S, 2 * self._pause)
        return self._backend


def _is_usable(code: object, height: object, number: object) -> bool:
    try:
        exists = len(json_scalars.data(code)) > 0
        return (
            exists
            and abs(json_scalars.block_number(height) - decode.block(json_scalars.data(number))) <= _MAX_BLOCK_GAP
        )
    except ValueError:
        return False
