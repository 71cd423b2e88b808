"""Sessions that name all markets of a run: each wallet has one, and whichever market first needs another gets it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ama_tui.engine.run_context import RunContext
from ama_tui.engine.session_slot import SessionSlot
from ama_tui.engine.sessions.pending_permits import PendingPermits
from ama_tui.store.journal.replay import AnnouncedSession


@dataclass(slots=True)
class SharedSessions:
    """What the runs on the markets have in common. Every market adds itself before the first is prepared."""

    runs: list[RunContext] = field(default_factory=list)
    permits: PendingPermits = field(default_factory=PendingPermits)
    candidates: dict[str, list[str]] = field(default_factory=dict)
    """Sessions that the files of any market name, by wallet, the most likely last."""
    announced: dict[str, list[AnnouncedSession]] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)
    """Wallets that wait because a stored session, which may be valid, could not be read."""
    _slots: dict[str, SessionSlot] = field(default_factory=dict)

    def slot_of(self, address: str) -> SessionSlot:
        """The wallet's sessions, the same on every market."""
        return self._slots.setdefault(address, SessionSlot())

    def add(
        self,
        run: RunContext,
        candidates: Mapping[str, Sequence[str]],
        announced: Mapping[str, Sequence[AnnouncedSession]],
    ) -> None:
        """Add a market, and what its files know of sessions."""
        self.runs.append(run)
        for wallet, ids in candidates.items():
            known = self.candidates.setdefault(wallet, [])
            known += [session for session in ids if session not in known]
        for wallet, sessions in announced.items():
            named = {one.session_id for one in self.announced.setdefault(wallet, [])}
            self.announced[wallet] += [one for one in sessions if one.session_id not in named]
