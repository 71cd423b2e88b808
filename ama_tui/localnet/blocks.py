"""What the embedded chain has mined: blocks, their transactions and logs, as far back as is kept."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from eth_utils.crypto import keccak

from ama_tui.localnet.evm import ExecutionResult
from ama_tui.localnet.node import Log
from ama_tui.localnet.transactions import Transaction

ZERO_HASH = "0x" + "00" * 32

# How far back a client may ask: about an hour of one-second blocks, or less of them when they are full.
MAX_BLOCKS = 4_096
MAX_BYTES = 32 * 2**20
_BYTES_OF_LOG = 600  # what Python's objects take, roughly
_BYTES_OF_TRANSACTION = 1_200


@dataclass(frozen=True, slots=True)
class MinedTransaction:
    """A transaction in its block. `first_log` is the block-wide index of its first log."""

    transaction: Transaction
    result: ExecutionResult
    block_number: int
    block_hash: str
    index: int
    first_log: int
    cumulative_gas: int

    @property
    def weight(self) -> int:
        """Roughly the bytes that it keeps in memory."""
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
    """Which logs of which blocks. An empty set of addresses, or None for a topic, takes any."""

    from_block: int
    to_block: int
    addresses: frozenset[str] = frozenset()
    topics: tuple[frozenset[bytes] | None, ...] = ()

    def takes(self, log: Log) -> bool:
        if self.addresses and log.address not in self.addresses:
            return False
        if len(self.topics) > len(log.topics):
            return False
        wanted = zip(self.topics, log.topics, strict=False)
        return all(choices is None or topic in choices for choices, topic in wanted)


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
    """Make the block that follows `parent`, or the first one. Its hash covers all that it holds.

    `fork` counts the reorganisations before it: a block mined again has another hash, whatever it holds.
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
    """The blocks that are kept, the newest at the end."""

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
        """Take the newest block off, and with it its transactions and logs."""
        block = self._blocks.pop()
        self._forget(block)
        return block

    def block(self, number: int) -> Block | None:
        place = number - self.oldest.number
        return self._blocks[place] if 0 <= place < len(self._blocks) else None

    def block_by_hash(self, block_hash: str) -> Block | None:
        number = self._numbers.get(block_hash)
        return None if number is None else self.block(number)

    def mined(self, tx_hash: str) -> MinedTransaction | None:
        return self._mined.get(tx_hash)

    def logs(self, wanted: BlockLogFilter) -> Iterator[MinedLog]:
        for number in range(max(wanted.from_block, self.oldest.number), wanted.to_block + 1):
            block = self.block(number)
            if block is None:
                return
            for mined in block.mined:
                for offset, log in enumerate(mined.result.logs):
                    if wanted.takes(log):
                        yield MinedLog(log, mined, mined.first_log + offset)

    def _forget(self, block: Block) -> None:
        del self._numbers[block.hash]
        for mined in block.mined:
            del self._mined[mined.transaction.hash]
            self._weight -= mined.weight
