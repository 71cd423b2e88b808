"""The machine that runs contracts, behind one small interface.

Two engines fit it: pyrevm (Rust, where it has a wheel) and py-evm (Python, everywhere). An engine
holds one state and belongs to one thread; blocks, nonces and fees are the chain's business.
Addresses are lower-case 0x strings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal, Protocol

from eth_abi.abi import decode as abi_decode
from eth_abi.exceptions import DecodingError

from ama_tui.localnet.node import Log, NodeError

EngineName = Literal["auto", "pyrevm", "py-evm"]

ZERO_ADDRESS = "0x" + "00" * 20
_ERROR_STRING = bytes.fromhex("08c379a0")  # Error(string)


@dataclass(frozen=True, slots=True)
class Message:
    """What runs: a call of `to`, or a creation where `to` is None. `nonce` names what is created."""

    sender: str
    to: str | None
    data: bytes
    gas: int
    value: int = 0
    nonce: int = 0


@dataclass(frozen=True, slots=True)
class ExecutionResult:
    """How a message ended. `output` is the answer, or the revert data; `error` says why it failed."""

    ok: bool
    output: bytes
    gas_used: int
    logs: tuple[Log, ...] = ()
    contract_address: str | None = None
    error: str = ""

    @property
    def reason(self) -> str:
        """The contract's revert string, or ''."""
        return "" if self.ok else revert_reason(self.output)


class Evm(Protocol):
    """One chain state. A failed message changes nothing."""

    def set_block(self, number: int, timestamp: int) -> None:
        """The block that messages run in from now on. Its gas limit is the chain's business."""
        ...

    def execute(self, message: Message) -> ExecutionResult:
        """Run a message and keep what it changes. Fees and the sender's nonce are not touched."""
        ...

    def mark(self) -> None:
        """Remember the state as it is now."""
        ...

    def rewind(self) -> None:
        """Go back to the last mark, and forget it."""
        ...

    def drop_oldest_mark(self) -> None:
        """Keep what happened since the oldest mark for good."""
        ...

    def compact(self) -> None:
        """Give back memory that only served going back. No mark may stand."""
        ...

    def get_code(self, address: str) -> bytes: ...

    def set_code(self, address: str, code: bytes) -> None: ...

    def get_balance(self, address: str) -> int: ...

    def set_balance(self, address: str, wei: int) -> None: ...


@contextmanager
def undone(evm: Evm) -> Iterator[None]:
    """What runs inside leaves no trace in the state."""
    evm.mark()
    try:
        yield
    finally:
        evm.rewind()


def simulate(evm: Evm, message: Message) -> ExecutionResult:
    """Run a message and forget what it changed."""
    with undone(evm):
        return evm.execute(message)


def revert_reason(data: bytes) -> str:
    """The string of an `Error(string)`, or '' for anything else."""
    if data[:4] != _ERROR_STRING:
        return ""
    try:
        return str(abi_decode(["string"], data[4:])[0])
    except (DecodingError, UnicodeDecodeError, OverflowError):
        return ""


def open_engine(name: EngineName, chain_id: int) -> Evm:
    """A fresh, empty state. `auto` takes pyrevm where it is installed, else py-evm.

    Raises NodeError when the engine is not installed.
    """
    makers: dict[str, tuple[str, Callable[[int], Evm]]] = {
        "pyrevm": ("pyrevm", _pyrevm),
        "py-evm": ("eth", _pyevm),
    }
    wanted = list(makers) if name == "auto" else [name]
    for candidate in wanted:
        module, make = makers[candidate]
        if find_spec(module) is not None:
            return make(chain_id)
    raise NodeError(f"no EVM engine ({' or '.join(wanted)}) is installed", f"pip install {wanted[-1]}")


def _pyrevm(chain_id: int) -> Evm:
    from ama_tui.localnet.evm_pyrevm import PyRevm

    return PyRevm(chain_id)


def _pyevm(chain_id: int) -> Evm:
    from ama_tui.localnet.evm_pyevm import PyEvm

    return PyEvm(chain_id)
