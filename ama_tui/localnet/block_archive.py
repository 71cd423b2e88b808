"""Older blocks of the embedded chain, compressed: they take a tenth of the memory and are rarely asked for."""

from __future__ import annotations

import pickle
import zlib
from collections import deque
from collections.abc import Sequence

from ama_tui.localnet.blocks import Block

PACK = 8
"""Blocks that are compressed together: similar blocks compress well, and one block is found quickly."""
_LEVEL = 3


class BlockArchive:
    """Consecutive blocks, oldest first, added and dropped by the pack."""

    def __init__(self) -> None:
        self._packs: deque[bytes] = deque()
        self._first = 0
        self._unpacked: tuple[int, tuple[Block, ...]] | None = None
        """The pack that was read last, by the number of its first block."""
        self.size = 0
        """Compressed bytes."""

    def __len__(self) -> int:
        return len(self._packs) * PACK

    def add(self, blocks: Sequence[Block]) -> None:
        """Add the next `PACK` blocks."""
        if not self._packs:
            self._first = blocks[0].number
        packed = zlib.compress(pickle.dumps(tuple(blocks), pickle.HIGHEST_PROTOCOL), _LEVEL)
        self._packs.append(packed)
        self.size += len(packed)

    def block(self, number: int) -> Block | None:
        index, place = divmod(number - self._first, PACK)
        return self._unpack(index)[place] if 0 <= index < len(self._packs) else None

    def drop_oldest(self) -> tuple[Block, ...]:
        """Remove the oldest pack and return its blocks."""
        blocks = self._unpack(0)
        self.size -= len(self._packs.popleft())
        self._first += PACK
        return blocks

    def _unpack(self, index: int) -> tuple[Block, ...]:
        first = self._first + index * PACK
        if self._unpacked is None or self._unpacked[0] != first:
            blocks = pickle.loads(zlib.decompress(self._packs[index]))  # noqa: S301 - packed above
            self._unpacked = first, blocks
        return self._unpacked[1]
