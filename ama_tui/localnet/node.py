"""The interface of a chain that the relayer, the traders and the deployment use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

MULTICALL3: Final = "0xca11bde05977b3631167028862be2a173976ca11"
"""The address of Multicall3 on most chains, and on every node here."""


@dataclass(frozen=True, slots=True)
class Log:
    """An event of a transaction: lower-case 0x address, 32-byte topics, raw data."""

    address: str
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class NodeReceipt:
    """The receipt of a mined transaction."""

    tx_hash: str
    block_number: int
    ok: bool
    gas_used: int
    logs: tuple[Log, ...] = ()
    contract_address: str | None = None
    revert_reason: str | None = None
    """Set if `ok` is False and the contract gave a reason."""


class CallReverted(Exception):  # noqa: N818 - a normal response of a contract
    """A call or a simulated transaction reverted. `reason` is the contract's revert string, or ""."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NodeError(Exception):
    """A node cannot be started or does not respond. `hint` says what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}: {self.hint}" if self.hint else self.message


class Node(Protocol):
    """A chain to read and write. Addresses are lower-case 0x strings, hashes 0x strings."""

    @property
    def chain_id(self) -> int: ...

    @property
    def rpc_url(self) -> str:
        """The JSON-RPC URL for clients."""
        ...

    @property
    def ws_url(self) -> str:
        """The WebSocket URL for subscriptions."""
        ...

    async def block_number(self) -> int: ...

    async def timestamp(self) -> int:
        """Unix seconds of the latest block."""
        ...

    async def call(self, to: str, data: bytes, *, sender: str | None = None) -> bytes:
        """Call a contract at the latest block. Raises CallReverted."""
        ...

    async def send(self, sender: str, to: str | None, data: bytes, *, gas: int = 15_000_000) -> str:
        """Submit a transaction (`to` None deploys) and return its hash without waiting for a block."""
        ...

    async def receipt(self, tx_hash: str) -> NodeReceipt | None:
        """The receipt; None until the transaction is mined."""
        ...

    async def wait_receipt(self, tx_hash: str, timeout: float) -> NodeReceipt | None:
        """Wait up to `timeout` seconds for the receipt; None if the transaction is not mined by then."""
        ...

    async def fund(self, address: str, wei: int) -> None:
        """Set an account's native balance, so it can send transactions. No key needed."""
        ...

    async def mine(self) -> None:
        """Mine a block now, whatever the block time."""
        ...

    async def set_block_time(self, seconds: float) -> None:
        """Mine a block every `seconds` from now on; 0 mines one per transaction."""
        ...

    async def close(self) -> None: ...
