"""What the relayer, the traders and the deployer need of a chain, whatever runs behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

MULTICALL3: Final = "0xca11bde05977b3631167028862be2a173976ca11"
"""Where Multicall3 stands on most chains, and on every node here."""


@dataclass(frozen=True, slots=True)
class Log:
    """One event of a transaction: lower-case 0x address, 32-byte topics, raw data."""

    address: str
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class NodeReceipt:
    """A mined transaction. `revert_reason` is set when `ok` is False and the contract gave one."""

    tx_hash: str
    block_number: int
    ok: bool
    gas_used: int
    logs: tuple[Log, ...] = ()
    contract_address: str | None = None
    revert_reason: str | None = None


class CallReverted(Exception):  # noqa: N818 - it is an answer of the contract
    """A call or a simulated transaction reverted; `reason` is the contract's revert string, or ''."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NodeError(Exception):
    """A node cannot be had or does not answer: one line that says what is wrong, and what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}: {self.hint}" if self.hint else self.message


class Node(Protocol):
    """A chain that can be read and written; addresses are lower-case 0x strings, hashes 0x strings."""

    @property
    def chain_id(self) -> int: ...

    @property
    def rpc_url(self) -> str:
        """Where a client speaks JSON-RPC to this chain."""
        ...

    async def block_number(self) -> int: ...

    async def timestamp(self) -> int:
        """Unix seconds of the latest block."""
        ...

    async def call(self, to: str, data: bytes, *, sender: str | None = None) -> bytes:
        """Run a read at the latest block. Raises CallReverted."""
        ...

    async def send(self, sender: str, to: str | None, data: bytes, *, gas: int = 15_000_000) -> str:
        """Put a transaction in the pool (`to` None deploys) and return its hash; never waits for a block."""
        ...

    async def receipt(self, tx_hash: str) -> NodeReceipt | None:
        """The receipt, or None while the transaction is not mined."""
        ...

    async def wait_receipt(self, tx_hash: str, timeout: float) -> NodeReceipt | None:
        """Wait until the transaction is mined, at most `timeout` seconds; None when it was not."""
        ...

    async def fund(self, address: str, wei: int) -> None:
        """Give an account native coin, so that it can send transactions; it needs no key here."""
        ...

    async def mine(self) -> None:
        """Make a block now, whatever the block time."""
        ...

    async def set_block_time(self, seconds: float) -> None:
        """Make a block every so many seconds from now on; 0 makes one per transaction."""
        ...

    async def close(self) -> None: ...
