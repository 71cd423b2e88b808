"""When a run ends by itself, on one market or on several."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from ama_tui.domain.reading import FleetRead


class Packable(Protocol):
    """A run on one market."""

    packed: bool


@dataclass(slots=True)
class StopCondition:
    """When a run ends by itself: once reads show every market packed at the same time, or at a time (monotonic clock).

    The runs on several markets share one.
    """

    when_packed: bool = False
    at: float = float("inf")
    met: bool = False
    """Every market was packed: each run ends at its next read that shows it packed, or now if its last one did."""
    members: int = 0
    """The runs that cycle."""
    _packed: set[int] = field(default_factory=set)
    """Those whose last whole read showed them packed, and no read since anything else."""

    def look(self, run: Packable, read: FleetRead) -> bool:
        """Note what a read shows of a run. False if only a read that shows every wallet can complete it."""
        if not run.packed:
            self._packed.discard(id(run))
        elif read.fresh is None:
            self._packed.add(id(run))
        self.met = self.met or (self.when_packed and 0 < self.members <= len(self._packed))
        return not run.packed or id(run) in self._packed

    def left(self, run: Packable) -> None:
        """Note that a run cycles no more: the others do not wait for it."""
        self.members -= 1
        self._packed.discard(id(run))
