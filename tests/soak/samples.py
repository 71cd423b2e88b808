"""What is written down of a process every few seconds."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(slots=True)
class Sample:
    """A process at one moment. From `cycles` on it is the engine's, if the process has one."""

    seconds: float
    """Since the process began."""
    rss: int
    """Resident bytes."""
    blocks: int
    """Python's allocated blocks of memory."""
    fds: int
    threads: int
    tasks: int
    """Asyncio tasks that are not done, on all event loops."""
    cpu: float
    """Seconds of processor time since the last sample."""
    cycles: int = 0
    """Cycles since the last sample."""
    cycle_ms: float = 0.0
    """The median of these cycles."""
    short: dict[str, str] = field(default_factory=dict)
    """Why a wallet does not quote everything, by its nickname, while the fleet is not packed."""
    news: str = ""
    fills: int = 0
    crossed: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    """Errors since the beginning, by kind."""
    renewals: int = 0
    journal_files: int = 0


def read_samples(path: Path) -> list[Sample]:
    """The whole lines of a file of samples, none before there is one."""
    if not path.exists():
        return []
    whole, _, _ = path.read_text().rpartition("\n")
    return [Sample(**json.loads(line)) for line in whole.splitlines()]
