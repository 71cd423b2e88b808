"""Something that the engine needs and that fails for a while."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic

from ama_tui.engine.action_log import ActionLog
from ama_tui.engine.counters import Counters


@dataclass(slots=True)
class Outage:
    """Reported and counted as one error when it begins, and reported when it ends, however often it happens."""

    action_log: ActionLog
    counters: Counters
    kind: str
    """How the summary counts it, for example `chain unreadable`."""
    recovery: str
    """How the log reports its end, for example `chain back`."""
    text: str = ""
    """The cause, '' while it works."""
    since: float = 0.0
    """Monotonic clock."""
    times: int = 0
    """Failures since it began."""

    def begin(self, text: str) -> None:
        """Note a failure."""
        if not self.text:
            self.since, self.times = monotonic(), 0
            self.counters.error(self.kind)
            self.action_log.note(text, is_error=True)
        self.text = text
        self.times += 1

    def end(self) -> None:
        """Note a success."""
        if self.text:
            self.text = ""
            tries = "1 failure" if self.times == 1 else f"{self.times} failures"
            self.action_log.note(f"{self.recovery} after {monotonic() - self.since:.0f} s ({tries})")

    def check(self, problem: str) -> None:
        """Note a failure, or a success if `problem` is ''."""
        if problem:
            self.begin(problem)
        else:
            self.end()
