"""The blocks of the embedded chain with their transactions and logs, as far back as they are kept."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from eth_utils.crypto import keccak

from ama_tui.localnet.evm import ExecutionResult
from ama_tui.localnet.node import Log
from ama_tui.localnet.transactions import Transaction

ZERO_HASH = "0x" + "00" * 32

MAX_BLOCKS = 4_096
"""How many blocks are kept: about an hour of one-second blocks."""
MAX_BYTES = 32 * 2**20
"""Memory limit for the kept blocks: full blocks are dropped earlier."""
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


class BlockHistory:
    """The kept blocks, oldest first."""

    def __init__(self, genesis: Block) -> None:
        self._blocks: deque[Block] = deque([genesis])
        self._numbers: dict[str, int] = {genesis.hash: genesis.number}
        self._mined: dict[str, MinedTransaction] = {}
        self._weight = 0

    @property
    def head(self) -> Block:
        return self._blocks[-1]

    @property
    def oldest(self) -> Block:
        return self._blocks[0]

    def append(self, block: Block) -> None:
        self._blocks.append(block)
        self._numbers[block.hash] = block.number
        for mined in block.mined:
            self._mined[mined.transaction.hash] = mined
            self._weight += mined.weight
        while len(self._blocks) > MAX_BLOCKS or (self._weight > MAX_BYTES and len(self._blocks) > 1):
            self._forget(self._blocks.popleft())

    def drop_head(self) -> Block:
        """Remove the newest block with its transactions and logs."""
        block = self._blocks.pop()
        self._forget(block)
        return block

    def block(self, number: int) -> Block | None:
        index = number - self.oldest.number
        return self._blocks[index] if 0 <= index < len(self._blocks) else None

    def block_by_hash(self, block_hash: str) -> Block | None:
        number = self._numbers.get(block_hash)
        return None if number is None else self.block(number)

    def mined(self, tx_hash: str) -> MinedTransaction | None:
        return self._mined.get(tx_hash)

    def logs(self, log_filter: BlockLogFilter) -> Iterator[MinedLog]:
        """The matching logs, oldest first."""
        for number in range(max(log_filter.from_block, self.oldest.number), log_filter.to_block + 1):
            block = self.block(number)
            if block is None:
                return
            for mined in block.mined:
                for offset, log in enumerate(mined.result.logs):
                    if log_filter.matches(log):
                        yield MinedLog(log, mined, mined.first_log + offset)

    def _forget(self, block: Block) -> None:
        del self._numbers[block.hash]
        for mined in block.mined:
            del self._mined[mined.transaction.hash]
            self._weight -= mined.weight
