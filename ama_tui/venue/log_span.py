"""How many blocks one eth_getLogs request covers: as many as the node accepts, learned in both directions."""

from __future__ import annotations

from dataclasses import dataclass

LONGEST_SPAN = 500
"""Blocks. Public nodes refuse much larger ranges."""
MOST_REQUESTS = 20
"""Requests for one range of blocks, whatever the span: a longer range is read in several turns."""
GROW_AFTER = 16
"""After this many reads without a refusal a reduced span is doubled."""


@dataclass(slots=True)
class LogSpan:
    """The span that the node accepts, as far as it is known."""

    blocks: int = LONGEST_SPAN
    _accepted: int = 0

    @property
    def most_blocks(self) -> int:
        """The largest range of blocks that is read at once."""
        return self.blocks * MOST_REQUESTS

    def refused(self, covered: int) -> bool:
        """Note that a request for so many blocks was refused. True if a smaller one may be tried."""
        self._accepted = 0
        smaller = max(1, min(covered, self.blocks) // 2)
        can_shrink = covered > 1
        if can_shrink:
            self.blocks = smaller
        return can_shrink

    def accepted(self, covered: int) -> None:
        """Note that requests were answered; `covered` is the number of blocks of the longest."""
        if covered < self.blocks or self.blocks >= LONGEST_SPAN:
            return
        self._accepted += 1
        if self._accepted >= GROW_AFTER:
            self.blocks, self._accepted = min(LONGEST_SPAN, self.blocks * 2), 0
