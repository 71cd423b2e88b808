"""A block of the embedded chain with its transactions and logs."""

from __future__ import annotations

from dataclasses import dataclass

from eth_utils.crypto import keccak

from ama_tui.localnet.evm import ExecutionResult
from ama_tui.localnet.node import Log
from ama_tui.localnet.transactions import Transaction

ZERO_HASH = "0x" + "00" * 32

# Rough sizes of the Python objects.
_BYTES_OF_LOG = 600
_BYTES_OF_TRANSACTION = 1_200


@dataclass(frozen=True, slots=True)
class MinedTransaction:
    """A transaction in its block."""

    transaction: Transaction
    result: ExecutionResult
    block_number: int
    block_hash: str
    index: int
    first_log: int
    """The block-wide index of its first log."""
    cumulative_gas: int

    @property
    def weight(self) -> int:
        """Approximate size in memory, in bytes."""
        return _BYTES_OF_TRANSACTION + len(self.transaction.data) + _BYTES_OF_LOG * len(self.result.logs)


@dataclass(frozen=True, slots=True)
class Block:
    number: int
    hash: str
    parent_hash: str
    timestamp: int
    gas_limit: int
    mined: tuple[MinedTransaction, ...]

    @property
    def gas_used(self) -> int:
        return self.mined[-1].cumulative_gas if self.mined else 0


@dataclass(frozen=True, slots=True)
class BlockLogFilter:
    """Selects logs by block range, address and topics."""

    from_block: int
    to_block: int
    addresses: frozenset[str] = frozenset()
    """Empty matches any address."""
    topics: tuple[frozenset[bytes] | None, ...] = ()
    """The allowed values of each topic; None matches any."""

    def matches(self, log: Log) -> bool:
        if self.addresses and log.address not in self.addresses:
            return False
        if len(self.topics) > len(log.topics):
            return False
        pairs = zip(self.topics, log.topics, strict=False)
        return all(allowed is None or topic in allowed for allowed, topic in pairs)


@dataclass(frozen=True, slots=True)
class MinedLog:
    log: Log
    mined: MinedTransaction
    index: int


def seal(
    parent: Block | None,
    timestamp: int,
    gas_limit: int,
    results: list[tuple[Transaction, ExecutionResult]],
    fork: int = 0,
) -> Block:
    """Build the block after `parent`, or the genesis block if it is None. Its hash covers its contents.

    `fork` is the number of reorgs so far: a block that is mined again gets another hash even with the same contents.
    """
    number = 0 if parent is None else parent.number + 1
    parent_hash = ZERO_HASH if parent is None else parent.hash
    content = [parent_hash, hex(number), hex(timestamp), hex(fork), *(transaction.hash for transaction, _ in results)]
    block_hash = "0x" + keccak(text=",".join(content)).hex()
    mined = []
    gas = logs = 0
    for index, (transaction, result) in enumerate(results):
        gas += result.gas_used
        mined.append(MinedTransaction(transaction, result, number, block_hash, index, logs, gas))
        logs += len(result.logs)
    return Block(number, block_hash, parent_hash, timestamp, gas_limit, tuple(mined))
