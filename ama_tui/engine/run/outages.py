"""What keeps a run from placing anything new, and how it is told: once when it begins, once when it ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic
from typing import Protocol

from ama_tui.engine.action_log import ActionLog
from ama_tui.engine.execution.pre_trade_checks import STALE_AFTER_S


class Health(Protocol):
    """What a journal says of itself."""

    @property
    def problem(self) -> str:
        """Why it takes no lines durably, '' when it does."""
        ...

    @property
    def can_recover(self) -> bool:
        """False when only a restart helps."""
        ...

    def probe(self) -> None:
        """Try whether lines can be written again."""
        ...


@dataclass(slots=True)
class Outage:
    """One thing that fails for a while. `text` is why, '' while it works; `ended` is what a log says then."""

    action_log: ActionLog
    ended: str
    text: str = ""
    since: float = 0.0

    def begin(self, text: str) -> None:
        """It fails; only the first failure in a row is journalled."""
        if not self.text:
            self.since = monotonic()
            self.action_log.note(text, is_error=True)
        self.text = text

    def end(self) -> None:
        """It works; said only after it had failed."""
        if self.text:
            self.text = ""
            self.action_log.note(f"{self.ended} after {monotonic() - self.since:.0f} s")


@dataclass(slots=True)
class Outages:
    """The three things without which nothing new may be placed: chain, state directory, journal."""

    action_log: ActionLog
    health: Health
    chain: Outage = field(init=False)
    saving: Outage = field(init=False)
    journal: Outage = field(init=False)

    def __post_init__(self) -> None:
        self.chain = Outage(self.action_log, "the chain is read again")
        self.saving = Outage(self.action_log, "the state is saved again")
        self.journal = Outage(self.action_log, "the journal takes lines again")

    @property
    def can_recover(self) -> bool:
        return self.health.can_recover

    def look(self) -> None:
        """See whether the journal takes lines, trying again where that may have changed."""
        if self.health.problem and self.health.can_recover:
            self.health.probe()
        if self.health.problem:
            self.journal.begin(self.health.problem)
        else:
            self.journal.end()

    def no_new(self, read_age: float) -> str:
        """Why nothing new may be placed, '' when it may. `read_age` is that of the last good read, in seconds."""
        if self.journal.text or self.saving.text:
            return self.journal.text or self.saving.text
        if self.chain.text and read_age > STALE_AFTER_S:
            return f"no good read of the chain for {STALE_AFTER_S:.0f} s: {self.chain.text}"
        return ""
