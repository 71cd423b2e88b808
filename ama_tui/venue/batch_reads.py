"""Contract reads on a chain without Multicall3: JSON-RPC batches of eth_call."""

from __future__ import annotations

from collections.abc import Sequence

from ama_tui.domain.errors import MalformedError, RpcError
from ama_tui.venue import json_scalars as wire
from ama_tui.venue.contract_decode import revert_text
from ama_tui.venue.multicall import Call, CallResult
from ama_tui.venue.rpc import JsonRpc, Request

_REVERT_CODE = 3


class BatchReader:
    """Runs reads one by one, many to a request. `tag` is a JSON-RPC block: "latest", or a 0x number."""

    def __init__(self, rpc: JsonRpc) -> None:
        self._rpc = rpc

    async def first(self, calls: Sequence[Call]) -> tuple[int, int, list[CallResult]]:
        """The latest block's number and Unix time, and the results, or none when a block came in between."""
        requests: list[Request] = [
            ("eth_getBlockByNumber", ("latest", False)),
            *(_eth_call(call, "latest") for call in calls),
            ("eth_blockNumber", ()),
        ]
        head, *answers, after = await self._rpc.batch(requests)
        block, block_time = block_of(head)
        if number_of(after) != block:
            return block, block_time, []
        return block, block_time, [_result(answer) for answer in answers]

    async def newest(self, calls: Sequence[Call]) -> tuple[int, list[CallResult]]:
        """The results at the latest block, and a block that they are not older than."""
        number, *answers = await self._rpc.batch(
            [("eth_blockNumber", ()), *(_eth_call(call, "latest") for call in calls)]
        )
        return number_of(number), [_result(answer) for answer in answers]

    async def run(self, calls: Sequence[Call], tag: str) -> list[CallResult]:
        """The results of all calls. Raises what the node said when it does not answer at `tag` at all."""
        answers = await self._rpc.batch([_eth_call(call, tag) for call in calls])
        refusals = [answer for answer in answers if isinstance(answer, RpcError) and not _is_revert(answer)]
        if refusals and len(refusals) == len(answers):
            raise refusals[0]
        return [_result(answer) for answer in answers]


def block_of(answer: object) -> tuple[int, int]:
    """The number and Unix time of an eth_getBlockByNumber answer. Raises RpcError, MalformedError."""
    if isinstance(answer, RpcError):
        raise answer
    try:
        if not isinstance(answer, dict):
            raise ValueError("no block")
        return wire.quantity(answer.get("number")), wire.quantity(answer.get("timestamp"))
    except ValueError as error:
        raise MalformedError(f"eth_getBlockByNumber was answered badly: {error}", "try another node") from None


def number_of(answer: object) -> int:
    """The number of an eth_blockNumber or eth_chainId answer. Raises RpcError, MalformedError."""
    if isinstance(answer, RpcError):
        raise answer
    try:
        return wire.quantity(answer)
    except ValueError as error:
        raise MalformedError(f"the node gave no number: {error}", "try another node") from None


def _eth_call(call: Call, tag: str) -> Request:
    return "eth_call", ({"to": call.target, "data": "0x" + call.data.hex()}, tag)


def _result(answer: object) -> CallResult:
    if isinstance(answer, RpcError):
        try:
            data = wire.data(answer.data)
        except ValueError:
            return CallResult(False, b"", answer.message)
        return CallResult(False, data, revert_text(data) if data else answer.message)
    try:
        return CallResult(True, wire.data(answer))
    except ValueError as error:
        return CallResult(False, b"", str(error))


def _is_revert(error: RpcError) -> bool:
    return error.code == _REVERT_CODE or error.data is not None or "revert" in error.message.lower()
