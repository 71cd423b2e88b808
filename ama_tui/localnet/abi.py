"""The contracts' ABI: encodes calls, decodes return values and events."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from eth_utils.crypto import keccak


@dataclass(frozen=True, slots=True)
class Artifact:
    """A compiled contract."""

    abi: tuple[dict[str, Any], ...]
    bytecode: bytes
    """Creation code: deploys the contract."""
    runtime: bytes
    """The deployed code without the values of immutables. Can be set directly if the contract has none."""


@dataclass(frozen=True, slots=True)
class AbiFunction:
    selector: bytes
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@cache
def artifact(contract: str) -> Artifact:
    """The committed artifact of `SessionRegistry`, `CoreVault`, `OrderBook` or `Multicall3`."""
    folder = resources.files("ama_tui.localnet.contracts") / "artifacts"
    raw = json.loads((folder / f"{contract}.json").read_text())
    return Artifact(
        abi=tuple(raw["abi"]),
        bytecode=bytes.fromhex(raw["bytecode"][2:]),
        runtime=bytes.fromhex(raw["runtime"][2:]),
    )


def deploy_code(contract: str, args: tuple[Any, ...] = ()) -> bytes:
    """The data of a creation transaction: the bytecode followed by the constructor's arguments."""
    for entry in artifact(contract).abi:
        if entry["type"] == "constructor":
            return artifact(contract).bytecode + abi_encode(_types(entry["inputs"]), args)
    return artifact(contract).bytecode


def encode(contract: str, name: str, args: tuple[Any, ...] | list[Any] = ()) -> bytes:
    """Encode a call: the selector and the arguments."""
    target = function(contract, name)
    return target.selector + abi_encode(target.inputs, args)


def decode(contract: str, name: str, data: bytes) -> tuple[Any, ...]:
    """Decode a call's return values, always as a tuple."""
    return tuple(abi_decode(function(contract, name).outputs, data))


@cache
def event_topic(contract: str, event: str) -> bytes:
    """The 32-byte topic of an event. Raises KeyError if the contract has no such event."""
    for entry in artifact(contract).abi:
        if entry["type"] == "event" and entry["name"] == event:
            return keccak(text=f"{event}({','.join(_types(entry['inputs']))})")
    raise KeyError(f"{contract} has no event {event}")


@cache
def function(contract: str, name: str) -> AbiFunction:
    """A function's selector and types. Raises KeyError if the contract has no such function."""
    for entry in artifact(contract).abi:
        if entry["type"] == "function" and entry["name"] == name:
            inputs = _types(entry["inputs"])
            return AbiFunction(
                selector=keccak(text=f"{name}({','.join(inputs)})")[:4],
                inputs=inputs,
                outputs=_types(entry["outputs"]),
            )
    raise KeyError(f"{contract} has no function {name}")


def _types(parameters: list[dict[str, Any]]) -> tuple[str, ...]:
    """Canonical type names, with tuples expanded to their components."""
    return tuple(_type(parameter) for parameter in parameters)


def _type(parameter: dict[str, Any]) -> str:
    kind: str = parameter["type"]
    if kind.startswith("tuple"):
        inner = ",".join(_types(parameter["components"]))
        return f"({inner}){kind.removeprefix('tuple')}"
    return kind
