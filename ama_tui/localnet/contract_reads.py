"""Several reads of the chain as one call, so that they all see the same block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ama_tui.localnet import abi
from ama_tui.localnet.node import MULTICALL3, CallReverted, Node


@dataclass(frozen=True, slots=True)
class ContractRead:
    """One call of a contract's function; `contract` names its artifact."""

    contract: str
    to: str
    function: str
    arguments: tuple[object, ...] = ()


async def read(node: Node, one: ContractRead) -> tuple[Any, ...]:
    """What one call returns. Raises CallReverted."""
    data = await node.call(one.to, abi.encode(one.contract, one.function, one.arguments))
    return abi.decode(one.contract, one.function, data)


async def read_all(node: Node, reads: Sequence[ContractRead]) -> list[tuple[Any, ...]]:
    """What each call returns, all of one block. Raises CallReverted when any of them reverts."""
    calls = [(each.to, True, abi.encode(each.contract, each.function, each.arguments)) for each in reads]
    data = await node.call(MULTICALL3, abi.encode("Multicall3", "aggregate3", [calls]))
    (results,) = abi.decode("Multicall3", "aggregate3", data)
    for each, (success, _) in zip(reads, results, strict=True):
        if not success:
            raise CallReverted(f"{each.contract}.{each.function}")
    return [
        abi.decode(each.contract, each.function, returned) for each, (_, returned) in zip(reads, results, strict=True)
    ]
