"""The interface of an EVM: messages, their results, and the state that they change.

An EVM holds one state and belongs to one thread. Blocks, nonces and fees are up to the chain. Addresses are lower-case
0x strings. `evm_factory` opens one of the two implementations.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from eth_abi.abi import decode as abi_decode
from eth_abi.exceptions import DecodingError

from ama_tui.localnet.node import Log

ZERO_ADDRESS = "0x" + "00" * 20
_ERROR_STRING = bytes.fromhex("08c379a0")  # Error(string)


@dataclass(frozen=True, slots=True)
class Message:
    """A call, or a contract creation."""

    sender: str
    to: str | None
    """The account to call; None creates a contract."""
    data: bytes
    gas: int
    value: int = 0
    nonce: int = 0
    """The sender's nonce, which determines a created contract's address."""


@dataclass(frozen=True, slots=True)
class ExecutionResult:
    """The result of running a message."""

    ok: bool
    output: bytes
    """The return data, or the revert data."""
    gas_used: int
    logs: tuple[Log, ...] = ()
    contract_address: str | None = None
    error: str = ""
    """Why it failed; "" if it did not."""

    @property
    def reason(self) -> str:
        """The contract's revert string, or ''."""
        return "" if self.ok else revert_reason(self.output)


class Evm(Protocol):
    """One chain state. A failed message changes nothing."""

    def set_block(self, number: int, timestamp: int) -> None:
        """Set the block that later messages run in. The EVM enforces no block gas limit."""
        ...

    def execute(self, message: Message) -> ExecutionResult:
        """Run a message and keep its changes. Fees are not charged and the sender's nonce does not move."""
        ...

    def mark(self) -> None:
        """Save a checkpoint of the current state."""
        ...

    def rewind(self) -> None:
        """Return to the newest checkpoint and drop it."""
        ...

    def drop_oldest_mark(self) -> None:
        """Drop the oldest checkpoint: the state before it can no longer be restored."""
        ...

    def compact(self) -> None:
        """Free memory that was kept for rewinding. Raises RuntimeError while there are checkpoints."""
        ...

    def get_code(self, address: str) -> bytes: ...

    def set_code(self, address: str, code: bytes) -> None: ...

    def get_balance(self, address: str) -> int: ...

    def set_balance(self, address: str, wei: int) -> None: ...


@contextmanager
def changes_undone(evm: Evm) -> Iterator[None]:
    """Undo every state change made inside the block."""
    evm.mark()
    try:
        yield
    finally:
        evm.rewind()


def simulate(evm: Evm, message: Message) -> ExecutionResult:
    """Run a message and undo its changes."""
    with changes_undone(evm):
        return evm.execute(message)


def revert_reason(data: bytes) -> str:
    """The string of an `Error(string)`, or '' for anything else."""
    if data[:4] != _ERROR_STRING:
        return ""
    try:
        return str(abi_decode(["string"], data[4:])[0])
    except (DecodingError, UnicodeDecodeError, OverflowError):
        return ""
