"""One wallet's session: the one in use, why it was lost, and the replaced ones that may still be valid."""

from __future__ import annotations

from dataclasses import dataclass, field

from ama_tui.domain.session import REVOKED, SessionRecord, SessionStatus, session_status


@dataclass(frozen=True, slots=True)
class ReplacedSession:
    """A session that is no longer in use but may still be valid on chain."""

    expiry: int
    """Unix seconds."""
    since: float
    """Monotonic clock. Requests sent before this moment may have used the session."""


@dataclass(slots=True)
class SessionSlot:
    """Holds a wallet's sessions. Its fields change only through its methods."""

    id: str | None = None
    """The session in use, None without one."""
    expiry: int = 0
    """Unix seconds, 0 when not known."""
    record: SessionRecord | None = None
    """The registry's record of the session, as last read or as requested."""
    loss: str | None = None
    """Why the wallet cannot trade until it gets another session, None while it can."""
    is_revoked: bool = False
    """The session was revoked on purpose: it is only recreated on request."""
    note: str = ""
    """Progress of a renewal, '' when there is nothing to report."""
    doubt: tuple[int, float] | None = None
    """Block and time (monotonic) of the first of the latest reads that showed the session unusable."""
    replaced: dict[str, ReplacedSession] = field(default_factory=dict)
    """Replaced sessions that may still be valid, by id."""

    @property
    def ids(self) -> tuple[str, ...]:
        """All sessions of the wallet that may still be valid, the one in use last."""
        return (*self.replaced, self.id) if self.id is not None else tuple(self.replaced)

    @property
    def is_lost(self) -> bool:
        return self.loss is not None

    def adopt(self, record: SessionRecord, now: float) -> None:
        """Use this session from `now` (monotonic clock). The previous one is kept until it is over."""
        if self.id is not None and self.id != record.session_id:
            self.replaced[self.id] = ReplacedSession(self.expiry, now)
        self.replaced.pop(record.session_id, None)
        self.id, self.expiry, self.record = record.session_id, record.expiry, record
        self.loss, self.is_revoked, self.doubt, self.note = None, False, None, ""

    def use(self, session_id: str | None, expiry: int = 0) -> None:
        """Use a session that is known from files only; `expiry` in Unix seconds."""
        self.id, self.expiry, self.record = session_id, expiry, None

    def drop(self) -> None:
        """Forget the session in use, because it is over on chain."""
        self.use(None)

    def lose(self, why: str, *, is_revoked: bool = False) -> None:
        """Stop placing orders until there is another session."""
        self.loss, self.is_revoked = why, is_revoked

    def want(self) -> None:
        """Allow a revoked session to be recreated."""
        self.is_revoked = False

    def add_replaced(self, record: SessionRecord, now: float) -> None:
        """Note a valid session that the wallet does not use; `now` on the monotonic clock."""
        self.replaced[record.session_id] = ReplacedSession(record.expiry, now)

    def ended(self, session_id: str) -> None:
        """Forget a replaced session that is over."""
        self.replaced.pop(session_id, None)

    def revoked(self, session_id: str) -> None:
        """Note that the venue has revoked a session at our request."""
        self.ended(session_id)
        if session_id == self.id:
            self.lose(REVOKED, is_revoked=True)

    def update(self, record: SessionRecord) -> None:
        """Keep what a read of the registry shows of the session in use."""
        self.record = record

    def trust(self) -> None:
        """Note that a read shows the session usable."""
        self.doubt = None

    def distrust(self, block: int, at: float) -> tuple[int, float]:
        """Note that a read shows the session unusable; returns the first such read of the series."""
        if self.doubt is None:
            self.doubt = (block, at)
        return self.doubt

    def report(self, note: str) -> None:
        """Set the progress of a renewal, '' when there is nothing to report."""
        self.note = note

    def shortage(self, notional6: int, unix_now: float, pending6: int) -> str | None:
        """Why the session would refuse an order of this notional (USDC, 6 decimals), or None.

        `pending6` is the notional that was sent, or will be sent first, and that the registry does not count yet.
        """
        record = self._current_record
        if record is None:
            return None
        return self.status(unix_now).problem or record.shortage(notional6, pending6)

    def status(self, unix_now: float, trader: str | None = None, relayer_root: str | None = None) -> SessionStatus:
        """The status of the session in use at `unix_now` (Unix seconds), by the latest record of it."""
        return session_status(self._current_record, trader=trader, block_time=unix_now, relayer_root=relayer_root)

    @property
    def _current_record(self) -> SessionRecord | None:
        """The record of the session in use, None while there is none of it."""
        return self.record if self.record is not None and self.record.session_id == self.id else None
