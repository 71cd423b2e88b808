"""How much a server accepts in one request, learned in both directions."""

from __future__ import annotations

from dataclasses import dataclass, field

FIRST_PATIENCE = 16
"""After this many requests of the largest accepted size, twice as much is tried."""
LONGEST_PATIENCE = 1024
"""The patience doubles up to this each time the larger size is refused again."""


@dataclass(slots=True)
class LearnedLimit:
    """The largest size that a server accepts, as far as it is known: at most `most`, at least 1."""

    most: int
    now: int = field(init=False)
    """What to ask for at present."""
    _patience: int = field(init=False, default=FIRST_PATIENCE)
    _accepted: int = field(init=False, default=0)
    _is_trying: bool = field(init=False, default=False)
    """The present size was raised and has not been accepted yet."""

    def __post_init__(self) -> None:
        self.now = self.most

    def refused(self, size: int) -> bool:
        """Note that a request of this size was refused. True if a smaller one may be tried."""
        if size <= 1:
            return False
        if self._is_trying:
            self._patience = min(LONGEST_PATIENCE, 2 * self._patience)
        self.now = max(1, min(size, self.now) // 2)
        self._accepted, self._is_trying = 0, False
        return True

    def accepted(self, size: int) -> None:
        """Note that a request of this size was answered."""
        if size < self.now:
            return
        if self._is_trying:
            self._patience, self._is_trying = FIRST_PATIENCE, False
        self._accepted += 1
        if self._accepted >= self._patience and self.now < self.most:
            self.now, self._accepted, self._is_trying = min(self.most, 2 * self.now), 0, True
