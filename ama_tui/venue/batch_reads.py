"""Contract reads on a chain without Multicall3: JSON-RPC batches of eth_call."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ama_tui.domain.errors import MalformedError, RpcError
from ama_tui.venue import json_scalars
from ama_tui.venue.contract_decode import revert_text
from ama_tui.venue.multicall import Call, CallResult
from ama_tui.venue.rpc import JsonRpc, Request

_REVERT_CODE = 3


class BatchReader:
    """Sends many eth_call requests per batch. A `tag` is a JSON-RPC block: "latest" or a 0x number."""

    def __init__(self, rpc: JsonRpc) -> None:
        self._rpc = rpc

    async def run_first(self, calls: Sequence[Call]) -> tuple[int, int, list[CallResult]]:
        """The latest block's number and Unix time, and the results of as many calls as fit into one request.

        No results if a new block arrived meanwhile.
        """
        requests: list[Request] = [
            ("eth_getBlockByNumber", ("latest", False)),
            *(_eth_call(call, "latest") for call in calls[: max(0, self._rpc.batch_limit - 2)]),
            ("eth_blockNumber", ()),
        ]
        head, *responses, after = await self._rpc.batch(requests)
        block, block_time = block_of(head)
        if number_of(after) != block:
            return block, block_time, []
        return block, block_time, [_result(response) for response in responses]

    async def run_latest(self, calls: Sequence[Call]) -> tuple[int, int, list[CallResult]]:
        """All results, and the earliest and the latest block that any of them is from.

        Each HTTP request has its own block numbers: behind a load balancer each may reach another node.
        """
        size = max(1, self._rpc.batch_limit - 2)
        blocks: list[int] = []
        results: list[CallResult] = []
        for at in range(0, len(calls), size):
            before, *responses, after = await self._rpc.batch(
                [
                    ("eth_blockNumber", ()),
                    *(_eth_call(call, "latest") for call in calls[at : at + size]),
                    ("eth_blockNumber", ()),
                ]
            )
            blocks += [number_of(before), number_of(after)]
            results += map(_result, responses)
        return min(blocks, default=0), max(blocks, default=0), results

    async def run_at(self, calls: Sequence[Call], tag: str) -> list[CallResult]:
        """The results of all calls at `tag`. Raises the node's RpcError if it refuses every call."""
        responses = await self._rpc.batch([_eth_call(call, tag) for call in calls])
        refusals = [response for response in responses if isinstance(response, RpcError) and not _is_revert(response)]
        if refusals and len(refusals) == len(responses):
            raise refusals[0]
        return [_result(response) for response in responses]


def block_of(response: object) -> tuple[int, int]:
    """The number and Unix time in an eth_getBlockByNumber response. Raises RpcError, MalformedError."""
    if isinstance(response, RpcError):
        raise response
    try:
        if not isinstance(response, dict):
            raise ValueError("not a block")
        return json_scalars.block_number(response.get("number")), json_scalars.unix_time(response.get("timestamp"))
    except ValueError as error:
        raise MalformedError(f"the node returned an invalid block: {error}", "try another node") from None


def number_of(response: object) -> int:
    """The number in an eth_blockNumber response. Raises RpcError, MalformedError."""
    return _scalar(response, json_scalars.block_number)


def chain_id_of(response: object) -> int:
    """The id in an eth_chainId response. Raises RpcError, MalformedError."""
    return _scalar(response, json_scalars.chain_id)


def _scalar(response: object, parse: Callable[[object], int]) -> int:
    if isinstance(response, RpcError):
        raise response
    try:
        return parse(response)
    except ValueError as error:
        raise MalformedError(f"the node returned an invalid number: {error}", "try another node") from None


def _eth_call(call: Call, tag: str) -> Request:
    return "eth_call", ({"to": call.target, "data": "0x" + call.data.hex()}, tag)


def _result(response: object) -> CallResult:
    if isinstance(response, RpcError):
        try:
            data = json_scalars.data(response.data)
        except ValueError:
            return CallResult(False, b"", response.message)
        return CallResult(False, data, revert_text(data) if data else response.message)
    try:
        return CallResult(True, json_scalars.data(response))
    except ValueError as error:
        return CallResult(False, b"", str(error))


def _is_revert(error: RpcError) -> bool:
    return error.code == _REVERT_CODE or error.data is not None or "revert" in error.message.lower()
