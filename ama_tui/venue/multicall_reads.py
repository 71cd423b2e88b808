"""Runs contract calls through Multicall3: up to 500 in one eth_call, fewer if the node cannot handle that many."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

from ama_tui.domain.errors import MalformedError, RpcError, VenueError
from ama_tui.venue import contract_abi as abi
from ama_tui.venue import contract_decode as decode
from ama_tui.venue import json_scalars
from ama_tui.venue.multicall import (
    MULTICALL3,
    Call,
    CallGroup,
    CallResult,
    GroupResults,
    encode_aggregate,
    split_aggregate,
)
from ama_tui.venue.rpc import JsonRpc, Request

MAX_CHUNK = 500
MIN_CHUNK = 16
_GROW_AFTER = 64
"""After this many full chunks without a failure, a reduced chunk size is doubled."""

_MAX_FAILURES = 32
"""More failed requests than this in one read mean that the node is at fault, not the size of the requests."""

_MAX_STARVED_RETRIES = 8
_MAX_ALWAYS_FAILING = 4096

BLOCK_NUMBER = Call(MULTICALL3, abi.GET_BLOCK_NUMBER)
BLOCK_TIMESTAMP = Call(MULTICALL3, abi.GET_BLOCK_TIMESTAMP)


class MulticallReader:
    """Runs calls on a chain with Multicall3. A `tag` is a JSON-RPC block: "latest" or a 0x number."""

    def __init__(self, rpc: JsonRpc, *, max_chunk: int = MAX_CHUNK) -> None:
        self._rpc = rpc
        self._max_chunk = max_chunk
        self._chunk = max_chunk
        self._whole_chunks = 0
        self._failures = 0
        self._always_failing: set[Call] = set()

    @property
    def chunk(self) -> int:
        """How many calls the node is known to handle in one request."""
        return self._chunk

    async def run_first(self, calls: Sequence[Call]) -> tuple[int, int, list[CallResult]]:
        """The latest block's number and Unix time, and the results of as many calls as fit into one request."""
        part = calls[: self._chunk - 2]
        try:
            number, time, *results = await self._once([BLOCK_NUMBER, BLOCK_TIMESTAMP, *part], "latest")
        except (RpcError, MalformedError):
            # Too many calls or a failing node: reading only the block shows which. `run_at` then splits the calls.
            part = []
            number, time = await self._once([BLOCK_NUMBER, BLOCK_TIMESTAMP], "latest")
            results = []
        block, block_time = block_and_time(number, time)
        return block, block_time, await self.completed(part, results, hex(block))

    async def run_latest(self, calls: Sequence[Call]) -> tuple[int, int, list[CallResult]]:
        """All results, and the earliest and the latest block that any of them is from."""
        size = max(1, self._chunk - 1)
        blocks: list[int] = []
        results: list[CallResult] = []
        for at in range(0, len(calls), size):
            number, *part = await self.run_at([BLOCK_NUMBER, *calls[at : at + size]], "latest")
            blocks.append(_block_number(number))
            results += part
        return min(blocks, default=0), max(blocks, default=0), results

    async def run_at(self, calls: Sequence[Call], tag: str) -> list[CallResult]:
        """The results of all calls. Raises the node's error if it cannot read at `tag` at all."""
        self._failures = 0
        size = self._chunk
        # Run the first chunk alone to check that the node can handle this block and size.
        results = await self._halving(calls[:size], tag)
        chunks = [calls[at : at + size] for at in range(size, len(calls), size)]
        parts = await asyncio.gather(*(self._halving(chunk, tag) for chunk in chunks), return_exceptions=True)
        for part in parts:
            if isinstance(part, BaseException):
                raise part
            results += part
        return results

    async def _halving(self, calls: Sequence[Call], tag: str, *, is_part: bool = False) -> list[CallResult]:
        """Run all calls in one request. If it fails, run each half in its own request, recursively."""
        try:
            results = await self._once(calls, tag)
        except (RpcError, MalformedError) as error:
            self._failures += 1
            self._whole_chunks = 0
            if self._failures > _MAX_FAILURES or not (is_part or await self._answers(tag)):
                raise
            if len(calls) == 1:
                return [CallResult(False, b"", error.message)]
        else:
            self._note_success(len(calls))
            return await self.completed(calls, results, tag)
        middle = (len(calls) + 1) // 2
        results = await self._halving(calls[:middle], tag, is_part=True)
        results += await self._halving(calls[middle:], tag, is_part=True)
        if all(result.ok for result in results):
            self._chunk = max(MIN_CHUNK, min(self._chunk, middle))
        return results

    async def completed(self, calls: Sequence[Call], results: list[CallResult], tag: str) -> list[CallResult]:
        """Rerun calls that failed without revert data, since earlier calls may have used up their gas."""
        for _ in range(_MAX_STARVED_RETRIES):
            starved = [
                index
                for index, result in enumerate(results)
                if not result.ok and not result.data and calls[index] not in self._always_failing
            ]
            if not starved:
                break
            try:
                again = await self._once([calls[index] for index in starved], tag)
            except (RpcError, MalformedError):
                break
            if again[0].ok:
                self._chunk = max(MIN_CHUNK, min(self._chunk, starved[0]))
            elif not again[0].data:
                self._give_up(calls[starved[0]])  # it ran first, with all the gas
            for index, result in zip(starved, again, strict=True):
                results[index] = result
        return results

    def _give_up(self, call: Call) -> None:
        if len(self._always_failing) >= _MAX_ALWAYS_FAILING:
            self._always_failing.clear()
        self._always_failing.add(call)

    async def _once(self, calls: Sequence[Call], tag: str) -> list[CallResult]:
        response = await self._rpc.call(*request_of([CallGroup.of(calls)], tag))
        return decoded(results_of(response, [len(calls)]))[0]

    async def _answers(self, tag: str) -> bool:
        """Whether the node can run the simplest call at this block."""
        try:
            await self._once([BLOCK_NUMBER], tag)
        except VenueError:
            return False
        return True

    def _note_success(self, count: int) -> None:
        self._whole_chunks += count >= self._chunk - 2
        if self._whole_chunks >= _GROW_AFTER:
            self._whole_chunks = 0
            self._chunk = min(self._max_chunk, self._chunk * 2)


def request_of(groups: Sequence[CallGroup], tag: str) -> Request:
    """The request that runs the calls of these groups."""
    return "eth_call", ({"to": MULTICALL3, "data": "0x" + encode_aggregate(groups).hex()}, tag)


def results_of(response: object, counts: Sequence[int]) -> list[GroupResults]:
    """The results of groups of so many calls in the response to such a request.

    Raises MalformedError, and an RpcError if the response is one.
    """
    if isinstance(response, RpcError):
        raise response
    try:
        return split_aggregate(json_scalars.data(response), counts)
    except ValueError as error:
        raise _malformed(error) from None


def decoded(groups: Iterable[GroupResults]) -> list[list[CallResult]]:
    """The results of each group's calls. Raises MalformedError."""
    try:
        return [group.decoded() for group in groups]
    except ValueError as error:
        raise _malformed(error) from None


def _malformed(error: ValueError) -> MalformedError:
    return MalformedError(f"invalid response from Multicall3: {error}", "try another node")


def block_and_time(number: CallResult, time: CallResult) -> tuple[int, int]:
    """A block's number and its Unix time from the results of `BLOCK_NUMBER` and `BLOCK_TIMESTAMP`."""
    return _block_number(number), _checked(time, decode.unix_time)


def _block_number(result: CallResult) -> int:
    return _checked(result, decode.block)


def _checked(result: CallResult, read: Callable[[bytes], int]) -> int:
    try:
        return read(result.data)
    except decode.DecodeError as error:
        raise MalformedError(f"invalid block from Multicall3: {error}", "try another node") from None
