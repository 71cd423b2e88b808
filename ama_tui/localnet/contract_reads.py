"""Reads contracts, several in one call where all must see the same block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ama_tui.localnet import abi
from ama_tui.localnet.node import MULTICALL3, CallReverted, Node


@dataclass(frozen=True, slots=True)
class ContractRead:
    """A call of a contract's view function."""

    contract: str
    """The name of the contract's artifact."""
    to: str
    function: str
    arguments: tuple[object, ...] = ()


async def read(node: Node, call: ContractRead) -> tuple[Any, ...]:
    """The return values of a call. Raises CallReverted."""
    data = await node.call(call.to, abi.encode(call.contract, call.function, call.arguments))
    return abi.decode(call.contract, call.function, data)


async def read_all(node: Node, reads: Sequence[ContractRead]) -> list[tuple[Any, ...]]:
    """The return values of each call, all at one block. Raises CallReverted if any call reverts."""
    calls = [(each.to, True, abi.encode(each.contract, each.function, each.arguments)) for each in reads]
    data = await node.call(MULTICALL3, abi.encode("Multicall3", "aggregate3", [calls]))
    (results,) = abi.decode("Multicall3", "aggregate3", data)
    for each, (success, _) in zip(reads, results, strict=True):
        if not success:
            raise CallReverted(f"{each.contract}.{each.function}")
    return [
        abi.decode(each.contract, each.function, returned) for each, (_, returned) in zip(reads, results, strict=True)
    ]
