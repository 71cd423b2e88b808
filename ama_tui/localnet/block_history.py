"""The blocks of the embedded chain as far back as they are kept, and what is found in them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from ama_tui.localnet.block_archive import PACK, BlockArchive
from ama_tui.localnet.blocks import Block, BlockLogFilter, MinedLog, MinedTransaction

MAX_BLOCKS = 4_096
"""How many blocks are kept: about an hour of one-second blocks."""
MAX_ARCHIVE_BYTES = 8 * 2**20
"""Memory limit for the compressed blocks: full blocks are dropped earlier."""
RECENT_BLOCKS = 256
"""How many of the newest blocks are kept uncompressed."""
RECENT_BYTES = 4 * 2**20
"""Memory limit for these: full blocks are compressed earlier."""
MIN_RECENT = 2 * PACK
"""At most this many are kept uncompressed whatever they weigh. A reorg replaces fewer blocks than remain."""


class BlockHistory:
    """The kept blocks: the newest as they are, the others compressed."""

    def __init__(self, genesis: Block) -> None:
        self._recent: deque[Block] = deque([genesis])
        self._archive = BlockArchive()
        self._numbers: dict[int, int] = {_key(genesis.hash): genesis.number}
        self._blocks_of: dict[int, int] = {}
        """The block's number by transaction."""
        self._weight = 0

    @property
    def head(self) -> Block:
        return self._recent[-1]

    @property
    def oldest_number(self) -> int:
        """The number of the oldest kept block."""
        return self._recent[0].number - len(self._archive)

    def append(self, block: Block) -> None:
        self._recent.append(block)
        self._numbers[_key(block.hash)] = block.number
        for mined in block.mined:
            self._blocks_of[_key(mined.transaction.hash)] = block.number
            self._weight += mined.weight
        while len(self._recent) > RECENT_BLOCKS or (self._weight > RECENT_BYTES and len(self._recent) > MIN_RECENT):
            self._archive_oldest()
        while len(self._archive) and (
            len(self._archive) + len(self._recent) > MAX_BLOCKS or self._archive.size > MAX_ARCHIVE_BYTES
        ):
            for dropped in self._archive.drop_oldest():
                self._forget(dropped)

    def drop_head(self) -> Block:
        """Remove the newest block with its transactions and logs."""
        block = self._recent.pop()
        self._weight -= _weight(block)
        self._forget(block)
        return block

    def block(self, number: int) -> Block | None:
        index = number - self._recent[0].number
        if index < 0:
            return self._archive.block(number)
        return self._recent[index] if index < len(self._recent) else None

    def block_by_hash(self, block_hash: str) -> Block | None:
        number = self._numbers.get(_key(block_hash))
        block = None if number is None else self.block(number)
        return block if block is not None and block.hash == block_hash else None

    def mined(self, tx_hash: str) -> MinedTransaction | None:
        number = self._blocks_of.get(_key(tx_hash))
        block = None if number is None else self.block(number)
        mined = () if block is None else block.mined
        return next((one for one in mined if one.transaction.hash == tx_hash), None)

    def logs(self, log_filter: BlockLogFilter) -> Iterator[MinedLog]:
        """The matching logs, oldest first."""
        for number in range(max(log_filter.from_block, self.oldest_number), log_filter.to_block + 1):
            block = self.block(number)
            if block is None:
                return
            for mined in block.mined:
                for offset, log in enumerate(mined.result.logs):
                    if log_filter.matches(log):
                        yield MinedLog(log, mined, mined.first_log + offset)

    def _archive_oldest(self) -> None:
        pack = [self._recent.popleft() for _ in range(PACK)]
        self._weight -= sum(map(_weight, pack))
        self._archive.add(pack)

    def _forget(self, block: Block) -> None:
        del self._numbers[_key(block.hash)]
        for mined in block.mined:
            del self._blocks_of[_key(mined.transaction.hash)]


def _key(hexadecimal: str) -> int:
    """A hash's first 64 bits: what is found by them is compared as a whole."""
    return int(hexadecimal[2:18], 16)


def _weight(block: Block) -> int:
    return sum(mined.weight for mined in block.mined)
