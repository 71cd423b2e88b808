"""Many contract reads in few requests, at one block where the node allows it.

A read starts with `first`, at the latest block, which says which block that was; what follows from its
results is read with `at` that same block.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from ama_tui.domain.errors import MalformedError, RpcError
from ama_tui.venue import contract_decode as decode
from ama_tui.venue import json_scalars as wire
from ama_tui.venue.batch_reads import BatchReader
from ama_tui.venue.multicall import MULTICALL3, Call, CallResult
from ama_tui.venue.multicall_reads import BLOCK_NUMBER, MAX_CHUNK, MulticallReader
from ama_tui.venue.rpc import JsonRpc

_REFUSALS = 3
"""So many refusals in a row to read at a block, and the node is taken to keep no history for a while."""

_UNPINNED_READS = 100
"""So many reads are then made at the latest block before history is asked for once more."""

_ATTEMPTS = 4
_WAIT = 0.15
_FAR = 100
"""On some layer-two chains `block.number` is another chain's: this far off, it names no block here."""


class Runner(Protocol):
    """How reads are put into requests: through Multicall3, or in JSON-RPC batches."""

    async def first(self, calls: Sequence[Call]) -> tuple[int, int, list[CallResult]]:
        """The latest block's number and Unix time, and the results of as many calls as it ran."""
        ...

    async def newest(self, calls: Sequence[Call]) -> tuple[int, list[CallResult]]:
        """All results, and a block that none of them is older than."""
        ...

    async def run(self, calls: Sequence[Call], tag: str) -> list[CallResult]:
        """All results at a block; raises RpcError or MalformedError when the node does not answer at it."""
        ...


class BlockRead(NamedTuple):
    """Results, the block they are of, and whether all are of just that one (else some are of a later)."""

    block: int
    block_time: int
    results: list[CallResult]
    pinned: bool


class CallReader:
    """Runs contract reads on one node. A read that fails is a result; only a request that fails raises:

    UnreachableError, MalformedError or RpcError.
    """

    def __init__(self, rpc: JsonRpc, *, max_chunk: int = MAX_CHUNK) -> None:
        self._rpc = rpc
        self._max_chunk = max_chunk
        self._runner: Runner | None = None
        self._refusals = 0
        self._unpinned_left = 0

    async def has_multicall(self) -> bool:
        """Do reads go through Multicall3? Else they are JSON-RPC batches."""
        return isinstance(await self._chosen_runner(), MulticallReader)

    async def first(self, calls: Sequence[Call]) -> BlockRead:
        """Run reads at the latest block."""
        runner = await self._chosen_runner()
        block, block_time, results = await runner.first(calls)
        rest, pinned = await self.at(calls[len(results) :], block)
        return BlockRead(block, block_time, results + rest, pinned)

    async def at(self, calls: Sequence[Call], block: int) -> tuple[list[CallResult], bool]:
        """Run reads at `block`, or, where the node refuses that, at the latest (the flag is then False).

        Raises MalformedError when the node answers only from before `block`.
        """
        if not calls:
            return [], True
        runner = await self._chosen_runner()
        for attempt in range(_ATTEMPTS):
            if attempt:
                await asyncio.sleep(_WAIT)
            if self._unpinned_left == 0:
                try:
                    results = await runner.run(calls, hex(block))
                    self._refusals = 0
                    return results, True
                except (RpcError, MalformedError):
                    pass  # no history, or it has not seen that block yet: the next read tells which
            newest, results = await runner.newest(calls)
            if newest >= block:
                self._note_refusal()
                return results, False
        raise MalformedError(
            f"the node answers from before block {block}, which it had already shown",
            "its address seems to be shared by nodes that are out of step; use another",
        )

    def _note_refusal(self) -> None:
        if self._unpinned_left > 0:
            self._unpinned_left -= 1
            return
        self._refusals += 1
        if self._refusals >= _REFUSALS:
            self._unpinned_left = _UNPINNED_READS
            self._refusals = _REFUSALS - 1

    async def _chosen_runner(self) -> Runner:
        """Multicall3 is looked for once, on first use."""
        if self._runner is None:
            code, height, number = await self._rpc.batch(
                [
                    ("eth_getCode", (MULTICALL3, "latest")),
                    ("eth_blockNumber", ()),
                    ("eth_call", ({"to": MULTICALL3, "data": "0x" + BLOCK_NUMBER.data.hex()}, "latest")),
                ]
            )
            if isinstance(code, RpcError):
                raise code
            if _is_usable(code, height, number):
                self._runner = MulticallReader(self._rpc, max_chunk=self._max_chunk)
            else:
                self._runner = BatchReader(self._rpc)
        return self._runner


def _is_usable(code: object, height: object, number: object) -> bool:
    try:
        is_there = len(wire.data(code)) > 0
        return is_there and abs(wire.quantity(height) - decode.uint(wire.data(number))) <= _FAR
    except ValueError:
        return False
